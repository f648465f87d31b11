"""Whether there is room on the disk and below the quota."""

from __future__ import annotations

import time
from collections.abc import Callable

from .evictor import Evictor
from .store import Store

SPACE_SECONDS = 5.0
"""How often a job that waits for space looks again."""
_FRESH_SECONDS = 1.0


class Room:
    """Asked for every few files, so the disk is asked once a second."""

    def __init__(self, store: Store, evictor: Evictor) -> None:
        self._store = store
        self._evictor = evictor
        self._free = store.free_bytes()
        self._asked = time.monotonic()

    def look_anew(self) -> None:
        """What the disk said counts no longer."""
        self._asked = -_FRESH_SECONDS

    def shortage_of_disk(self, needed: int, in_all: Callable[[], int], holding: list[str]) -> str | None:
        """Why `needed` bytes do not fit on the disk, as a sentence, or None.

        What is least recently used makes room, except what one of the jobs `holding` wants. On a disk that
        others have filled nothing is given up in vain: only where it would do for all that `in_all` tells,
        the rest of the job.
        """
        if needed > self._free_bytes() and self._make_room(needed, in_all(), holding):
            self.look_anew()
        if needed > (free := self._free_bytes()):
            return f"The disk of the store has {in_words(free)} free, and {in_words(needed)} are needed."
        return None

    def shortage_of_quota(self, needed: int, quota: int, holding: list[str]) -> str | None:
        """Why `needed` bytes do not fit below the quota, as a sentence, or None; room is made as on the disk."""
        lacking = self._evictor.lacking(needed, quota, holding)
        return f"The store's quota is full; {in_words(lacking)} more are needed." if lacking > 0 else None

    def _free_bytes(self) -> int:
        if time.monotonic() - self._asked > _FRESH_SECONDS:
            self._free, self._asked = self._store.free_bytes(), time.monotonic()
        return self._free

    def _make_room(self, needed: int, in_all: int, holding: list[str]) -> bool:
        self.look_anew()  # nothing is given up for what was true a second ago
        free = self._free_bytes()
        return self._evictor.make_room(needed - free, max(needed, in_all) - free, holding)


def in_words(count: int) -> str:
    """A number of bytes for a person."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
