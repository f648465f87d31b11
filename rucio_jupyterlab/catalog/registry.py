"""Telling Rucio of new files: where they go, that they are there, and that they are to stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from ..did import Did
from ..errors import BadRequest, Failure, NotFound
from .answers import did_body, did_path

if TYPE_CHECKING:
    from ..accounts.client import RucioClient

_ALREADY_SO = frozenset(
    {
        *("DataIdentifierAlreadyExists", "DuplicateRule", "DuplicateContent", "FileAlreadyExists"),
        *("FileReplicaAlreadyExists", "Duplicate"),
    }
)


class FileAnswer(msgspec.Struct, frozen=True):
    """Size and checksum as Rucio has them."""

    did_type: str
    bytes: int | None = None
    adler32: str | None = None


class Registry:
    """Writes for the account that is signed in. What is so already stays so.

    All raise SignInNeeded, Denied, NotFound, BadRequest, RucioUnreachable and RucioRefused.
    """

    def __init__(self, client: RucioClient) -> None:
        self._client = client

    def place_of(self, rse: str, did: Did, scheme: str) -> str:
        """The PFN that a new replica of a file shall have."""
        lfn = str(did)
        path = f"rses/{quote(rse, safe='')}/lfns2pfns"
        asked = {"lfn": lfn, "scheme": scheme, "operation": "write", "domain": "wan"}
        found = self._client.ask(path, dict[str, str], params=asked)
        if lfn not in found:
            raise NotFound(f"Rucio names no place for {did} at {rse}.")
        return found[lfn]

    def file(self, did: Did) -> FileAnswer | None:
        """What Rucio knows of a file; None where there is none. Raises BadRequest for a collection too."""
        try:
            known = self._client.ask(did_path(did, "meta"), FileAnswer)
        except NotFound:
            return None
        if known.did_type != "FILE":
            raise BadRequest(f"{did} is a collection.")
        return known

    def ensure_dataset(self, dataset: Did) -> None:
        """Make it where it is missing."""
        with _if_not_so_already():
            self._client.tell(did_path(dataset), {"type": "DATASET"})

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

    def add_replica(self, rse: str, did: Did, size: int, adler32: str) -> None:
        """A file of `size` bytes is there now; where Rucio does not know the file, it becomes a DID."""
        file = did_body(did) | {"bytes": size, "adler32": adler32}
        with _if_not_so_already():
            self._client.tell("replicas", {"rse": rse, "files": [file], "ignore_availability": True})

    def attach(self, dataset: Did, file: Did) -> None:
        with _if_not_so_already():
            self._client.tell(did_path(dataset, "dids"), {"dids": [did_body(file)]})


@contextmanager
def _if_not_so_already() -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        if failure.exception not in _ALREADY_SO:
            raise
