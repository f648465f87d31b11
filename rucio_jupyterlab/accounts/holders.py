"""What is asked of whoever holds the token in force, and how a status follows from its end.

There are two: `IssuedToken` for one that Rucio gave, and `BroughtToken` for one that the user brings. Both are
thread-safe and tell `changed`, outside of any lock, when their status may read differently.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from .login import Token
from .model import AccountStatus, Login, SignInState

if TYPE_CHECKING:
    from .signin import Door

LAPSING_BEFORE = 600.0
"""Seconds before its end at which the user is warned, where nothing else helps."""
LOOK_SECONDS = 15.0
"""How often a file is looked at that somebody else may renew, after a lapse."""

OpenDoor = Callable[[], "Door"]


class Holder(Protocol):
    """A sign-in that worked once."""

    @property
    def login(self) -> Login: ...
    @property
    def known(self) -> Token | None:
        """The token as it was last seen; it may have lapsed since."""

    @property
    def oidc(self) -> bool:
        """Whether the token is one that storages may understand too."""

    def status(self) -> AccountStatus:
        """Asks nobody."""

    def next_change(self) -> float | None:
        """When it is next worth while to ask for `status`, in seconds since 1970: it may read differently then."""

    def token(self) -> str:
        """A token that should be good; may ask Rucio. Raises SignInNeeded, RucioUnreachable."""

    def token_at_hand(self) -> str:
        """A token that should be good, without waiting for anybody. Raises as `token` does."""

    def renewed(self, refused: str) -> str:
        """Another token than the one that Rucio refused. Raises as `token` does."""

    def rejected(self, refused: str) -> None:
        """Take note that Rucio refuses even a new token."""

    def forget(self) -> None:
        """Delete what is kept on disk, and keep nothing more there."""

    def let_go(self) -> None:
        """Leave what is kept on disk to another holder, and forget the password."""


def standing(expires_at: float | None, lapsed: bool, *, warns: bool) -> SignInState:
    """The state of a sign-in; `warns` where nobody but the user can see to it that it goes on."""
    now = time.time()
    if lapsed or (expires_at is not None and expires_at <= now):
        return "lapsed"
    if warns and expires_at is not None and expires_at - now < LAPSING_BEFORE:
        return "lapsing"
    return "signed-in"


def changes_at(status: AccountStatus, *, warns: bool, renewed_by_others: bool) -> float | None:
    """When a status may read differently by itself, in seconds since 1970; None where it will not."""
    if status.state == "lapsed":
        return time.time() + LOOK_SECONDS if renewed_by_others else None
    if status.expires_at is None:
        return None
    return status.expires_at - LAPSING_BEFORE if warns and status.state == "signed-in" else status.expires_at
