"""A token that the user brings."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from msgspec.structs import replace

from ..errors import Denied, SignInNeeded
from .holders import OpenDoor, changes_at, standing
from .login import Token, is_web_token, read_token, token_expiry
from .model import AccountStatus, Login

REFUSED_SECONDS = 300.0
"""How long a token is not tried again that Rucio has refused: it does so for troubles of its own too."""


class BroughtToken:
    """A token in a file or variable, where somebody else renews it; read anew at each use."""

    def __init__(
        self,
        name: str,
        door: OpenDoor,
        login: Login,
        changed: Callable[[], None],
        token: Token | None = None,
    ) -> None:
        self.login = login
        self._name = name
        self._door = door
        self._changed = changed
        self._recognising = threading.Lock()
        self._token = token
        self._refused: str | None = None
        """The token that was not good; empty where there was none."""
        self._refused_until = 0.0

    @property
    def known(self) -> Token | None:
        return self._token

    @property
    def oidc(self) -> bool:
        """As far as can be told: somebody may be writing the file, so look at what is handed out once more."""
        try:
            return is_web_token(read_token(self.login, os.environ))
        except SignInNeeded:
            return self._token is None or is_web_token(self._token.value)

    def status(self) -> AccountStatus:
        token = self._token
        try:
            value = self._read()
            expires_at, lapsed = self._expiry(value), self._refuses(value)
            if expires_at is None and token is not None and token.value == value:
                expires_at = token.expires_at
        except SignInNeeded:
            expires_at, lapsed = token.expires_at if token else None, True
        renewable = self.login.token_file is not None
        return AccountStatus(
            state=standing(expires_at, lapsed, warns=not renewable),
            account=token.account if token else self.login.account,
            login=self.login.as_typed(),
            expires_at=expires_at,
            renewable=renewable,
        )

    def next_change(self) -> float | None:
        in_a_file, status = self.login.token_file is not None, self.status()
        if status.state == "lapsed" and not in_a_file and self._refused_until > time.time():
            return self._refused_until
        return changes_at(status, warns=not in_a_file, renewed_by_others=in_a_file)

    def token(self) -> str:
        value = self._usable()
        token = self._token
        if token is None or token.value != value:
            self._recognise(value)
        return value

    def token_at_hand(self) -> str:
        return self._usable()

    def renewed(self, refused: str) -> str:
        value = self._usable()
        if value == refused:
            self._make_sure_of(value)
        return value

    def rejected(self, refused: str) -> None:
        self._lapse(refused)

    def forget(self) -> None:
        """The token is not ours to delete."""

    def let_go(self) -> None:
        """Nothing is kept on disk, and there is no password."""

    def _usable(self) -> str:
        try:
            value = self._read()
        except SignInNeeded:
            self._lapse("")
            raise
        if self._refuses(value):
            raise self._lapsed()
        return value

    def _read(self) -> str:
        value = read_token(self.login, os.environ)
        expires_at = self._expiry(value)
        if expires_at is not None and expires_at <= time.time():
            raise SignInNeeded(f"Your token for {self._name} has lapsed; sign in again.")
        return value

    def _expiry(self, value: str) -> float | None:
        """When a token says that it lapses, by this machine's clock as far as Rucio has shown how wrong that is."""
        told, known = token_expiry(value), self._token
        told_before = token_expiry(known.value) if known else None
        if told is None or told_before is None or known is None or known.expires_at is None:
            return told
        return told - (told_before - known.expires_at)

    def _recognise(self, value: str) -> None:
        """Ask Rucio once whose token it is; its successors are the same user's."""
        try:
            with self._recognising:
                if self._token is None:
                    self._token = self._door().with_token(self.login, value)
                else:
                    self._token = replace(self._token, value=value, expires_at=self._expiry(value))
                self._refused = None
        except (SignInNeeded, Denied):
            self._lapse(value)
            raise
        self._changed()

    def _make_sure_of(self, value: str) -> None:
        """Ask Rucio once more about a token that it has refused; one of its servers may lack a key."""
        try:
            with self._recognising:
                if self._refuses(value):  # another thread was faster
                    raise self._lapsed()
                self._door().with_token(self.login, value)
        except (SignInNeeded, Denied):
            self._lapse(value)
            raise self._lapsed() from None

    def _lapse(self, refused: str) -> None:
        """Note that this token is not good."""
        if not self._refuses(refused):
            self._refused, self._refused_until = refused, time.time() + REFUSED_SECONDS
            self._changed()

    def _refuses(self, value: str) -> bool:
        """Whether this token was not good just now."""
        return value == self._refused and time.time() < self._refused_until

    def _lapsed(self) -> SignInNeeded:
        return SignInNeeded(f"{self._name} takes your token no longer; sign in again.")
