"""Answers that are still fresh."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """A thread-safe memory of at most `most` values, each for `seconds`; the oldest goes first."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[_K, tuple[float, _V]] = {}

    def get(self, key: _K) -> _V | None:
        with self._lock:
            moment, value = self._kept.get(key, (0.0, None))
        return value if time.monotonic() - moment < self._seconds else None

    def put(self, key: _K, value: _V) -> _V:
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (time.monotonic(), value)
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return value
