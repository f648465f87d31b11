"""Replicas of one DID, added up for each RSE."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..config import Instance
from ..errors import RucioUnreachable
from .answers import ReplicaLine, whole
from .model import Description, Media, Pfn, ReplicaTable, RseReplicas
from .reach import best, reach_of_pfn, reach_of_schemes
from .replicas import ask_replicas, pfn_of, replicas_of
from .rses import Rse, Rses

if TYPE_CHECKING:
    from ..accounts.client import RucioClient

_HOST_AND_PATH = re.compile(r"(?:[^/?#]*@)?([^?#]*)(\?SFN=[^&#]*)?.*", re.DOTALL)
"""Of what follows `://`; the path at an SRM stands in the query."""


class _Sum:
    """What has been counted at one RSE so far."""

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0
        self.states: set[str] = set()
        self.pfns: dict[str, Pfn] = {}
        """One for each protocol, as a sample."""

    def add(self, line: ReplicaLine, rse: str, pfns: Sequence[Pfn]) -> None:
        state = line.states[rse]
        self.states.add(state)
        if state == "AVAILABLE":
            self.files += 1
            self.bytes += whole(line.bytes) or 0
        for pfn in pfns:
            self.pfns.setdefault(pfn.scheme, pfn)

    def table_row(self, rse: Rse, files_total: int, instance: Instance, mounts: Sequence[str]) -> RseReplicas:
        """Where no address came, by a protocol that is not asked for or of replicas on their way, the RSE tells."""
        samples = self.pfns.values()
        media: Media = "tape" if any(pfn.media == "tape" for pfn in samples) else "disk"
        reach = best(reach_of_pfn(pfn, instance, mounts) for pfn in samples)
        if not samples:
            media = rse.media
            reach = reach_of_schemes(rse.name, rse.schemes, media, instance)
        if rse.suspended or not self.files:
            reach = "none"
        return RseReplicas(
            rse=rse.name,
            files=self.files,
            files_total=files_total,
            bytes=self.bytes,
            media=media,
            schemes=sorted(self.pfns or rse.schemes),
            reach=reach,
            state=self._state(rse),
        )

    def _state(self, rse: Rse) -> str:
        if rse.suspended:
            return "SUSPENDED"
        return next(iter(self.states)) if len(self.states) == 1 else "MIXED"


def replica_table(
    client: RucioClient, rses: Rses, description: Description, mounts: Sequence[str], deadline: float
) -> ReplicaTable:
    """Read all replicas, keeping sums alone.

    Raises as `replicas_of` does, and RucioUnreachable where more files are to come after `deadline`, by the
    monotonic clock.
    """
    sums: dict[str, _Sum] = {}
    files = without = archived = 0
    addresses: list[str] = []
    lines = ask_replicas(client, [description.did], suspended=True)
    for line in replicas_of(client, description, lines):
        if time.monotonic() > deadline:
            raise RucioUnreachable(
                f"{client.instance.display_name} told of {files:,} files in time, and there are more: too many to "
                "count here.",
                do="none",
            )
        rses.expect(client, line.states)
        pfns = [pfn_of(rses.get(client, value.rse), url, value) for url, value in line.pfns.items()]
        files += 1
        without += not line.states
        archived += bool(pfns) and all(pfn.in_archive for pfn in pfns)
        for rse in line.states:
            sums.setdefault(rse, _Sum()).add(line, rse, [pfn for pfn in pfns if pfn.rse == rse])
        if description.type == "file":
            addresses += [shown_address(pfn.url) for pfn in pfns]
    return ReplicaTable(
        did=description.did,
        rses=[
            sums[rse].table_row(rses.get(client, rse), files, client.instance, mounts) for rse in sorted(sums)
        ],
        files_total=files,
        files_without_replica=without,
        files_in_archives=archived,
        pfns=addresses,
    )


def shown_address(url: str) -> str:
    """An address as it may be shown: without user, query and fragment, in any of which a secret may lie."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "cs3":
        return url  # its path may hold any character, and it has no query
    return scheme + "://" + _HOST_AND_PATH.sub(r"\1\2", rest, count=1)
