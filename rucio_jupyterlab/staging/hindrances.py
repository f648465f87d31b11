"""What an upload waits for, in words, and for how long before it looks again."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ..errors import Failure, NoSpace, Problem, RefusedByStorage, SignInNeeded
from ..pauses import backoff
from .clouds import ADVICE, LOOK_SECONDS
from .model import Cause

FIRST_SPACE, LONGEST_SPACE = 30.0, 300.0
"""Seconds between attempts at a cloud that is full: each may send much before it is refused."""
SIGN_IN = SignInNeeded(
    "Your sign-in has lapsed. Sign in, then the upload goes on; put the same files again to watch it."
).problem()


class Hindrance(msgspec.Struct, frozen=True):
    """Why an upload waits."""

    cause: Cause
    problem: Problem
    seconds: float | None
    """Until it looks again by itself; None: only the user can help."""


def of_failure(failure: Failure, in_a_row: int) -> Hindrance | None:
    """What an upload whose files have been put down is to wait for; None where that does not help.

    `in_a_row` counts the attempts that ended so.
    """
    problem = failure.problem()
    if isinstance(failure, RefusedByStorage):
        return Hindrance("signin", replace(problem, detail=f"{failure} {ADVICE}"), LOOK_SECONDS)
    if isinstance(failure, SignInNeeded) and failure.remedy == "signin":
        return Hindrance("signin", SIGN_IN, None)
    if isinstance(failure, NoSpace):
        advice = "Free some space there, or have the quota raised; the upload then goes on by itself."
        seconds = backoff(FIRST_SPACE, in_a_row, LONGEST_SPACE)
        return Hindrance("space", replace(problem, detail=f"{failure} {advice}"), seconds)
    return None


def no_answer(failure: Failure) -> Hindrance:
    """What a shipment waits for, which asks again by itself."""
    detail = f"{failure} It is asked again, and the upload goes on by itself then."
    return Hindrance("network", Problem("network", detail, "wait", 502), 0.0)
