"""Received bytes on their way into a part."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.sources.http.writer import MOST_AT_ONCE, PartFile
from rucio_jupyterlab.sources.model import Work
from rucio_jupyterlab.sources.writeback import begin_writeback


@pytest.mark.parametrize("count", [0, 1, MOST_AT_ONCE, MOST_AT_ONCE + 1, 3 * MOST_AT_ONCE + 7])
def test_however_many_pieces_came_all_are_written(tmp_path: Path, count: int) -> None:
    pieces = [os.urandom(1 + number % 5) for number in range(count)]
    work = Work(1, "lab", Did("test", "f"), str(tmp_path / "part"), None, None, None, ())
    part = PartFile(work, resumed=False, preallocate=False)
    part.write([b"head"], 0)
    part.write(pieces, 4)
    part.close()
    assert (tmp_path / "part").read_bytes() == b"head" + b"".join(pieces)


def test_a_hint_to_the_disk_changes_nothing_and_never_fails(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        begin_writeback(file.fileno(), 2, 5)
        begin_writeback(file.fileno(), 100, 5)
    begin_writeback(-1, 0, 1)
    assert path.read_bytes() == b"0123456789"
