"""One request to a data endpoint on a connection of ours, and its answer, within the limits of a transfer."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from urllib.parse import SplitResult

from .errors import Cs3Error, Unavailable, Unsafe, Untrusted
from .settings import Settings

MOMENT_SECONDS = 0.25
"""So long a slow server may take to fill a buffer; what has come by then is handed over."""
LATE_SECONDS = 0.05
"""So late a step may end: limits are not asked before each of many quick ones."""
FORBIDDEN = "the data endpoint has an address at which nothing is ever sent"
SMALL_REST_BYTES = 16 * 1024
"""So little is read to its end, so that the connection can be kept."""

Send = Callable[[memoryview], None]


class Limits:
    """What bounds a transfer, beside the patience with a silent server. Here nothing does."""

    def left(self, at_most: float) -> float:
        """How many seconds the next step may take, `at_most` if there is no hurry. Raises what ends the transfer."""
        return at_most

    def cutting(self, cut: Callable[[], None]) -> AbstractContextManager[None]:
        """While the block runs, another thread may call `cut`, which ends the step that is under way."""
        return nullcontext()


UNLIMITED = Limits()


class Exchange:
    """One request and its answer, on a connection that is at work for one transfer."""

    answer: http.client.HTTPResponse
    """Once `ask` has returned."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        limits: Limits,
        settings: Settings,
        what: str,
        is_forbidden: Callable[[str], bool],
    ) -> None:
        """`is_forbidden` tells of an IP address whether nothing may be sent there, whatever name stands for it."""
        self.connection = connection
        self._is_forbidden = is_forbidden
        self._limits, self._settings, self._what = limits, settings, what
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
        self._allow(self._settings.stall_seconds)

    def _allow(self, seconds: float) -> None:
        """So long the next step may be silent, if the limits have nothing against it."""
        seconds = self._limits.left(seconds)
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
        answer_seconds: float,
    ) -> None:
        """Returns when the answer's head is there, `answer_seconds` after the body at most.

        Raises Unavailable where there is none, and Unsafe where nothing may be sent.
        """
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
            self._allow(answer_seconds)
            self.answer = self.connection.getresponse()
            self._asked_at = float("-inf")  # what follows may not take as long
        except Cs3Error:
            raise
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            if not sent_all and body:
                # A server that refuses answers before it has read everything, and hangs up.
                with suppress(OSError, http.client.HTTPException):
                    self.answer = self.connection.getresponse()
                    return
            raise Unavailable(f"{what}: the connection broke") from None
        except TimeoutError:
            raise Unavailable(f"{what}: no sign of life from the data endpoint") from None
        except ssl.SSLCertVerificationError:
            raise Untrusted(f"{what}: the certificate of the data endpoint is not trusted") from None
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
        if self._socket is None:
            self._allow(min(self._settings.stall_seconds, self._settings.call_seconds))
            self.connection.connect()
            self._socket = self.connection.sock
            if self._is_forbidden(str(self._socket.getpeername()[0])):
                raise Unsafe(f"{self._what}: {FORBIDDEN}")
            self._asked_at = float("-inf")  # nobody could cut it meanwhile
        self.hurry()

    def _send(self, piece: memoryview) -> None:
        """All of it, as fast as it is taken."""
        assert self._socket is not None
        while piece:
            self.hurry()
            piece = piece[self._socket.send(piece) :]


class Reader:
    """The bytes of one answer; not to be used when its exchange has ended."""

    def __init__(self, exchange: Exchange, what: str, skip: int) -> None:
        """So many bytes at its beginning are thrown away."""
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
