"""Making room: what may leave the store, and the user's own wish to remove a DID."""

from __future__ import annotations

from collections.abc import Sequence

from ..did import Did
from ..engine.protocol import Freed
from ..errors import Conflict
from .inventory import Holding, Inventory, Leaving
from .journal import now
from .store import Store
from .views import View

ROWS = 500
"""Files of a DID that leave in one go, so that those which arrive meanwhile need not wait for all of them."""


class Evictor:
    """Belongs in the publisher's thread: nothing is linked while its object is taken away.

    A file is claimed before it leaves, in the transaction that finds it held by nobody. From then on a plan
    knows it as one to be fetched.
    """

    def __init__(self, inventory: Inventory, store: Store, view: View) -> None:
        self._inventory = inventory
        self._store = store
        self._view = view

    def make_room(self, needed: int, in_all: int, holding: Holding) -> bool:
        """Take so many bytes of the least recently used files away; none where `in_all` could not be had.

        What a job that is `holding` wants, or a pin holds, stays.
        """
        parts = {key: self._store.allocated(key) for key in self._inventory.failed_keys(holding)}
        if sum(parts.values()) + self._inventory.evictable_bytes(holding) < in_all:
            return False
        for key, size in parts.items():  # what failed goes before what can be opened
            if needed > 0:
                self._store.discard_part(key)
                needed -= size
        while needed > 0 and (files := self._inventory.claim_oldest(needed, holding)):
            needed -= self.remove(files).bytes
        return True

    def lacking(self, needed: int, quota: int, holding: Holding) -> int:
        """Bytes that are still lacking below the quota after the least recently used files are gone.

        What a job that is `holding` wants, or a pin holds, stays.
        """
        _, used, _ = self._inventory.usage()
        lacking = used + needed - quota
        while lacking > 0 and (files := self._inventory.claim_oldest(lacking, holding)):
            lacking -= sum(each.bytes for each in files)
            self.remove(files)
        return lacking

    def claim(self, instance: str, did: Did, holding: Holding) -> list[Leaving]:
        """A DID's files, to be removed. Raises Conflict where an unfinished job or a pin holds any of them."""
        files = self._inventory.claim_all(instance, did, holding)
        if files is None:
            raise Conflict(
                "A running job or a pin holds files of this DID. Cancel the job or unpin them first."
            )
        return files

    def remove(self, claimed: Sequence[Leaving]) -> Freed:
        """Take files that were claimed away, links first, so that none ever dangles.

        Raises OSError where the disk refuses; what it did not let go stays, and has its turn again behind all others.
        """
        still_leaving = {each.file for each in self._inventory.leaving([each.file for each in claimed])}
        files = [each for each in claimed if each.file in still_leaving]
        outside = {each.outside for each in files if each.outside is not None}
        freed, gone = 0, 0
        try:
            links = self._inventory.links_of([each.file for each in files])
            self._view.unlink(links, self._store.root, outside)
            for each in files:
                freed += self._store.remove(each.key)
                gone += 1
        finally:
            self._view.close()
            self._inventory.gone([each.file for each in files[:gone]])
            self._inventory.stay(files[gone:], now())
        return Freed(gone, freed)

    def finish(self) -> None:
        """Remove what an engine that was killed had claimed."""
        self.remove(self._inventory.leaving())
