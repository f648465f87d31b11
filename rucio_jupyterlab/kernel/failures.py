"""What can go wrong in a kernel, as one small tree.

RucioError              a sentence for a person, and a stable type for programs
├── NoService           neither a Jupyter server with the extension nor the command answers
├── Unreachable         what answered before does not answer now
├── SignInNeeded        nobody is signed in; says where to sign in
├── ConfirmationNeeded  the job is larger than what starts unasked; says how to confirm
└── StageFailed         the job ended without what was asked for

An interrupt is none of these: it stays a KeyboardInterrupt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class RucioError(Exception):
    """Base of the kernel's errors; its text is what the user reads."""

    def __init__(self, detail: str, type: str = "failure") -> None:
        super().__init__(detail)
        self.type = type
        """Stable and short, for programs: `not-found`."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the sentence alone, for a traceback through our code helps nobody."""
        return [f"{self.__class__.__name__}: {self}"]


class NoService(RucioError):
    pass


class Unreachable(RucioError):
    pass


class SignInNeeded(RucioError):
    pass


class ConfirmationNeeded(RucioError):
    pass


class StageFailed(RucioError):
    pass


class Interrupted(KeyboardInterrupt):
    """An interrupt that a cell shows as such, without the way through our code."""

    def _render_traceback_(self) -> list[str]:
        return [": ".join(("KeyboardInterrupt", *self.args))]


_BY_TYPE: dict[str, type[RucioError]] = {
    "engine-down": Unreachable,
    "sign-in-needed": SignInNeeded,
}


def from_problem(problem: Mapping[str, Any], sign_in_hint: str) -> RucioError:
    """The error for a problem as it came over the wire; `sign_in_hint` says how to sign in."""
    kind = str(problem.get("type", "failure"))
    detail = str(problem.get("detail") or "Rucio refused without saying why.")
    if kind == "sign-in-needed":
        detail = f"{detail} {sign_in_hint}"
    return _BY_TYPE.get(kind, RucioError)(detail, kind)
