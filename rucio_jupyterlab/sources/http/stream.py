"""One request at a time on one libcurl handle: sets it up, judges the head, passes the bytes on."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

import pycurl

from ..failures import ReplicaFailure
from ..model import Credential
from .hosts import Host
from .reply import ReplyHead
from .request import UNTRUSTED, URL_CHARACTERS, Peer, encoded, open_socket, prepare
from .writer import Ticket

CHUNK_BYTES = 512 << 10
"""Bytes handed to the writer at once."""
SMALL_BYTES = 1 << 20
"""A whole file up to this size is gathered in memory, checked there and written in one go."""
MOST_HOPS = 5
MOST_ERROR_BYTES = 64 << 10
"""The most that is read of an error's body to keep its connection."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_UNREACHABLE = frozenset({pycurl.E_COULDNT_CONNECT})
_NO_NETWORK = frozenset({pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY})
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_NO_HANDSHAKE = frozenset({pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CIPHER})

_CERTIFICATE_DEMANDED = "alert certificate required"
"""OpenSSL's words for what a server says behind the handshake; libcurl has no number for it."""

_BROKEN_OFF = ("SSL_ERROR_SYSCALL", "unexpected eof")
"""Where the connection ended amid the handshake, as when a server is just being stopped."""

Way = Literal["whole", "gathered", "counted"]
"""How a body comes: a small file whole and its head unread, a large one harvested in turns, or every
piece of it counted, where a bandwidth limit holds."""


class Pace:
    """Seconds after which a silent peer is given up."""

    def __init__(self, connect: float, stall: float) -> None:
        self.connect = connect
        self.stall = stall


class Stream:
    """A reusable libcurl handle and the request that it carries."""

    def __init__(
        self,
        pace: Pace,
        user_agent: str,
        may_receive: Callable[[Stream, int], bool],
        pass_on: Callable[[Ticket, list[bytes], int], None],
    ) -> None:
        """`may_receive(stream, bytes)` is asked for each chunk: False holds the stream until `resume`."""
        self._pace = pace
        self._user_agent = user_agent
        self._may_receive = may_receive
        self._pass_on = pass_on
        self._credential: Credential | None = None
        self.curl = pycurl.Curl()
        self.curl.stream = self
        self.head = ReplyHead()
        self.chunks: list[bytes] = []
        """What was received and not handed on yet."""
        self._way: Way | None = None
        """What libcurl's callbacks are set for."""

    def begin(
        self,
        ticket: Ticket,
        url: str,
        credential: Credential,
        host: Host,
        hops: int = 0,
        *,
        counted: bool = True,
    ) -> None:
        """Set the handle up for one request; the caller adds it to the multi handle.

        Unless its bytes are to be `counted` as they come, the caller has it `harvest` now and then.
        """
        curl, span = self.curl, ticket.span
        self.ticket, self.url, self.host, self.hops = ticket, url, host, hops
        self.head.clear()
        self.chunks.clear()
        self.chunked = 0
        """Bytes in `chunks` that are counted."""
        self.received = 0
        self.held = False
        self._forbidden: bool | None = None
        """Whether the server's name stands for nothing but addresses that are never fetched; None: not looked up."""
        self._ignored = 0
        self._body_wanted = False
        if credential != self._credential:
            self._configure(credential)
        small = not span.ranged and span.length is not None and span.length <= SMALL_BYTES
        self._take_way("counted" if counted else "whole" if small else "gathered")
        curl.setopt(pycurl.URL, encoded(url))
        if span.ranged and span.length is not None:
            curl.setopt(pycurl.RANGE, f"{span.offset}-{span.offset + span.length - 1}")
        else:
            curl.unsetopt(pycurl.RANGE)

    @property
    def whole_in_memory(self) -> bool:
        """The whole file is gathered in `chunks`; nothing of it is handed on."""
        return self._way == "whole"

    @property
    def gathered(self) -> int:
        """Bytes in memory that are not counted yet; may be asked from any thread."""
        return 0 if self._way == "counted" else sum(map(len, tuple(self.chunks)))

    def harvest(self) -> bool:
        """Hand on what was gathered, once it is worth it; False where the request is to be broken off."""
        due = not self._body_wanted or self.gathered >= CHUNK_BYTES
        if self._way == "gathered" and self.chunks and due:
            self.flush()
        return self._ignored <= MOST_ERROR_BYTES

    def judge_whole(self) -> None:
        """The judgement of a small file's reply, once it has ended."""
        curl, fetch, rse = self.curl, self.ticket.fetch, self.ticket.candidate.rse
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        if not status:
            return  # there was no reply
        self.head.tell(
            status,
            location=curl.getinfo_raw(pycurl.REDIRECT_URL),  # in whatever encoding it came
            retry_after=curl.getinfo(pycurl.RETRY_AFTER),
        )
        self.received = self.chunked = sum(map(len, self.chunks))
        if self.ticket.span.epoch == fetch.epoch:
            fetch.bytes_received += self.received
        failure = self.head.failure(rse, offset=0, ranged=False, signed="?" in self.url)
        if failure is None and self.head.location is None and self.received > (self.ticket.span.length or 0):
            failure = ReplicaFailure("wrong-size", rse)
        self.ticket.failure = failure

    def hold(self) -> bool:
        """Receive nothing until `resume`; False where nothing is being received."""
        if self._body_wanted and not self.held:
            with contextlib.suppress(pycurl.error):  # libcurl's word for: it has no connection just now
                self.curl.pause(pycurl.PAUSE_RECV)
                self.held = True
        return self.held

    def resume(self) -> None:
        """Receive again, what was held first."""
        self.held = False
        with contextlib.suppress(pycurl.error):  # what was held is refused: the request's end tells of it
            self.curl.pause(pycurl.PAUSE_CONT)

    def flush(self) -> None:
        """Hand on what is gathered."""
        if self._way == "gathered":
            self._count()
        if self.chunks:
            self._pass_on(self.ticket, *self.take())

    def _count(self) -> None:
        """Count what came unseen; what is no part of the file is forgotten."""
        length, span, fetch = self.gathered, self.ticket.span, self.ticket.fetch
        if not self._body_wanted:
            self._ignored += length
            self.chunks.clear()
        elif span.length is not None and self.received + length > span.length:
            self.ticket.failure = ReplicaFailure("wrong-size", self.ticket.candidate.rse)
            self._body_wanted = False
            self.chunks.clear()
        else:
            self.received += length
            self.chunked = length
            if span.epoch == fetch.epoch:
                fetch.bytes_received += length

    def take(self) -> tuple[list[bytes], int]:
        """What is gathered, and its bytes; it is the caller's from now on."""
        chunks, length = self.chunks.copy(), self.chunked
        self.chunks.clear()
        self.chunked = 0
        return chunks, length

    def drop(self) -> None:
        """Forget what is gathered: it is no part of the file."""
        fetch = self.ticket.fetch
        if self.ticket.span.epoch == fetch.epoch:
            fetch.bytes_received -= self.chunked
        self.chunks.clear()
        self.chunked = 0

    def redirect_target(self) -> str | None:
        """Where the reply points to, or None where that may not be followed."""
        try:
            target = urljoin(self.url, quote(self.head.location or "", URL_CHARACTERS, "latin-1"))
            here, there = urlsplit(self.url), urlsplit(target)
        except ValueError:
            return None
        secure_enough = there.scheme == "https" or here.scheme == "http" or there.hostname in LOOPBACK
        if there.scheme not in ("http", "https") or not secure_enough or self.hops >= MOST_HOPS:
            return None
        return target

    def failure_of(self, code: int, text: str) -> ReplicaFailure:
        """Classify libcurl's error; what the head said comes first."""
        rse = self.ticket.candidate.rse
        if self.ticket.failure is not None:
            return self.ticket.failure
        if code == pycurl.E_FILESIZE_EXCEEDED:
            return ReplicaFailure("wrong-size", rse)
        if self._forbidden:
            return ReplicaFailure("bad-redirect", rse)
        if self.hops and code in _UNREACHABLE | _NO_NETWORK:
            return ReplicaFailure("server-error", rse)  # it is there, and points to what is not
        if code in _NO_NETWORK:
            return ReplicaFailure("no-network", rse)
        if code in _UNREACHABLE:
            no_route = self.curl.getinfo(pycurl.OS_ERRNO) in _NO_ROUTE
            return ReplicaFailure("no-network" if no_route else "unreachable", rse)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            connected = self.curl.getinfo(pycurl.PRETRANSFER_TIME) > 0
            return ReplicaFailure("stalled" if connected else "unreachable", rse)
        if code in UNTRUSTED:
            return ReplicaFailure("untrusted", rse)
        if code in _NO_HANDSHAKE:
            broke_off = any(words in text for words in _BROKEN_OFF)
            return ReplicaFailure("unreachable" if broke_off else "no-handshake", rse)
        if code == pycurl.E_SSL_CERTPROBLEM or _CERTIFICATE_DEMANDED in text:
            return ReplicaFailure("refused", rse)
        return ReplicaFailure("cut", rse)

    def _configure(self, credential: Credential) -> None:
        """Set every option anew, so that nothing of an earlier credential stays; connections are kept."""
        curl = self.curl
        prepare(
            curl,
            credential,
            self._user_agent,
            connect_seconds=self._pace.connect,
            stall_seconds=max(1, round(self._pace.stall)),
        )
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        curl.setopt(pycurl.BUFFERSIZE, CHUNK_BYTES)
        self._credential = credential
        self._way = None

    def _open_socket(self, purpose: int, peer: Peer) -> socket.socket | int:
        opened = open_socket(purpose, peer)
        self._forbidden = opened == pycurl.SOCKET_BAD and self._forbidden is not False
        return opened

    def _take_way(self, way: Way) -> None:
        """Set libcurl's callbacks. A call of ours for each 16 KiB of TLS would cost more than the deciphering."""
        curl, length = self.curl, self.ticket.span.length
        # An error's page has room in any case; much more than was asked for has not.
        most = 0 if way == "counted" or length is None else length + SMALL_BYTES
        curl.setopt(pycurl.MAXFILESIZE_LARGE, most)
        if way != self._way:
            curl.setopt(pycurl.WRITEFUNCTION, self._take_body if way == "counted" else self.chunks.append)
            if way == "whole":
                curl.unsetopt(pycurl.HEADERFUNCTION)
            else:
                curl.setopt(pycurl.HEADERFUNCTION, self._take_header)
            self._way = way

    def _take_header(self, line: bytes) -> None:
        if self.head.feed(line):
            self._judge()

    def _judge(self) -> None:
        """The head is complete: is this the reply that was asked for?"""
        ticket, head = self.ticket, self.head
        span, rse = ticket.span, ticket.candidate.rse
        signed = "?" in self.url
        failure = head.failure(rse, offset=span.offset, ranged=span.ranged, signed=signed)
        if failure is None and head.location is None:
            permit = ticket.address.permit if ticket.address else None
            validator = head.validator or (permit.validator if permit else None)
            failure = ticket.fetch.answered(ticket.candidate, validator, head.total())
            ticket.validator = validator
            self._body_wanted = failure is None
        ticket.failure = failure

    def _take_body(self, data: bytes) -> int | None:
        """libcurl's write callback; another number than the length given ends the request."""
        length = len(data)
        if not self._body_wanted:
            self._ignored += length
            return None if self._ignored <= MOST_ERROR_BYTES else 0
        span = self.ticket.span
        if span.length is not None and self.received + length > span.length:
            self.ticket.failure = ReplicaFailure("wrong-size", self.ticket.candidate.rse)
            return 0
        if not self._may_receive(self, length):
            self.held = True
            return int(pycurl.WRITEFUNC_PAUSE)
        self.received += length
        self.chunks.append(data)
        self.chunked += length
        fetch = self.ticket.fetch
        if span.epoch == fetch.epoch:
            fetch.bytes_received += length
        if self.chunked >= CHUNK_BYTES:
            self.flush()
        return None
