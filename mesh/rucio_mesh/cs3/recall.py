"""That something under way is to end, told from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Recall:
    """Nobody wants the result any more. It is told once, from any thread, and never taken back."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._cuts: list[Callable[[], None]] = []

    @property
    def told(self) -> bool:
        """Whether what is under way is to end."""
        return self._event.is_set()

    def tell(self) -> None:
        """End what is under way, too: whatever `cutting` guards now."""
        with self._lock:
            self._event.set()
            for cut in self._cuts:
                cut()

    def wait(self, seconds: float) -> bool:
        """Let so much time pass, or less if it is told; whether it is."""
        return self._event.wait(seconds)

    @contextmanager
    def cutting(self, cut: Callable[[], None]) -> Iterator[None]:
        """Call `cut`, which must not block, if it is told while the block runs; never once that has ended."""
        with self._lock:
            self._cuts.append(cut)
        try:
            yield
        finally:
            with self._lock:
                self._cuts.remove(cut)
