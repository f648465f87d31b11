"""A queue between threads that seldom wakes its reader: a wake-up may cost more than a small file does."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Letterbox(Generic[_T]):
    """Any thread puts, one thread takes, in the order of putting."""

    def __init__(self, gather_seconds: float) -> None:
        """For so long a reader that found nothing waits for more before it looks again."""
        self._gather_seconds = gather_seconds
        self._items: deque[_T] = deque()
        self._put = threading.Event()
        self._reader_sleeps = False

    def __bool__(self) -> bool:
        """Whether something lies in it."""
        return bool(self._items)

    def put(self, item: _T) -> None:
        self._items.append(item)
        if self._reader_sleeps:
            self._reader_sleeps = False
            self._put.set()

    def take(self) -> _T:
        """The next item; waits for one."""
        if not self._items:
            time.sleep(self._gather_seconds)
        while not self._items:
            self.wait()
        return self._items.popleft()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until something lies in it, for the one who takes; False where so long nothing did, or sooner."""
        if not self._items:
            self._put.clear()
            self._reader_sleeps = True
            if not self._items:  # else it came before anybody could know that it has to be told
                self._put.wait(seconds)
            self._reader_sleeps = False
        return bool(self._items)
