"""Folders that a side fills, and what becomes of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANY_FILES = 100
CHUNK = bytes(1 << 20)


@contextmanager
def filled_once(work: Path) -> Iterator[Path]:
    """A new folder below `work` for one measurement.

    Large files are removed after it. Many small ones stay until `work` goes: ext4 passes over inodes that
    were freed in the last minutes when it makes new ones, and the next side would pay for that search.
    What other sides left to be written is written first: ours waits for the disk, curl does not.
    """
    os.sync()
    folder = Path(tempfile.mkdtemp(dir=work))
    try:
        yield folder
    finally:
        if sum(path.is_file() for path in folder.rglob("*")) < MANY_FILES:
            shutil.rmtree(folder, ignore_errors=True)


def empty(folder: Path) -> None:
    """Give back the room of all files below; they stay, for the next side's sake."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)


def recycle_memory(folder: Path, size: int) -> None:
    """Have room for so many bytes come free in memory just before the clock starts, for whichever side is next.

    A virtual machine gives memory that lay idle back to its host, and getting it again costs more than the
    copying into it: without this a side's time tells what the machine did before. Twice as much is made free,
    as the system does not take it alone: with just so much a gibibyte took one second, or three.
    """
    used = folder / "recycled"
    with used.open("wb", buffering=0) as file:
        for _ in range(0, 2 * size, len(CHUNK)):
            file.write(CHUNK)
    used.unlink()
