"""A real HTTP storage whose paths can be told to misbehave, one by one. It records what it is asked."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from rucio_mesh.testing.certificates import Leaf

SLICE = 16 << 10


@dataclass(frozen=True)
class Manner:
    """How a path is served; by default as it should be."""

    status: int | None = None
    """Answer so, without the file."""
    headers: tuple[tuple[str, str], ...] = ()
    times: int | None = None
    """Misbehave so often, then serve well; None: always."""
    location: str | None = None
    """Redirect there, with 302 or `status`."""
    cut_after: int | None = None
    """Close the connection after so many bytes of a body."""
    stall_after: int | None = None
    """Send so many bytes of a body, then nothing."""
    flip: int | None = None
    """The byte at this place is another one."""
    length: int | None = None
    """The file is so long: cut off, or with zeros behind it."""
    ignores_ranges: bool = False
    shifts_ranges: bool = False
    """Answer a range with the one that begins a byte later."""
    validators: tuple[str | None, ...] = ('"v1"',)
    """ETags, in turn; the last stays. None: neither ETag nor Last-Modified."""
    chunked: bool = False
    """No length is told."""
    slice_seconds: float = 0.0
    """Before each 16 KiB."""


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    range: tuple[int, int] | None


@dataclass
class _File:
    content: bytes
    manner: Manner = Manner()
    asked: int = 0
    served: int = 0
    requests: list[Request] = field(default_factory=list)


class Faulty:
    """`with Faulty() as storage: url = storage.put("/a", b"abc", Manner(status=404))`."""

    def __init__(self, leaf: Leaf | None = None, address: str = "127.0.0.1", port: int = 0) -> None:
        """Speaks https with a certificate, else http; the kernel chooses a port unless one is named."""
        self.connections = 0
        """How many were ever opened."""
        self._open: set[socket.socket] = set()
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.most_at_once = 0
        self._at_once = 0
        self._leaf = leaf
        self._server = _Server((address, port), _Handler)
        self._server.storage = self
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if leaf:
            self._tls.load_cert_chain(leaf.certificate, leaf.key)
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.host = "localhost" if leaf else address

    def __enter__(self) -> Faulty:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.close_connections()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"{'https' if self._leaf else 'http'}://{self.host}:{self.port}{path}"

    def speak_no_newer_than(self, version: ssl.TLSVersion) -> None:
        self._tls.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        self._tls.maximum_version = version

    def demand_certificates(self, authority: Path) -> None:
        """Let in who shows a certificate of this authority."""
        self._tls.load_verify_locations(authority)
        self._tls.verify_mode = ssl.CERT_REQUIRED

    def put(self, path: str, content: bytes, manner: Manner | None = None) -> str:
        """Serve `content` at `path`; returns its URL."""
        with self._lock:
            self._files[path] = _File(content, manner or Manner())
        return self.url(path)

    def mend(self, path: str, manner: Manner | None = None) -> None:
        """Change the manner of a path; by default it is served well from now on."""
        with self._lock:
            self._files[path].manner = manner or Manner()
            self._files[path].asked = 0

    def content(self, path: str) -> bytes:
        """What it has at a path."""
        return self._files[path].content

    def requests(self, path: str | None = None) -> list[Request]:
        """What was asked, of one path or of all."""
        with self._lock:
            chosen = [self._files[path]] if path else self._files.values()
            return [request for file in chosen for request in file.requests]

    def served(self, path: str | None = None) -> int:
        """Bytes of bodies that were sent."""
        with self._lock:
            chosen = [self._files[path]] if path else list(self._files.values())
            return sum(file.served for file in chosen)

    def enter(self, request: Request) -> tuple[_File, Manner, str | None] | None:
        """Take note of a request; the file, its manner now and its validator, or None."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            file = self._files.get(request.path)
            if file is None:
                return None
            manner = file.manner
            validator = manner.validators[min(file.asked, len(manner.validators) - 1)]
            if manner.times is not None and file.asked >= manner.times:
                manner = Manner(validators=manner.validators)
            file.asked += 1
            file.requests.append(request)
            return file, manner, validator

    def leave(self) -> None:
        with self._lock:
            self._at_once -= 1

    def sent(self, file: _File, count: int) -> None:
        with self._lock:
            file.served += count

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        """Break off everything that is under way."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Until the storage ends."""
        self._ended.wait(60)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    storage: Faulty

    def process_request(self, request: Any, client_address: Any) -> None:
        self.storage.opened(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.storage.closed(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up; that is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: `Faulty.requests` remembers."""

    def do_GET(self) -> None:
        storage = self.server.storage
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, (int(asked[1]), int(asked[2])) if asked else None)
        found = storage.enter(request)
        try:
            if found is None:
                self._answer(404)
            else:
                self._serve(*found, request)
        finally:
            storage.leave()

    def _answer(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        body = b"an error page"
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _serve(self, file: _File, manner: Manner, validator: str | None, request: Request) -> None:
        if manner.location is not None:
            self._answer(manner.status or 302, (("Location", manner.location), *manner.headers))
            return
        if manner.status is not None:
            self._answer(manner.status, manner.headers)
            return
        content = _as_served(file.content, manner)
        self.send_response(206 if request.range and not manner.ignores_ranges else 200)
        body = content
        if request.range and not manner.ignores_ranges:
            start, end = request.range[0] + manner.shifts_ranges, min(request.range[1] + 1, len(content))
            body = content[start:end]
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        if validator is not None:
            self.send_header("ETag", validator)
        for name, value in manner.headers:
            self.send_header(name, value)
        if manner.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(file, manner, body)

    def _send(self, file: _File, manner: Manner, body: bytes) -> None:
        storage = self.server.storage
        position = 0
        limits = [each for each in (manner.cut_after, manner.stall_after) if each is not None]
        end = min([len(body), *limits])
        while position < end:
            time.sleep(manner.slice_seconds)
            piece = body[position : min(end, position + SLICE)]
            if manner.chunked:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            else:
                self.wfile.write(piece)
            storage.sent(file, len(piece))
            position += len(piece)
        self.wfile.flush()
        if manner.stall_after is not None:
            storage.stall()
        if limits:
            self.close_connection = True
        elif manner.chunked:
            self.wfile.write(b"0\r\n\r\n")


def _as_served(content: bytes, manner: Manner) -> bytes:
    if manner.flip is not None:
        flipped = bytes([content[manner.flip] ^ 0xFF])
        content = content[: manner.flip] + flipped + content[manner.flip + 1 :]
    if manner.length is not None:
        content = content[: manner.length].ljust(manner.length, b"\0")
    return content
