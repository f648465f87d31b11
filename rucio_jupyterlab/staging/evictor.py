"""Making room: what may leave the store, and the user's own wish to remove a DID."""

from __future__ import annotations

from ..did import Did
from ..engine.protocol import Freed
from ..errors import Conflict
from .inventory import Inventory
from .layout import collection_path
from .store import Store
from .views import View

ROWS = 200


class Evictor:
    """May be called from any thread."""

    def __init__(self, inventory: Inventory, store: Store, view: View) -> None:
        self._inventory = inventory
        self._store = store
        self._view = view

    def make_room(self, needed: int, in_all: int, holding: list[str]) -> bool:
        """Take so many bytes of the least recently used files away; none where `in_all` could not be had.

        What one of the jobs `holding` wants, or a pin holds, stays.
        """
        parts = {key: self._store.allocated(key) for key in self._inventory.failed_keys(holding)}
        if sum(parts.values()) + self._inventory.evictable_bytes(holding) < in_all:
            return False
        for key, size in parts.items():  # what failed goes before what can be opened
            if needed > 0:
                self._store.discard_part(key)
                needed -= size
        while needed > 0 and (rows := self._inventory.evictable(holding, ROWS)):
            needed -= self._remove(_first(rows, needed))
        return True

    def lacking(self, needed: int, quota: int, holding: list[str]) -> int:
        """Bytes that are still lacking below the quota after the least recently used files are gone.

        What one of the jobs `holding` wants, or a pin holds, stays.
        """
        _, used, _ = self._inventory.usage()
        lacking = used + needed - quota
        while lacking > 0:
            rows = self._inventory.evictable(holding, ROWS)
            if not rows:
                break
            gone = _first(rows, lacking)
            lacking -= sum(size or 0 for _, _, size in gone)
            self._remove(gone)
        return lacking

    def evict(self, instance: str, did: Did, holding: list[str]) -> Freed:
        """Remove a DID's files. Raises Conflict where an unfinished job or a pin holds any of them."""
        rows = self._inventory.files_of(instance, did)
        if any(self._inventory.held(number, holding) for number, _, _ in rows):
            raise Conflict(
                "A running job or a pin holds files of this DID. Cancel the job or unpin them first."
            )
        return Freed(len(rows), self._remove(rows))

    def staged(self, instance: str, dids: list[Did], prefix: str) -> dict[Did, tuple[int, str | None]]:
        """Of each DID, how many files are staged, and its path in the view."""
        found: dict[Did, tuple[int, str | None]] = {}
        for did in dids:
            if files := self._inventory.staged_in(instance, did):
                folder = prefix + collection_path(did.scope, did.name)
                found[did] = (files, f"{self._view.root}/{folder}")
            elif path := self._inventory.staged_among(instance, did):
                found[did] = (1, f"{self._view.root}/{path}")
        return found

    def _remove(self, files: list[tuple[int, str, int]]) -> int:
        """Links first, so that none ever dangles; returns the bytes that came free."""
        numbers = [number for number, _, _ in files]
        self._view.unlink(self._inventory.links_of(numbers), self._store.root)
        freed = sum(self._store.remove(key) for _, key, _ in files)
        self._inventory.removed(numbers, "evicted")
        return freed


def _first(rows: list[tuple[int, str, int]], needed: int) -> list[tuple[int, str, int]]:
    """As many of the files as it takes to have so many bytes."""
    enough = 0
    while enough < len(rows) and needed > 0:
        needed -= rows[enough][2] or 0
        enough += 1
    return rows[:enough]
