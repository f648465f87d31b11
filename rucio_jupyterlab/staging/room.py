"""Whether there is room on the disk and below the quota."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from .evictor import Evictor
from .inventory import Holding, Inventory
from .publisher import Publisher
from .store import Store

FRESH_SECONDS = 1.0
"""For so long what the disk said is believed."""


class Space(msgspec.Struct, frozen=True):
    """Bytes that may still be filled."""

    disk: int
    below_quota: int | None
    """None where there is no quota."""

    def takes(self, on_disk: int, in_all: int) -> bool:
        """Whether so many bytes that are to come fit on the disk, and those `in_all` below the quota."""
        return on_disk <= self.disk and (self.below_quota is None or in_all <= self.below_quota)


class Need(msgspec.Struct, frozen=True):
    """Bytes that a job's next file takes beside what is on its way, and the most that could be used now."""

    on_disk: int
    most_on_disk: int
    in_all: int
    """Of the quota: what is on the disk of an unfinished file does not count as taken yet."""
    most_in_all: int


class Room:
    """Belongs on the engine's loop, which it lets wait for no disk."""

    def __init__(self, store: Store, inventory: Inventory, evictor: Evictor, publisher: Publisher) -> None:
        self._store = store
        self._inventory = inventory
        self._evictor = evictor
        self._publisher = publisher
        self.free_bytes: int | None = None
        """Of the disk, when it was last asked; None until then."""
        self._asked = 0.0

    def space(self, quota: int | None) -> Space | None:
        """None where the disk has not been asked just now; `find` asks it."""
        if self.free_bytes is None or time.monotonic() - self._asked > FRESH_SECONDS:
            return None
        if quota is None:
            return Space(self.free_bytes, None)
        _, used, _ = self._inventory.usage()
        return Space(self.free_bytes, quota - used)

    async def look(self) -> None:
        """Ask the disk. Raises OSError."""
        self.free_bytes = await asyncio.to_thread(self._store.free_bytes)
        self._asked = time.monotonic()

    async def try_disk(self) -> None:
        """Find out whether the store can be written. Raises OSError."""
        await asyncio.to_thread(self._store.try_disk)

    async def find(
        self, need: Need, quota: int | None, rest_of_job: Callable[[], int], holding: Holding
    ) -> str | None:
        """Why the next file does not fit, as a sentence, or None.

        What is least recently used makes room, except what a job that is `holding` wants. On a disk that
        others have filled nothing is given up in vain: only where it would do for all that `rest_of_job`
        tells. Raises OSError, NoSpace.
        """
        await self.look()
        assert self.free_bytes is not None
        if need.on_disk > self.free_bytes:
            free = self.free_bytes

            def make_room() -> bool:
                in_all = max(need.most_on_disk, rest_of_job())
                return self._evictor.make_room(need.most_on_disk - free, in_all - free, holding)

            await asyncio.wrap_future(self._publisher.ask(make_room))
            await self.look()
        if need.on_disk > self.free_bytes:
            return (
                f"The disk of the store has {in_words(self.free_bytes)} free,"
                f" and {in_words(need.on_disk)} are needed."
            )
        return None if quota is None else await self._find_quota(need, quota, holding)

    async def _find_quota(self, need: Need, quota: int, holding: Holding) -> str | None:
        _, used, _ = self._inventory.usage()
        if used + need.in_all <= quota:
            return None

        def lacking() -> int:
            return self._evictor.lacking(need.most_in_all, quota, holding)

        short = await asyncio.wrap_future(self._publisher.ask(lacking)) - (need.most_in_all - need.in_all)
        await self.look()
        return f"The store's quota is full; {in_words(short)} more are needed." if short > 0 else None


def in_words(count: int) -> str:
    """A number of bytes for a person."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
