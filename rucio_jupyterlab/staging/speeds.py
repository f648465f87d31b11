"""How fast the RSEs are, by the large files that came from them.

A small file takes as long as a question does, and below a limit of the user's own every RSE is as fast as
that limit: neither says anything about the RSE.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..sources.model import Progress
from .flights import Flight

LARGE_BYTES = 8 << 20
"""The least size of a file whose speed counts."""
WEIGHT = 0.3
"""Of the newest measurement."""


class Speeds:
    """Bytes per second by (instance, RSE)."""

    def __init__(self, known: Mapping[tuple[str, str], float]) -> None:
        self.known = dict(known)
        """What is to be believed of each."""
        self._moved: dict[tuple[str, str], int] = {}

    def count(self, flight: Flight, now: Progress) -> None:
        """Take note of what a flight received since its own record of that; before that is brought up to date."""
        large = (flight.row.bytes or 0) >= LARGE_BYTES
        # What an earlier process brought, and what came in a part of the time, is not counted.
        if large and now.rse is not None and now.rse == flight.rse:
            key = (flight.row.instance, now.rse)
            came = max(0, now.bytes_received - flight.bytes_received)
            self._moved[key] = self._moved.get(key, 0) + came

    def measure(self, seconds: float, *, limited: bool) -> None:
        """Take the speeds of what was counted within so many seconds, unless a bandwidth limit was in force."""
        for key, count in self._moved.items():
            if count and not limited:
                newest = count / seconds
                before = self.known.get(key, newest)
                self.known[key] = before + WEIGHT * (newest - before)
        self._moved.clear()
