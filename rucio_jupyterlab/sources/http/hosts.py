"""How much each host is asked at once, and when it is left alone.

One `Host` for each scheme, name and port. A host that says it is busy gets fewer connections; while it says
so to everybody, or does not answer, it is left alone for a growing while, so that ten thousand files do
not each find that out for themselves. One that takes requests and says nothing is asked behind all others.
"""

from __future__ import annotations

from ...pauses import backoff
from ..failures import NETWORK, ReplicaFailure

SUCCESSES_BEFORE_MORE = 20


class Host:
    """The state of one host; times are those of the byte engine's clock."""

    def __init__(self, limit: int, first_pause: float) -> None:
        """`limit` requests at once; seconds of pause after a first failure."""
        self.active = 0
        self.not_before = 0.0
        self.trouble: ReplicaFailure | None = None
        """Why it gives nobody anything; None while it gives."""
        self.troubled_since = 0.0
        self.given = 0
        """Requests that brought all that they should, ever."""
        self.first_pause = first_pause
        self._most = limit
        self._limit = limit
        self._failures = 0
        self._silences = 0
        self._aside_until = 0.0
        self._successes = 0

    @property
    def is_down(self) -> bool:
        """Whether it does not answer."""
        return self.trouble is not None and self.trouble.kind in NETWORK

    def may_start(self, now: float) -> bool:
        """Whether one more request may be made."""
        # While a host is down a single request finds out whether it is back.
        limit = 1 if self.is_down else self._limit
        return self.active < limit and self.not_before <= now

    def is_full(self, now: float) -> bool:
        """Whether it answers, and all of its connections are in use."""
        return not self.is_down and self.active >= self._limit and self.not_before <= now

    def is_silent(self, now: float) -> bool:
        """Whether its last requests stalled before their first byte, so that others are asked first.

        After a while it is not, until a single request has found out whether it speaks again.
        """
        return self._silences > 0 and (self.active > 0 or now < self._aside_until)

    def succeeded(self) -> None:
        """A request has brought all that it should."""
        self._speaks()
        self.given += 1
        self._successes += 1
        if self._successes >= SUCCESSES_BEFORE_MORE and self._limit < self._most:
            self._limit += 1
            self._successes = 0

    def failed(self, failure: ReplicaFailure, now: float, received: int = 0) -> None:
        """Take note of a failure, and of the bytes that came before it, for what they say about the host."""
        if failure.kind == "busy" or failure.kind in NETWORK:
            self._gives_nothing(failure, now)
        elif failure.status is not None or received:  # whatever it says, it is there
            self._speaks()
        elif failure.kind == "stalled" and now >= self._aside_until:
            self._silences += 1
            self._aside_until = now + backoff(self.first_pause, self._silences)

    def _speaks(self) -> None:
        self._failures = self._silences = 0
        self.trouble = None

    def _gives_nothing(self, failure: ReplicaFailure, now: float) -> None:
        if self.trouble is None:
            self.troubled_since = now
        self.trouble = failure
        pause = failure.retry_after or 0.0
        if now >= self.not_before:  # else it is one of several requests that failed together
            self._failures += 1
            pause = pause or backoff(self.first_pause, self._failures)
            if failure.kind == "busy":
                self._limit = max(1, self._limit // 2)
                self._successes = 0
        self.not_before = max(self.not_before, now + pause)


class Hosts:
    """All hosts spoken to since the engine began."""

    def __init__(self, limit: int, first_pause: float) -> None:
        self._limit = limit
        self._first_pause = first_pause
        self._hosts: dict[str, Host] = {}

    def of(self, url: str) -> Host:
        """The host of a URL, made on first use."""
        scheme, _, rest = url.partition("://")
        key = f"{scheme}://{rest.partition('/')[0]}"
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = Host(self._limit, self._first_pause)
        return host

    def forgive(self) -> None:
        """Ask hosts that were down again at once."""
        for host in self._hosts.values():
            if host.is_down:
                host.not_before = 0.0
