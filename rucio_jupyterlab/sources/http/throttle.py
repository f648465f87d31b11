"""A bandwidth limit over all transfers: a token bucket that holds a tenth of a second."""

from __future__ import annotations

import time
from collections.abc import Callable

BUCKET_SECONDS = 0.1
LOOK_SECONDS = 0.01
"""Between two looks: what is held and let go a thousand times a second costs more than its bytes."""


class Throttle:
    """Asked for every chunk; may go into debt by one chunk, which the next ones wait off."""

    def __init__(self, bytes_per_second: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.limit(bytes_per_second)

    def limit(self, bytes_per_second: int | None) -> None:
        """From now on; the bucket is full then."""
        self._rate = bytes_per_second or 0
        self._tokens = self._rate * BUCKET_SECONDS
        self._filled = self._clock()

    @property
    def bytes_per_second(self) -> int | None:
        return self._rate or None

    @property
    def limited(self) -> bool:
        return self._rate > 0

    def take(self, length: int) -> bool:
        """True where `length` bytes may be received now."""
        if not self._rate:
            return True
        if not self.ready():
            return False
        self._tokens -= length
        return True

    def ready(self) -> bool:
        """Whether anything may be received now."""
        if not self._rate:
            return True
        now = self._clock()
        self._tokens = min(self._rate * BUCKET_SECONDS, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        return self._tokens > 0

    def seconds_until_more(self) -> float:
        """For so long there is no use in asking again."""
        if not self._rate:
            return 0.0
        return max(LOOK_SECONDS, -self._tokens / self._rate)
