"""The store: where staged files live once, under the hash of their DID, readable and never writable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..sources.part import RANGE_BYTES, RECORD_SUFFIX, discard
from .disk import file_system_of
from .layout import KEY_LENGTH, PART_SUFFIX, object_path

SYNCS_AT_ONCE = 8
"""fsyncs in flight: the file system commits them together, ten times as fast as one by one."""
# Kinds that reserve room without writing zeros; elsewhere the C library would write them.
_PREALLOCATING = frozenset({"ext4", "xfs", "btrfs", "f2fs"})


class Store:
    """Paths, durability and room; the journal knows what is in it."""

    def __init__(self, root: str) -> None:
        """The folder is made by `make`."""
        self.root = root
        self.preallocates = False
        self._syncers = ThreadPoolExecutor(SYNCS_AT_ONCE, "fsync")
        self._spoiled: set[str] = set()
        """Keys of parts that the disk did not take and that could not be removed yet."""

    def make(self) -> None:
        """Make what is missing of its folders. Raises OSError."""
        for prefix in range(256):
            os.makedirs(f"{self.root}/objects/{prefix:02x}", exist_ok=True)
        self.preallocates = file_system_of(Path(self.root)) in _PREALLOCATING

    def path(self, key: str) -> str:
        """Of an object, there or not."""
        return object_path(self.root, key)

    def part(self, key: str) -> str:
        """The path of a file under assembly."""
        return object_path(self.root, key) + PART_SUFFIX

    def size(self, key: str) -> int | None:
        """Bytes of a published object, or None where there is none."""
        try:
            return os.stat(self.path(key)).st_size
        except FileNotFoundError:
            return None

    def free_bytes(self) -> int:
        """Room that this user may still fill."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def is_there(self) -> bool:
        """Whether nobody has removed it since it was made."""
        return os.path.isdir(f"{self.root}/objects")

    def try_disk(self) -> None:
        """Write and remove a small file, once what is missing of the folders is made again. Raises OSError."""
        self.make()
        path = f"{self.root}/objects/.trial"
        with open(path, "wb") as file:
            file.write(b"trial")
            file.flush()
            os.fsync(file.fileno())
        os.unlink(path)

    def publish(self, sizes: dict[str, int], published: set[str]) -> None:
        """Make verified parts durable, then give them their final names, read-only.

        `sizes` maps keys to bytes. Keys are put into `published` as they get there; those that an earlier try has put
        there already are passed over, and taken out again where somebody has removed the object. A part that is
        missing or has another size is left out. Raises OSError with everything unpublished still a part, except what
        the disk did not take, which is gone.
        """
        self._discard_spoiled()
        for key in published & sizes.keys():
            if not self._protect(key):
                published.remove(key)
        ready: dict[str, int] = {}
        descriptors: list[int] = []
        try:
            for key, size in sizes.items():
                if key in published:
                    continue
                try:
                    descriptor = os.open(self.part(key), os.O_RDWR | os.O_CLOEXEC)
                except FileNotFoundError:
                    continue
                descriptors.append(descriptor)
                there = os.fstat(descriptor).st_size
                if there > size:
                    os.ftruncate(descriptor, size)
                if there >= size:
                    ready[key] = descriptor
            self._make_durable(ready)
            for key, descriptor in ready.items():
                path = self.path(key)
                os.rename(path + PART_SUFFIX, path)
                published.add(key)
                os.fchmod(descriptor, 0o444)  # not before: a part must stay writable for the next try
                if sizes[key] > RANGE_BYTES:
                    _remove(path + PART_SUFFIX + RECORD_SUFFIX)
        finally:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):  # what counts, fsync has told
                    os.close(descriptor)

    def _make_durable(self, ready: dict[str, int]) -> None:
        """`ready` maps keys to descriptors. Raises the first OSError, with the parts that met one removed."""
        parts = list(ready.items())
        threads = min(SYNCS_AT_ONCE, len(parts))
        shares = [parts[start::threads] for start in range(threads)]
        errors = {key: error for met in self._syncers.map(_sync_each, shares) for key, error in met.items()}
        if errors:
            self._spoiled.update(errors)
            with contextlib.suppress(OSError):  # tried again before anything is published
                self._discard_spoiled()
            raise next(iter(errors.values()))

    def _discard_spoiled(self) -> None:
        """The disk tells a loss once: a second fsync of the same part would succeed. Raises OSError."""
        for key in tuple(self._spoiled):
            self.discard_part(key)
            self._spoiled.remove(key)

    def _protect(self, key: str) -> bool:
        """Make an object read-only, should that have been interrupted; False where there is none."""
        try:
            os.chmod(self.path(key), 0o444)
        except FileNotFoundError:
            return False
        return True

    def discard_part(self, key: str) -> None:
        """Remove a part and its record; quiet where they are gone."""
        discard(self.part(key))

    def allocated(self, key: str) -> int:
        """Bytes of the disk that a part occupies already."""
        try:
            return os.stat(self.part(key)).st_blocks * 512
        except FileNotFoundError:
            return 0

    def remove(self, key: str) -> int:
        """Remove an object; returns the bytes that came free."""
        path = self.path(key)
        try:
            size = os.stat(path).st_size
            os.unlink(path)
        except FileNotFoundError:
            return 0
        return size

    def parts(self) -> Iterator[str]:
        """Keys of all parts and records that lie in the store."""
        seen: set[str] = set()
        for name, _ in self._entries():
            key, mark, _ = name.partition(PART_SUFFIX)
            if mark and key not in seen:
                seen.add(key)
                yield key

    def objects(self) -> Iterator[tuple[str, os.stat_result]]:
        """Keys and states of all published objects."""
        for name, entry in self._entries():
            if len(name) == KEY_LENGTH:
                yield name, entry.stat()

    def _entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        for prefix in range(256):
            with (
                contextlib.suppress(FileNotFoundError),  # somebody has removed the folder
                os.scandir(f"{self.root}/objects/{prefix:02x}") as entries,
            ):
                for entry in entries:
                    yield entry.name, entry


def _sync_each(parts: list[tuple[str, int]]) -> dict[str, OSError]:
    """The errors met, by key."""
    errors: dict[str, OSError] = {}
    for key, descriptor in parts:
        try:
            os.fsync(descriptor)
        except OSError as error:
            errors[key] = error
    return errors


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def shared_object(stores: Iterable[str], key: str, size: int | None) -> str | None:
    """A published object in one of the site's read-only stores, of the size that the catalogue says."""
    for store in stores:
        path = object_path(store, key)
        with contextlib.suppress(OSError):  # whoever it belongs to may take it away in between
            if os.path.isfile(path) and size in (None, os.path.getsize(path)):
                return path
    return None
