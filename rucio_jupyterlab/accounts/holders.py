"""Who holds the token that is in force: one that Rucio gave, or one that the user brings.

Both are thread-safe and tell `changed`, outside of any lock, when their status may read differently.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from ..errors import BadRequest, Denied, Failure, RucioRefused, RucioUnreachable, SignInNeeded
from . import certificate
from .files import read_private, version_of, write_private
from .login import Token, is_web_token, read_token, token_expiry
from .model import AccountStatus, Login, SignInState

if TYPE_CHECKING:
    from .signin import Door

RENEW_BEFORE = 300.0
"""Seconds before its end at which a token is renewed, where it can be."""
LAPSING_BEFORE = 600.0
"""Seconds before its end at which the user is warned, where nothing else helps."""
LOOK_SECONDS = 15.0
"""How often a file is looked at that somebody else may renew, after a lapse."""
REFUSED_SECONDS = 300.0
"""How long a token is not tried again that Rucio has refused: it does so for troubles of its own too."""

OpenDoor = Callable[[], "Door"]

logger = logging.getLogger(__name__)


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


class IssuedToken:
    """A token that Rucio gave for a password or a certificate, and gives anew while these are at hand.

    At most one renewal runs at a time; who needs its token waits for it. The token is kept in `file`, where
    the disk has room for it; the password in memory alone.
    """

    oidc = False
    """It is for that Rucio alone."""

    def __init__(
        self,
        name: str,
        door: OpenDoor,
        file: Path,
        login: Login,
        changed: Callable[[], None],
        token: Token | None = None,
        password: str | None = None,
    ) -> None:
        self.login = login
        self._name = name
        self._door = door
        self._file = file
        self._changed = changed
        self._password = password
        self._renewing = threading.Lock()
        self._keeping = threading.Lock()
        self._keeps = True
        self._gave_out = False
        self._gave_out_with: tuple[int, ...] | None = None
        """The certificate's file as it was then."""
        self._token = token or read_private(file, Token)
        if token is not None:
            self._keep(token)

    @property
    def known(self) -> Token | None:
        return self._token

    def status(self) -> AccountStatus:
        token, renewable = self._token, self._renewable()
        if self.login.certificate:
            expires_at = self._certificate_end()
        else:
            expires_at = token.expires_at if token and (_lasts(token) or not renewable) else None
        lapsed = self._lapsed or not (token or renewable)
        return AccountStatus(
            state=_standing(expires_at, lapsed, warns=not self._by_itself()),
            account=token.account if token else self.login.account,
            login=self.login.as_typed(),
            expires_at=expires_at,
            renewable=renewable,
        )

    def next_change(self) -> float | None:
        if self._by_itself():
            return None
        return _next_change(self.status(), warns=True, renewed_by_others=self.login.certificate is not None)

    def token(self) -> str:
        token = self._token
        if _lasts(token, RENEW_BEFORE) and not self._lapsed:
            return _value(token)
        if self._renewable():
            try:
                return self._renew(token)
            except RucioUnreachable:
                if not _lasts(token):
                    raise
        if _lasts(token) and not self._lapsed:
            return _value(token)
        raise self._lapse()

    def token_at_hand(self) -> str:
        token, renewable = self._token, self._renewable()
        if renewable and not _lasts(token, RENEW_BEFORE) and not self._renewing.locked():
            threading.Thread(target=self._renew_quietly, args=(token,), name="renewal", daemon=True).start()
        if _lasts(token) and not self._lapsed:
            return _value(token)
        if renewable:
            raise RucioUnreachable(f"The sign-in to {self._name} is being renewed.", do="wait")
        raise self._lapse()

    def renewed(self, refused: str) -> str:
        token = self._token
        if token is not None and token.value != refused:
            return token.value
        if self._renewable():
            return self._renew(token)
        raise self._lapse()

    def rejected(self, refused: str) -> None:
        if self._token is not None and self._token.value == refused:
            self._lapse()

    def forget(self) -> None:
        with self._keeping:
            self._keeps = False
            self._file.unlink(missing_ok=True)

    def let_go(self) -> None:
        with self._keeping:
            self._keeps = False
        self._password = None

    def _renew(self, old: Token | None) -> str:
        try:
            with self._renewing:
                if self._token is not None and self._token is not old:
                    return self._token.value  # another thread was faster
                token = obtain(self._door(), self.login, self._password)
                self._token, self._gave_out = token, False
                self._keep(token)
        except (Denied, BadRequest):
            self._password = None
            raise self._lapse() from None
        except RucioRefused as refusal:  # what it took before it will take again
            raise RucioUnreachable(f"Your sign-in could not be renewed. {refusal}", do="wait") from None
        self._changed()
        return token.value

    def _renew_quietly(self, old: Token | None) -> None:
        with suppress(Failure):  # `status` tells; whoever needs the token asks again
            self._renew(old)

    def _keep(self, token: Token) -> None:
        """For the next engine; this one does without the file."""
        try:
            with self._keeping:
                if self._keeps:  # no sign-out came during the renewal
                    write_private(self._file, msgspec.json.encode(token))
        except OSError as error:
            logger.warning(
                "The sign-in to %s could not be kept (%s); it lasts as long as the engine.",
                self._name,
                error.strerror,
            )

    @property
    def _lapsed(self) -> bool:
        """Whether nothing gives a token any more; another certificate may."""
        return self._gave_out and self._gave_out_with == self._certificate_version()

    def _lapse(self) -> SignInNeeded:
        """Note that the token is good no longer; returns what to raise."""
        if not self._lapsed:
            self._gave_out, self._gave_out_with = True, self._certificate_version()
            self._changed()
        return SignInNeeded(f"Your sign-in to {self._name} has lapsed; sign in again.")

    def _renewable(self) -> bool:
        if self.login.auth_type == "userpass":
            return self._password is not None
        end = self._certificate_end()
        return end is not None and end > time.time()

    def _by_itself(self) -> bool:
        """Whether a token that ends is followed by another, so that no end need be announced."""
        return not self.login.certificate and self._renewable()

    def _certificate_end(self) -> float | None:
        return certificate.expires_at(Path(self.login.certificate or ""))

    def _certificate_version(self) -> tuple[int, ...] | None:
        return version_of(Path(self.login.certificate)) if self.login.certificate else None


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
            state=_standing(expires_at, lapsed, warns=not renewable),
            account=token.account if token else self.login.account,
            login=self.login.as_typed(),
            expires_at=expires_at,
            renewable=renewable,
        )

    def next_change(self) -> float | None:
        in_a_file, status = self.login.token_file is not None, self.status()
        if status.state == "lapsed" and not in_a_file and self._refused_until > time.time():
            return self._refused_until
        return _next_change(status, warns=not in_a_file, renewed_by_others=in_a_file)

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


def discard_lapsed(folder: Path) -> None:
    """Delete tokens that are of no use any more: a proxy that lies elsewhere in each session leaves one each time."""
    for file in folder.glob("*"):
        token = read_private(file, Token)
        if token is not None and not _lasts(token):
            file.unlink(missing_ok=True)


def obtain(door: Door, login: Login, password: str | None) -> Token:
    """A token for a password or certificate. Raises Denied, BadRequest, RucioUnreachable, RucioRefused."""
    if login.auth_type == "userpass":
        return door.with_password(login, password or "")
    return door.with_certificate(login)


def _standing(expires_at: float | None, lapsed: bool, *, warns: bool) -> SignInState:
    now = time.time()
    if lapsed or (expires_at is not None and expires_at <= now):
        return "lapsed"
    if warns and expires_at is not None and expires_at - now < LAPSING_BEFORE:
        return "lapsing"
    return "signed-in"


def _next_change(status: AccountStatus, *, warns: bool, renewed_by_others: bool) -> float | None:
    if status.state == "lapsed":
        return time.time() + LOOK_SECONDS if renewed_by_others else None
    if status.expires_at is None:
        return None
    return status.expires_at - LAPSING_BEFORE if warns and status.state == "signed-in" else status.expires_at


def _lasts(token: Token | None, seconds: float = 0.0) -> bool:
    """Whether a token will still be good in so many seconds."""
    return token is not None and (token.expires_at is None or token.expires_at - time.time() > seconds)


def _value(token: Token | None) -> str:
    return token.value if token else ""
