"""What kind of disk a folder lies on, as the kernel's table of mounts tells it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["local", "network", "fuse", "memory", "container", "unknown"]

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(r"nfs\d*|cifs|smb.*|ceph|lustre|gpfs|afs|beegfs|9p|glusterfs")
_MEMORY = re.compile(r"tmpfs|ramfs")
_ESCAPED = re.compile(r"\\(\d{3})")


class Disk(msgspec.Struct, frozen=True):
    """Where a folder lies, and how much room there is."""

    kind: Kind
    filesystem: str
    """As the kernel names it: `ext4`, `nfs4`, `fuse.eosxd`; empty where it is unknown."""
    free_bytes: int


def disk_of(folder: Path) -> Disk:
    """The disk of `folder`, or of the place where it would be made. Raises OSError."""
    place = Path(os.path.realpath(folder))
    while not place.exists():
        place = place.parent
    free = os.statvfs(place)
    mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape") if MOUNTS.exists() else ""
    filesystem = filesystem_at(place, mounts)
    return Disk(kind_of(filesystem), filesystem, free.f_bavail * free.f_frsize)


def filesystem_at(place: Path, mountinfo: str) -> str:
    """The type of the file system that holds an absolute path; empty where the table does not tell."""
    best, found = -1, ""
    for line in mountinfo.splitlines():
        mount, separator, source = line.partition(" - ")
        fields = mount.split()
        if not separator or len(fields) < 5:
            continue
        point = Path(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[4]))
        # Of two mounts at one place the later one lies on top.
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), source.split()[0]
    return found


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
