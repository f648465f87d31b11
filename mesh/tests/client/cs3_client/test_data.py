"""A data endpoint that answers as it pleases, and one that is where none may be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from rucio_mesh.cs3 import data
from rucio_mesh.cs3.data import DataEndpoint, DataServer
from rucio_mesh.cs3.errors import Cs3Error, Failed, TransferLapsed, Unavailable, Unsafe
from rucio_mesh.cs3.settings import Settings, is_link_local

SECONDS = 10.0
BODY = bytes(range(256)) * 1000
SETTINGS = Settings("127.0.0.1", 1, stall_seconds=5.0)


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """Takes one body, then says `answer` and hangs up; yields its URL."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with closing(connection), connection.makefile("rb") as lines:
                while lines.readline().strip():
                    pass
                lines.read(len(BODY))
                with suppress(OSError):  # who has heard enough hangs up
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/f"
        thread.join(SECONDS)


def put(url: str) -> None:
    with closing(DataServer(SETTINGS)) as there:
        endpoint = DataEndpoint(url, {}, "simple", None)
        there.put(endpoint, "PUT /f", len(BODY), lambda send: send(memoryview(BODY)))


@pytest.mark.parametrize(("status", "error"), [(403, TransferLapsed), (500, Failed)])
def test_a_refusal_is_heard_however_much_is_said_about_it(status: int, error: type[Cs3Error]) -> None:
    page = b"x" * 2_000_000
    answer = b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n" % (status, len(page))
    with server(answer + page) as url, pytest.raises(error):
        put(url)


def test_the_pause_that_a_server_asks_for_is_told() -> None:
    with (
        server(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n") as url,
        pytest.raises(Unavailable) as told,
    ):
        put(url)
    assert told.value.retry_after == "7"


def test_a_refusal_is_heard_though_its_page_breaks_off() -> None:
    with (
        server(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nhalf") as url,
        pytest.raises(TransferLapsed),
    ):
        put(url)


@pytest.mark.parametrize("answer", [b"", b"no HTTP at all\r\n\r\n"])
def test_what_is_no_answer_can_be_asked_for_again(answer: bytes) -> None:
    with server(answer) as url, pytest.raises(Unavailable):
        put(url)


def test_another_protocol_is_no_success() -> None:
    with server(b"HTTP/1.1 101 Switching Protocols\r\n\r\n") as url, pytest.raises(Cs3Error):
        put(url)


def test_nothing_is_sent_to_a_forbidden_address_whatever_name_stands_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        monkeypatch.setattr(data, "is_link_local", lambda host: host == "127.0.0.1")
        with pytest.raises(Unsafe, match="nothing is ever sent"):
            put(f"http://localhost:{listening.getsockname()[1]}/f")
        with closing(listening.accept()[0]) as connection:
            received.append(connection.recv(1))
    assert received == [b""]


def test_a_forbidden_address_is_not_connected_to() -> None:
    with pytest.raises(Unsafe, match="nothing is ever sent"):
        put("http://169.254.169.254/f")


@pytest.mark.parametrize(
    ("host", "forbidden"),
    [
        ("169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("::ffff:169.254.1.2", True),
        ("127.0.0.1", False),
        ("2001:db8::1", False),
        ("cernbox.example.org", False),
    ],
)
def test_which_addresses_are_link_local(host: str, forbidden: bool) -> None:
    assert is_link_local(host) is forbidden
