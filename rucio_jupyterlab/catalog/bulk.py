"""Many DIDs in one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..did import Did
from .answers import BulkLine, did_body, whole
from .model import Description

if TYPE_CHECKING:
    from ..accounts.client import RucioClient


def bulk_lines(client: RucioClient, dids: Sequence[Did]) -> dict[Did, BulkLine]:
    """What Rucio's columns say of some DIDs; the unknown ones are left out."""
    body = {"dids": [did_body(did) for did in dids]}
    return {line.did: line for line in client.items("dids/bulkmeta", BulkLine, body=body)}


def described(line: BulkLine) -> Description | None:
    """A DID as its columns tell; None where its files have to be counted."""
    if line.type == "file":
        return Description(line.did, "file", whole(line.bytes) or 0, 1, open=False)
    if line.type == "dataset" and line.is_open is False and line.length is not None:
        return Description(line.did, "dataset", whole(line.bytes) or 0, whole(line.length) or 0, open=False)
    return None
