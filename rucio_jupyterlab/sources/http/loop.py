"""libcurl's sockets and timers, and calls from other threads, in one loop."""

from __future__ import annotations

import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator

import pycurl

LONGEST_WAIT = 1.0
"""Seconds."""


class CurlLoop:
    """Everything but `tell` belongs to the thread that turns it."""

    def __init__(self, kept_connections: int) -> None:
        """So many connections stay open for the next request."""
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_reader, self._wake_writer = os.pipe()
        self._awake = False
        self._timer: float | None = None
        self._known_fds: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, kept_connections)
        self.add, self.remove = self._multi.add_handle, self._multi.remove_handle

    def tell(self, call: Callable[[], None]) -> None:
        """Have something called in the loop's thread; from any thread."""
        self._calls.append(call)
        if not self._awake:
            self._awake = True
            os.write(self._wake_writer, b"!")

    def turn(self, wake_at: float) -> None:
        """Wait for a socket, a timer, a call or that time, and let libcurl do what is due."""
        for key, events in self._selector.select(self._seconds_until(wake_at)):
            if key.fd == self._wake_reader:
                os.read(key.fd, 4096)
                self._awake = False  # after the read, which might else take the next call's byte too
                continue
            readable = pycurl.CSELECT_IN if events & selectors.EVENT_READ else 0
            writable = pycurl.CSELECT_OUT if events & selectors.EVENT_WRITE else 0
            self._multi.socket_action(key.fd, readable | writable)
        if self._timer is not None and self._timer <= time.monotonic():
            self._timer = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def ended(self) -> Iterator[tuple[pycurl.Curl, int | None, str]]:
        """Requests that are over: handle, libcurl's error or None, and its words."""
        while True:
            left, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                yield curl, None, ""
            yield from failed
            if not left:
                return

    def run_calls(self) -> None:
        """Do what was told since, in that order."""
        while self._calls:
            self._calls.popleft()()

    def close(self) -> None:
        """Nobody may `tell` it anything any more."""
        self._multi.close()
        self._selector.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _seconds_until(self, wake_at: float) -> float:
        if self._calls:
            return 0.0
        now = time.monotonic()
        due = min(wake_at, now + LONGEST_WAIT, *([self._timer] if self._timer is not None else []))
        return max(0.0, due - now)

    def _watch_socket(self, what: int, fd: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._known_fds.discard(fd)
            self._selector.unregister(fd)
            return
        readable = selectors.EVENT_READ if what & pycurl.POLL_IN else 0
        writable = selectors.EVENT_WRITE if what & pycurl.POLL_OUT else 0
        if fd in self._known_fds:
            self._selector.modify(fd, readable | writable)
        else:
            self._known_fds.add(fd)
            self._selector.register(fd, readable | writable)

    def _set_timer(self, milliseconds: int) -> None:
        self._timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
