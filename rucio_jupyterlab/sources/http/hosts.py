"""How much each host is asked at once, and when it is left alone.

One `Host` for each scheme, name and port. A host that says it is busy gets fewer connections; one
that does not answer is left alone for a growing while, so that ten thousand files do not each find
that out for themselves.
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
        self.down_since: float | None = None
        """When it stopped answering; None while it answers."""
        self.first_pause = first_pause
        self._most = limit
        self._limit = limit
        self._failures = 0
        self._successes = 0

    def may_start(self, now: float) -> bool:
        # While a host is down a single request finds out whether it is back.
        limit = 1 if self.down_since is not None else self._limit
        return self.active < limit and self.not_before <= now

    def is_full(self, now: float) -> bool:
        """Whether it answers, and all of its connections are in use."""
        return self.down_since is None and self.active >= self._limit and self.not_before <= now

    def succeeded(self) -> None:
        self._failures = 0
        self.down_since = None
        self._successes += 1
        if self._successes >= SUCCESSES_BEFORE_MORE and self._limit < self._most:
            self._limit += 1
            self._successes = 0

    def failed(self, failure: ReplicaFailure, now: float) -> None:
        """Take note of a failure that says something about the host, not about one file."""
        if failure.status is not None:  # whatever it says, it is there
            self._failures, self.down_since = 0, None
        if failure.kind == "busy":
            self._limit = max(1, self._limit // 2)
            self._successes = 0
            self.not_before = max(
                self.not_before, now + (failure.retry_after or backoff(self.first_pause, 1))
            )
        elif failure.kind in NETWORK:
            if now < self.not_before:
                return  # one of several requests that broke together
            self.down_since = self.down_since or now
            self._failures += 1
            self.not_before = now + backoff(self.first_pause, self._failures)


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
            if host.down_since is not None:
                host.not_before = 0.0
