"""A TCP proxy that behaves like a long wire: it delays, and lets through so many bits per second.

    python -m bench.proxy PORT --round-trip 0.05 --bits-per-second 1e9

It listens on 127.0.0.1 and prints at which port; it ends with its standard input.
The rate is shared by all connections of one direction. A connection's first byte waits for one round trip
more, as it would for the handshake.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from pathlib import Path
from types import TracebackType

WINDOW = 8 * 1024 * 1024
"""Bytes of one connection that may be on the wire, as a well-tuned receiver's window allows."""


class Wire:
    """One direction of the link: what is put in comes out later, in order."""

    def __init__(self, delay: float, bytes_per_second: float) -> None:
        self._delay = delay
        self._rate = bytes_per_second
        self._free_at = 0.0

    def arrival(self, size: int) -> float:
        """When `size` bytes that are put in now come out, on the loop's clock."""
        start = max(asyncio.get_running_loop().time(), self._free_at)
        self._free_at = start + size / self._rate
        return self._free_at + self._delay


class End(asyncio.Protocol):
    """One end of a connection; hands what it reads to the other end, over a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._other: End | None = None
        self._transport: asyncio.Transport | None = None
        self._on_wire = 0
        self._other_is_full = False

    def join(self, other: End) -> None:
        self._other, other._other = other, self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(WINDOW)
        # Until both ends are there; at once it would be in vain before Python 3.11, which begins to read after this.
        asyncio.get_running_loop().call_soon(transport.pause_reading)

    def start(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._on_wire += len(data)
        asyncio.get_running_loop().call_at(self._wire.arrival(len(data)), self._arrive, data)
        self._balance()

    def connection_lost(self, error: Exception | None) -> None:
        if self._other and self._other._transport:
            asyncio.get_running_loop().call_at(self._wire.arrival(1), self._other._transport.close)

    def pause_writing(self) -> None:
        if self._other:
            self._other._other_is_full = True
            self._other._balance()

    def resume_writing(self) -> None:
        if self._other:
            self._other._other_is_full = False
            self._other._balance()

    def _arrive(self, data: bytes) -> None:
        self._on_wire -= len(data)
        if self._other and self._other._transport and not self._other._transport.is_closing():
            self._other._transport.write(data)
        self._balance()

    def _balance(self) -> None:
        """Read on only while there is room on the wire and at its far end."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._other_is_full or self._on_wire >= WINDOW:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


async def serve(port: int, listen: int, round_trip: float, bits_per_second: float) -> None:
    """Forward to `port` of this machine until standard input ends."""
    loop = asyncio.get_running_loop()
    there = Wire(round_trip / 2, bits_per_second / 8)
    back = Wire(round_trip / 2, bits_per_second / 8)

    async def reach(client: End) -> None:
        server = End(back)
        client.join(server)
        try:
            await loop.create_connection(lambda: server, "127.0.0.1", port)
        except OSError:
            server.connection_lost(None)
            return
        server.start()
        loop.call_later(round_trip, client.start)

    reaching: set[asyncio.Task[None]] = set()

    def accept() -> End:
        client = End(there)
        task = loop.create_task(reach(client))
        reaching.add(task)
        task.add_done_callback(reaching.discard)
        return client

    server = await loop.create_server(accept, "127.0.0.1", listen)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class Proxy:
    """The proxy as a process of its own, which may die and come back at the same port."""

    def __init__(self, port: int, round_trip: float, bits_per_second: float) -> None:
        self._target = str(port)
        self._options = [f"--round-trip={round_trip}", f"--bits-per-second={bits_per_second}"]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        """Known from `start` on."""

    def start(self) -> None:
        """Serve, unless it does already."""
        if self._process:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.proxy", self._target, f"--listen={self.port}", *self._options],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def die(self) -> None:
        """End at once, with all connections."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()


def main() -> None:
    parser = argparse.ArgumentParser(description="A TCP proxy that behaves like a long wire.")
    parser.add_argument("port", type=int)
    parser.add_argument("--listen", type=int, default=0, help="the port to listen at; 0: any")
    parser.add_argument("--round-trip", type=float, required=True, help="seconds")
    parser.add_argument("--bits-per-second", type=float, required=True)
    args = parser.parse_args()
    asyncio.run(serve(args.port, args.listen, args.round_trip, args.bits_per_second))


if __name__ == "__main__":
    main()
