"""What the disk itself tells: the start of a fresh journal, and the sweeping of parts that nobody wants."""

from __future__ import annotations

import os
from collections.abc import Iterator

from .journal import Journal
from .store import Store


def rebuild(journal: Journal, store: Store, views: str) -> None:
    """Take the objects of the store and the links of the views into a journal that knows nothing."""
    objects = [(key, state.st_size, state.st_mtime) for key, state in store.objects()]
    journal.take_in(objects, _links(views, store.root))


def sweep_orphans(journal: Journal, store: Store) -> None:
    """Remove parts of files that no job waits for."""
    # Parts first: one that is there now was admitted to the journal before.
    parts = list(store.parts())
    wanted = journal.wanted_keys()
    for key in parts:
        if key not in wanted:
            store.discard_part(key)


def _links(views: str, store: str) -> Iterator[tuple[str, str]]:
    """Path (relative) and key of every link in the views that leads into the store."""
    views, store = os.path.realpath(views), os.path.realpath(store)
    objects = os.path.join(store, "objects")
    for folder, folders, names in os.walk(views):
        folders[:] = [name for name in folders if os.path.join(folder, name) != store]
        for name in names:
            link = os.path.join(folder, name)
            if os.path.islink(link):
                target = os.path.normpath(os.path.join(folder, os.readlink(link)))
                if target.startswith(objects + "/"):
                    yield os.path.relpath(link, views), os.path.basename(target)
