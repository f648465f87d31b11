"""Rucio's answers as they come, one struct for each kind of line, and the paths that are asked."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from ..did import Did, DidType
from ..errors import BadRequest
from .model import DidRow, Rule

Type = Literal["FILE", "DATASET", "CONTAINER"]
_QUESTIONS = frozenset(
    {"associated_rules", "dids", "files", "follow", "guid", "history", "meta", "parents", "rules", "status"}
)
"""How addresses end that ask Rucio something about a DID."""
_TYPES: dict[str, DidType] = {"FILE": "file", "DATASET": "dataset", "CONTAINER": "container"}


class SearchLine(msgspec.Struct):
    scope: str
    name: str
    did_type: Type
    bytes: float | None = None
    length: float | None = None

    def row(self) -> DidRow:
        files = None if self.did_type == "FILE" else whole(self.length)
        return DidRow(Did(self.scope, self.name), _TYPES[self.did_type], whole(self.bytes), files)


class ContentLine(msgspec.Struct):
    scope: str
    name: str
    type: Type
    bytes: float | None = None
    adler32: str | None = None

    def row(self) -> DidRow:
        return DidRow(
            Did(self.scope, self.name), _TYPES[self.type], whole(self.bytes), adler32=self.adler32 or None
        )


class BulkLine(msgspec.Struct):
    scope: str
    name: str
    did_type: Type
    bytes: float | None = None
    length: float | None = None
    adler32: str | None = None
    is_open: bool | None = None

    @property
    def did(self) -> Did:
        return Did(self.scope, self.name)

    @property
    def type(self) -> DidType:
        return _TYPES[self.did_type]

    def row(self) -> DidRow:
        files = None if self.type == "file" else whole(self.length)
        return DidRow(self.did, self.type, whole(self.bytes), files, self.adler32 or None)


class FileLine(msgspec.Struct):
    scope: str
    name: str
    bytes: float | None = None


class DidAnswer(msgspec.Struct):
    scope: str
    name: str
    type: Type
    bytes: float | None = None
    length: float | None = None
    open: bool | None = None

    @property
    def did_type(self) -> DidType:
        return _TYPES[self.type]


class PfnValue(msgspec.Struct):
    rse: str
    type: Literal["DISK", "TAPE"]
    domain: str


class ReplicaLine(msgspec.Struct):
    scope: str
    name: str
    bytes: float | None = None
    adler32: str | None = None
    md5: str | None = None
    pfns: dict[str, PfnValue] = {}
    states: dict[str, str] = {}


class DatasetReplicaLine(msgspec.Struct):
    rse: str
    available_length: float | None = None


class Protocol(msgspec.Struct):
    scheme: str
    hostname: str | None = None
    port: int | None = None
    domains: dict[str, dict[str, int | None]] = {}
    extended_attributes: dict[str, Any] | None = None


class RseAnswer(msgspec.Struct):
    rse: str
    rse_type: Literal["DISK", "TAPE"] = "DISK"
    availability_read: bool | None = None
    protocols: list[Protocol] = []


class RuleLine(msgspec.Struct):
    id: str
    account: str
    rse_expression: str
    copies: int
    state: str
    locks_ok_cnt: int = 0
    locks_replicating_cnt: int = 0
    locks_stuck_cnt: int = 0
    expires_at: str | None = None
    error: str | None = None

    def rule(self) -> Rule:
        return Rule(
            self.id,
            self.account,
            self.rse_expression,
            self.copies,
            self.state,
            self.locks_ok_cnt,
            self.locks_replicating_cnt,
            self.locks_stuck_cnt,
            iso(self.expires_at),
            self.error,
        )


def whole(number: float | None) -> int | None:
    """A count; on PostgreSQL Rucio sends sums as 500000.0."""
    return None if number is None else int(number)


def iso(moment: str | None) -> str | None:
    """Rucio's `Fri, 20 Nov 2026 11:17:28 UTC` as ISO 8601; None where it says neither that nor ISO."""
    if not moment:
        return None
    try:
        return parsedate_to_datetime(moment).isoformat()
    except ValueError:
        return moment if moment[:2] == "20" else None


def did_path(did: Did, *rest: str) -> str:
    """`dids/scope/name/…`. Raises BadRequest for a DID that no path can carry."""
    return "/".join(("dids", *path_segments(did), *rest))


def description_path(did: Did) -> str:
    """Where a DID itself is asked about. Raises BadRequest as `did_path` does.

    By the plain address of `a/files` Rucio takes itself to be asked for the files of `a`.
    """
    ends_like_a_question = did.name.rpartition("/")[2] in _QUESTIONS
    return did_path(did, "status") if ends_like_a_question else did_path(did)


def path_segments(did: Did) -> tuple[str, str]:
    """Scope and name, each as one segment of a path."""
    return path_segment(did.scope), path_segment(did.name)


def path_segment(text: str) -> str:
    """A scope, a name or an account as one segment of a path. Raises BadRequest for one that no path can carry."""
    if text in ("", ".", ".."):  # an address is normalised on its way, whatever its encoding
        raise BadRequest(f"Rucio cannot be asked about “{text}”.")
    return quote(text, safe="")


def did_body(did: Did) -> dict[str, Any]:
    """A DID as Rucio has it in the body of a question."""
    return {"scope": did.scope, "name": did.name}
