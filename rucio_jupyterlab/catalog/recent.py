"""Answers that are still fresh."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
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
        self._asked: dict[_K, Future[_V]] = {}

    def get(self, key: _K) -> _V | None:
        """The value, as long as it is fresh."""
        with self._lock:
            return self._fresh(key)

    def get_or_ask(self, key: _K, ask: Callable[[], _V]) -> _V:
        """The value, from `ask` where it is not fresh; who needs it meanwhile shares the answer, or the failure."""
        with self._lock:
            if (value := self._fresh(key)) is not None:
                return value
            asked = self._asked.get(key)
            if mine := asked is None:
                asked = self._asked[key] = Future()
        if mine:
            try:
                asked.set_result(self.put(key, ask()))
            except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                asked.set_exception(error)
            finally:
                with self._lock:
                    del self._asked[key]
        return asked.result()

    def put(self, key: _K, value: _V) -> _V:
        """Remember a value, and give it back."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (time.monotonic(), value)
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return value

    def _fresh(self, key: _K) -> _V | None:
        """The lock is held."""
        moment, value = self._kept.get(key, (0.0, None))
        return value if time.monotonic() - moment < self._seconds else None
