"""Many DIDs in one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..did import Did
from .answers import BulkLine, did_body

if TYPE_CHECKING:
    from ..accounts.client import RucioClient


def bulk_lines(client: RucioClient, dids: Sequence[Did]) -> dict[Did, BulkLine]:
    """What Rucio's columns say of some DIDs; the unknown ones are left out."""
    body = {"dids": [did_body(did) for did in dids]}
    return {line.did: line for line in client.items("dids/bulkmeta", BulkLine, body=body)}
