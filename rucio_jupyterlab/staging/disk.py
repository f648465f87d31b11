"""What kind of file system a path lies on."""

from __future__ import annotations

import os


def file_system_of(path: str) -> str:
    """The kind as the kernel names it (`ext4`, `nfs4`, `fuse.eosxd`, `tmpfs`), or `unknown`."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            lines = file.readlines()
    except OSError:
        return "unknown"
    return kind_in(lines, os.path.realpath(path))


def kind_in(mountinfo: list[str], path: str) -> str:
    """The kind of the innermost mount that holds `path`; proc(5) describes the lines."""
    best, kind = "", "unknown"
    for line in mountinfo:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = fields[4].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind
