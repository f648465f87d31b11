"""How one file is brought together from ranges of its replicas: decisions only, no I/O.

The byte engine asks `next()` what to request, and reports what came of it. A file with a checksum may be
mixed from several replicas; if the mixture is wrong, it is fetched again whole from one replica at a
time, so that the culprit is known. A file without checksum is never mixed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

from ...pauses import backoff
from ..checksum import combine_in_order
from ..failures import BANNING, LOCAL, NETWORK, ReplicaFailure
from ..model import Endpoint, Fetched, GaveUp, Outcome, Work
from ..part import RANGE_BYTES, Range, gaps
from .hosts import Host, Hosts

ATTEMPTS = 4
"""Attempts at one replica that bring nothing new, before it is given up for this file."""
KEPT_BYTES = 64 << 10
"""The least that is kept of a range that broke off."""
PROGRESS_BYTES = 1 << 20
"""An attempt that brought so much was not in vain."""
FIRST_EPOCH = 1
"""The only one that builds upon an earlier process."""


class Span(msgspec.Struct, frozen=True):
    """What one request is to bring."""

    offset: int
    length: int | None
    """Bytes; None: to the end, wherever that is."""
    ranged: bool
    """Ask with a Range header."""
    epoch: int
    """Of an earlier epoch than the fetch's: no longer wanted."""


def worth_keeping(span: Span, received: int, failure: ReplicaFailure | None) -> bool:
    """Whether what a request brought stays in the part."""
    if failure is None:
        return True
    blameless = failure.kind not in BANNING and failure.kind not in ("changed", "ignores-ranges")
    return span.ranged and blameless and received >= KEPT_BYTES


class Candidate:
    """One replica of the file, and how it behaved."""

    def __init__(self, endpoint: Endpoint, host: Host) -> None:
        self.endpoint = endpoint
        self.address: Endpoint | None = endpoint if endpoint.is_address else None
        """Where it is read; None until that was found out."""
        self.refused: Endpoint | None = None
        """The address whose sign-in was not accepted any more."""
        self._renewed = False
        self.host = host
        self.banned: ReplicaFailure | None = None
        self.last_failure: ReplicaFailure | None = None
        self.attempts = 0
        self.changes = 0
        """How often it was another file than before, whatever came of it in between."""
        self.not_before = 0.0
        self._host_gave = host.given
        self.takes_ranges = True
        self.validator: str | None = None

    @property
    def rse(self) -> str:
        return self.endpoint.rse

    def outlives(self, address: Endpoint | None, failure: ReplicaFailure) -> bool:
        """Whether another address may help where the storage refused this one; it is then looked for.

        Only once, until bytes come again.
        """
        if address is None or address.permit is None or failure.status not in (401, 403):
            return False
        if self.address is address:
            if self._renewed:
                return False
            self._renewed, self.address = True, None
            self.refused = address if failure.status == 401 else None
        return True

    def is_away(self, failure: ReplicaFailure) -> bool:
        """Whether a failure is all the host's, which answers nobody or sends everybody away, and burns no attempt."""
        gave, self._host_gave = self._host_gave, self.host.given
        return failure.kind in NETWORK or (failure.kind == "busy" and gave == self.host.given)

    def gave_bytes(self) -> None:
        """A request has brought all that it should: attempts count anew."""
        self.attempts, self._renewed = 0, False


class Fetch:
    """The state of one file on its way; `outcome` is set once it is decided."""

    def __init__(self, work: Work, hosts: Hosts, done: Iterable[Range] = ()) -> None:
        self.work = work
        self.candidates = [Candidate(endpoint, hosts.of(endpoint.url)) for endpoint in work.endpoints]
        self.epoch = 0
        self.streams = 0
        self.outcome: Outcome | None = None
        self.bytes_received = 0
        self.wake: float | None = None
        """When it is worth asking `next` again, where time alone decides."""
        self.full_host: Host | None = None
        """The host whose connections are all in use, where `next` waits for one of them."""
        self.blocked: ReplicaFailure | None = None
        """Why no request can be made now."""
        self.blocked_since = 0.0
        """Since when its host gives nobody anything, where that is why."""
        self.needs_md5 = False
        self._exclusive = not work.verifiable
        self._sole: Candidate | None = None
        """While exclusive: the replica that all of this epoch's bytes come from."""
        self._sole_is_away = False
        self._suspects: set[str] = set()
        """Replicas of a mixture that was wrong."""
        self._done: list[Range] = []
        self._todo: deque[Span] = deque()
        if self.candidates:
            self._restart(self._resumable(done))
        else:
            self.outcome = GaveUp(work.id, (ReplicaFailure("missing", "Rucio"),))

    @property
    def bytes_kept(self) -> int:
        """Of what was received, the bytes that count."""
        return sum(piece.length for piece in self._done)

    # What to ask for

    @property
    def wants_stream(self) -> bool:
        """Whether something is to be asked for that no request in flight brings."""
        return self.outcome is None and bool(self._todo)

    def next(self, now: float) -> tuple[Candidate, Span] | None:
        """The next request to make, or None while there is none.

        Then `wake` or `full_host` tells what to wait for; if neither does, for a request in flight.
        """
        self.wake = self.full_host = None
        if not self.wants_stream:
            return None
        candidate = self._pick(now)
        if candidate is None:
            return None
        self.blocked = None
        if self._exclusive:
            self._stay_with(candidate)
        if not candidate.takes_ranges and self._todo[0].ranged:
            if self.streams:
                return None  # the requests in flight end first, then the whole comes at once
            self._restart([], whole=True)
        span = self._todo.popleft()
        self.streams += 1
        return candidate, span

    # What came of it

    def answered(
        self, candidate: Candidate, validator: str | None, total: int | None
    ) -> ReplicaFailure | None:
        """Check a reply's head before its first byte is kept; a failure says to stop reading."""
        if total is not None and self.work.bytes is not None and total != self.work.bytes:
            return ReplicaFailure("wrong-size", candidate.rse)
        known = candidate.validator or next(
            (piece.validator for piece in self._done if piece.rse == candidate.rse), None
        )
        if known is not None and validator != known:
            return ReplicaFailure("changed", candidate.rse)
        candidate.validator = validator
        return None

    def ended(
        self,
        candidate: Candidate,
        span: Span,
        received: int,
        adler32: int,
        failure: ReplicaFailure | None,
        now: float,
    ) -> None:
        """A request has ended and `received` bytes from the span's beginning are in the part."""
        if failure is None and span.length is not None and received < span.length:
            failure = ReplicaFailure("cut" if span.ranged else "wrong-size", candidate.rse)
        elif failure and failure.kind in ("cut", "stalled") and 0 < received == span.length:
            failure = None  # every byte came; how the connection ended does not matter
        if failure:
            candidate.host.failed(failure, now, received)
        else:
            candidate.host.succeeded()
        if span.epoch != self.epoch or self.outcome is not None:
            return
        self.streams -= 1
        if failure is None:
            candidate.gave_bytes()
            self._keep(candidate, span, received, adler32)
            if not self._todo and not self.streams:
                self._conclude()
            return
        if worth_keeping(span, received, failure):
            self._keep(candidate, span, received, adler32)
            rest = (span.length or received) - received
            self._todo.appendleft(Span(span.offset + received, rest, True, self.epoch))
            if received >= PROGRESS_BYTES:
                candidate.attempts = 0
        else:
            self.bytes_received -= received
            self._todo.appendleft(span)
        self._failed(candidate, failure, now)

    def _keep(self, candidate: Candidate, span: Span, length: int, adler32: int) -> None:
        self._done.append(Range(span.offset, length, adler32, candidate.rse, candidate.validator))

    def _failed(self, candidate: Candidate, failure: ReplicaFailure, now: float) -> None:
        candidate.last_failure = failure
        away = candidate.is_away(failure)
        if failure.kind in LOCAL:
            self._give_up(failure)
        elif failure.kind == "ignores-ranges":
            candidate.takes_ranges = False
            return
        elif failure.kind == "expired":
            return  # the address, not the replica
        elif failure.kind in BANNING:
            candidate.banned = failure
        elif not away:
            candidate.attempts += 1
            candidate.not_before = now + (
                failure.retry_after or backoff(candidate.host.first_pause, candidate.attempts)
            )
            candidate.changes += failure.kind == "changed"
            if max(candidate.attempts, candidate.changes) >= ATTEMPTS:
                candidate.banned = failure
        if self._sole is candidate and away:
            self._sole_is_away = True
        if failure.kind == "changed":
            candidate.validator = None
            self._restart([])
        if self.outcome is None and all(each.banned for each in self.candidates):
            self._give_up(failure)

    def md5_is(self, right: bool | ReplicaFailure) -> None:
        """The answer to `needs_md5`, or why our own disk gave none."""
        self.needs_md5 = False
        if isinstance(right, ReplicaFailure):
            self._give_up(right)
        elif right:
            self._finish(self._adler32())
        else:
            self._blame("corrupt")

    # Inside

    def _resumable(self, done: Iterable[Range]) -> list[Range]:
        """Ranges of an earlier process that may be built upon."""
        versions: dict[str, str | None] = {}
        kept = [
            piece
            for piece in done
            if piece.validator and versions.setdefault(piece.rse, piece.validator) == piece.validator
        ]
        if self._exclusive and kept:
            rse = kept[0].rse
            self._sole = next((each for each in self.candidates if each.rse == rse), None)
            kept = [piece for piece in kept if piece.rse == rse] if self._sole else []
        return kept

    def _restart(self, done: list[Range], *, whole: bool = False) -> None:
        """Begin again from `done`; requests in flight are no longer wanted."""
        self.epoch += 1
        self.streams = 0
        self._done = done
        self.bytes_received = self.bytes_kept
        size = self.work.bytes
        if whole or size is None or (size <= RANGE_BYTES and not done):
            self._todo = deque([Span(0, size, False, self.epoch)])
        else:
            self._todo = deque(
                Span(offset, length, True, self.epoch) for offset, length in gaps(done, size, RANGE_BYTES)
            )
            if not self._todo:
                self._conclude()

    def _pick(self, now: float) -> Candidate | None:
        """The first replica that may be asked now."""
        waiting: list[tuple[float, Candidate]] = []
        for candidate in self._in_order(now):
            if candidate.banned:
                continue
            host = candidate.host
            ready = max(candidate.not_before, host.not_before)
            if ready > now:
                waiting.append((ready, candidate))
            elif host.may_start(now):
                return candidate
            elif host.is_full(now):
                self.full_host = host  # one of its connections comes free soon
                return None
            else:
                waiting.append((now + 1.0, candidate))
        if waiting:
            self.wake, first = min(waiting, key=lambda pair: pair[0])
            self._block(first, now)
        return None

    def _block(self, candidate: Candidate, now: float) -> None:
        """Tell why the first to be asked again cannot be asked yet."""
        host = candidate.host
        if host.trouble is not None:
            self.blocked = replace(host.trouble, rse=candidate.rse)
            self.blocked_since = host.troubled_since
        else:  # the file's own failure, or what is left of a pause that the host has asked for
            self.blocked = candidate.last_failure or ReplicaFailure("busy", candidate.rse)
            self.blocked_since = now

    def _in_order(self, now: float) -> list[Candidate]:
        sole = self._sole
        if (
            self._exclusive
            and sole
            and (self._done or self.streams)
            and not (sole.banned or self._sole_is_away)
        ):
            return [sole]  # waited for if need be: another would have to begin at byte 0
        if len(self.candidates) == 1:
            return self.candidates
        return sorted(self.candidates, key=lambda candidate: candidate.host.is_silent(now))

    def _stay_with(self, candidate: Candidate) -> None:
        if self._sole is not candidate and (self._done or self.streams):
            self._restart([])  # what another replica has sent, or is sending, is not wanted any more
        self._sole, self._sole_is_away = candidate, False

    def _conclude(self) -> None:
        """Every byte is there: are they the right ones?"""
        self._done.sort(key=lambda piece: piece.offset)
        size = sum(piece.length for piece in self._done)
        if self.work.bytes is not None and size != self.work.bytes:
            self._blame("wrong-size")
        elif self.work.adler32 is None and self.work.md5 is not None:
            self.needs_md5 = True
        elif self.work.adler32 in (None, adler32 := self._adler32()):
            self._finish(adler32)
        else:
            self._blame("corrupt")

    def _adler32(self) -> int:
        return combine_in_order((piece.adler32, piece.length) for piece in self._done)

    def _blame(self, kind: Literal["corrupt", "wrong-size"]) -> None:
        """Ban the replica whose bytes are wrong; if several took part, find out which it was."""
        contributors = {piece.rse for piece in self._done}
        if len(contributors) > 1:
            self._exclusive = True
            self._suspects = contributors
        else:
            self._ban(ReplicaFailure(kind, contributors.pop()))
        self._sole = None
        self._restart([])
        if all(candidate.banned for candidate in self.candidates):
            self._give_up(self.candidates[-1].banned)

    def _ban(self, failure: ReplicaFailure) -> None:
        for candidate in self.candidates:
            if candidate.rse == failure.rse:
                candidate.banned = candidate.last_failure = failure

    def _finish(self, adler32: int) -> None:
        by_rse: dict[str, int] = {}
        for piece in self._done:
            by_rse[piece.rse] = by_rse.get(piece.rse, 0) + piece.length
        rse = max(by_rse, key=by_rse.__getitem__)
        if len(others := self._suspects - {rse}) == 1:
            self._ban(ReplicaFailure("corrupt", others.pop()))
        self.outcome = Fetched(
            self.work.id,
            rse,
            sum(by_rse.values()),
            adler32,
            self.work.verifiable,
            tuple(failure for failure in self._failures() if failure.rse != rse),
        )

    def _give_up(self, reason: ReplicaFailure | None) -> None:
        earlier = tuple(failure for failure in self._failures() if failure != reason)
        self.outcome = GaveUp(self.work.id, (*earlier, reason) if reason else earlier)

    def _failures(self) -> tuple[ReplicaFailure, ...]:
        return tuple(each.last_failure for each in self.candidates if each.last_failure)
