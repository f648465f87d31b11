"""Replicas that lie on a mounted file system: they are linked, never copied."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..catalog.model import Pfn
from ..config import Instance, mounted_path, path_below_mounts, path_on_cloud_mount
from ..errors import SourceFailure


def mounted_file(
    pfns: Iterable[Pfn], instance: Instance, mounts: tuple[str, ...], size: int | None
) -> str | None:
    """The first address that is a readable file on a mount, of the size that the catalogue says."""
    for pfn in pfns:
        if pfn.in_archive or pfn.media == "tape":
            continue
        try:
            path = _path_of(pfn, instance, mounts)
            if path is not None and size in (None, os.stat(path).st_size) and os.access(path, os.R_OK):
                return path
        except (SourceFailure, OSError):
            continue  # not there, or not ours to read: the other addresses remain
    return None


def _path_of(pfn: Pfn, instance: Instance, mounts: tuple[str, ...]) -> str | None:
    if instance.rse_mount_path and pfn.rse == instance.destination_rse:
        return str(mounted_path(pfn.url, instance.rse_mount_path, instance.path_begins_at))
    if pfn.scheme == "file":
        return str(path_below_mounts(pfn.url, mounts))
    if pfn.scheme == "cs3" and (path := path_on_cloud_mount(pfn.url, instance.cs3)):
        return str(path)
    return None
