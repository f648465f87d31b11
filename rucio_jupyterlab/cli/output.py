"""What the commands write: text for a person, or one JSON a line for a program."""

from __future__ import annotations

import codecs
import enum
import os
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Protocol, TextIO

import msgspec

from ..errors import Problem
from ..kernel.model import Job
from ..kernel.progress import Display, display_for_here
from ..kernel.words import printable
from ..staging.model import JobSnapshot

SIGN_IN_HINT = "Run `jupyter rucio signin`."


_PLAIN = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "’": "'",
        "…": "...",
        "·": "-",
        "→": "->",
        "✓": "+",
        "✗": "x",
        "█": "#",
        "░": ".",
        "\N{REPLACEMENT CHARACTER}": "?",
    }
)
"""What stands for the characters of our own texts where a terminal has none of them."""


class Exit(enum.IntEnum):
    """How a command ends."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    """Some of the files could not be staged."""
    SIGN_IN = 4
    CONFIRM = 5
    """The job is larger than what starts unasked."""
    INTERRUPTED = 130


class Output(Protocol):
    """Where a command's answers go."""

    def job(self, snapshot: JobSnapshot) -> None:
        """How a job stands; called again as it goes."""

    def progress(self, job: Job) -> None:
        """The same of something else that goes like a job, for a person alone."""

    def end_of_job(self) -> None:
        """No more snapshots of this job will come."""

    def struct(self, value: msgspec.Struct) -> None:
        """Something that programs read; a person is told in `say`."""

    def say(self, line: str) -> None:
        """A line of the answer for a person."""

    def note(self, line: str) -> None:
        """Something a person should know beside the answer."""

    def problem(self, problem: Problem) -> None: ...


class JsonOutput:
    """One JSON a line, each one struct of the wire."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoder = msgspec.json.Encoder()

    def job(self, snapshot: JobSnapshot) -> None:
        self.struct(snapshot)

    def progress(self, job: Job) -> None:
        pass

    def end_of_job(self) -> None:
        pass

    def struct(self, value: msgspec.Struct) -> None:
        self._stream.write(self._encoder.encode(value).decode() + "\n")
        self._stream.flush()

    def say(self, line: str) -> None:
        pass

    def note(self, line: str) -> None:
        pass

    def problem(self, problem: Problem) -> None:
        self.struct(problem)


class TextOutput:
    """Answers to standard output; progress, notes and problems to standard error."""

    def __init__(self, answers: TextIO, notes: TextIO) -> None:
        self._answers = answers
        self._notes = notes
        self._display: Display | None = None

    def job(self, snapshot: JobSnapshot) -> None:
        self.progress(as_job(snapshot))

    def progress(self, job: Job) -> None:
        if self._display is None:
            self._display = display_for_here(SIGN_IN_HINT, self._notes)
        self._display.show(job)

    def end_of_job(self) -> None:
        if self._display:
            self._display.close()
            self._display = None

    def struct(self, value: msgspec.Struct) -> None:
        pass

    def say(self, line: str) -> None:
        self._answers.write(printable(line) + "\n")

    def note(self, line: str) -> None:
        self._notes.write(printable(line) + "\n")
        self._notes.flush()

    def problem(self, problem: Problem) -> None:
        self.end_of_job()
        hint = f" {SIGN_IN_HINT}" if problem.do == "signin" else ""
        self.note(f"jupyter rucio: {problem.detail}{hint}")


def stand_in_for_closed_streams() -> None:
    """Where a program is started without one of its streams, there is nothing to read, or nobody to tell."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to the end


def take_any_text(json: bool) -> None:
    """Have JSON written in UTF-8 whatever the locale; and of the rest what the locale knows, as well as it can."""
    codecs.register_error("plainly", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plainly")
    if json and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """A handler of encoding errors."""
    assert isinstance(error, UnicodeEncodeError)
    plain = error.object[error.start : error.end].translate(_PLAIN)
    return plain.encode("ascii", "backslashreplace").decode(), error.end


def as_job(snapshot: JobSnapshot) -> Job:
    """A snapshot as the kernel's words and displays take it."""
    return Job.from_wire(msgspec.to_builtins(snapshot))


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns; the last column is as long as it is."""
    cells = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths[:-1], strict=False)), row[-1]])
        for row in cells
    ]
