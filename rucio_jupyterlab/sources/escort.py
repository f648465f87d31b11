"""Who goes with the bytes that one thread sends to a cloud. Knows of no cloud, so that it costs nothing to import."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import msgspec

from ..errors import StorageUnreachable


class Escort(msgspec.Struct, frozen=True, kw_only=True):
    """Called in the thread that sends; each may raise, which ends it."""

    hold: Callable[[StorageUnreachable], None]
    """Called where what is sent already would be lost; returns when it is time to go on."""
    watch: Callable[[int, int], None] = lambda position, count: None
    """Called before bytes are sent, with the position in the file and their number; may wait.

    Once all are sent there are none: then it does not wait.
    """
    check: Callable[[], None] = lambda: None
    """Called between two steps, and does not wait."""
    cutting: Callable[[Callable[[], None]], AbstractContextManager[None]] = lambda cut: nullcontext()
    """While its block runs, another thread may call `cut`, which ends the step that is under way."""
