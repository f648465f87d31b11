"""Sending bodies with libcurl: one request at a time, in the thread of whoever sends.

The body is pushed: between two pieces the request rests, so memory is one piece whatever the length.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pycurl

from ...pauses import asked_for
from ..model import CredentialFor, Endpoint
from .request import UNTRUSTED, encoded, prepare
from .stream import CHUNK_BYTES, MOST_ERROR_BYTES, Pace

LEAST_SECONDS = 60.0
"""So long a server may be silent at least: it has to store what it receives."""
NO_WAITING = "Expect:"
"""Else libcurl gives a server one second to say that it wants the body; an early refusal is heard all the same."""
POLL_SECONDS, IDLE_SECONDS = 0.1, 0.002
_UPLOAD_OFFSET = re.compile(rb"upload-offset:\s*(\d{1,19})\s*", re.ASCII | re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"retry-after:\s*([ -~]{1,40}?)\s*", re.ASCII | re.IGNORECASE)

Send = Callable[[memoryview], None]


class Reply(msgspec.Struct, frozen=True):
    """What the server said."""

    status: int
    upload_offset: int | None = None
    """Of the protocol tus: how much it holds."""
    retry_after: float | None = None
    """Seconds that it asks us to wait."""


class NotSent(Exception):
    """There is no answer, or only half of one."""


class Untrusted(Exception):
    """The server's certificate is not one that this machine trusts."""


class _Refused(Exception):
    """The server answered before it had everything."""


class Sender:
    """Keeps its connections between requests. Follows no redirect, and repeats nothing."""

    def __init__(
        self, credential_for: CredentialFor, pace: Pace, user_agent: str = "rucio-jupyterlab"
    ) -> None:
        self._credential_for = credential_for
        self._pace = pace
        self._user_agent = user_agent
        self._multi = pycurl.CurlMulti()
        self._curl = pycurl.Curl()
        self._piece = memoryview(b"")
        self._unsent = 0
        self._stall_seconds = max(LEAST_SECONDS, pace.stall)
        self._ended = self._resting = False
        self._upload_offset: int | None = None
        self._retry_after: float | None = None
        self._ignored = 0

    def close(self) -> None:
        """End the connections."""
        self._curl.close()
        self._multi.close()

    def put(
        self,
        method: str,
        instance: str,
        address: Endpoint,
        headers: tuple[str, ...],
        size: int,
        body: Callable[[Send], None],
        *,
        answer_seconds: float,
        waiting: Callable[[], None],
    ) -> Reply:
        """Send `size` bytes, which `body` hands to the function that it is given.

        The server may take `answer_seconds` to answer; meanwhile `waiting` is called often, and may raise. Raises
        NotSent, Untrusted, what `body` raises, and a Failure for an address that may not be asked.
        """
        self._configure(instance, address, (*headers, NO_WAITING))
        self._curl.setopt(pycurl.LOW_SPEED_TIME, round(max(self._stall_seconds, answer_seconds)))
        self._curl.setopt(pycurl.UPLOAD, 1)
        self._curl.setopt(pycurl.CUSTOMREQUEST, method)
        self._curl.setopt(pycurl.INFILESIZE_LARGE, size)
        self._curl.setopt(pycurl.UPLOAD_BUFFERSIZE, CHUNK_BYTES)
        self._curl.setopt(pycurl.READFUNCTION, self._next_bytes)
        self._unsent = size
        return self._exchange(body, waiting)

    def head(self, instance: str, address: Endpoint, headers: tuple[str, ...]) -> Reply:
        """Ask without a body. Raises as `put` does."""
        self._configure(instance, address, headers)
        self._curl.setopt(pycurl.NOBODY, 1)
        return self._exchange(lambda send: None, lambda: None)

    def _exchange(self, body: Callable[[Send], None], waiting: Callable[[], None]) -> Reply:
        self._piece, self._ended, self._resting = memoryview(b""), False, False
        self._upload_offset, self._retry_after, self._ignored = None, None, 0
        self._multi.add_handle(self._curl)
        try:
            with suppress(_Refused):  # the answer tells why
                body(self._push)
            while not self._step():
                waiting()
            status = self._curl.getinfo(pycurl.RESPONSE_CODE)
            return Reply(status, self._upload_offset, self._retry_after)
        finally:
            self._multi.remove_handle(self._curl)
            self._piece = memoryview(b"")

    def _push(self, piece: memoryview) -> None:
        """Send a piece; returns when libcurl has taken it all. Raises NotSent where it takes nothing for long."""
        if self._ended:
            raise _Refused
        self._piece = piece
        if self._resting:
            self._resting = False
            self._curl.pause(pycurl.PAUSE_CONT)
        left, moved_at = len(piece), time.monotonic()
        while self._piece:
            if self._step() and self._piece:  # the answer to the last piece may come with its end
                raise _Refused
            if len(self._piece) < left:
                left, moved_at = len(self._piece), time.monotonic()
            elif time.monotonic() > moved_at + self._stall_seconds:
                raise NotSent

    def _next_bytes(self, most: int) -> bytes | int:
        """libcurl's read callback."""
        if not self._piece:
            self._resting = self._unsent > 0
            return int(pycurl.READFUNC_PAUSE) if self._resting else b""
        data = bytes(self._piece[:most])
        self._piece = self._piece[most:]
        self._unsent -= len(data)
        return data

    def _step(self) -> bool:
        """Let libcurl work; True once there is an answer. Raises NotSent or Untrusted where there is none."""
        if self._ended:
            return True
        _, running = self._multi.perform()
        if not running:
            _, succeeded, failed = self._multi.info_read()
            self._ended = True
            if not succeeded and not self._heard_enough:
                untrusted = any(code in UNTRUSTED for _, code, _text in failed)
                raise Untrusted if untrusted else NotSent
        elif (self._piece or not self._unsent) and self._multi.select(POLL_SECONDS) < 1:
            time.sleep(IDLE_SECONDS)  # while a name is looked up there is nothing to wait for
        return self._ended

    def _configure(self, instance: str, address: Endpoint, headers: tuple[str, ...]) -> None:
        credential = self._credential_for(instance, address, address.url, None)
        curl = self._curl
        prepare(
            curl,
            credential,
            self._user_agent,
            headers,
            connect_seconds=self._pace.connect,
            stall_seconds=round(self._stall_seconds),
        )
        curl.setopt(pycurl.URL, encoded(address.url))
        curl.setopt(pycurl.HEADERFUNCTION, self._take_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._ignore)

    def _take_header(self, line: bytes) -> None:
        if match := _UPLOAD_OFFSET.fullmatch(line):
            self._upload_offset = int(match[1])
        elif match := _RETRY_AFTER.fullmatch(line):
            self._retry_after = asked_for(match[1].decode("ascii"))

    def _ignore(self, data: bytes) -> int | None:
        self._ignored += len(data)
        return 0 if self._heard_enough else None

    @property
    def _heard_enough(self) -> bool:
        """Whether the request was broken off by us: the answer is known, and what it goes on to say is too long."""
        return self._ignored > MOST_ERROR_BYTES
