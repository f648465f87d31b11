"""How the byte engine is to get a file: its replicas in the order of trying."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..catalog.model import Pfn
from ..catalog.reach import READABLE_SCHEMES
from ..sources.checksum import normalized_adler32
from ..sources.model import Endpoint, Work
from .rows import FileRow

UNKNOWN_SPEED = 10e6
"""Bytes per second that an RSE is credited with before it was ever measured."""


def work_for(
    row: FileRow, part: str, speeds: Mapping[tuple[str, str], float], chosen_rse: str | None
) -> Work:
    """`part` is where it goes; `speeds` are bytes per second, by instance and RSE."""
    return Work(
        row.id,
        row.instance,
        row.did,
        part,
        row.bytes,
        normalized_adler32(row.adler32),
        row.md5,
        tuple(_endpoints(row, speeds, chosen_rse)),
    )


def _endpoints(
    row: FileRow, speeds: Mapping[tuple[str, str], float], chosen_rse: str | None
) -> list[Endpoint]:
    """The RSE that was chosen, then the site's own, then much faster ones, else as Rucio sorted them."""

    def place(pfn: Pfn) -> tuple[bool, bool, int]:
        speed = speeds.get((row.instance, pfn.rse), UNKNOWN_SPEED)
        return pfn.rse != chosen_rse, not pfn.is_local, -round(math.log2(speed))

    usable = [pfn for pfn in row.pfns if _is_usable(pfn)]
    if len(usable) > 1:
        usable.sort(key=place)
    return [Endpoint(pfn.rse, _http_url(pfn), pfn.hosts, pfn.takes_tokens) for pfn in usable]


def _is_usable(pfn: Pfn) -> bool:
    return pfn.scheme in READABLE_SCHEMES and pfn.media == "disk" and not pfn.in_archive


def _http_url(pfn: Pfn) -> str:
    """`davs` and `dav` are HTTP by another name."""
    scheme, colon, rest = pfn.url.partition(":")
    return {"davs": "https", "dav": "http"}.get(scheme, scheme) + colon + rest
