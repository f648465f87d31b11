"""Whose turn it is to make a request: fetches in a row, and those that wait for a host or for a time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from .fetch import Fetch
from .hosts import Host
from .writer import PartFile, Ticket


class Assembly:
    """A fetch with its part."""

    __slots__ = ("epoch", "fetch", "part", "queued", "tickets")

    def __init__(self, fetch: Fetch, part: PartFile) -> None:
        self.fetch = fetch
        self.part = part
        self.tickets: set[Ticket] = set()
        self.queued = False
        """It is in the row, or waits for a host."""
        self.epoch = fetch.epoch
        """The epoch of its requests."""


class Turns:
    """First come, first served; whoever cannot go on steps aside."""

    def __init__(self, find: Callable[[int], Assembly | None]) -> None:
        """`find` gives the assembly of a work's number, if it is still wanted."""
        self._find = find
        self._row: deque[Assembly] = deque()
        self._waiting: dict[Host, deque[Assembly]] = {}
        """Those whose next replica is at a host where all connections are in use."""
        self._sleeping: list[tuple[float, int]] = []

    def join(self, assembly: Assembly) -> None:
        """Stand in the row, unless it does already or wants nothing."""
        if not assembly.queued and assembly.fetch.wants_stream:
            assembly.queued = True
            self._row.append(assembly)

    def first(self, now: float) -> Assembly | None:
        """Whose turn it is; None where nobody can go on now. Who wants nothing any more leaves."""
        while self._row or self._call_up(now):
            assembly = self._row[0]
            fetch = assembly.fetch
            if fetch.wants_stream and self._find(fetch.work.id) is assembly:
                return assembly
            self._row.popleft()
            assembly.queued = False
        return None

    def step_aside(self, assembly: Assembly) -> None:
        """The first of the row has no request to make now; its fetch tells what it waits for."""
        self._row.popleft()
        assembly.queued = False
        fetch = assembly.fetch
        if fetch.wake is not None:
            heapq.heappush(self._sleeping, (fetch.wake, fetch.work.id))
        elif fetch.full_host is not None:
            assembly.queued = True
            self._waiting.setdefault(fetch.full_host, deque()).append(assembly)
        # Else it comes again when one of its own requests has ended.

    def wake(self, now: float) -> None:
        """Bring those back into the row whose time has come."""
        while self._sleeping and self._sleeping[0][0] <= now:
            assembly = self._find(heapq.heappop(self._sleeping)[1])
            if assembly is not None:
                self.join(assembly)

    def wake_all(self) -> None:
        """Whatever they sleep for, the next `wake` brings them back."""
        self._sleeping = [(0.0, number) for _, number in self._sleeping]

    @property
    def next_waking(self) -> float:
        """When `wake` brings the next one back; infinite where nobody sleeps."""
        return self._sleeping[0][0] if self._sleeping else float("inf")

    def _call_up(self, now: float) -> bool:
        """Bring back the first that waits for a host which is not full any more; False where nobody does."""
        for host, waiting in self._waiting.items():
            if not host.is_full(now):
                self._row.append(waiting.popleft())
                if not waiting:
                    del self._waiting[host]
                return True
        return False
