"""What the disk itself tells: the start of a fresh journal, and the sweeping of parts that nobody wants."""

from __future__ import annotations

import contextlib
import fnmatch
import heapq
import itertools
import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ..did import Did
from .jobs import JobRecord
from .journal import Journal
from .layout import collection_path, instance_folder, origin
from .rows import FoundLink
from .store import Store


def rebuild(
    journal: Journal, store: Store, views: str, instances: Sequence[str], ended: Sequence[JobRecord]
) -> None:
    """Take the objects of the store, the links of the views and the jobs that have ended into a fresh journal.

    What an ended job counts as done is corrected in its record, for only what lies on the disk is done.
    """
    objects = [(key, state.st_size, state.st_mtime) for key, state in store.objects()]
    links = [_recognised(path, key, instances) for path, key in _links(views, store.root)]
    owned: dict[tuple[str | None, Did], list[FoundLink]] = defaultdict(list)
    for link in links:
        if link.did is not None:
            owned[link.instance, link.collection or link.did].append(link)
    journal.take_in(objects, links, {record.id: _links_of(record, owned) for record in ended})
    for record in ended:
        _correct(record, views)
        if record.pinned:
            journal.inventory.pin(record.id)


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
                path, key = os.path.relpath(link, views), os.path.basename(target)
                if target.startswith(objects + "/") and _is_text(path + key):
                    yield path, key


def _is_text(name: str) -> bool:
    """Whether its bytes on the disk are UTF-8, as all names of ours are, and the journal's have to be."""
    return name.encode("utf-8", "ignore").decode() == name


def _recognised(path: str, key: str, instances: Sequence[str]) -> FoundLink:
    for instance in instances:
        # There may have been more instances, or fewer, when it was made.
        for below in (path, path.removeprefix(f"{instance_folder(instance)}/")):
            if found := origin(below, key, instance):
                return FoundLink(path, key, instance, *found)
    return FoundLink(path, key)


def _links_of(
    record: JobRecord, owned: Mapping[tuple[str | None, Did], Sequence[FoundLink]]
) -> list[FoundLink]:
    """Those that a job made, of what can be recognised."""
    request, found = record.request, list[FoundLink]()
    most = request.first
    if most is not None and record.counts is not None:
        most = min(most, record.counts.files_done)
    for wanted in request.dids:
        files = [
            (link.did.name, link.path, link)
            for link in owned.get((request.instance, wanted), ())
            if link.did is not None
            and (request.pattern is None or fnmatch.fnmatchcase(link.did.name, request.pattern))
        ]
        chosen = files if most is None else heapq.nsmallest(most, files)
        found += [link for _, _, link in chosen]
    return found


def _correct(record: JobRecord, views: str) -> None:
    """Count as done only what can be opened."""
    if record.counts is None:
        return
    folders = [collection_path(did.scope, did.name) for did in record.request.dids]
    # There may have been more instances, or fewer, when it was staged.
    folders += [f"{instance_folder(record.request.instance)}/{folder}" for folder in folders]
    sizes = [size for folder in folders for size in _openable(os.path.join(views, folder))]
    if len(sizes) < record.counts.files_done:
        record.counts = msgspec.structs.replace(
            record.counts,
            files_done=len(sizes),
            bytes_done=sum(sizes),
            files_unverified=min(len(sizes), record.counts.files_unverified),
        )


def _openable(path: str) -> Iterator[int]:
    """Sizes of a file, or of the files below a folder, that can be opened."""
    inside = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    for each in itertools.chain([path], inside):
        with contextlib.suppress(OSError):
            state = os.stat(each)
            if stat.S_ISREG(state.st_mode):
                yield state.st_size
