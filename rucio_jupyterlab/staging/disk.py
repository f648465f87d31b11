"""What kind of file system a path lies on, as the kernel's table of mounts tells it."""

from __future__ import annotations

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\(\d{3})")


def file_system_of(path: Path) -> str:
    """Its type as the kernel names it (`ext4`, `nfs4`, `fuse.eosxd`, `tmpfs`); empty where it is unknown."""
    mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape") if _MOUNTS.exists() else ""
    return file_system_in(mounts, path.resolve())


def file_system_in(mountinfo: str, place: Path) -> str:
    """The type of the innermost mount that holds an absolute path; proc(5) describes the lines."""
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
