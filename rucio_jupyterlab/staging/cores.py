"""Where the engine's threads run: together on one core while small files come, apart otherwise.

Python runs one thread at a time, and small files are little else than Python. Passing its lock from core to core
costs a wake-up each time, in a virtual machine as much as a file of 10 KiB; on one core it costs next to nothing.
Large files are work for libcurl, the kernel and the checksum, which do without the lock and want all cores.
"""

from __future__ import annotations

import ctypes
import os
import time
from functools import lru_cache
from typing import Any

AGAIN_SECONDS = 2.0
"""After so long the system may choose the core anew; another program may have come to this one."""


class Cores:
    """Of this process. Where the system knows no affinity, nothing happens."""

    def __init__(self) -> None:
        self._all = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
        self._together_since: float | None = None

    def gather(self) -> None:
        """Let all threads run on one core; may be called as often as one likes."""
        now = time.monotonic()
        if self._together_since is None:
            core = _current_core()
            if core in self._all and len(self._all) > 1:
                self._together_since = now
                _place({core})
        elif now - self._together_since > AGAIN_SECONDS:
            self.spread()  # the next call gathers them where this thread is then

    def spread(self) -> None:
        """Let each thread run where the system wants."""
        if self._together_since is not None:
            self._together_since = None
            _place(self._all)


def _place(cores: set[int]) -> None:
    for thread in os.listdir("/proc/self/task"):
        try:
            os.sched_setaffinity(int(thread), cores)
        except OSError:  # the thread has ended, or the site forbids it; either way it runs
            continue


def _current_core() -> int | None:
    """The one that this thread runs on."""
    call = _sched_getcpu()
    return None if call is None else int(call())


@lru_cache(maxsize=1)
def _sched_getcpu() -> Any:
    """The C library's function, or None."""
    try:
        return ctypes.CDLL(None).sched_getcpu
    except (AttributeError, OSError):
        return None
