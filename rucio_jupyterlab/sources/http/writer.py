"""The thread that puts received bytes into part files, in the order in which they came."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from ..checksum import ADLER_OF_NOTHING, adler32, file_md5
from ..failures import ReplicaFailure, of_disk
from ..letterbox import Letterbox
from ..model import GaveUp, Outcome, Work
from ..part import Heading, Range, RangeRecord, discard
from ..writeback import begin_writeback
from .fetch import FIRST_EPOCH, Candidate, Fetch, Span, worth_keeping

MOST_UNWRITTEN = 48 << 20
"""Bytes received and not yet written; above this the network waits for the disk."""
WORTH_WRITEBACK = 256 << 10
"""Bytes from which a small file is sent to the disk by itself; 1 MiB gained by it, smaller ones were not tried."""
GATHER_SECONDS = 0.001
MOST_AT_ONCE = min(1024, os.sysconf("SC_IOV_MAX"))
"""Pieces that one call may write; a server that sends many small ones, before a busy loop, brings more."""


class PartFile:
    """The part of one file and its record; opened when the first byte comes, used by the writer alone."""

    def __init__(self, work: Work, *, resumed: bool, preallocate: bool) -> None:
        self._work = work
        self._resumed = resumed
        self._preallocate = preallocate
        self._fd = -1
        self._record: RangeRecord | None = None
        self._record_epoch = 0

    def write(self, chunks: list[bytes], offset: int) -> None:
        """Put all the chunks into the part, one behind the other. Raises OSError."""
        if self._fd < 0:
            self._open()
        for first in range(0, len(chunks), MOST_AT_ONCE):
            offset += self._write(chunks[first : first + MOST_AT_ONCE], offset)

    def _write(self, chunks: list[bytes], offset: int) -> int:
        length = sum(map(len, chunks))
        written = os.pwritev(self._fd, chunks, offset)
        if written != length:  # a full disk takes a part, then refuses the rest
            rest = memoryview(b"".join(chunks))[written:]
            while rest:
                count = os.pwrite(self._fd, rest, offset + length - len(rest))
                rest = rest[count:]
        return length

    def record(self, done: Range, epoch: int) -> None:
        """Journal a range; one of a later epoch begins the record anew."""
        if epoch < self._record_epoch or self._work.bytes is None:
            return
        if epoch > self._record_epoch:
            self._close_record()
            heading = Heading(self._work.instance, self._work.did, self._work.bytes)
            fresh = not (self._resumed and epoch == FIRST_EPOCH)
            self._record = RangeRecord(self._work.part, heading, fresh=fresh)
            self._record_epoch = epoch
        if self._record:
            self._record.append(done)

    def begin_writeback(self, offset: int, length: int) -> None:
        """Let the disk take these bytes while others come."""
        begin_writeback(self._fd, offset, length)

    def md5(self, length: int) -> str:
        """Of the first `length` bytes; what an earlier attempt left behind them does not count."""
        if self._fd < 0:
            self._open()
        return file_md5(self._fd, length)

    def discard(self) -> None:
        """Nothing in it is good. Where the disk refuses, the next write to it tells."""
        with contextlib.suppress(OSError):
            discard(self._work.part)

    def close(self) -> None:
        """Raises OSError where the disk did not take what was written; some tell it only here."""
        self._close_record()
        descriptor, self._fd = self._fd, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _close_record(self) -> None:
        record, self._record = self._record, None
        if record:
            with contextlib.suppress(OSError):  # what is missing of it is fetched again
                record.close()

    def _open(self) -> None:
        self._fd = os.open(self._work.part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._preallocate and self._work.bytes:
            os.posix_fallocate(self._fd, 0, self._work.bytes)


class Ticket:
    """One request's bytes on their way to the disk."""

    __slots__ = (
        "address",
        "adler32",
        "candidate",
        "disk_failure",
        "failure",
        "fetch",
        "length",
        "part",
        "span",
        "validator",
    )

    def __init__(self, fetch: Fetch, part: PartFile, candidate: Candidate, span: Span) -> None:
        self.fetch = fetch
        self.part = part
        self.candidate = candidate
        self.address = candidate.address
        """Where it is read; None while that is being found out."""
        self.span = span
        self.adler32 = ADLER_OF_NOTHING
        self.length = 0
        self.failure: ReplicaFailure | None = None
        self.disk_failure: ReplicaFailure | None = None
        self.validator: str | None = None


class Writer(threading.Thread):
    """Writes, checks md5, closes and delivers, strictly in the order in which it is told."""

    def __init__(
        self, ended: Callable[[Ticket], None], md5_known: Callable[[Fetch, bool | ReplicaFailure], None]
    ) -> None:
        """The two callbacks are called in this thread."""
        super().__init__(name="part-writer", daemon=True)
        self._ended = ended
        self._md5_known = md5_known
        self._tasks: Letterbox[Callable[[], None] | None] = Letterbox(GATHER_SECONDS)
        self._bytes_in = 0
        self._bytes_out = 0

    @property
    def congested(self) -> bool:
        """Whether the network has to wait for the disk; may be asked from any thread."""
        return self._bytes_in - self._bytes_out > MOST_UNWRITTEN

    def write(self, ticket: Ticket, chunks: list[bytes], length: int) -> None:
        """Write the next `length` bytes of a request."""
        self._bytes_in += length
        self._tasks.put(lambda: self._write(ticket, chunks, length))

    def end(self, ticket: Ticket) -> None:
        """A request is over: note in the part's record what it brought, then tell `ended`."""
        self._tasks.put(lambda: self._end(ticket))

    def store(
        self,
        part: PartFile,
        chunks: list[bytes],
        length: int,
        outcome: Outcome,
        deliver: Callable[[Outcome], None],
    ) -> None:
        """Write a whole small file whose checksum already holds, then deliver."""
        self._bytes_in += length
        self._tasks.put(lambda: self._store(part, chunks, length, outcome, deliver))

    def check_md5(self, fetch: Fetch, part: PartFile) -> None:
        """Read what is kept of a file; `md5_known` tells whether it is right, or what the disk said."""
        self._tasks.put(lambda: self._md5_known(fetch, self._md5_matches(fetch, part)))

    def close(
        self, part: PartFile, then: Callable[[ReplicaFailure | None], None], *, void: bool = False
    ) -> None:
        """Close a part after all that was said before, then call with what the disk said to that.

        A part that is `void` is removed, and so is one that the disk did not take: what is read of it may
        come from a cache alone.
        """

        def close() -> None:
            failure = None
            try:
                part.close()
            except OSError as error:
                failure = of_disk(error)
            if void or failure is not None:
                part.discard()
            then(failure)

        self._tasks.put(close)

    def stop(self) -> None:
        """Finish what is queued, then end; returns when done."""
        self._tasks.put(None)
        self.join()

    def run(self) -> None:
        while (task := self._tasks.take()) is not None:
            task()

    def _write(self, ticket: Ticket, chunks: list[bytes], length: int) -> None:
        try:
            if ticket.disk_failure is None:
                for chunk in chunks:
                    ticket.adler32 = adler32(chunk, ticket.adler32)
                ticket.part.write(chunks, ticket.span.offset + ticket.length)
                ticket.length += length
        except OSError as error:
            ticket.disk_failure = of_disk(error)
        finally:
            self._bytes_out += length

    def _end(self, ticket: Ticket) -> None:
        span = ticket.span
        try:
            if span.ranged and ticket.length and worth_keeping(span, ticket.length, ticket.failure):
                ticket.part.record(
                    Range(span.offset, ticket.length, ticket.adler32, ticket.candidate.rse, ticket.validator),
                    span.epoch,
                )
            elif not ticket.length and ticket.failure is None and ticket.disk_failure is None:
                ticket.part.write([], 0)  # a file without bytes is a file
        except OSError as error:
            ticket.disk_failure = of_disk(error)
        self._ended(ticket)
        if span.ranged and ticket.length:
            ticket.part.begin_writeback(span.offset, ticket.length)

    def _store(
        self,
        part: PartFile,
        chunks: list[bytes],
        length: int,
        outcome: Outcome,
        deliver: Callable[[Outcome], None],
    ) -> None:
        try:
            try:
                part.write(chunks, 0)
                if length >= WORTH_WRITEBACK:
                    part.begin_writeback(0, length)
            finally:
                part.close()
        except OSError as error:
            part.discard()
            outcome = GaveUp(outcome.work_id, (of_disk(error),))
        self._bytes_out += length
        deliver(outcome)

    def _md5_matches(self, fetch: Fetch, part: PartFile) -> bool | ReplicaFailure:
        """What our own disk refuses says nothing of the replica."""
        try:
            return part.md5(fetch.bytes_kept) == (fetch.work.md5 or "").lower()
        except OSError as error:
            return of_disk(error)
