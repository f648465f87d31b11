"""How the demo tells what it does: in words to who sits before it, or as lines to the program that started it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import msgspec


class Line(msgspec.Struct, frozen=True, tag_field="told", tag=str.lower):
    """Base of what is told to a program, one JSON object a line."""


class Begun(Line, frozen=True):
    """A step is under way."""

    what: str


class Done(Line, frozen=True):
    """The step that was begun last is over."""

    seconds: float


class Ready(Line, frozen=True):
    """Everything runs; the user is signed in there."""

    instance: dict[str, Any]
    """What a site would write in `c.RucioConfig.instances`."""
    scope: str
    """Where to look first."""


class Failed(Line, frozen=True):
    """It cannot start, or a part of it has ended."""

    why: str
    log: str | None = None
    """The log of the part that failed."""


class Teller(Protocol):
    """Hears what the demo does."""

    def say(self, *lines: str) -> None:
        """Something for a person."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Something is being done within."""


class Terminal:
    """Words on standard output."""

    def say(self, *lines: str) -> None:
        for line in lines or ("",):
            print(line, flush=True)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Tell what is being done, and how long it took."""
        print(f"  {what} … ", end="", flush=True)
        began = time.monotonic()
        try:
            yield
        except BaseException:  # Ctrl-C too: what comes next begins a line of its own
            print(flush=True)
            raise
        print(f"{time.monotonic() - began:.1f} s", flush=True)


class Program:
    """Lines on standard output for a program; what is said to people goes to standard error, its log."""

    def say(self, *lines: str) -> None:
        for line in lines:
            print(line, file=sys.stderr, flush=True)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        self.tell(Begun(what))
        began = time.monotonic()
        yield
        self.tell(Done(time.monotonic() - began))

    def tell(self, line: Line) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()
