"""What of a collection is here because a larger one was staged, in whose folder its files lie."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ..catalog.catalog import Catalog
from ..did import Did
from .inventory import Inventory
from .layout import object_key

BATCH = 500


class Inside:
    """Waits for Rucio; may be called from any thread."""

    def __init__(self, catalog: Catalog, inventory: Inventory) -> None:
        self._catalog = catalog
        self._inventory = inventory

    def count(self, instance: str, did: Did) -> int:
        """How many files of a collection are here in folders of collections that hold it.

        Rucio is asked for its files only where something of such a collection was staged. Raises what
        the catalogue raises.
        """
        if not self._inventory.shows_anything():
            return 0
        above = self._catalog.ancestors(instance, did)
        if not any(self._inventory.staged_in(instance, one) for one in above):
            return 0
        return sum(self._inventory.here(keys) for keys in self._batches(instance, did))

    def _batches(self, instance: str, did: Did) -> Iterator[list[str]]:
        names = self._catalog.names(instance, did)
        while batch := [object_key(instance, file) for file in islice(names, BATCH)]:
            yield batch
