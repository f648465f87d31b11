"""Telling Rucio of new files: where they go, that they are there, and that they are to stay."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from ..did import Did
from ..errors import BadRequest, Failure, NotFound
from .answers import BulkLine, did_body, did_path

if TYPE_CHECKING:
    from ..accounts.client import Params, RucioClient

_ALREADY_SO = frozenset(
    {
        *("DataIdentifierAlreadyExists", "DuplicateRule", "DuplicateContent", "FileAlreadyExists"),
        *("FileReplicaAlreadyExists", "Duplicate"),
    }
)


MOST_AT_ONCE = 500
"""DIDs in one question."""
LONGEST_QUERY = 3_000
"""Characters; some servers take no address above 4,000."""


class NewFile(msgspec.Struct, frozen=True):
    """A file that is at an RSE now."""

    did: Did
    bytes: int
    adler32: str


class Registry:
    """Writes for the account that is signed in. What is so already stays so.

    All raise SignInNeeded, Denied, NotFound, BadRequest, RucioUnreachable and RucioRefused.
    """

    def __init__(self, client: RucioClient) -> None:
        self._client = client

    def places(self, rse: str, dids: Sequence[Did], scheme: str) -> dict[Did, str]:
        """The PFN that each new replica shall have; no more than fit in one address."""
        path = f"rses/{quote(rse, safe='')}/lfns2pfns"
        asked: Params = {
            "lfn": [str(did) for did in dids],
            "scheme": scheme,
            "operation": "write",
            "domain": "wan",
        }
        found = self._client.ask(path, dict[str, str], params=asked)
        for did in dids:
            if str(did) not in found:
                raise NotFound(f"Rucio names no place for {did} at {rse}.")
        return {did: found[str(did)] for did in dids}

    def files(self, dids: Sequence[Did]) -> dict[Did, BulkLine]:
        """What Rucio knows of those files that it knows. Raises BadRequest where one is a collection."""
        known: dict[Did, BulkLine] = {}
        for start in range(0, len(dids), MOST_AT_ONCE):
            body = {"dids": [did_body(did) for did in dids[start : start + MOST_AT_ONCE]], "inherit": False}
            known |= {line.did: line for line in self._client.items("dids/bulkmeta", BulkLine, body=body)}
        for did, line in known.items():
            if line.type != "file":
                raise BadRequest(f"{did} is a collection.")
        return known

    def ensure_dataset(self, dataset: Did) -> None:
        """Make it where it is missing. Raises BadRequest where no files can be put into what is there."""
        try:
            self._client.tell(did_path(dataset), {"type": "DATASET"})
            return
        except Failure as failure:
            if not _is_so_already(failure):
                raise
        body = {"dids": [did_body(dataset)], "inherit": False}
        for line in self._client.items("dids/bulkmeta", BulkLine, body=body):
            if line.type != "dataset":
                raise BadRequest(f"{dataset} is a {line.type}; files can be put into a dataset alone.")
            if line.is_open is False:
                raise BadRequest(f"{dataset} is closed and takes no more files.")

    def ensure_rule(self, did: Did, rse: str) -> None:
        """Have one copy kept at the RSE, on this account's quota."""
        rule = {
            "dids": [did_body(did)],
            "copies": 1,
            "rse_expression": rse,
            "account": self._client.account,
            "grouping": "DATASET",
            "weight": None,
            "lifetime": None,
            "locked": False,
        }
        with _if_not_so_already():
            self._client.tell("rules/", rule)

    def add_replicas(self, rse: str, files: Sequence[NewFile]) -> None:
        """These files are there now; what Rucio does not know becomes a DID."""
        told = [did_body(file.did) | {"bytes": file.bytes, "adler32": file.adler32} for file in files]
        with _if_not_so_already():
            self._client.tell("replicas", {"rse": rse, "files": told, "ignore_availability": True})

    def attach(self, dataset: Did, files: Sequence[Did]) -> None:
        """These files are in the dataset, too."""
        attachment = did_body(dataset) | {"dids": [did_body(file) for file in files]}
        self._client.tell("dids/attachments", {"attachments": [attachment], "ignore_duplicate": True})


class Places:
    """Where new replicas go: a few dozen at a time, for Rucio is asked in an address. For several threads."""

    def __init__(self, dids: Iterable[Did], ask: Callable[[Sequence[Did]], dict[Did, str]]) -> None:
        """`ask` is not called yet, and by one thread at a time."""
        self._ask = ask
        self._beside = {did: together for together in in_short_queries(dids) for did in together}
        """With which others it is asked for."""
        self._found: dict[Did, str] = {}
        self._asking = threading.Lock()

    def of(self, did: Did) -> str:
        """The PFN; asks where that is needed. Raises what `ask` does."""
        if did not in self._found:
            with self._asking:
                if did not in self._found:
                    self._found |= self._ask(self._beside[did])
        return self._found[did]


def in_short_queries(dids: Iterable[Did]) -> Iterator[list[Did]]:
    """All of them, in groups that fit in an address."""
    group: list[Did] = []
    length = 0
    for did in dids:
        more = len(quote(str(did))) + len("&lfn=")
        if group and length + more > LONGEST_QUERY:
            yield group
            group, length = [], 0
        group.append(did)
        length += more
    if group:
        yield group


@contextmanager
def _if_not_so_already() -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        if not _is_so_already(failure):
            raise


def _is_so_already(failure: Failure) -> bool:
    return failure.exception in _ALREADY_SO
