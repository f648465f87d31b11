"""Which processes belong to a folder."""

from __future__ import annotations

import time
from pathlib import Path

import psutil


def processes_of(folder: Path) -> dict[int, str]:
    """Processes that name the folder in their arguments or environment: identifier and command."""
    found = {}
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        told = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(folder) in text for text in told):
            found[process.pid] = " ".join(process.info["cmdline"] or ())
    return found


def assert_nothing_left(folder: Path, *, seconds: float) -> None:
    """Fail unless all processes of the folder are gone within the time."""
    deadline = time.monotonic() + seconds
    while left := processes_of(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
