"""The data that is staged: made once, kept below the grid's folder."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import replace
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
    alike: bool = False
    """All files have the same bytes, and take the room of one on the storage."""

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

    def ensure(self, grid: Grid, storage: str, known_at: str | None = None) -> Dataset:
        """Have it on a storage, which is started anew, and in the catalogue as replicas of `known_at`.

        None stands for the storage itself.
        """
        rse = known_at or storage
        made = grid.folder / "made" / f"{self.name}.{rse}"
        if made.exists():
            return self
        print(f"Making {self.did}: {self.files:,} files of {self.file_bytes:,} bytes …", flush=True)
        files = self._write(lambda name: grid.path(storage, SCOPE, name))
        server = grid.clouds[storage] if storage in grid.clouds else grid.storages[storage]
        server.stop()  # it keeps what it listed before
        server.start()
        root = grid.client()
        seeding.add_scope(root, SCOPE)
        seeding.add_rse(root, rse)
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

    def _write(self, place: Callable[[str], Path]) -> list[File]:
        if not self.alike:
            return [write(place(name), name, self.file_bytes) for name in self.file_names()]
        first, *others = self.file_names()
        target = place(first)
        file = write(target, first, self.file_bytes)
        for name in others:
            path = place(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.hardlink_to(target)
        return [replace(file, name=name) for name in self.file_names()]


def write(path: Path, name: str, size: int) -> File:
    """Write a file whose content follows from its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source, checksum = random.Random(name), 1
    with path.open("wb") as target:
        for start in range(0, size, BLOCK):
            block = source.randbytes(min(BLOCK, size - start))
            checksum = zlib.adler32(block, checksum)
            target.write(block)
    return File(SCOPE, name, size, f"{checksum:08x}")
