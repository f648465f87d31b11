"""What kind of disk a folder lies on, and what this user may do there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import msgspec

from ..staging.disk import file_system_of

Kind = Literal["local", "network", "fuse", "memory", "container", "unknown"]

_NETWORK = re.compile(r"nfs\d*|cifs|smb.*|ceph|lustre|gpfs|afs|beegfs|9p|glusterfs")
_MEMORY = re.compile(r"tmpfs|ramfs")


class Disk(msgspec.Struct, frozen=True):
    """Where a folder lies, and how much room there is."""

    kind: Kind
    filesystem: str
    """As the kernel names it: `ext4`, `nfs4`, `fuse.eosxd`; empty where it is unknown."""
    free_bytes: int
    writable: bool = True


def disk_of(folder: Path) -> Disk:
    """The disk of `folder`, or of the place where it would be made. Raises OSError."""
    place = Path(os.path.realpath(folder))
    while not place.exists():
        place = place.parent
    free = os.statvfs(place)
    filesystem = file_system_of(place)
    room = free.f_bavail * free.f_frsize
    return Disk(kind_of(filesystem), filesystem, room, os.access(place, os.W_OK))


def kind_of(filesystem: str) -> Kind:
    """What a type of file system means to who keeps files there."""
    if not filesystem:
        return "unknown"
    if filesystem.startswith("fuse"):
        return "fuse"
    if _NETWORK.fullmatch(filesystem):
        return "network"
    if _MEMORY.fullmatch(filesystem):
        return "memory"
    return "container" if filesystem == "overlay" else "local"
