"""Where replicas can be read that have no address of HTTP by themselves, and the requests that wait to know.

Belongs to the byte engine's thread; the looking up is done elsewhere and comes back through its inbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..failures import NETWORK, ReplicaFailure
from ..model import Endpoint, Permit, Resolve, Work
from .fetch import Candidate
from .writer import Ticket


class Addresses:
    """Each candidate is looked up by one at a time, however many requests wait for it."""

    def __init__(
        self,
        resolve: Resolve | None,
        tell: Callable[[Callable[[], None]], None],
        known: Callable[[Ticket, ReplicaFailure | None], None],
    ) -> None:
        """`tell` puts a call into the byte engine's inbox; `known` is called for each request that waited."""
        self._resolve = resolve
        self._tell = tell
        self._known = known
        self._tickets: dict[Candidate, list[Ticket]] = {}
        self.waiting = 0
        """Requests that wait."""

    def look_up(self, work: Work, candidate: Candidate) -> None:
        """Find out in time."""
        if candidate in self._tickets:
            return
        self._tickets[candidate] = []
        if self._resolve is None:
            failure = ReplicaFailure("no-cs3", candidate.rse)
            self._tell(lambda: self._found(candidate, failure))
        else:
            self._resolve(
                work,
                candidate.endpoint,
                candidate.refused,
                lambda found: self._tell(lambda: self._found(candidate, found)),
            )

    def wait(self, ticket: Ticket) -> None:
        """Let a request wait for its candidate's address."""
        self.look_up(ticket.fetch.work, ticket.candidate)
        self._tickets[ticket.candidate].append(ticket)
        self.waiting += 1

    def _found(self, candidate: Candidate, found: Endpoint | ReplicaFailure) -> None:
        tickets = self._tickets.pop(candidate)
        self.waiting -= len(tickets)
        failure = None
        if isinstance(found, Endpoint):
            candidate.address, candidate.refused = found, None
        else:
            failure = found
            if not tickets and failure.kind in NETWORK:
                candidate.host.failed(failure, time.monotonic())  # those that come next need not try
        for ticket in tickets:
            ticket.address = candidate.address
            self._known(ticket, failure)


def has_lapsed(permit: Permit) -> bool:
    """Whether it is too late to begin a request with it."""
    return permit.good_until is not None and permit.good_until < time.time()
