"""Where a job's progress is shown: in the cell, on a terminal, or as lines in a log."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from . import html, words

if TYPE_CHECKING:
    from .model import Job

BARS = (24, 12)
"""Characters of the bar on a terminal; the longest that leaves room for the numbers."""
ERASE_LINE = "\r\033[K"
LOG_PAUSE = 10.0
"""Seconds between two lines of an unchanged state where nothing can be drawn over."""


class Display(Protocol):
    """Shows one job as it goes."""

    def show(self, job: Job) -> None: ...

    def close(self) -> None:
        """Nothing more will be shown; what follows begins on a line of its own."""


def display_for_here(sign_in_hint: str, stream: TextIO | None = None) -> Display:
    """The display that fits: a cell where a notebook looks on, else `stream` (standard error)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if _is_a_kernels(shell):
        return CellDisplay(sign_in_hint)
    stream = sys.stderr if stream is None else stream
    return TerminalDisplay(stream, sign_in_hint) if stream.isatty() else LogDisplay(stream, sign_in_hint)


def _is_a_kernels(shell: Any) -> bool:
    """Whether this process is the kernel; one that was forked from it has its shell, and cannot draw into the cell."""
    if not hasattr(shell, "kernel"):
        return False
    session = getattr(shell.kernel, "session", None)
    return bool(getattr(session, "pid", os.getpid()) == os.getpid())


class CellDisplay:
    """One output of a notebook cell, drawn anew when something changed."""

    def __init__(self, sign_in_hint: str) -> None:
        self._hint = sign_in_hint
        self._handle: Any = None
        self._shown = ""

    def show(self, job: Job) -> None:
        from IPython.display import display

        view = JobView(job, self._hint)
        text = repr(view)
        if text == self._shown:
            return
        self._shown = text
        if self._handle is None:
            self._handle = display(view, display_id=True)
        else:
            self._handle.update(view)

    def close(self) -> None:
        pass


class TerminalDisplay:
    """The job's name, then one line with a bar that is drawn over; a remark gets a line of its own, once."""

    def __init__(self, stream: TextIO, sign_in_hint: str) -> None:
        self._stream = stream
        self._hint = sign_in_hint
        self._said: set[str] = set()

    def show(self, job: Job) -> None:
        for line in (words.title(job), *words.remarks(job, self._hint)):
            if line not in self._said:
                self._said.add(line)
                self._stream.write(f"{ERASE_LINE}{words.printable(line)}\n")
        width = shutil.get_terminal_size().columns - 1
        line = _with_bar(words.progress(job), words.fraction(job), width)
        self._stream.write(f"{ERASE_LINE}{line[:width]}")
        self._stream.flush()

    def close(self) -> None:
        if self._said:
            self._stream.write("\n")
            self._stream.flush()


def _with_bar(numbers: str, fraction: float, width: int) -> str:
    """A bar before the numbers, as long as there is room for it: these say more."""
    length = next((each for each in BARS if each + 1 + len(numbers) <= width), 0)
    filled = round(fraction * length)
    return f"{'█' * filled}{'░' * (length - filled)} {numbers}".lstrip()


class LogDisplay:
    """A line when the state changes, and now and then between."""

    def __init__(self, stream: TextIO, sign_in_hint: str) -> None:
        self._stream = stream
        self._hint = sign_in_hint
        self._said: set[str] = set()
        self._state = ""
        self._next = 0.0

    def show(self, job: Job) -> None:
        state = words.state(job)
        now = time.monotonic()
        if state != self._state or now >= self._next:
            self._state, self._next = state, now + LOG_PAUSE
            self._stream.write(f"{words.printable(words.title(job))}: {words.progress(job)}\n")
        for remark in words.remarks(job, self._hint):
            if remark not in self._said:
                self._said.add(remark)
                self._stream.write(f"{words.printable(remark)}\n")
        self._stream.flush()

    def close(self) -> None:
        pass


class JobView:
    """A job as a cell shows it."""

    def __init__(self, job: Job, sign_in_hint: str) -> None:
        self._job = job
        self._hint = sign_in_hint

    def __repr__(self) -> str:
        remarks = words.remarks(self._job, self._hint)
        lines = [f"{words.title(self._job)}: {words.progress(self._job)}", *remarks]
        return "\n".join(map(words.printable, lines))

    def _repr_html_(self) -> str:
        job = self._job
        return html.progress(
            words.title(job), words.fraction(job), words.progress(job), words.remarks(job, self._hint)
        )
