"""What the gateway knows of a file beyond its bytes; kept in memory, by inode."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...adler import adler32
from .profiles import Algorithm

PIECE = 1 << 20


class Digest:
    """Several checksums of the same bytes."""

    def __init__(self, algorithms: Iterable[Algorithm]) -> None:
        names = set(algorithms)
        self._adler32: int | None = 1 if "adler32" in names else None
        self._hashes = {
            name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1") if name in names
        }

    def update(self, data: bytes | memoryview) -> None:
        if self._adler32 is not None:
            self._adler32 = adler32(data, self._adler32)
        for each in self._hashes.values():
            each.update(data)

    def sums(self) -> dict[Algorithm, str]:
        """Lower-case hexadecimal digits, adler32 with its leading zeros."""
        sums: dict[Algorithm, str] = {name: each.hexdigest() for name, each in self._hashes.items()}
        if self._adler32 is not None:
            sums["adler32"] = f"{self._adler32:08x}"
        return sums


@dataclass
class Version:
    """An older content of a file."""

    key: str
    file: Path
    size: int
    mtime: int


@dataclass
class Record:
    """A file or folder; it stays the same when it is moved or overwritten."""

    id: str
    file: Path
    """Where it was seen last."""
    metadata: dict[str, str] = field(default_factory=dict)
    lock: Any = None
    """The `Lock` message, if one was set."""
    versions: list[Version] = field(default_factory=list)
    ready_at: float = 0.0
    """From when on (time.time) it may be read."""
    sums: dict[Algorithm, str] = field(default_factory=dict)
    stamp: tuple[int, int] | None = None
    """Time of change and size of the content that `sums` belong to."""


class Records:
    """All records of one gateway."""

    def __init__(self) -> None:
        self._by_inode: dict[int, Record] = {}
        self._lock = threading.RLock()

    def of(self, file: Path) -> Record:
        """The record of what is there now. Raises OSError."""
        inode = file.stat().st_ino
        with self._lock:
            record = self._by_inode.get(inode)
            if record is None:
                record = self._by_inode[inode] = Record(str(uuid.uuid4()), file)
            record.file = file
        return record

    def find(self, identity: str, folder: Path) -> Path | None:
        """Where the file of that id is, if it is below the folder; ids are known from `of`."""
        with self._lock:
            known = next((pair for pair in self._by_inode.items() if pair[1].id == identity), None)
        if known is None:
            return None
        inode, record = known
        if record.file.is_relative_to(folder) and _inode(record.file) == inode:
            return record.file
        inside = (path for path in (folder, *folder.rglob("*")) if _inode(path) == inode)
        return next(inside, None)  # a folder above it was moved

    def forget(self, file: Path) -> None:
        """What is there is new, or about to go: inodes are used again."""
        with self._lock:
            self._by_inode.pop(_inode(file), None)

    def release(self, file: Path) -> Record:
        """The record of what is there now, which is about to become something else. Raises OSError."""
        with self._lock:
            record = self.of(file)
            del self._by_inode[file.stat().st_ino]
        return record

    def install(self, new: Path, file: Path, record: Record | None) -> Record:
        """Give the file `new` the name `file`; a record goes on as its own. Raises OSError."""
        with self._lock:
            inode = new.stat().st_ino
            self._by_inode.pop(inode, None)  # that of another file, for inodes are used again
            if record:
                self._by_inode[inode] = record
            new.replace(file)
            return self.of(file)

    def remember(self, file: Path, sums: dict[Algorithm, str]) -> None:
        """These are the checksums of the present content."""
        record, stat = self.of(file), file.stat()
        record.sums, record.stamp = sums, (stat.st_mtime_ns, stat.st_size)

    def sums(self, file: Path, algorithms: Iterable[Algorithm]) -> dict[Algorithm, str]:
        """The checksums of the present content, computed if it came by another way. Raises OSError."""
        record, stat = self.of(file), file.stat()
        wanted = set(algorithms)
        if record.stamp != (stat.st_mtime_ns, stat.st_size) or not wanted <= record.sums.keys():
            digest = Digest(wanted)
            with file.open("rb") as content:
                while piece := content.read(PIECE):
                    digest.update(piece)
            record.sums, record.stamp = digest.sums(), (stat.st_mtime_ns, stat.st_size)
        return record.sums


def tree_size(folder: Path) -> int:
    """Bytes of all files below; others may be moving and removing them."""
    return sum(
        _size(os.path.join(parent, name))  # noqa: PTH118 - many
        for parent, _, names in os.walk(folder)
        for name in names
    )


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except (FileNotFoundError, NotADirectoryError):  # since it was listed
        return 0


def _inode(path: Path) -> int:
    """0 where nothing is."""
    try:
        return path.lstat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0
