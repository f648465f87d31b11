"""What must not come yet: the disk has to catch up first, or the bandwidth limit is used up."""

from __future__ import annotations

import time

from .stream import Stream
from .throttle import Throttle
from .writer import Writer

CONGESTED_SECONDS = 0.01
"""Between two looks whether the disk has caught up."""


class Brake:
    """Holds streams back, and lets them go on. Belongs to the byte engine's loop."""

    def __init__(self, writer: Writer, bandwidth: int | None) -> None:
        """`bandwidth` is in bytes per second."""
        self._writer = writer
        self._throttle = Throttle(bandwidth)
        self._held: set[Stream] = set()

    def limit(self, bytes_per_second: int | None) -> None:
        """Put another bandwidth limit in force; None takes it away."""
        self._throttle.limit(bytes_per_second)

    @property
    def is_limited(self) -> bool:
        """Whether a bandwidth limit holds, so that `may_receive` has to be asked for each piece."""
        return self._throttle.limited

    @property
    def next_look(self) -> float:
        """When to `release` next, on the clock of `time.monotonic`; infinite where nothing is held."""
        if self._writer.congested:
            return time.monotonic() + CONGESTED_SECONDS
        return time.monotonic() + self._throttle.seconds_until_more() if self._held else float("inf")

    def may_receive(self, stream: Stream, length: int) -> bool:
        """Whether a stream may take so many bytes; if not it is held, and asks again when it goes on."""
        if self._writer.congested or not self._throttle.take(length):
            self._held.add(stream)
            return False
        return True

    def hold(self, stream: Stream) -> None:
        """Let a stream receive nothing for now, if it is receiving."""
        if stream.hold():
            self._held.add(stream)

    def release(self) -> None:
        """Let all go on, if there is room for what they bring."""
        if self._held and not self._writer.congested and self._throttle.ready():
            for stream in tuple(self._held):
                self._held.discard(stream)
                stream.resume()

    def forget(self, stream: Stream) -> None:
        """Its request is over."""
        self._held.discard(stream)
