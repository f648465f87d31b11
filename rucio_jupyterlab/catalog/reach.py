"""How files can be had: pure functions over replicas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..config import Instance, path_below_mounts, path_on_cloud_mount
from ..errors import SourceFailure
from .model import Media, Pfn, Reach

HTTP_SCHEMES = frozenset({"https", "http", "davs", "dav"})
CS3 = "cs3"
"""Read over HTTP, too, once a gateway has told where."""
READABLE_SCHEMES = HTTP_SCHEMES | {CS3}
"""What the byte engine can read, that of CS3 where the extra for it is installed."""
ROOT_SCHEMES = frozenset({"root", "roots", "xroot", "xroots"})
_BEST_FIRST: tuple[Reach, ...] = ("mount", "http", "root-only", "tape", "none")


def reach_of_pfn(pfn: Pfn, instance: Instance, mounts: Sequence[str]) -> Reach:
    """How one address can be read; a member of an archive cannot be taken out of it yet."""
    if pfn.in_archive:
        return "none"
    if pfn.scheme == "file" and pfn.media == "disk" and _is_below(pfn.url, mounts):
        return "mount"
    if pfn.scheme == CS3 and pfn.media == "disk" and _is_on_cloud_mount(pfn.url, instance):
        return "mount"
    return reach_of_schemes(pfn.rse, [pfn.scheme], pfn.media, instance)


def reach_of_schemes(rse: str, schemes: Iterable[str], media: Media, instance: Instance) -> Reach:
    """How files at an RSE can be read, by the protocols that it offers."""
    if media == "tape":
        return "tape"
    if rse == instance.destination_rse and instance.mode == "replica":
        return "mount"
    offered = set(schemes)
    if offered & READABLE_SCHEMES:
        return "http"
    return "root-only" if offered & ROOT_SCHEMES else "none"


def best(reaches: Iterable[Reach]) -> Reach:
    """The best of several ways; `none` without any."""
    return min(reaches, key=_BEST_FIRST.index, default="none")


def _is_on_cloud_mount(url: str, instance: Instance) -> bool:
    try:
        return path_on_cloud_mount(url, instance.cs3) is not None
    except SourceFailure:
        return False


def _is_below(url: str, mounts: Sequence[str]) -> bool:
    try:
        path_below_mounts(url, mounts)
    except SourceFailure:
        return False
    return True
