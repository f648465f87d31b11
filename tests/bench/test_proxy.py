"""The long wire of the benchmarks is as long and as thin as it says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from bench.proxy import Proxy

MIB = 1024 * 1024


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it gets, to one client."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(MIB):
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def exchange(connection: socket.socket, data: bytes) -> float:
    """Seconds until all of it is back, and as it was."""
    started = time.monotonic()
    threading.Thread(target=connection.sendall, args=(data,), daemon=True).start()
    back = bytearray()
    while len(back) < len(data):
        back += connection.recv(MIB)
    assert bytes(back) == data
    return time.monotonic() - started


def test_a_byte_takes_one_round_trip_and_the_first_one_more_for_the_handshake(echo_port: int) -> None:
    with (
        Proxy(echo_port, round_trip=0.1, bits_per_second=1e9) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection,
    ):
        assert 0.2 <= exchange(connection, b"a") < 1
        assert 0.1 <= exchange(connection, b"b") < 1


def test_a_thin_wire_lets_through_no_more_than_its_rate(echo_port: int) -> None:
    with (
        Proxy(echo_port, round_trip=0, bits_per_second=8 * 4 * MIB) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection,
    ):
        assert 0.5 <= exchange(connection, bytes(2 * MIB)) < 3


def test_a_wire_that_dies_takes_its_connections_with_it(echo_port: int) -> None:
    with (
        Proxy(echo_port, round_trip=0, bits_per_second=1e9) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection,
    ):
        exchange(connection, b"a")
        proxy.die()
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass  # that tells the same
