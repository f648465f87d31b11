"""Servers that misbehave: each answers every request with what a function writes to the socket."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

Reply = Callable[["Request"], None]


class Asked(NamedTuple):
    """What one request was, as it is remembered."""

    line: str
    headers: dict[str, str]
    connection: int

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]


class Request(socketserver.StreamRequestHandler):
    """One request: its first line and headers are read, the rest is the reply's business."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            self.line = line.decode("latin-1").strip()
            self.headers: dict[str, str] = {}
            while (header := self.rfile.readline().decode("latin-1").strip()) != "":
                name, _, value = header.partition(":")
                self.headers[name.lower()] = value.strip()
            self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
            server = cast("Wayward", self.server)
            server.requests.append(Asked(self.line, self.headers, id(self)))
            try:
                server.reply(self)
            except (BrokenPipeError, ConnectionResetError):
                server.hung_up.set()
                return
            if self.close_after:
                return

    close_after = False

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    def send(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def answer(self, status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
        """A whole answer; underscores in the names of headers become hyphens."""
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def begin_stream(self) -> None:
        self.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-json-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))


class Wayward(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, reply: Reply) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.reply = reply
        self.requests: list[Asked] = []
        self.hung_up = threading.Event()
        """Set once a client has gone while it was being answered."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested; nothing to report."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@contextmanager
def wayward(reply: Reply) -> Iterator[Wayward]:
    """A server on a port of the kernel's choice, until the block ends."""
    with Wayward(reply) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def rucio_where(paths: dict[str, Reply]) -> Reply:
    """A Rucio that lets everybody in; `paths` tell what it does where, by the beginning of the path."""

    def reply(request: Request) -> None:
        for path, do in paths.items():
            if request.path.startswith(path):
                do(request)
                return
        if request.path == "/auth/userpass":
            request.answer(200, X_Rucio_Auth_Token="good", X_Rucio_Auth_Account="alice")
        else:
            request.answer(404)

    return reply


def in_turn(*replies: Reply) -> Reply:
    """The first reply to the first request, the second to the next, …"""
    left = list(replies)

    def reply(request: Request) -> None:
        left.pop(0)(request)

    return reply
