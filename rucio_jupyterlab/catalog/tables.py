"""Replicas of one DID, added up for each RSE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from ..accounts.destinations import is_signed
from ..config import Instance
from .answers import ReplicaLine, whole
from .model import Description, Media, Pfn, ReplicaTable, RseReplicas
from .reach import best, reach_of_pfn
from .replicas import pfn_of, replicas_of
from .rses import Rses

if TYPE_CHECKING:
    from ..accounts.client import RucioClient


class _Sum:
    """What has been counted at one RSE so far."""

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0
        self.states: set[str] = set()
        self.schemes: set[str] = set()
        self.pfns: list[Pfn] = []
        """One for each protocol, as a sample."""
        self.media: Media = "disk"

    def add(self, line: ReplicaLine, rse: str, pfns: Sequence[Pfn]) -> None:
        state = line.states[rse]
        self.states.add(state)
        if state == "AVAILABLE":
            self.files += 1
            self.bytes += whole(line.bytes) or 0
        for pfn in pfns:
            self.media = pfn.media
            if pfn.scheme not in self.schemes:
                self.schemes.add(pfn.scheme)
                self.pfns.append(pfn)

    def table_row(self, rse: str, files_total: int, instance: Instance, mounts: Sequence[str]) -> RseReplicas:
        return RseReplicas(
            rse=rse,
            files=self.files,
            files_total=files_total,
            bytes=self.bytes,
            media=self.media,
            schemes=sorted(self.schemes),
            reach=best(reach_of_pfn(pfn, instance, mounts) for pfn in self.pfns),
            state=self.states.pop() if len(self.states) == 1 else "MIXED",
        )


def replica_table(
    client: RucioClient, rses: Rses, description: Description, mounts: Sequence[str]
) -> ReplicaTable:
    """Read all replicas, keeping sums alone. Raises as `replicas_of` does."""
    sums: dict[str, _Sum] = {}
    files = without = archived = 0
    addresses: list[str] = []
    for line in replicas_of(client, description):
        rses.expect(client, (value.rse for value in line.pfns.values()))
        pfns = [pfn_of(rses.get(client, value.rse), url, value) for url, value in line.pfns.items()]
        files += 1
        without += not line.states
        archived += bool(pfns) and all(pfn.in_archive for pfn in pfns)
        for rse in line.states:
            sums.setdefault(rse, _Sum()).add(line, rse, [pfn for pfn in pfns if pfn.rse == rse])
        if description.type == "file":
            addresses += [unsigned(pfn.url) for pfn in pfns]
    return ReplicaTable(
        did=description.did,
        rses=[sums[rse].table_row(rse, files, client.instance, mounts) for rse in sorted(sums)],
        files_total=files,
        files_without_replica=without,
        files_in_archives=archived,
        pfns=addresses,
    )


def unsigned(url: str) -> str:
    """An address that may be shown: a signed one without its query."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment="")) if is_signed(url) else url
