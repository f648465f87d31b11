"""What the rows in sight show beyond their names, in few questions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from ..did import Did
from ..errors import Failure, SignInNeeded
from .answers import BulkLine, ContentLine, DatasetReplicaLine, did_path, path_segments, whole
from .bulk import bulk_lines, described
from .model import Description, DidSummary, Reach
from .reach import best, reach_of_pfn, reach_of_schemes
from .recent import Recent
from .replicas import ask_replicas, file_replicas
from .rses import Rse, Rses

if TYPE_CHECKING:
    from ..accounts.client import RucioClient

_FRESH = 30.0
_MOST = 2_000
_SIDE_BY_SIDE = 6
_DATASETS = 20
"""Of a large container, where its first datasets are stands for all."""


class Summarizer:
    """Thread-safe. `describe` counts an open collection or a container down to its files."""

    def __init__(self, rses: Rses, describe: Callable[[RucioClient, Did], Description]) -> None:
        self._rses = rses
        self._describe = describe
        self._recent: Recent[tuple[str, Did], DidSummary] = Recent(_FRESH, _MOST)

    def summarize(self, client: RucioClient, dids: Sequence[Did], mounts: Sequence[str]) -> list[DidSummary]:
        """One for each of `dids`, in their order; unknown ones have nothing.

        What cannot be counted or located has what Rucio's columns say, and is asked about again the next time.
        Raises SignInNeeded, and the Failure where nothing at all was told.
        """
        name = client.instance.name
        known = {did: summary for did in dids if (summary := self._recent.get((name, did)))}
        asked = [did for did in dict.fromkeys(dids) if did not in known]
        lines = bulk_lines(client, asked) if asked else {}
        failure: Failure | None = None
        for told in self._ask(client, lines.values(), mounts):
            if isinstance(told, Failure):
                failure = told
            else:
                known[told.did] = self._recent.put((name, told.did), told)
        if failure is not None and not known:
            raise failure
        columns = {did: _of_columns(line) for did, line in lines.items()}
        return [known.get(did) or columns.get(did) or _unknown(did) for did in dids]

    def _ask(
        self, client: RucioClient, lines: Collection[BulkLine], mounts: Sequence[str]
    ) -> Iterator[DidSummary | Failure]:
        """Each summary, or why there is none: one DID that fails takes no other with it."""
        try:
            yield from self._files(client, [line for line in lines if line.type == "file"], mounts)
        except SignInNeeded:
            raise
        except Failure as failure:
            yield failure
        collections = [line for line in lines if line.type != "file"]
        if collections:
            with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="summary") as pool:
                yield from pool.map(lambda line: self._collection(client, line), collections)

    def _files(
        self, client: RucioClient, lines: Iterable[BulkLine], mounts: Sequence[str]
    ) -> Iterator[DidSummary]:
        """All files in one question: for Rucio it is hardly more work than one file."""
        sizes = {line.did: whole(line.bytes) or 0 for line in lines}
        for answer in ask_replicas(client, sizes) if sizes else ():
            file = file_replicas(client, self._rses, answer)
            where: dict[str, Reach] = {}
            for pfn in file.pfns:
                reach = reach_of_pfn(pfn, client.instance, mounts)
                where[pfn.rse] = best([reach, where.get(pfn.rse, "none")])
            yield _summary(Description(file.did, "file", sizes.get(file.did, 0), 1, open=False), where)

    def _collection(self, client: RucioClient, line: BulkLine) -> DidSummary | Failure:
        try:
            description = described(line) or self._describe(client, line.did)
            return _summary(description, self._rses_of(client, line))
        except SignInNeeded:
            raise
        except Failure as failure:
            return failure

    def _rses_of(self, client: RucioClient, line: BulkLine) -> dict[str, Reach]:
        """The RSEs that have something of a collection, each with how it can be reached."""
        found: dict[str, Reach] = {}
        for dataset in islice(_datasets(client, line.did, line.type == "dataset"), _DATASETS):
            path = "/".join(("replicas", *path_segments(dataset), "datasets"))
            for replica in client.items(path, DatasetReplicaLine, params={"deep": "True"}):
                if replica.available_length and replica.rse not in found:
                    found[replica.rse] = self._reach(client, self._rses.get(client, replica.rse))
        return found

    def _reach(self, client: RucioClient, rse: Rse) -> Reach:
        if rse.suspended:
            return "none"
        return reach_of_schemes(rse.name, rse.schemes, rse.media, client.instance)


def _summary(description: Description, where: dict[str, Reach]) -> DidSummary:
    return DidSummary(
        did=description.did,
        type=description.type,
        bytes=description.bytes,
        files=description.files,
        open=description.open,
        rses=len(where),
        reach=best(where.values()),
        staged_files=0,
    )


def _of_columns(line: BulkLine) -> DidSummary:
    """What is known without looking further. That it cannot be had is not: who stages it is told what is so."""
    row = line.row()
    files = 1 if row.type == "file" else row.files
    is_open = bool(line.is_open)
    return DidSummary(row.did, row.type, row.bytes, files, open=is_open, rses=0, reach="http", staged_files=0)


def _unknown(did: Did) -> DidSummary:
    return DidSummary(did, "file", None, None, open=False, rses=0, reach="none", staged_files=0)


def _datasets(client: RucioClient, did: Did, is_dataset: bool) -> Iterator[Did]:
    """The datasets below a DID, itself if it is one."""
    if is_dataset:
        yield did
        return
    for line in client.items(did_path(did, "dids"), ContentLine):
        yield from _datasets(client, Did(line.scope, line.name), line.type == "DATASET")
