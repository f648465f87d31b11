"""adler32 of bytes that pass by, computed on another thread where there are many."""

from __future__ import annotations

import queue
import threading
import zlib
from types import TracebackType

from .data import BUFFER_BYTES

BUFFERS = 4
INLINE_BYTES = 4 * BUFFER_BYTES
"""Below this a thread costs more than it saves."""


class Adler32:
    """The sum over all buffers that were lent and given back, in that order.

        with Adler32(size) as digest:
            buffer = digest.lend()              # waits while all buffers wait for their sum
            digest.take(buffer, source.readinto(buffer))
        digest.hexdigest()                      # known when the `with` block has ended

    Memory is at most four buffers of 1 MiB.
    """

    def __init__(self, expected_bytes: int | None, *, value: int = 1) -> None:
        """`value` is the sum of what came before."""
        self._value = value
        self._full: queue.SimpleQueue[tuple[memoryview, int] | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        inline = expected_bytes is not None and expected_bytes <= INLINE_BYTES
        self._thread = None if inline else threading.Thread(target=self._work, name="adler32", daemon=True)
        size = max(1, min(BUFFER_BYTES, expected_bytes or BUFFER_BYTES)) if inline else BUFFER_BYTES
        for _ in range(1 if inline else BUFFERS):
            self._free.put(memoryview(bytearray(size)))

    def __enter__(self) -> Adler32:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread:
            self._full.put(None)
            self._thread.join()

    def lend(self) -> memoryview:
        return self._free.get()

    def take(self, buffer: memoryview, count: int) -> None:
        """Count the first `count` bytes; `buffer` is not to be written to any more."""
        if self._thread:
            self._full.put((buffer, count))
        else:
            self._add(buffer, count)

    @property
    def value(self) -> int:
        return self._value

    def hexdigest(self) -> str:
        """8 digits, lower case."""
        return f"{self._value:08x}"

    def _work(self) -> None:
        while given := self._full.get():
            self._add(*given)

    def _add(self, buffer: memoryview, count: int) -> None:
        self._value = zlib.adler32(buffer[:count], self._value)
        self._free.put(buffer)
