"""From a job's DIDs to files in the journal. Runs in a thread of its own: it waits for Rucio.

The replicas are read as a stream, and each batch is handed over as soon as it is there, so that the
first transfer starts before the last replica has come.
"""

from __future__ import annotations

import fnmatch
import heapq
import posixpath
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from ..catalog.catalog import Catalog
from ..catalog.model import Description, FileReplicas
from ..catalog.reach import CS3, HTTP_SCHEMES, READABLE_SCHEMES, ROOT_SCHEMES
from ..catalog.replicas import Ahead
from ..config import Instance, Options
from ..did import Did
from ..engine.protocol import SUMMARIES_LIMIT
from ..errors import Failure, Problem
from ..installing import install_command
from ..sources.checksum import normalized_adler32
from ..sources.clouds import is_installed
from ..sources.posix import mounted_file
from .journal import Journal, now
from .layout import collection_path, file_path, object_key
from .model import JobRequest, TransferState
from .rows import Known, PlannedFile
from .store import Store, shared_object

BATCH = 500
FIRST_BATCH_SECONDS, BATCH_SECONDS = 0.005, 0.1
"""Each batch is waited for twice as long as the one before: the first connections are made as soon as can be."""

NO_WAY: dict[str, Problem] = {
    "tape": Problem(
        "tape", "The file is on tape only. Ask for a copy on disk with a rule, then stage it.", "recall"
    ),
    "in-archive": Problem(
        "in-archive", "The file lies inside a zip archive, out of which it cannot be taken yet.", "none"
    ),
    "no-replica": Problem("no-replica", "Rucio knows no available replica of the file.", "wait"),
}


class Overview(msgspec.Struct, frozen=True):
    """What a job is about, before its files are read."""

    files: int
    bytes: int
    growing: bool
    path: str
    """View path, relative: the folder of the collection, or the file; of several DIDs the folder around them."""
    descriptions: list[Description]
    """Of each DID, so that Rucio is asked once."""
    ahead: Ahead | None
    """The answer about the files of a single DID."""

    def close(self) -> None:
        """There will be no plan for now."""
        if self.ahead is not None:
            self.ahead.close()


class Terms(msgspec.Struct, frozen=True):
    """What a plan is read by."""

    request: JobRequest
    instance: Instance
    options: Options
    prefix: str
    """Stands before every view path."""


class Batch(msgspec.Struct, frozen=True):
    """Files that were just written into the journal."""

    files: list[PlannedFile]
    first: int
    """The least of their numbers."""


class Planner:
    """Reads plans; one instance serves all jobs, from several threads."""

    def __init__(self, catalog: Catalog, journal: Journal, store: Store) -> None:
        self._catalog = catalog
        self._journal = journal
        self._store = store

    @property
    def store_path(self) -> str:
        """Where it looks for what is here already."""
        return self._store.root

    def overview(self, request: JobRequest, prefix: str) -> Overview:
        """Sizes and the place in the view. Raises what the catalogue raises."""
        if request.rse is not None:
            self._catalog.expect_rse(request.instance, request.rse)
        first = request.dids[0]
        ahead = self._catalog.ask_ahead(request.instance, first) if len(request.dids) == 1 else None
        try:
            descriptions = self._catalog.describe(request.instance, request.dids)
        except Failure:
            if ahead is not None:
                ahead.close()
            raise
        files = sum(min(each.files, request.first or each.files) for each in descriptions)
        size = sum(_share(each, request.first) for each in descriptions)
        return Overview(
            files,
            size,
            any(each.open for each in descriptions),
            prefix + posixpath.commonpath([collection_path(did.scope, did.name) for did in request.dids]),
            descriptions,
            ahead,
        )

    def narrowed(self, request: JobRequest, overview: Overview) -> Overview:
        """With the size of what matches the request's pattern: all names are read. Raises what the catalogue raises."""
        overview.close()  # it would not be read meanwhile
        sizes = [size for each in overview.descriptions for size in self._sizes_of_matching(request, each)]
        return msgspec.structs.replace(overview, files=len(sizes), bytes=sum(sizes), ahead=None)

    def _sizes_of_matching(self, request: JobRequest, description: Description) -> list[int]:
        one_file = description.type == "file"
        named = [(description.did, description.bytes)]
        found = iter(named) if one_file else self._catalog.sizes(request.instance, description.did)
        sizes = {
            did: size for did, size in found if _matches(did, request.pattern)
        }  # a file may be named twice
        first = heapq.nsmallest(request.first or len(sizes), sizes, key=lambda did: did.name)
        return [sizes[did] for did in first]

    def staged(self, request: JobRequest) -> int:
        """How many files of the request appear in the views already."""
        return sum(
            self._journal.inventory.staged_in(request.instance, did)
            or bool(self._journal.inventory.staged_as(request.instance, did))
            for did in request.dids
        )

    def any_is_near(self, request: JobRequest) -> bool:
        """Whether any of it can be had at once: nobody is asked to confirm what only tape holds."""
        dids = request.dids[:SUMMARIES_LIMIT]
        summaries = self._catalog.summarize(request.instance, dids)
        return any(summary.reach in ("http", "mount") for summary in summaries)

    def plan(
        self, job: str, terms: Terms, overview: Overview, stop: threading.Event, grew: Callable[[Batch], None]
    ) -> None:
        """Write all files of the request into the journal; returns early where `stop` is set.

        Raises what the catalogue raises, NoSpace, and the OSError of a store that cannot be looked into.
        """
        self._journal.begin_plan(job)
        for collection, found in self._found(terms.request, overview):
            for batch in _batches(found):
                if stop.is_set():
                    return
                planned = self._classify_all(batch, collection, terms)
                grew(Batch(planned, self._journal.admit(job, planned, now())))
        self._journal.finish_plan(job)

    def _found(
        self, request: JobRequest, overview: Overview
    ) -> Iterator[tuple[Did | None, Iterator[FileReplicas]]]:
        """The files of each collection; those that are asked for by name come together, as of None."""
        alone = [each.did for each in overview.descriptions if each.type == "file"]
        if len(alone) > 1:
            named = self._catalog.files_of(request.instance, alone, request.rse)
            yield None, _matching(named, request.pattern)
        for description in overview.descriptions:
            if description.type == "file" and len(alone) > 1:
                continue
            files = self._catalog.files(request.instance, description, request.rse, overview.ahead)
            collection = None if description.type == "file" else description.did
            yield collection, _first(_matching(files, request.pattern), request.first)

    def fresh_addresses(self, instance: str, dids: Sequence[Did], rse: str | None) -> Iterator[FileReplicas]:
        """The replicas of files asked anew, where signed addresses have lapsed."""
        return self._catalog.files_of(instance, dids, rse)

    def _classify_all(
        self, batch: list[FileReplicas], collection: Did | None, terms: Terms
    ) -> list[PlannedFile]:
        keys = [object_key(terms.request.instance, file.did) for file in batch]
        known = self._journal.known(keys)
        return [
            self._classify(file, key, known.get(key), collection, terms)
            for file, key in zip(batch, keys, strict=True)
        ]

    def _classify(
        self, file: FileReplicas, key: str, noted: Known | None, collection: Did | None, terms: Terms
    ) -> PlannedFile:
        in_store = self._is_here(key, file, noted)
        outside = None if in_store else _outside(key, file, terms)
        here = in_store or outside is not None
        state: TransferState = "done" if here else _state_of(file, terms)
        folder = None if collection is None else collection.name
        return PlannedFile(
            key=key,
            instance=terms.request.instance,
            did=file.did,
            bytes=file.bytes,
            adler32=file.adler32,
            md5=file.md5,
            state=state,
            pfns=[] if here else [pfn for pfn in file.pfns if pfn.scheme in READABLE_SCHEMES],
            path=terms.prefix + file_path((collection or file.did).scope, folder, file.did.name),
            here=here,
            outside=outside,
            problem=_problem_of(state, file, terms),
            collection=collection,
            missed=not here and noted is not None and noted.state == "done",
        )

    def _is_here(self, key: str, file: FileReplicas, known: Known | None) -> bool:
        """In the store, and still what the catalogue says: a name can be made again with other bytes."""
        if known is None or known.state != "done" or known.outside is not None:
            return False
        if known.md5 != file.md5 or normalized_adler32(known.adler32) != normalized_adler32(file.adler32):
            return False
        return file.bytes in (None, known.bytes) and self._store.size(key) == known.bytes


def _outside(key: str, file: FileReplicas, terms: Terms) -> str | None:
    """Where it can be opened without being copied: in a shared store, or on a mount."""
    shared, mounts = terms.options.shared_stores, terms.options.mounts
    return shared_object(shared, key, file.bytes) or mounted_file(
        file.pfns, terms.instance, mounts, file.bytes
    )


def _state_of(file: FileReplicas, terms: Terms) -> TransferState:
    """What can be done for a file that is not here; downloading is offered only where it can work."""
    state = _way_of(file)
    if state == "queued" and terms.instance.mode == "replica" and not terms.request.download:
        return "not-mounted"
    return state


def _way_of(file: FileReplicas) -> TransferState:
    """How a file could be fetched."""
    own = [pfn for pfn in file.pfns if not pfn.in_archive]
    disk = [pfn for pfn in own if pfn.media == "disk"]
    if any(pfn.scheme in HTTP_SCHEMES or (pfn.scheme == CS3 and is_installed()) for pfn in disk):
        return "queued"
    if disk:
        return "root-only"
    if own:
        return "tape"
    return "in-archive" if file.pfns else "no-replica"


def _problem_of(state: TransferState, file: FileReplicas, terms: Terms) -> Problem | None:
    if state == "not-mounted":
        return Problem(
            "not-mounted",
            f"The file is not on {terms.instance.destination_rse}, which is mounted here."
            " It can be downloaded instead.",
            "choose",
        )
    if state == "root-only":
        schemes = sorted({pfn.scheme for pfn in file.pfns if pfn.media == "disk" and not pfn.in_archive})
        if CS3 in schemes:
            sentence = f"The file is reachable only by CS3; run `{install_command('cs3')}`."
            return Problem(state, sentence, "configure")
        way = "xrootd" if set(schemes) <= ROOT_SCHEMES else ", ".join(schemes)
        return Problem(
            state, f"The file is reachable only by {way}, which cannot be read here yet.", "choose"
        )
    if state == "no-replica" and terms.request.rse is not None:
        sentence = f"Rucio knows no available replica of the file at {terms.request.rse}."
        return Problem(state, sentence, "choose")
    return NO_WAY.get(state)


def _matching(files: Iterable[FileReplicas], pattern: str | None) -> Iterator[FileReplicas]:
    return (file for file in files if _matches(file.did, pattern))


def _matches(did: Did, pattern: str | None) -> bool:
    return pattern is None or fnmatch.fnmatchcase(did.name, pattern)


def _first(files: Iterator[FileReplicas], count: int | None) -> Iterator[FileReplicas]:
    return files if count is None else iter(heapq.nsmallest(count, files, key=lambda file: file.did.name))


def _batches(files: Iterator[FileReplicas]) -> Iterator[list[FileReplicas]]:
    """Cut a stream into batches of at most `BATCH` files or `BATCH_SECONDS`, the first of one file."""
    batch: list[FileReplicas] = []
    due, seconds = 0.0, FIRST_BATCH_SECONDS
    for file in files:
        batch.append(file)
        if len(batch) >= BATCH or time.monotonic() >= due:
            yield batch
            batch = []
            due = time.monotonic() + seconds
            seconds = min(BATCH_SECONDS, 2 * seconds)
    if batch:
        yield batch


def _share(description: Description, first: int | None) -> int:
    """Bytes that the first files may have, by the mean."""
    if first is None or first >= description.files:
        return description.bytes
    return description.bytes * first // max(1, description.files)
