"""Where files are: Rucio's stream of replicas, complete or told to be cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..did import Did
from ..errors import NotFound, RucioUnreachable
from .answers import FileLine, PfnValue, ReplicaLine, did_body, did_path, whole
from .model import Description, FileReplicas, Pfn
from .rses import Rse, Rses

if TYPE_CHECKING:
    from ..accounts.client import Lines, RucioClient

SCHEMES = (
    "https",
    "davs",
    "http",
    "dav",
    "cs3",
    "s3",
    "s3s",
    "root",
    "roots",
    "xroot",
    "file",
    "srm",
    "gsiftp",
)
"""Asked for by name: without, Rucio gives one protocol for each RSE."""
_BATCH = 500
_MULTIRANGE = "&#multirange="
"""Begins what Rucio appends for one storage system's own client; it is not part of the address."""


class Ahead:
    """Rucio's answer about a DID's replicas, asked for while it is not yet known whether it is wanted.

    Whoever needs the DID's description first so waits for one answer instead of two.
    """

    def __init__(self, client: RucioClient, did: Did) -> None:
        thread = ThreadPoolExecutor(1, "ahead")
        self._lines = thread.submit(_stream_of_replicas, client, [did])
        thread.shutdown(wait=False)

    def items(self) -> Iterator[ReplicaLine]:
        """To be read once; raises what asking raises."""
        return self._lines.result().items(ReplicaLine)

    def close(self) -> None:
        """Nobody reads it: end the question at Rucio."""
        self._lines.add_done_callback(_close)


def _close(lines: Future[Lines]) -> None:
    if lines.exception() is None:
        lines.result().close()


def replicas_of(
    client: RucioClient, description: Description, lines: Iterable[ReplicaLine]
) -> Iterator[ReplicaLine]:
    """Every file of a DID once, with its replicas, as they arrive; `lines` are Rucio's answer about the DID.

    Rucio leaves files without replica out of a collection's answer, and cannot say that an answer was
    cut short; so whatever the collection's own list of files has more is asked for by name. Raises
    RucioUnreachable for an answer that is not whole.
    """
    seen: set[int] = set()  # hashes: a million files take 70 MB, their names five times as much
    for line in lines:
        if _is_new(seen, line.scope, line.name):
            yield line
    if description.type == "file":
        if not seen:
            raise NotFound(f"Rucio has no file {description.did}.")
    elif description.open or len(seen) < description.files:
        yield from _left_out(client, description.did, seen)


def _left_out(client: RucioClient, collection: Did, seen: set[int]) -> Iterator[ReplicaLine]:
    listed = client.items(did_path(collection, "files"), FileLine)
    missing = (Did(line.scope, line.name) for line in listed if _is_new(seen, line.scope, line.name))
    yield from replicas_of_files(client, missing)


def replicas_of_files(client: RucioClient, dids: Iterable[Did]) -> Iterator[ReplicaLine]:
    """Files that are named, each with its replicas; raises RucioUnreachable where one is left out."""
    left = iter(dids)
    while batch := list(islice(left, _BATCH)):
        lines = list(ask_replicas(client, batch))
        if {Did(line.scope, line.name) for line in lines} != set(batch):
            raise RucioUnreachable(f"{client.instance.display_name} did not tell about every file.")
        yield from lines


def _is_new(seen: set[int], scope: str, name: str) -> bool:
    """Whether a file is new; it is no longer, then."""
    mark = hash((scope, name))
    if mark in seen:
        return False
    seen.add(mark)
    return True


def ask_replicas(
    client: RucioClient, dids: Iterable[Did], *, suspended: bool = False
) -> Iterator[ReplicaLine]:
    """Rucio's own answer: of collections the files with replicas, of files all.

    `suspended` asks for replicas where nobody may read for now, too.
    """
    yield from _stream_of_replicas(client, dids, suspended).items(ReplicaLine)


def _stream_of_replicas(client: RucioClient, dids: Iterable[Did], suspended: bool = False) -> Lines:
    body: dict[str, Any] = {
        "dids": [did_body(did) for did in dids],
        "schemes": SCHEMES,
        "all_states": True,
        "ignore_availability": suspended,
    }
    if client.instance.site_name:
        body["client_location"] = {"site": client.instance.site_name}
    return client.stream("replicas/list", body=body)


def file_replicas(client: RucioClient, rses: Rses, line: ReplicaLine, rse: str | None = None) -> FileReplicas:
    """A file with its available addresses, of one RSE alone if told so."""
    wanted = [
        (url, value)
        for url, value in line.pfns.items()
        if line.states.get(value.rse) == "AVAILABLE" and rse in (None, value.rse)
    ]
    rses.expect(client, (value.rse for _, value in wanted))
    return FileReplicas(
        did=Did(line.scope, line.name),
        bytes=whole(line.bytes),
        adler32=line.adler32 or None,
        md5=line.md5 or None,
        pfns=[pfn_of(rses.get(client, value.rse), url, value) for url, value in wanted],
    )


def pfn_of(rse: Rse, url: str, value: PfnValue) -> Pfn:
    """An address as Rucio's answer has it, with what its RSE says."""
    return Pfn(
        url=url.partition(_MULTIRANGE)[0],
        rse=rse.name,
        scheme=url.partition("://")[0].lower(),
        media="tape" if value.type == "TAPE" else "disk",
        in_archive=value.domain == "zip",
        hosts=rse.hosts,
        takes_tokens=rse.takes_tokens,
        is_local=value.domain == "lan",
    )
