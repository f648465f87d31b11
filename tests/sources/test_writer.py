"""What becomes a part file."""

from __future__ import annotations

from pathlib import Path

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.sources.http.writer import MOST_CHUNKS, PartFile
from rucio_jupyterlab.sources.model import Work


def test_more_pieces_than_the_system_takes_at_once_are_all_written(tmp_path: Path) -> None:
    pieces = [bytes([number % 251]) * 3 for number in range(2 * MOST_CHUNKS + 1)]
    work = Work(1, "rucio", Did("user.alice", "run1"), str(tmp_path / "run1.part"), None, None, None, ())
    part = PartFile(work, resumed=False, preallocate=False)
    part.write(pieces, 5)
    part.close()
    assert (tmp_path / "run1.part").read_bytes() == bytes(5) + b"".join(pieces)
