"""How hard the byte engine pulls; told when it begins."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """What the byte engine keeps to."""

    connections: int = 16
    """Requests in flight over all hosts."""
    connections_per_host: int = 16
    connections_per_file: int = 8
    connect_seconds: float = 10.0
    stall_seconds: float = 20.0
    """A peer that sends less than 1 kB/s for so long has stalled."""
    first_pause_seconds: float = 0.5
    """Before the second attempt; it doubles with each further one."""
    bandwidth: int | None = None
    """Bytes per second over all."""
    preallocate: bool = False
    """Reserve a file's room before its first byte; for local disks that can."""
