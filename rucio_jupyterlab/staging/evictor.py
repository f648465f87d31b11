"""Making room: what may leave the store, and the user's own wish to remove a DID."""

from __future__ import annotations

import threading

from ..did import Did
from ..engine.protocol import Freed
from ..errors import Conflict
from .journal import Journal
from .layout import collection_path
from .publisher import Publisher
from .store import Store
from .views import View

ROWS = 200


class Evictor:
    """Called from any thread; links are removed in the publisher's thread, which alone touches the view."""

    def __init__(self, journal: Journal, store: Store, view: View, publisher: Publisher) -> None:
        self._journal = journal
        self._store = store
        self._view = view
        self._publisher = publisher

    def lacking(self, needed: int, quota: int, holding: list[str]) -> int:
        """Bytes that are still lacking below the quota after the least recently used files are gone.

        What one of the jobs `holding` wants, or a pin holds, stays.
        """
        _, used, _ = self._journal.usage()
        lacking = used + needed - quota
        while lacking > 0:
            rows = self._journal.evictable(holding, ROWS)
            if not rows:
                break
            for number, key, size in rows:
                if lacking <= 0:
                    break
                self._remove(number, key)
                lacking -= size or 0
        return lacking

    def evict(self, instance: str, did: Did, prefix: str, holding: list[str]) -> Freed:
        """Remove a DID's files. Raises Conflict where an unfinished job or a pin holds any of them."""
        folder = prefix + collection_path(did.scope, did.name)
        rows = self._journal.files_of(instance, did, folder)
        if any(self._journal.held(number, holding) for number, _, _ in rows):
            raise Conflict(
                "A running job or a pin holds files of this DID. Cancel the job or unpin them first."
            )
        freed = sum(self._remove(number, key) for number, key, _ in rows)
        return Freed(len(rows), freed)

    def staged(self, instance: str, dids: list[Did], prefix: str) -> dict[Did, tuple[int, str | None]]:
        """Of each DID, how many files are staged, and its path in the view."""
        found: dict[Did, tuple[int, str | None]] = {}
        for did in dids:
            folder = prefix + collection_path(did.scope, did.name)
            below = self._journal.staged_below(folder)
            if below:
                found[did] = (below, f"{self._view.root}/{folder}")
            elif path := self._journal.staged_among(instance, did):
                found[did] = (1, f"{self._view.root}/{path}")
        return found

    def _remove(self, number: int, key: str) -> int:
        """Links first, so that none ever dangles."""
        links = self._journal.links_of(number)
        gone = threading.Event()

        def unlink() -> None:
            for path in links:
                self._view.unlink(path, self._store.root)
            gone.set()

        self._publisher.call(unlink)
        gone.wait(30)
        freed = self._store.remove(key)
        self._journal.evicted(number)
        return freed
