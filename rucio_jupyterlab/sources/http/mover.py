"""The byte engine: libcurl's multi interface in one thread.

Many small files in flight, parallel ranges of large ones, kept connections, limits per host and over
all. `fetch.py` decides, `stream.py` speaks HTTP, `writer.py` writes; here they are joined.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pycurl

from ...errors import Failure, RucioUnreachable
from ..checksum import ADLER_OF_NOTHING, adler32
from ..failures import Kind, ReplicaFailure
from ..model import (
    Cancelled,
    CredentialFor,
    Endpoint,
    Fetched,
    GaveUp,
    Outcome,
    Progress,
    Resolve,
    Work,
)
from ..part import RANGE_BYTES, Range
from .addresses import Addresses, has_lapsed
from .brake import Brake
from .earlier import EarlierRanges, has_earlier_ranges
from .fetch import Candidate, Fetch, Span
from .hosts import Hosts
from .limits import Limits
from .loop import CurlLoop
from .stream import Pace, Stream
from .turns import Assembly, Turns
from .writer import PartFile, Ticket, Writer


class Mover(threading.Thread):
    """Takes `Work`, delivers one outcome for each. All public methods may be called from any thread."""

    def __init__(
        self,
        credential_for: CredentialFor,
        deliver: Callable[[Outcome | Cancelled], None],
        limits: Limits,
        user_agent: str = "rucio-jupyterlab",
        resolve: Resolve | None = None,
    ) -> None:
        """`deliver` is called from a thread of the mover's and must return at once.

        Without `resolve` only what has an address of HTTP can be read.
        """
        super().__init__(name="byte-engine", daemon=True)
        self._credential_for = credential_for
        self._deliver = deliver
        self._limits = limits
        self._user_agent = user_agent
        self._hosts = Hosts(limits.connections_per_host, limits.first_pause_seconds)
        self._loop = CurlLoop(4 * limits.connections)
        self._stopping = False
        self._fetches: dict[int, Assembly] = {}
        self._earlier = EarlierRanges(self._loop.tell, self._admit)
        self._turns = Turns(self._fetches.get)
        self._addresses = Addresses(resolve, self._loop.tell, self._address_known)
        self._idle_streams: list[Stream] = []
        self._active: set[Stream] = set()
        self._unrecorded = 0
        """Requests that are over and not yet in the record of their part."""
        self._writer = Writer(self._ticket_ended, self._md5_known)
        self._brake = Brake(self._writer, limits.bandwidth)

    # From any thread

    def submit(self, work: Work) -> None:
        """Begin or continue a file. What its part already holds is checked and used."""
        if has_earlier_ranges(work):
            self._loop.tell(lambda: self._earlier.examine(work))
        else:
            self._loop.tell(lambda: self._admit(work, []))

    def cancel(self, work_id: int) -> None:
        """Stop a file; `Cancelled` is delivered once its part is closed, or its outcome if that was first."""
        self._loop.tell(lambda: self._cancel(work_id))

    def limit_bandwidth(self, bytes_per_second: int | None) -> None:
        """Put another limit in force; None takes it away."""
        self._loop.tell(lambda: self._brake.limit(bytes_per_second))

    def progress(self) -> dict[int, Progress]:
        """Where every work stands, by its number."""
        gathered = {stream.ticket.fetch: stream.gathered for stream in tuple(self._active)}
        return {
            number: Progress(
                assembly.fetch.bytes_received + gathered.get(assembly.fetch, 0),
                next((ticket.candidate.rse for ticket in tuple(assembly.tickets)), None),
                assembly.fetch.blocked,
                assembly.fetch.blocked_since,
            )
            for number, assembly in tuple(self._fetches.items())
        }

    def retry_now(self) -> None:
        """Forget that hosts were down: the network may be back."""
        self._loop.tell(self._forgive)

    def close(self) -> None:
        """Keep what has arrived, then end; returns when every part is closed."""
        self._loop.tell(self._stop)
        self.join()
        self._earlier.close()
        self._writer.stop()
        self._loop.close()

    # The loop

    def run(self) -> None:
        self._writer.start()
        while not self._stopping:
            self._loop.turn(min(self._turns.next_waking, self._brake.next_look))
            self._brake.release()
            for curl, code, text in self._loop.ended():
                self._stream_ended(curl.stream, code, text)
            self._harvest()
            self._loop.run_calls()
            now = time.monotonic()
            self._turns.wake(now)
            self._start_streams(now)
        self._shut_down()

    # Works

    def _admit(self, work: Work, done: list[Range]) -> None:
        fetch = Fetch(work, self._hosts, done)
        resumed = fetch.bytes_received > 0
        preallocate = self._limits.preallocate and (work.bytes or 0) > RANGE_BYTES
        assembly = Assembly(fetch, PartFile(work, resumed=resumed, preallocate=preallocate))
        self._fetches[work.id] = assembly
        if fetch.candidates and fetch.candidates[0].address is None:
            self._addresses.look_up(work, fetch.candidates[0])  # so that it is known when its turn comes
        self._advance(assembly)

    def _cancel(self, work_id: int) -> None:
        if self._earlier.take_back(work_id):
            self._deliver(Cancelled(work_id))
            return
        assembly = self._fetches.get(work_id)
        if assembly is None:
            return  # its outcome is on the way
        self._drop_streams(assembly, keep_bytes=True)
        self._finish(assembly, Cancelled(work_id))

    def _advance(self, assembly: Assembly) -> None:
        """Do what a fetch's new state asks for."""
        fetch = assembly.fetch
        self._abandon_outdated(assembly)
        if fetch.outcome is not None:
            self._finish(assembly, fetch.outcome)
        elif fetch.needs_md5:
            self._writer.check_md5(fetch, assembly.part)
        else:
            self._turns.join(assembly)

    def _finish(self, assembly: Assembly, outcome: Outcome | Cancelled) -> None:
        del self._fetches[outcome.work_id]
        void = isinstance(outcome, GaveUp) and not assembly.fetch.bytes_kept

        def closed(failure: ReplicaFailure | None) -> None:
            if failure is not None and isinstance(outcome, Fetched):
                self._deliver(GaveUp(outcome.work_id, (failure,)))
            else:
                self._deliver(outcome)

        self._writer.close(assembly.part, closed, void=void)

    def _md5_known(self, fetch: Fetch, right: bool | ReplicaFailure) -> None:
        """In the writer's thread."""
        self._loop.tell(lambda: self._take_md5(fetch, right))

    def _take_md5(self, fetch: Fetch, right: bool | ReplicaFailure) -> None:
        assembly = self._fetches.get(fetch.work.id)
        if assembly is not None and assembly.fetch is fetch:
            fetch.md5_is(right)
            self._advance(assembly)

    # Streams

    def _start_streams(self, now: float) -> None:
        """Start requests while connections are free."""
        while not self._writer.congested and (
            len(self._active) + self._unrecorded + self._addresses.waiting < self._limits.connections
        ):
            assembly = self._turns.first(now)
            if assembly is None:
                return
            fetch = assembly.fetch
            request = None
            if fetch.streams < self._limits.connections_per_file:
                request = fetch.next(now)
                self._abandon_outdated(assembly)
            if request is not None:
                self._request(assembly, *request)
            else:
                self._turns.step_aside(assembly)

    def _forgive(self) -> None:
        self._hosts.forgive()
        self._turns.wake_all()

    def _request(self, assembly: Assembly, candidate: Candidate, span: Span) -> None:
        ticket = Ticket(assembly.fetch, assembly.part, candidate, span)
        assembly.tickets.add(ticket)
        address = ticket.address
        if address is None or (address.permit is not None and has_lapsed(address.permit)):
            candidate.host.active += 1
            self._addresses.wait(ticket)
        else:
            self._begin(ticket, address)

    def _begin(self, ticket: Ticket, address: Endpoint) -> None:
        stream = self._idle_streams.pop() if self._idle_streams else self._new_stream()
        self._send(stream, ticket, address.url)

    def _address_known(self, ticket: Ticket, failure: ReplicaFailure | None) -> None:
        """A request's address was looked up: send it, if it is wanted still."""
        ticket.candidate.host.active -= 1
        fetch = ticket.fetch
        assembly = self._fetches.get(fetch.work.id)
        wanted = assembly is not None and assembly.fetch is fetch and fetch.outcome is None
        if wanted and failure is None and ticket.address is not None and ticket.span.epoch == fetch.epoch:
            self._begin(ticket, ticket.address)
        else:
            ticket.failure = failure or ReplicaFailure("cut", ticket.candidate.rse)
            self._hand_over(ticket)

    def _new_stream(self) -> Stream:
        pace = Pace(self._limits.connect_seconds, self._limits.stall_seconds)
        return Stream(pace, self._user_agent, self._brake.may_receive, self._writer.write)

    def _send(
        self, stream: Stream, ticket: Ticket, url: str, redirected_from: str | None = None, hops: int = 0
    ) -> None:
        work, endpoint = ticket.fetch.work, ticket.address or ticket.candidate.endpoint
        # A gateway and the data endpoint that it names are one host.
        host = self._hosts.of(url) if hops else ticket.candidate.host
        try:
            credential = self._credential_for(work.instance, endpoint, url, redirected_from)
            stream.begin(ticket, url, credential, host, hops, counted=self._brake.is_limited)
        except RucioUnreachable:  # the token is being renewed
            self._not_sent(stream, ticket, "unreachable")
            return
        except (Failure, OSError, ValueError, pycurl.error):
            # Not a URL that may be asked: a forbidden address, or a credential that cannot be read.
            self._not_sent(stream, ticket, "bad-redirect" if hops else "refused")
            return
        host.active += 1
        self._active.add(stream)
        self._loop.add(stream.curl)

    def _not_sent(self, stream: Stream, ticket: Ticket, kind: Kind) -> None:
        ticket.failure = ReplicaFailure(kind, ticket.candidate.rse)
        self._idle_streams.append(stream)
        self._hand_over(ticket)

    def _stream_ended(self, stream: Stream, code: int | None, text: str) -> None:
        ticket = stream.ticket
        if stream.whole_in_memory:
            stream.judge_whole()
        if stream.head.location is not None:
            self._redirected(stream)
            return
        if code is not None:
            ticket.failure = stream.failure_of(code, text)
        elif stream.head.status < 200:  # libcurl is content with a change of protocols that nobody asked for
            ticket.failure = ReplicaFailure("server-error", ticket.candidate.rse, stream.head.status)
        if stream.whole_in_memory and ticket.failure is None and self._conclude_small(stream):
            return
        if stream.whole_in_memory and ticket.failure is not None:
            stream.drop()
        stream.flush()
        self._detach(stream)
        self._hand_over(ticket)

    def _redirected(self, stream: Stream) -> None:
        target = stream.redirect_target()
        stream.drop()
        self._detach(stream)
        if target is not None:
            self._idle_streams.remove(stream)
            self._send(stream, stream.ticket, target, stream.url, stream.hops + 1)
        else:
            stream.ticket.failure = ReplicaFailure("bad-redirect", stream.ticket.candidate.rse)
            self._hand_over(stream.ticket)

    def _conclude_small(self, stream: Stream) -> bool:
        """Check a small file before it is written; True where that decided it."""
        ticket = stream.ticket
        assembly = self._fetches.get(ticket.fetch.work.id)
        work = ticket.fetch.work
        if (
            assembly is None
            or assembly.fetch is not ticket.fetch
            or (work.md5 is not None and work.adler32 is None)
        ):
            return False
        chunks, length = stream.take()
        self._detach(stream)
        assembly.tickets.discard(ticket)
        value = ADLER_OF_NOTHING
        for chunk in chunks:
            value = adler32(chunk, value)
        fetch = assembly.fetch
        fetch.ended(ticket.candidate, ticket.span, length, value, None, time.monotonic())
        if isinstance(fetch.outcome, Fetched):
            del self._fetches[work.id]
            self._writer.store(assembly.part, chunks, length, fetch.outcome, self._deliver)
        else:
            self._advance(assembly)
        return True

    def _detach(self, stream: Stream) -> None:
        """Take a stream out of service; its handle keeps its connection for the next request."""
        self._loop.remove(stream.curl)
        self._active.discard(stream)
        self._brake.forget(stream)
        stream.host.active -= 1
        self._idle_streams.append(stream)

    def _abandon_outdated(self, assembly: Assembly) -> None:
        """Before anything of a new epoch is written: what an old request sends must not land on it."""
        fetch = assembly.fetch
        if assembly.tickets and (assembly.epoch != fetch.epoch or fetch.outcome is not None):
            for stream in [each for each in self._active if each.ticket in assembly.tickets]:
                if stream.ticket.span.epoch != fetch.epoch or fetch.outcome is not None:
                    self._abandon(stream)
        assembly.epoch = fetch.epoch

    def _abandon(self, stream: Stream) -> None:
        """Break a request off whose bytes are no longer wanted."""
        self._detach(stream)
        stream.ticket.failure = stream.ticket.failure or ReplicaFailure("cut", stream.ticket.candidate.rse)
        self._hand_over(stream.ticket)

    def _drop_streams(self, assembly: Assembly, *, keep_bytes: bool) -> None:
        for stream in [each for each in self._active if each.ticket in assembly.tickets]:
            if keep_bytes and stream.ticket.span.ranged:
                stream.flush()
            self._abandon(stream)

    def _ticket_ended(self, ticket: Ticket) -> None:
        """In the writer's thread."""
        self._loop.tell(lambda: self._take_ticket(ticket))

    def _hand_over(self, ticket: Ticket) -> None:
        """The request is over; its connection counts as in use until what it brought is recorded.

        So an end of this process loses at most what was on so many connections.
        """
        self._unrecorded += 1
        self._writer.end(ticket)

    def _take_ticket(self, ticket: Ticket) -> None:
        self._unrecorded -= 1
        assembly = self._fetches.get(ticket.fetch.work.id)
        if assembly is None or assembly.fetch is not ticket.fetch:
            return
        assembly.tickets.discard(ticket)
        failure = ticket.disk_failure or ticket.failure
        if failure is not None and ticket.candidate.outlives(ticket.address, failure):
            failure = ReplicaFailure("expired", failure.rse, failure.status)
        assembly.fetch.ended(
            ticket.candidate, ticket.span, ticket.length, ticket.adler32, failure, time.monotonic()
        )
        self._advance(assembly)

    def _harvest(self) -> None:
        """Hand on what the streams have gathered; where the disk can't follow, they pause."""
        for stream in tuple(self._active):
            if not stream.harvest():
                self._abandon(stream)
            elif self._writer.congested and not stream.whole_in_memory:
                self._brake.hold(stream)

    # The end

    def _stop(self) -> None:
        self._stopping = True

    def _shut_down(self) -> None:
        """Keep what has arrived of every file; nothing is delivered any more."""
        self._deliver = lambda outcome: None
        for assembly in tuple(self._fetches.values()):
            self._drop_streams(assembly, keep_bytes=True)
            self._writer.close(assembly.part, lambda failure: None)
        self._fetches.clear()
        for stream in self._idle_streams:
            stream.curl.close()
