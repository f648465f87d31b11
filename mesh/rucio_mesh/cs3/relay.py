"""A file from one CS3 cloud to another, as a stream through this process; nothing is written here.

    relay(Place(cernbox, "/eos/user/a/alice/f"), Place(opencloud, "/users/alice/rucio/f"),
          size=…, adler32=…, workshop="/users/alice/rucio/.rucio-relay", recall=…, confirm=…)

Temporary files lie in the destination's `workshop`, one container for all relays to that RSE. Their names begin with
a word made from the final path, so whoever relays a file again, after a kill too, finds and removes what was left.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType

from . import transfers
from .client import Client
from .errors import Cs3Error, Mismatch, NotFound, Unavailable
from .exchange import Reader
from .gateway import within
from .patience import ATTEMPTS_OF, PASSING, Patience
from .recall import Recall
from .resource import Resource
from .transfers import Transferred

WORKSHOP = ".rucio-relay"
"""The container below an RSE's prefix in which unfinished files lie."""
FORGOTTEN_SECONDS = 86_400.0
"""A temporary file that nobody has written to for so long belongs to nobody."""


class SourceFailed(Exception):
    """The file cannot be had from its source, or is not the one that is wanted. The destination is not to blame."""


class Unwanted(Exception):
    """Nobody wants the file there any more. Nothing of it is left."""


@dataclass(frozen=True)
class Place:
    """A file on a cloud, there already or to be."""

    client: Client
    path: str

    def is_same_as(self, other: Place) -> bool:
        """Whether both are one file, as far as their names tell."""
        ours, theirs = self.client.settings, other.client.settings
        return (ours.target, self.path) == (theirs.target, other.path)


def relay(
    source: Place,
    destination: Place,
    *,
    size: int,
    adler32: str | None,
    workshop: str,
    recall: Recall,
    confirm: Callable[[], bool],
    seconds: float | None = None,
) -> Transferred:
    """Copy a file: whole and verified, or not at all. What is at the destination is kept if it is that file.

    The bytes are compared with `size` (bytes) and `adler32`, those of the catalogue, and with what either cloud says.
    Where the source breaks, the rest is asked for; where the destination breaks, a tus upload goes on and another
    begins anew. `recall` ends it on either side, whatever it waits for there; `confirm` is asked once, before the file
    gets its name, whether it is still wanted. `seconds` is the longest that each side may take.
    Raises SourceFailed, Unwanted, or the Cs3Error of the destination.
    """
    if source.is_same_as(destination):  # what is at the destination would be removed
        raise SourceFailed(f"Conflict: {source.path}: both RSEs keep it at the same place")
    found = look_at(source, size, adler32)
    expected = Transferred(size, adler32 or found.checksums.get("adler32") or "")
    if already_there(destination, expected):
        return expected
    beginning = f"{workshop}/{word_for(destination.path)}-"
    tidy(destination.client, workshop, beginning)
    patience = Errand(seconds, recall)
    rounds = itertools.count(1)

    def accept(sent: Transferred) -> None:
        if expected.adler32 and sent.adler32 != expected.adler32:
            text = f"{source.path}: the adler32 of what came is not the catalogue's"
            if next(rounds) < ATTEMPTS_OF[Mismatch]:  # a byte may have been changed on the way
                raise Mismatch(text)
            raise SourceFailed(f"Mismatch: {text}")
        if recall.told or not confirm():
            raise Unwanted

    return transfers.store(
        destination.client,
        destination.path,
        lambda offset: Stream(source, offset, size, patience),
        size,
        patience=Errand(seconds, recall),
        staging=beginning,
        accept=accept,
    )


def look_at(source: Place, size: int, adler32: str | None) -> Resource:
    """The source as its cloud describes it. Raises SourceFailed if it is not what the catalogue says."""
    try:
        found = transfers.file_at(source.client, source.path)
    except Cs3Error as error:
        raise SourceFailed(f"{type(error).__name__}: {error}") from None
    if found.size != size:
        raise SourceFailed(f"Mismatch: {source.path}: {found.size} bytes, not the catalogue's {size}")
    if adler32 and found.checksums.get("adler32", adler32) != adler32:
        raise SourceFailed(
            f"Mismatch: {source.path}: the adler32 that the cloud knows is not the catalogue's"
        )
    return found


def already_there(destination: Place, expected: Transferred) -> bool:
    """Whether an earlier relay has done it all. Any other file there is removed: the catalogue knows of none."""
    try:
        found = transfers.file_at(destination.client, destination.path)
    except NotFound:
        return False
    if expected.adler32 and (found.size, found.checksums.get("adler32")) == (
        expected.size,
        expected.adler32,
    ):
        return True
    destination.client.remove_file(destination.path)
    return False


def word_for(path: str) -> str:
    """What the names of the temporary files for a path begin with."""
    return hashlib.sha256(path.encode()).hexdigest()[:16]


def tidy(client: Client, workshop: str, beginning: str) -> None:
    """Remove what earlier relays of this file have left, and what is older than a day; make the workshop."""
    try:
        left = client.list_container(workshop)
    except NotFound:
        client.make_containers(workshop)
        return
    for each in left:
        path = f"{workshop}/{each.path.rpartition('/')[2]}"
        forgotten = each.modified is not None and each.modified < time.time() - FORGOTTEN_SECONDS
        if each.kind == "file" and (path.startswith(beginning) or forgotten):
            transfers.discard(client, path)


class Errand(Patience):
    """The patience with one side, which is at an end when nobody wants the file any more."""

    def __init__(self, seconds: float | None, recall: Recall) -> None:
        super().__init__(seconds)
        self._recall = recall

    def check(self) -> None:
        """Raises Unwanted, or Unavailable when the time is up."""
        if self._recall.told:
            raise Unwanted
        super().check()

    def pause(self, seconds: float) -> None:
        self._recall.wait(seconds)

    def cutting(self, cut: Callable[[], None]) -> AbstractContextManager[None]:
        return self._recall.cutting(cut)


class Stream:
    """The bytes of a file on a cloud from an offset on, through broken connections; a `flow.Source` opens it."""

    def __init__(self, source: Place, offset: int, size: int, patience: Patience) -> None:
        self._source, self._offset, self._size, self._patience = source, offset, size, patience
        self._opened = ExitStack()
        self._reader: Reader | None = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the beginning of `buffer`; 0 at the end. Raises SourceFailed or Unwanted."""
        while self._offset < self._size:
            try:
                count = self._read(buffer)
                self._offset += count
                return count
            except Cs3Error as error:  # noqa: PERF203 - each round talks to a network
                self._close()
                self._recover_from(error)
        return 0

    def _read(self, buffer: memoryview) -> int:
        client, path = self._source.client, self._source.path
        if self._reader is None:
            reading = client.read(path, start=self._offset, limits=self._patience)
            with within(self._patience):
                self._reader = self._opened.enter_context(reading)
            left = self._size - self._offset
            if self._reader.length not in (None, left):
                raise Mismatch(f"GET {path}: another length than the catalogue's {self._size} bytes")
        if count := self._reader.readinto(buffer):
            return count
        raise Unavailable(f"GET {path}: the file ends after {self._offset} of {self._size} bytes")

    def _recover_from(self, error: Cs3Error) -> None:
        """Return when it is time to ask again. Raises SourceFailed."""
        try:
            if not isinstance(error, PASSING):
                raise error
            self._patience.wait(error, self._offset)
        except Cs3Error as last:
            raise SourceFailed(f"{type(last).__name__}: {last}") from None

    def _close(self) -> None:
        self._opened.close()
        self._reader = None
