"""Folders that a side fills, and what becomes of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANY_FILES = 100


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
