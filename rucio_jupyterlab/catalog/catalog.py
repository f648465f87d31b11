"""Questions to Rucio: the face of this room for the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..accounts.accounts import Accounts
from ..did import Did
from ..engine.protocol import ListScopes, OpenListing
from ..errors import BadRequest, RucioUnreachable
from .answers import (
    ContentLine,
    DidAnswer,
    FileLine,
    RuleLine,
    SearchLine,
    description_path,
    did_path,
    path_segment,
    whole,
)
from .bulk import bulk_lines, described
from .composed import JoinedSearch, PastedDids
from .listing import Answer, Listings
from .model import (
    ContentQuery,
    Description,
    DidListQuery,
    DidRow,
    DidSummary,
    FileReplicas,
    ListingPage,
    Metadata,
    ReplicaTable,
    Rule,
    Scopes,
    SearchQuery,
)
from .recent import Recent
from .replicas import Ahead, ask_replicas, file_replicas, replicas_of, replicas_of_files
from .rses import Rse, Rses
from .search import column_parameters, has_wildcards, json_parameters
from .summaries import Summarizer
from .tables import replica_table

if TYPE_CHECKING:
    from ..accounts.client import RucioClient

_LARGEST_SUMMARY = _LARGEST_BULK = 100
_SIDE_BY_SIDE = 6
_SCOPES_FRESH = 300.0
_PARENTS_FRESH = 60.0
_TABLE_SECONDS = 80.0
"""For one table of replicas: whoever asked the engine for it soon gives up."""
_TOO_LARGE_FRESH = 600.0
"""For so long nobody tries again to count what could not be counted in that time."""
_LARGE_TABLE, _LARGE_TABLE_FRESH = 10_000, 30.0
"""From so many files on, which take seconds, a table is kept so long. Smaller ones are always read anew: a job may
just have made replicas."""


class Catalog:
    """Blocking and thread-safe; no call waits for Rucio without an end.

    All raise SignInNeeded, Denied, NotFound, BadRequest, RucioUnreachable and RucioRefused.
    """

    def __init__(self, accounts: Accounts, spool: Path) -> None:
        self._accounts = accounts
        self._listings = Listings(spool)
        self._rses = Rses(accounts)
        self._summarizer = Summarizer(self._rses, _describe)
        self._scopes: Recent[tuple[str, str, bool], list[str]] = Recent(_SCOPES_FRESH, 64)
        self._parents: Recent[tuple[str, Did], list[Did]] = Recent(_PARENTS_FRESH, 2_000)
        self._large_tables: Recent[tuple[int, Did], ReplicaTable] = Recent(_LARGE_TABLE_FRESH, 64)
        self._too_large: Recent[tuple[int, Did], str] = Recent(_TOO_LARGE_FRESH, 64)

    def close(self) -> None:
        """End all listings."""
        self._listings.close_all()
        self._rses.close()

    # Listings

    def open_listing(self, request: OpenListing) -> ListingPage:
        """Ask, and give the first page; the rest is spooled as it arrives."""
        if isinstance(request.query, SearchQuery) and has_wildcards(request.query.scope or "*"):
            raise BadRequest(
                "Name a scope: what is looked for is scope:name, with * for any text in the name."
            )
        client = self._accounts.client(request.instance)
        ask, decode = _question(client, request.query)
        return self._listings.open(ask, decode, request.limit)

    def read_listing(self, listing_id: str, offset: int, limit: int) -> ListingPage:
        """A page of what has arrived. Raises NotFound for a listing that has expired."""
        return self._listings.read(listing_id, offset, limit)

    def close_listing(self, listing_id: str) -> None:
        """End the question at Rucio and forget the answer."""
        self._listings.close(listing_id)

    # One DID

    def describe(self, instance: str, dids: Sequence[Did]) -> list[Description]:
        """Type, bytes and files of each, counted now even where it is open; several are asked about together."""
        client = self._accounts.client(instance)
        if len(dids) == 1:
            return [_describe(client, dids[0])]
        known: dict[Did, Description | None] = {}
        for start in range(0, len(dids), _LARGEST_BULK):
            lines = bulk_lines(client, dids[start : start + _LARGEST_BULK])
            known |= {did: described(line) for did, line in lines.items()}
        with ThreadPoolExecutor(_SIDE_BY_SIDE, "description") as pool:
            return list(pool.map(lambda did: known.get(did) or _describe(client, did), dids))

    def summarize(self, instance: str, dids: Sequence[Did]) -> list[DidSummary]:
        """What the rows in sight show; nothing of it is staged as far as this room knows."""
        if len(dids) > _LARGEST_SUMMARY:
            raise BadRequest(f"Ask about at most {_LARGEST_SUMMARY} DIDs at once.")
        client = self._accounts.client(instance)
        return self._summarizer.summarize(client, dids, self._accounts.mounts(instance))

    def metadata(self, instance: str, did: Did) -> Metadata:
        """What all of Rucio's metadata plugins tell of a DID."""
        client = self._accounts.client(instance)
        values = client.ask(did_path(did, "meta"), dict[str, Any], params={"plugin": "ALL"})
        return Metadata(did, {key: values[key] for key in sorted(values) if values[key] is not None})

    def replicas(self, instance: str, did: Did) -> ReplicaTable:
        """Where the files are, RSE by RSE. Reads about 5,000 files a second, and gives up in time.

        The answer about a large collection serves for a while.
        """
        client = self._accounts.client(instance)
        key = (client.number, did)
        if (kept := self._large_tables.get(key)) is not None:
            return kept
        if (sentence := self._too_large.get(key)) is not None:
            raise RucioUnreachable(sentence, do="none")
        deadline = time.monotonic() + _TABLE_SECONDS
        mounts = self._accounts.mounts(instance)
        try:
            table = replica_table(client, self._rses, _describe(client, did), mounts, deadline)
        except RucioUnreachable as late:
            if late.remedy == "none":
                self._too_large.put(key, str(late))  # the failure itself would keep the answer open
            raise
        if table.files_total >= _LARGE_TABLE:
            self._large_tables.put(key, table)
        return table

    def rules(self, instance: str, did: Did) -> list[Rule]:
        """Rules on the DID; of a file, those of its datasets too."""
        client = self._accounts.client(instance)
        kind = _describe(client, did).type
        path = did_path(did, "associated_rules" if kind == "file" else "rules")
        return [line.rule() for line in client.items(path, RuleLine)]

    def ask_ahead(self, instance: str, did: Did) -> Ahead:
        """Begin the question that `files` will need; whoever does not read the answer closes it."""
        return Ahead(self._accounts.client(instance), did)

    def files(
        self, instance: str, did: Did | Description, rse: str | None = None, ahead: Ahead | None = None
    ) -> Iterator[FileReplicas]:
        """The files of a DID with their available addresses, as they arrive, each file once.

        Whoever has its description gives that, and Rucio is asked once less; likewise an answer that was
        asked for `ahead`. With `rse` only addresses there. Raises RucioUnreachable where the answer is
        cut: what came is right, but not all.
        """
        client = self._accounts.client(instance)
        description = did if isinstance(did, Description) else _describe(client, did)
        lines = ahead.items() if ahead else ask_replicas(client, [description.did])
        for line in replicas_of(client, description, lines):
            yield file_replicas(client, self._rses, line, rse)

    def files_of(self, instance: str, dids: Sequence[Did], rse: str | None = None) -> Iterator[FileReplicas]:
        """The same of file DIDs, asked for together."""
        client = self._accounts.client(instance)
        for line in replicas_of_files(client, dids):
            yield file_replicas(client, self._rses, line, rse)

    def names(self, instance: str, did: Did) -> Iterator[Did]:
        """The files of a collection, by name alone."""
        return (named for named, _ in self.sizes(instance, did))

    def sizes(self, instance: str, did: Did) -> Iterator[tuple[Did, int]]:
        """The files of a collection and their bytes, wherever they are; ten times as fast as `files`."""
        client = self._accounts.client(instance)
        for line in client.items(did_path(did, "files"), FileLine):
            yield Did(line.scope, line.name), whole(line.bytes) or 0

    def ancestors(self, instance: str, did: Did) -> list[Did]:
        """The collections that hold a DID, those that hold them, and so on; the nearest first."""
        client = self._accounts.client(instance)
        found: list[Did] = []
        waiting = [did]
        for below in waiting:  # which grows meanwhile
            parents = self._parents.get_or_ask((instance, below), partial(_parents, client, below))
            new = [parent for parent in parents if parent not in found]
            found += new
            waiting += new
        return found

    def rse(self, instance: str, name: str) -> Rse:
        """What Rucio knows of an RSE; asked at most once in five minutes. Raises RucioFault, too."""
        return self._rses.find(self._accounts.client(instance), name)

    def expect_rse(self, instance: str, name: str) -> None:
        """Ask about an RSE that will be needed soon; does not wait for the answer."""
        self._rses.expect(self._accounts.client(instance), [name])

    # Scopes

    def scopes(self, request: ListScopes) -> Scopes:
        """Scopes that hold the filter's text, those that begin with it first."""
        client = self._accounts.client(request.instance)
        key = (request.instance, client.account, request.writable)
        path = f"accounts/{path_segment(client.account)}/scopes/" if request.writable else "scopes/"
        known = self._scopes.get_or_ask(key, lambda: sorted(client.ask(path, list[str])))
        wanted = request.filter.lower()
        found = [scope for scope in known if wanted in scope.lower()]
        found.sort(key=lambda scope: not scope.lower().startswith(wanted))
        return Scopes(found[: request.limit], len(found))


def _describe(client: RucioClient, did: Did) -> Description:
    answer = client.ask(description_path(did), DidAnswer, params={"dynamic_depth": "FILE"})
    return Description(
        did=did,
        type=answer.did_type,
        bytes=whole(answer.bytes) or 0,
        files=1 if answer.did_type == "file" else whole(answer.length) or 0,
        open=bool(answer.open),
    )


def _parents(client: RucioClient, did: Did) -> list[Did]:
    """The collections that hold a DID itself."""
    return [Did(line.scope, line.name) for line in client.items(did_path(did, "parents"), FileLine)]


def _question(
    client: RucioClient, query: SearchQuery | ContentQuery | DidListQuery
) -> tuple[Callable[[], Answer], Callable[[bytes], DidRow]]:
    """How to ask a listing's question, and how to read a line of its answer."""
    if isinstance(query, DidListQuery):
        return (lambda: PastedDids(client, query.dids)), msgspec.json.Decoder(DidRow).decode
    if isinstance(query, ContentQuery):
        path = did_path(query.did, "dids")
        content = msgspec.json.Decoder(ContentLine)
        return (lambda: client.stream(path)), lambda line: content.decode(line).row()
    if has_wildcards(query.name) and query.name != "*" and not client.instance.wildcard_enabled:
        raise BadRequest(
            f"{client.instance.display_name} allows no wildcards in a search; write the whole name."
        )
    path = f"dids/{path_segment(query.scope)}/dids/search"
    rows, names = column_parameters(query), json_parameters(query)
    search = msgspec.json.Decoder(SearchLine)
    if names is not None:
        return (lambda: JoinedSearch(client, path, rows, names)), lambda line: search.decode(line).row()
    return (lambda: client.stream(path, params=rows)), lambda line: search.decode(line).row()
