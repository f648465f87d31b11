"""Giving memory back to the system after the work, which the C library does not do by itself."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Return what is free in the heap; where the C library has no such call, nothing happens."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):  # not the GNU C library
        return
