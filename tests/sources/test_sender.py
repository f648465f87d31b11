"""Sending bodies to servers that answer as they please."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from rucio_jupyterlab.sources.http.sender import NotSent, Reply, Sender
from rucio_jupyterlab.sources.http.stream import MOST_ERROR_BYTES, Pace
from rucio_jupyterlab.sources.model import Endpoint

from .conftest import SECONDS, Plain

BODY = bytes(range(256)) * 1000


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


def put(url: str) -> Reply:
    with closing(Sender(lambda *_: Plain(), Pace(connect=5.0, stall=5.0))) as sender:
        return sender.put(
            "PUT",
            "lab",
            Endpoint("RSE", url),
            (),
            len(BODY),
            lambda send: send(memoryview(BODY)),
            answer_seconds=5.0,
            waiting=lambda: None,
        )


def test_a_refusal_is_heard_however_much_is_said_about_it() -> None:
    page = b"x" * (MOST_ERROR_BYTES + 100_000)
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nRetry-After: 7\r\n\r\n" % len(page)
    with server(answer + page) as url:
        assert put(url) == Reply(403, retry_after=7.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nhalf",
        b"no HTTP at all\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(answer: bytes) -> None:
    with server(answer) as url, pytest.raises(NotSent):
        put(url)
