"""A way to a storage that breaks: passes bytes on and resets connections after drawn numbers of bytes."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from types import TracebackType

CHUNK = 65536


class Cutter:
    """Listens on `port` and passes everything on to `target`, another port of this machine."""

    def __init__(self, target: int, draw: random.Random, *, least: int, most: int, port: int = 0) -> None:
        """Each connection is reset after `least` to `most` bytes from the storage."""
        self.cuts = 0
        self.passed = 0
        """Bytes from the storage, over all connections."""
        self.port = port
        self._target = target
        self._draw = draw
        self._least, self._most = least, most
        self._passing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Cutter:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for passing in self._passing:
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        connection: socket.socket = writer.get_extra_info("socket")
        # What lies in a large buffer at the reset would be lost, and be counted as passed on.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
        from_storage, to_storage = await asyncio.open_connection("127.0.0.1", self._target)
        upwards = asyncio.create_task(_pass(reader, to_storage))
        try:
            left = self._draw.randint(self._least, self._most)
            while left > 0 and (chunk := await from_storage.read(min(CHUNK, left))):
                writer.write(chunk)
                await writer.drain()
                left -= len(chunk)
                self.passed += len(chunk)
            if left <= 0:
                self.cuts += 1
                # Closing is now a reset, as of a machine that crashed.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (ConnectionError, asyncio.CancelledError):
            pass  # the reader has gone, or the test ends
        finally:
            upwards.cancel()
            to_storage.close()
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)


def free_port() -> int:
    """One on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
