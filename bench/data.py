"""The data that is staged: made once, kept below the grid's folder."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rucio_jupyterlab.did import Did
from rucio_mesh.testing import seeding
from rucio_mesh.testing.grid import Grid
from rucio_mesh.testing.seeding import File
from rucio_mesh.testing.storage import hashed_path

KIB, MIB, GIB = 1024, 1024**2, 1024**3
BLOCK = 16 * MIB
SCOPE = "bench"


class Dataset(msgspec.Struct, frozen=True):
    """A closed dataset of files of one size, all of them on the same storages."""

    name: str
    files: int
    file_bytes: int

    @property
    def did(self) -> Did:
        return Did(SCOPE, self.name)

    @property
    def total_bytes(self) -> int:
        return self.files * self.file_bytes

    def file_names(self) -> list[str]:
        return [f"{self.name}.{number:06d}.root" for number in range(self.files)]

    def paths(self) -> list[str]:
        """Where the files lie below a storage's address."""
        return [hashed_path(SCOPE, name) for name in self.file_names()]

    def ensure(self, grid: Grid, *rses: str) -> Dataset:
        """Have it on these storages, which are started anew, and in the catalogue."""
        made = grid.folder / "made" / ".".join((self.name, *rses))
        if made.exists():
            return self
        print(f"Making {self.did}: {self.files:,} files of {self.file_bytes:,} bytes …", flush=True)
        storages = [grid.storages[rse] for rse in rses]
        roots = [storage.root for storage in storages]
        files = [write(name, self.file_bytes, roots) for name in self.file_names()]
        for storage in storages:  # they keep what they listed before
            storage.stop()
            storage.start()
        root = grid.client()
        seeding.add_scope(root, SCOPE)
        for rse in rses:
            seeding.register(root, rse, files)
        seeding.add_collection(root, SCOPE, self.name, files)
        made.parent.mkdir(exist_ok=True)
        made.touch()
        return self

    def reach_by(self, grid: Grid, rse: str, port: int) -> None:
        """Let the same files be replicas of one more RSE, whose address is `port` of this machine."""
        root = grid.client()
        seeding.add_rse(root, rse)
        seeding.set_protocol(root, rse, "https", "localhost", port, implementation="webdav.Default")
        listed = root.list_files(SCOPE, self.name)
        files = [File(each["scope"], each["name"], each["bytes"], each["adler32"]) for each in listed]
        seeding.register(root, rse, files)


def write(name: str, size: int, roots: Sequence[Path]) -> File:
    """Write a file whose content follows from its name. Below further roots it is a link to the first."""
    first, *others = (root / hashed_path(SCOPE, name) for root in roots)
    first.parent.mkdir(parents=True, exist_ok=True)
    source, checksum = random.Random(name), 1
    with first.open("wb") as target:
        for start in range(0, size, BLOCK):
            block = source.randbytes(min(BLOCK, size - start))
            checksum = zlib.adler32(block, checksum)
            target.write(block)
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.unlink(missing_ok=True)
        other.hardlink_to(first)
    return File(SCOPE, name, size, f"{checksum:08x}")
