"""Many DIDs in one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..did import Did
from ..errors import BadRequest
from .answers import BulkLine, did_body, whole
from .model import Description

if TYPE_CHECKING:
    from ..accounts.client import RucioClient


def bulk_lines(client: RucioClient, dids: Sequence[Did]) -> dict[Did, BulkLine]:
    """What Rucio's columns say of some DIDs; unknown ones are left out, and those that can be none there.

    Rucio refuses a whole list for one name that its schema does not take, so the list is halved until
    that one stands alone.
    """
    body = {"dids": [did_body(did) for did in dids]}
    try:
        return {line.did: line for line in client.items("dids/bulkmeta", BulkLine, body=body)}
    except BadRequest:
        if len(dids) == 1:
            return {}
    half = len(dids) // 2
    return bulk_lines(client, dids[:half]) | bulk_lines(client, dids[half:])


def described(line: BulkLine) -> Description | None:
    """A DID as its columns tell; None where its files have to be counted."""
    if line.type == "file":
        return Description(line.did, "file", whole(line.bytes) or 0, 1, open=False)
    if line.type == "dataset" and line.is_open is False and line.length is not None:
        return Description(line.did, "dataset", whole(line.bytes) or 0, whole(line.length) or 0, open=False)
    return None
