"""The HTTP side of one CS3 cloud: bytes to and from data endpoints, on connections that are kept.

Nothing here follows a redirect or repeats a request: a transfer token is good for one transfer.
"""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from .errors import Cs3Error, Unavailable, Unsafe, of_http
from .settings import Settings, is_loopback

BUFFER_BYTES = 1024 * 1024
IDLE_CONNECTIONS = 8
MOMENT_SECONDS = 0.25
"""So long a slow server may take to fill a buffer; what has come by then is handed over."""
LATE_SECONDS = 0.05
"""So late a step may end: limits are not asked before each of many quick ones."""
SMALL_REST_BYTES = 16 * 1024
"""So little is read to its end, so that the connection can be kept."""

Send = Callable[[memoryview], None]
Key = tuple[int, str, str]
"""Whose connection, and where to: process, scheme, host and port."""


class Readable(Protocol):
    """What bytes come from: a file, or another cloud."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the beginning of `buffer`; 0 at the end."""
        ...


class Limits:
    """What bounds a transfer, beside the patience with a silent server. Here nothing does."""

    def left(self, at_most: float) -> float:
        """How many seconds the next step may take, `at_most` if there is no hurry. Raises what ends the transfer."""
        return at_most

    def cutting(self, cut: Callable[[], None]) -> AbstractContextManager[None]:
        """While the block runs, another thread may call `cut`, which ends the step that is under way."""
        return nullcontext()


UNLIMITED = Limits()


@dataclass(frozen=True)
class DataEndpoint:
    """Where one transfer goes. Good for one upload, or for downloads until it expires."""

    url: str = field(repr=False)
    """As the settings have rewritten and allowed it. Where a data server is exposed, whoever knows it may use it."""
    headers: Mapping[str, str] = field(repr=False)
    """Secrets."""
    protocol: str
    """`simple`, `spaces` or `tus`."""
    expires_at: float | None
    """Seconds since the epoch; None where the gateway's token does not say."""
    limits: Limits = field(default=UNLIMITED, repr=False, compare=False)
    """Those of the transfer that goes there."""


class Exchange:
    """One request and its answer, on a connection that is at work for one transfer."""

    answer: http.client.HTTPResponse
    """Once `ask` has returned."""

    def __init__(
        self, connection: http.client.HTTPConnection, limits: Limits, stall_seconds: float, what: str
    ) -> None:
        self.connection = connection
        self._limits, self._stall_seconds, self._what = limits, stall_seconds, what
        self._socket = connection.sock
        """Ours even when `http.client` has let go of it, as it does where the answer is the last one."""
        self._seconds: float | None = None
        """How long it may be silent, where we have told it."""
        self._asked_at = float("-inf")

    def hurry(self) -> None:
        """To be called before each step that may block: it then ends in time. Raises what the limits raise."""
        now = time.monotonic()
        if now < self._asked_at + LATE_SECONDS:
            return
        self._asked_at = now
        seconds = self._limits.left(self._stall_seconds)
        if self._socket is None:
            self.connection.timeout = seconds
        elif self._seconds != seconds:
            self._socket.settimeout(seconds)
            self._seconds = seconds

    def cut(self) -> None:
        """End whatever blocks in the connection; from any thread."""
        if self._socket is not None:
            with suppress(OSError):  # it has ended already
                # That of `ssl` also pulls the session from under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def ask(
        self,
        method: str,
        address: SplitResult,
        headers: Mapping[str, str],
        body: Callable[[Send], None] | None,
    ) -> None:
        """Returns when the answer's head is there. Raises Unavailable where there is none."""
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        what, sent_all = self._what, False
        try:
            self._connect()
            self.connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                self.connection.putheader(name, value)
            self.connection.endheaders()
            if body:
                body(self._send)
            sent_all = True
            self.hurry()
            self.answer = self.connection.getresponse()
        except Cs3Error:
            raise
        except (BrokenPipeError, ConnectionResetError):
            if not sent_all and body:
                # A server that refuses answers before it has read everything, and hangs up.
                with suppress(OSError, http.client.HTTPException):
                    self.answer = self.connection.getresponse()
                    return
            raise Unavailable(f"{what}: the connection broke") from None
        except TimeoutError:
            raise Unavailable(f"{what}: no sign of life from the data endpoint") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            kind = type(error).__name__
            raise Unavailable(f"{what}: the data endpoint does not answer ({kind})") from None

    def receive(self, buffer: memoryview) -> int:
        """The next bytes of the answer, as many as have come; waits for the first. 0 at the end."""
        answer = self.answer
        if answer.isclosed() or not len(buffer):
            return 0
        self.hurry()
        try:
            if answer.chunked:
                piece = answer.read1(len(buffer))
                buffer[: len(piece)] = piece
                return len(piece)
            # As `HTTPResponse.readinto` does, which waits until the buffer is full.
            left = answer.length
            count = answer.fp.readinto1(buffer if left is None else buffer[:left])
        except (OSError, http.client.HTTPException):
            raise Unavailable(f"{self._what}: the connection broke") from None
        if left is not None:
            answer.length = left - count
        return count

    def is_reusable(self) -> bool:
        """Whether the connection is good for another request; a small rest is read, unless it is slow to come."""
        answer = self.answer
        with suppress(OSError, http.client.HTTPException):
            if not answer.isclosed() and answer.length is not None and answer.length <= SMALL_REST_BYTES:
                if self._socket is not None:
                    self._socket.settimeout(MOMENT_SECONDS)
                answer.read()
        return answer.isclosed() and not answer.will_close

    def _connect(self) -> None:
        self.hurry()
        if self._socket is None:
            self.connection.connect()
            self._socket = self.connection.sock
            self._asked_at = float("-inf")  # nobody could cut it meanwhile

    def _send(self, piece: memoryview) -> None:
        """All of it, as fast as it is taken."""
        assert self._socket is not None
        while piece:
            self.hurry()
            piece = piece[self._socket.send(piece) :]


class Reader:
    """The bytes of one answer, from `start` of the file on; not to be used after its `with` block."""

    def __init__(self, exchange: Exchange, what: str, skip: int) -> None:
        length = exchange.answer.length
        self.length = None if length is None else length - skip
        """Bytes still to come; None where the server does not say."""
        self._exchange, self._what = exchange, what
        self._left = length
        self._skip = skip

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the beginning of `buffer`, without waiting long for all of it; 0 at the end.

        Raises Unavailable if the bytes end too early, and what the limits of the transfer raise.
        """
        while self._skip:
            self._skip -= self._receive(buffer[: min(self._skip, len(buffer))])
        return self._receive(buffer)

    def _receive(self, buffer: memoryview) -> int:
        filled, end = 0, time.monotonic() + MOMENT_SECONDS
        while filled < len(buffer):
            try:
                count = self._exchange.receive(buffer[filled:])
            except Unavailable:
                if not filled:
                    raise
                break  # it is raised again when these bytes are safe
            filled += count
            if not count or time.monotonic() >= end:
                break
        if self._left is not None:
            self._left -= filled
        if not filled and len(buffer) and (self._left or self._skip):
            raise Unavailable(f"{self._what}: the connection ended too early")
        return filled


class DataServer:
    """Connections to data endpoints. Thread-safe; a connection is used by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: list[tuple[Key, http.client.HTTPConnection]] = []
        self._context: ssl.SSLContext | None = None

    @contextmanager
    def get(
        self,
        endpoint: DataEndpoint,
        what: str,
        *,
        start: int = 0,
        length: int | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Iterator[Reader]:
        """The file's bytes from `start` on; `length` is a wish, for the server may send all the rest.

        Where the server takes no ranges, all is read and the beginning thrown away. `meanwhile` is called when the
        server has been asked, and while the answer is on its way. Raises NotFound, Unavailable or what else the
        status means, and what `meanwhile` raises.
        """
        end = "" if length is None else str(start + length - 1)
        ranged = {"Range": f"bytes={start}-{end}"} if start or length else {}
        with self._exchange("GET", endpoint, ranged, what, lambda _send: meanwhile()) as exchange:
            answer = exchange.answer
            if answer.status == 206:
                if not answer.getheader("Content-Range", "").startswith(f"bytes {start}-"):
                    raise Unavailable(f"{what}: another range than asked for")
                yield Reader(exchange, what, 0)
                return
            if answer.status == 200:
                yield Reader(exchange, what, start)
                return
            if answer.status != 416 or not ranged:
                raise of_http(answer.status, what)
        with self._exchange("GET", endpoint, {}, what) as exchange:
            if exchange.answer.status != 200:
                raise of_http(exchange.answer.status, what)
            yield Reader(exchange, what, start)

    def put(self, endpoint: DataEndpoint, what: str, size: int, body: Callable[[Send], None]) -> None:
        """Send `size` bytes, which `body` hands to the function it is given. Returns when they are stored."""
        headers = {"Content-Length": str(size), "Upload-Length": str(size)}
        headers["Content-Type"] = "application/octet-stream"
        with self._exchange("PUT", endpoint, headers, what, body) as exchange:
            status = exchange.answer.status
            if status not in (200, 201, 204):  # 206 is for a chunk of ownCloud's old protocol: no file
                raise of_http(status, what)

    def patch(
        self, endpoint: DataEndpoint, what: str, offset: int, size: int, body: Callable[[Send], None]
    ) -> int:
        """Send the next `size` bytes of a tus upload; the offset that the server has reached."""
        headers = {
            "Tus-Resumable": "1.0.0",
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size),
            "Upload-Offset": str(offset),
        }
        with self._exchange("PATCH", endpoint, headers, what, body) as exchange:
            return upload_offset(exchange.answer, what)

    def offset(self, endpoint: DataEndpoint, what: str) -> int:
        """How many bytes of a tus upload the server holds."""
        with self._exchange("HEAD", endpoint, {"Tus-Resumable": "1.0.0"}, what) as exchange:
            return upload_offset(exchange.answer, what)

    def close(self) -> None:
        """End the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    @contextmanager
    def _exchange(
        self,
        method: str,
        endpoint: DataEndpoint,
        headers: Mapping[str, str],
        what: str,
        body: Callable[[Send], None] | None = None,
    ) -> Iterator[Exchange]:
        address = urlsplit(endpoint.url)
        key = os.getpid(), address.scheme, address.netloc
        connection = self._take(key) or self._connect(address)
        exchange = Exchange(connection, endpoint.limits, self._settings.stall_seconds, what)
        reusable = False
        try:
            with endpoint.limits.cutting(exchange.cut):
                exchange.ask(method, address, {**endpoint.headers, **headers}, body)
                yield exchange
                reusable = exchange.is_reusable()
        finally:
            if reusable:
                self._keep(key, connection)
            else:
                connection.close()

    def _take(self, key: Key) -> http.client.HTTPConnection | None:
        with self._lock:
            found = next((each for each in reversed(self._idle) if each[0] == key), None)
            if not found:
                return None
            self._idle.remove(found)
        connection = found[1]
        if connection.sock is None or has_news(connection.sock):
            connection.close()
            return None
        return connection

    def _keep(self, key: Key, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.append((key, connection))
            oldest = self._idle.pop(0)[1] if len(self._idle) > IDLE_CONNECTIONS else None
        if oldest:
            oldest.close()

    def _connect(self, address: SplitResult) -> http.client.HTTPConnection:
        host, seconds = address.hostname or "", self._settings.stall_seconds
        if address.scheme == "http":
            return http.client.HTTPConnection(host, address.port, timeout=seconds)
        if self._context is None:
            self._context = trusting(self._settings)
        proxy = https_proxy(host)
        if not proxy:
            return http.client.HTTPSConnection(host, address.port, timeout=seconds, context=self._context)
        connection = http.client.HTTPSConnection(
            proxy.hostname or "", proxy.port or 8080, timeout=seconds, context=self._context
        )
        connection.set_tunnel(host, address.port)
        return connection


def trusting(settings: Settings) -> ssl.SSLContext:
    """Raises Unsafe if the authorities are not to be read."""
    try:
        return ssl.create_default_context(cadata=settings.authorities())
    except ssl.SSLError:
        raise Unsafe(f"{settings.ca_file} holds no certificates in PEM, so nobody is trusted") from None


def has_news(connection: socket.socket) -> bool:
    """Whether there is something to read before we have asked: the server has hung up."""
    poll = select.poll()  # which, unlike select, takes any file descriptor
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def upload_offset(answer: http.client.HTTPResponse, what: str) -> int:
    if answer.status not in (200, 204):
        raise of_http(answer.status, what)
    said = answer.getheader("Upload-Offset", "")
    if not said.isdecimal():
        raise Unavailable(f"{what}: the answer lacks its Upload-Offset")
    return int(said)


def https_proxy(host: str) -> SplitResult | None:
    """The proxy that the environment names for this host."""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get("https")
    return urlsplit(proxy) if proxy else None
