"""adler32 of bytes that pass by, and may be written to a file on the way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType

from ..adler import FAST, adler32

BUFFERS, BUFFER_BYTES = 4, 1024 * 1024
INLINE_BYTES = 4 * BUFFER_BYTES
"""Below this a thread costs more than it saves."""

Sink = Callable[[memoryview], object]
"""Takes bytes for good, or raises."""


class Adler32:
    """The sum over all buffers that were lent and given back, in that order.

        with Adler32(size, sink=write) as digest:
            buffer = digest.lend()              # waits while all buffers wait for their sum
            digest.take(buffer, source.readinto(buffer))
        digest.hexdigest()                      # known when the `with` block has ended

    Many bytes go through the sink, and slow sums are made, on another thread while the next come in. What the sink
    raises is raised by `lend`, or at the end of the block. Memory is at most four buffers of 1 MiB.
    """

    def __init__(self, expected_bytes: int, *, value: int = 1, sink: Sink | None = None) -> None:
        """`value` is the sum of what came before."""
        self._value = value
        self._sink = sink
        self._failure: BaseException | None = None
        self._full: queue.SimpleQueue[tuple[memoryview, int] | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        inline = expected_bytes <= INLINE_BYTES or (FAST and sink is None)
        self._thread = None if inline else threading.Thread(target=self._work, name="adler32", daemon=True)
        size = max(1, min(BUFFER_BYTES, expected_bytes))
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
        if self._failure and error is None:
            raise self._failure

    def lend(self) -> memoryview:
        """A buffer to be filled, as soon as one is free. Raises what the sink has raised."""
        if self._failure:
            raise self._failure
        return self._free.get()

    def take(self, buffer: memoryview, count: int) -> None:
        """Count the first `count` bytes; `buffer` is not to be written to any more."""
        if self._thread:
            self._full.put((buffer, count))
        else:
            self._add(buffer, count)

    @property
    def value(self) -> int:
        """The sum of what is counted; of all of it once the `with` block has ended."""
        return self._value

    def hexdigest(self) -> str:
        """8 digits, lower case."""
        return f"{self._value:08x}"

    def _work(self) -> None:
        while given := self._full.get():
            if self._failure:
                self._free.put(given[0])
            else:
                self._add(*given)

    def _add(self, buffer: memoryview, count: int) -> None:
        piece = buffer[:count]
        try:
            if self._sink:
                self._sink(piece)
            self._value = adler32(piece, self._value)
        except BaseException as failure:  # noqa: BLE001 - it is raised again by whoever waits for a buffer
            self._failure = failure
        self._free.put(buffer)
