"""A listing: Rucio's answer, spooled to disk as it arrives and read page by page meanwhile."""

from __future__ import annotations

import os
import secrets
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from ..errors import Failure, NoSpace, NotFound, RucioRefused, RucioUnreachable
from .model import DidRow, ListingPage

IDLE = 4 * 3600.0
"""Seconds after which a listing that nobody reads is forgotten: long, since its rows only lie on disk."""
MOST = 64
"""Open listings. Each holds a file and little memory; a tree with many open branches has as many."""
_MOST_BYTES = 1_000_000_000
"""Of one listing: some five million rows, more than anybody reads."""
_MOST_BYTES_TOGETHER = 2_000_000_000
"""Of all listings but the one that was read last."""
_ROOM, _ROOM_SHARE = 1_000_000_000, 0.05
"""What a listing leaves free: so many bytes, or that share of a smaller disk."""
_LOOK_EVERY = 1 << 20
"""Bytes of a listing after which the room is looked at again."""
_STRIDE = 256
"""Rows from one entry of the index to the next."""
_LONGEST_ROW = 1 << 20
_FULL_PAGE_PATIENCE = 0.3
_FIRST_ROW_PATIENCE = 3.0
_MORE_ROWS_PATIENCE = 1.0


class Answer(Protocol):
    """An answer that arrives; `close` ends it from another thread."""

    def blocks(self) -> Iterator[bytes]:
        """Pieces of newline-ended rows, cut anywhere. Raises Failure if the answer breaks off."""

    def close(self) -> None: ...


class Listing:
    """Rows on disk and every 256th row's place in memory. Reading is thread-safe."""

    def __init__(self, path: Path, decode: Callable[[bytes], DidRow], make_room: Callable[[], None]) -> None:
        """`make_room` is called now and then, when the listing has grown."""
        self._decode = decode
        self._make_room = make_room
        self._path = path
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        self._news = threading.Condition()
        self._pending = bytearray()
        self._size = 0
        self._looked_at = 0
        self._rows = 0
        self._index = array("Q", [0])
        self._answer: Answer | None = None
        self._ended = False
        self._closed = False
        self._failure: Failure | None = None
        self._started = self.used_at = time.monotonic()
        self._seconds = 0.0

    def begin(self, ask: Callable[[], Answer]) -> None:
        """Have `ask` put the question, and its answer read, in a thread of their own."""
        threading.Thread(target=self._read, args=(ask,), name="listing", daemon=True).start()

    def first_page(self, listing_id: str, limit: int) -> ListingPage:
        """The first rows as soon as there are enough, or after a moment. Raises the Failure of the question."""
        with self._news:
            self._news.wait_for(lambda: self._ended or self._rows >= limit, _FULL_PAGE_PATIENCE)
            self._news.wait_for(lambda: self._ended or self._rows > 0, _FIRST_ROW_PATIENCE)
        return self._page(listing_id, 0, limit)

    def page(self, listing_id: str, offset: int, limit: int) -> ListingPage:
        """Rows from `offset` on; waits a moment where they are still to come. Raises as `first_page`."""
        with self._news:
            self._news.wait_for(lambda: self._ended or self._rows > offset, _MORE_ROWS_PATIENCE)
        return self._page(listing_id, offset, limit)

    def _page(self, listing_id: str, offset: int, limit: int) -> ListingPage:
        self.used_at = time.monotonic()
        with self._news:
            if self._failure is not None and self._rows == 0:
                raise self._failure
            rows, ended, failure = self._rows, self._ended, self._failure
            seconds = self._seconds if ended else time.monotonic() - self._started
            lines = self._lines(offset, min(limit, rows - offset))
        return ListingPage(
            listing_id=listing_id,
            offset=offset,
            rows=[self._row(line) for line in lines],
            rows_so_far=rows,
            complete=ended and failure is None,
            cut=str(failure) if failure else None,
            seconds=seconds,
        )

    @property
    def bytes_so_far(self) -> int:
        with self._news:
            return self._size + len(self._pending)

    def close(self) -> None:
        """End the question at Rucio and delete the rows."""
        with self._news:
            if self._closed:
                return
            self._closed = True
            answer, reading = self._answer, not self._ended
            if not reading:
                os.close(self._file)
        self._path.unlink(missing_ok=True)
        if answer is not None:
            answer.close()

    def _read(self, ask: Callable[[], Answer]) -> None:
        failure: Failure | None = RucioRefused("The answer could not be read.", do="report")
        try:
            self._take(ask)
            failure = None
        except Failure as told:
            failure = told
        finally:
            with self._news:
                self._ended, self._failure = True, failure
                self._seconds = time.monotonic() - self._started
                if self._closed:
                    os.close(self._file)
                self._news.notify_all()

    def _take(self, ask: Callable[[], Answer]) -> None:
        rest = b""
        answer = ask()
        with self._news:
            self._answer, closed = answer, self._closed
        if closed:  # while the question was being put
            answer.close()
        try:
            for block in answer.blocks():
                rest = self._append(rest + block)
                if self._closed:
                    return
                if len(rest) > _LONGEST_ROW:
                    raise RucioRefused("Rucio's answer holds rows that cannot be read.")
                self._mind_room()
            with self._news:
                self._publish()
        except Failure:
            answer.close()
            raise
        if rest:
            raise RucioUnreachable("The answer ended in the middle of a row.")

    def _append(self, block: bytes) -> bytes:
        """Take the whole rows of a block; returns the beginning of the next one."""
        end = block.rfind(b"\n") + 1
        if not end:
            return block
        with self._news:
            position, base = 0, self._size + len(self._pending)
            while position < end:
                position = block.index(b"\n", position) + 1
                self._rows += 1
                if self._rows % _STRIDE == 0:
                    self._index.append(base + position)
            self._pending += block[:end]
            if len(self._pending) > 1 << 16:
                self._publish()
            self._news.notify_all()
        return block[end:]

    def _mind_room(self) -> None:
        """Raises NoSpace where the list has become too long to go on; what has arrived can be read."""
        size = self.bytes_so_far
        if size > _MOST_BYTES:
            raise NoSpace("This list is too long; narrow the search.")
        if size - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = size
        self._make_room()
        disk = os.fstatvfs(self._file)
        if disk.f_bavail * disk.f_frsize < min(_ROOM, disk.f_blocks * disk.f_frsize * _ROOM_SHARE):
            raise NoSpace("The disk has too little room for the rest of this list; narrow the search.")

    def _publish(self) -> None:
        """Write what has arrived; the lock is held. Raises NoSpace."""
        try:
            while self._pending and not self._closed:
                written = os.pwrite(self._file, self._pending, self._size)
                self._size += written
                del self._pending[:written]
        except OSError:
            raise NoSpace("The disk has no room for this list.") from None

    def _lines(self, offset: int, count: int) -> list[bytes]:
        """`count` rows from `offset` on; the lock is held."""
        if count <= 0 or self._closed:
            return []
        first, last = offset // _STRIDE, (offset + count - 1) // _STRIDE + 1
        start = self._index[first]
        end = self._index[last] if last < len(self._index) else self._size + len(self._pending)
        skip = offset - first * _STRIDE
        written = os.pread(self._file, end - start, start)
        waiting = self._pending[max(0, start - self._size) : max(0, end - self._size)]
        return (written + waiting).split(b"\n")[skip : skip + count]

    def _row(self, line: bytes) -> DidRow:
        try:
            return self._decode(line)
        except (msgspec.MsgspecError, ValueError):
            raise RucioRefused("Rucio's answer holds rows that cannot be read.") from None


class Listings:
    """The open listings of the user. Thread-safe; idle ones end by themselves when another is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: dict[str, Listing] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.iterdir():  # of an engine that died
            left.unlink()

    def open(self, ask: Callable[[], Answer], decode: Callable[[bytes], DidRow], limit: int) -> ListingPage:
        """Put a question, and give the first page of its answer. Raises the Failure of the question."""
        listing_id = secrets.token_urlsafe(12)
        listing = Listing(self._folder / listing_id, decode, self._tidy)
        with self._lock:
            self._open[listing_id] = listing  # before it begins, lest whoever closes all misses it
        listing.begin(ask)
        self._tidy()
        try:
            return listing.first_page(listing_id, limit)
        except Failure:
            self.close(listing_id)
            raise

    def read(self, listing_id: str, offset: int, limit: int) -> ListingPage:
        """Raises NotFound for a listing that was closed or has expired."""
        self._tidy()
        with self._lock:
            listing = self._open.get(listing_id)
        if listing is None:
            raise NotFound("This list has expired; search again.")
        return listing.page(listing_id, offset, limit)

    def close(self, listing_id: str) -> None:
        """Close a listing; nothing if it is closed."""
        with self._lock:
            listing = self._open.pop(listing_id, None)
        if listing is not None:
            listing.close()

    def close_all(self) -> None:
        """End what is still asked, and delete all rows."""
        for listing_id in list(self._open):
            self.close(listing_id)

    def _tidy(self) -> None:
        """Close those that nobody has read for long, and of too many or too much the longest unread."""
        now, together = time.monotonic(), 0
        with self._lock:
            last_read_first = sorted(self._open.items(), key=lambda one: one[1].used_at, reverse=True)
        for number, (listing_id, listing) in enumerate(last_read_first):
            together += listing.bytes_so_far if number else 0
            if now - listing.used_at > IDLE or number >= MOST or together > _MOST_BYTES_TOGETHER:
                self.close(listing_id)
