"""The HTTP side of one CS3 cloud: bytes to and from data endpoints, on connections that are kept.

Nothing here follows a redirect or repeats a request: a transfer token is good for one transfer.
"""

from __future__ import annotations

import base64
import http.client
import os
import select
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import Cs3Error, Unavailable, Unsafe, of_http
from .exchange import FORBIDDEN, UNLIMITED, Exchange, Limits, Reader, Send
from .settings import Settings, is_link_local, is_loopback

IDLE_CONNECTIONS = 8

Key = tuple[int, str, str]
"""Whose connection, and where to: process, scheme, host and port."""


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
                raise refusal(answer, what)
        with self._exchange("GET", endpoint, {}, what) as exchange:
            if exchange.answer.status != 200:
                raise refusal(exchange.answer, what)
            yield Reader(exchange, what, start)

    def put(self, endpoint: DataEndpoint, what: str, size: int, body: Callable[[Send], None]) -> None:
        """Send `size` bytes, which `body` hands to the function it is given. Returns when they are stored."""
        headers = {"Content-Length": str(size), "Upload-Length": str(size)}
        headers["Content-Type"] = "application/octet-stream"
        with self._exchange("PUT", endpoint, headers, what, body, size) as exchange:
            # 206 is for a chunk of ownCloud's old protocol: no file
            if exchange.answer.status not in (200, 201, 204):
                raise refusal(exchange.answer, what)

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
        with self._exchange("PATCH", endpoint, headers, what, body, offset + size) as exchange:
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
        stored: int = 0,
    ) -> Iterator[Exchange]:
        """`stored`: the bytes that the server has to store before it answers."""
        address = urlsplit(endpoint.url)
        key = os.getpid(), address.scheme, address.netloc
        if self._is_forbidden(address.hostname or ""):  # also where a proxy would ask it
            raise Unsafe(f"{what}: {FORBIDDEN}")
        connection = self._take(key) or self._connect(address)
        exchange = Exchange(connection, endpoint.limits, self._settings, what, self._is_forbidden)
        reusable = False
        try:
            with endpoint.limits.cutting(exchange.cut):
                patience = self._settings.storing_seconds(stored)
                exchange.ask(method, address, {**endpoint.headers, **headers}, body, patience)
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
            self._context = self._trusting()
        proxy = https_proxy(host)
        if not proxy:
            return http.client.HTTPSConnection(host, address.port, timeout=seconds, context=self._context)
        connection = http.client.HTTPSConnection(
            proxy.hostname or "", proxy.port or 8080, timeout=seconds, context=self._context
        )
        connection.set_tunnel(host, address.port, headers=proxy_sign_in(proxy))
        return connection

    def _trusting(self) -> ssl.SSLContext:
        return trusting(self._settings)

    def _is_forbidden(self, host: str) -> bool:
        return is_link_local(host)


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


def refusal(answer: http.client.HTTPResponse, what: str) -> Cs3Error:
    """What an answer means that is none of those that are hoped for."""
    error = of_http(answer.status, what)
    if isinstance(error, Unavailable):
        error.retry_after = answer.getheader("Retry-After")
    return error


def upload_offset(answer: http.client.HTTPResponse, what: str) -> int:
    """How far a tus upload has come. Raises Unavailable where the answer does not say, and what its status means."""
    if answer.status not in (200, 204):
        raise refusal(answer, what)
    said = answer.getheader("Upload-Offset", "")
    if not said.isdecimal():
        raise Unavailable(f"{what}: the answer lacks its Upload-Offset")
    return int(said)


def https_proxy(host: str) -> SplitResult | None:
    """The proxy that the environment names for this host."""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get("https")
    if not proxy:
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def proxy_sign_in(proxy: SplitResult) -> dict[str, str]:
    """The header that signs in at a proxy whose address holds a user and a password (RFC 7617)."""
    if proxy.username is None:
        return {}
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
