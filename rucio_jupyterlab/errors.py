"""Everything that can go wrong, as one small tree.

Failure                     a sentence for a person, a stable type, and what to do about it
├── BadRequest              the question itself is wrong
├── BadConfiguration        a key of the site's or the user's configuration is wrong
├── NotFound                no such DID, job, listing or instance
├── SignInNeeded            no valid token; signing in mends it
│   └── RefusedByStorage    a storage's own sign-in; it is renewed where it comes from
├── Denied                  Rucio knows the user and says no
├── NoAnswer                whoever was asked, or the way there, does not answer; later it may
│   ├── RucioUnreachable
│   └── StorageUnreachable
├── RucioRefused            Rucio answered with an error
│   └── RucioFault          of its own making, which may pass
├── EngineDown              the engine process does not answer
├── Conflict                the thing is in a state in which this cannot be done
├── NoSpace                 the disk or the quota is full
├── BrokenDisk              our own disk refuses for another reason
└── SourceFailure           one replica could not be read (`sources/failures.py` tells how), or written
    └── StorageFault        the storage speaks of an error of its own, which may pass

No library's exception text gets into a message: it may hold a signed address or a token.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

Remedy = Literal[
    "signin",
    "retry",
    "refresh",
    "choose",
    "confirm",
    "configure",
    "free-space",
    "recall",
    "wait",
    "report",
    "none",
]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A failure as it crosses a process: RFC 9457, with what the user can do."""

    type: str
    """Stable and short, for programs: `sign-in-needed`."""
    detail: str
    """One or two sentences for a person: what, why, what to do."""
    do: Remedy = "none"
    status: int = 500
    """The HTTP status that fits."""
    exception: str | None = None
    """Rucio's own exception class, where it named one."""
    choices: list[str] = []
    """With the remedy `choose`: what to choose from, where Rucio has told it."""


class Failure(Exception):
    """Base of our errors; its text is the sentence that the user reads."""

    type: ClassVar[str] = "failure"
    status: ClassVar[int] = 500
    do: ClassVar[Remedy] = "report"

    def __init__(
        self,
        detail: str,
        *,
        do: Remedy | None = None,
        exception: str | None = None,
        choices: Sequence[str] = (),
    ) -> None:
        super().__init__(detail)
        self.remedy: Remedy = do or self.do
        self.exception = exception
        self.choices = list(choices)

    def problem(self) -> Problem:
        return Problem(self.type, str(self), self.remedy, self.status, self.exception, self.choices)


class BadRequest(Failure):
    type, status, do = "bad-request", 400, "none"


class BadConfiguration(Failure):
    type, status, do = "bad-configuration", 500, "configure"


class NotFound(Failure):
    type, status, do = "not-found", 404, "refresh"


class SignInNeeded(Failure):
    # Not 401: JupyterLab would take that for its own sign-in.
    type, status = "sign-in-needed", 403
    do: ClassVar[Remedy] = "signin"


class RefusedByStorage(SignInNeeded):
    type, do = "cs3-signin", "retry"


class Denied(Failure):
    type, status, do = "denied", 403, "none"


class NoAnswer(Failure):
    status, do = 502, "retry"

    def __init__(
        self,
        detail: str,
        *,
        do: Remedy | None = None,
        exception: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """`retry_after` are the seconds that we were asked to wait."""
        super().__init__(detail, do=do, exception=exception)
        self.retry_after = retry_after


class RucioUnreachable(NoAnswer):
    type = "rucio-unreachable"


class StorageUnreachable(NoAnswer):
    type = "storage-unreachable"


class RucioRefused(Failure):
    type, status = "rucio-refused", 502
    do: ClassVar[Remedy] = "none"


class RucioFault(RucioRefused):
    do = "retry"


class EngineDown(Failure):
    type, status, do = "engine-down", 503, "retry"


class Conflict(Failure):
    type, status, do = "conflict", 409, "refresh"


class NoSpace(Failure):
    type, status, do = "no-space", 507, "free-space"


class BrokenDisk(Failure):
    type, status, do = "disk-error", 507, "configure"


class SourceFailure(Failure):
    type, status, do = "source-failed", 502, "retry"


class StorageFault(SourceFailure):
    type = "server-error"


class Remote(Failure):
    """A failure that another process told us of; it passes on as it came."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail, do=problem.do, exception=problem.exception, choices=problem.choices)
        self._problem = problem

    def problem(self) -> Problem:
        return self._problem


def outline(error: BaseException) -> str:
    """Class and place of an error for a log, without its text, which may hold a token or a signed address."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    return f"{type(error).__name__} at {places}"
