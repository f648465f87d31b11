"""A token that Rucio gave."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..errors import BadRequest, Denied, Failure, RucioRefused, RucioUnreachable, SignInNeeded
from . import certificate
from .files import read_private, version_of, write_private
from .holders import OpenDoor, changes_at, standing
from .login import Token
from .model import AccountStatus, Login

if TYPE_CHECKING:
    from .signin import Door

RENEW_BEFORE = 300.0
"""Seconds before its end at which a token is renewed, where it can be."""

logger = logging.getLogger(__name__)


class IssuedToken:
    """A token that Rucio gave for a password or a certificate, and gives anew while these are at hand.

    At most one renewal runs at a time; who needs its token waits for it. The token is kept in `file`, where
    the disk has room for it; the password in memory alone. `kept_password` gives the one that the user keeps in a
    file of his own, as it is by then.
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
        kept_password: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.login = login
        self._name = name
        self._door = door
        self._file = file
        self._changed = changed
        self._password = password
        self._kept_password = kept_password
        self._refused_password: str | None = None
        self._renewing = threading.Lock()
        self._keeping = threading.Lock()
        self._keeps = True
        self._gave_out = False
        self._gave_out_with: tuple[int, ...] | str | None = None
        """The certificate's file, or the password, as it was then."""
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
            state=standing(expires_at, lapsed, warns=not self._by_itself()),
            account=token.account if token else self.login.account,
            login=self.login.as_typed(),
            expires_at=expires_at,
            renewable=renewable,
        )

    def next_change(self) -> float | None:
        if self._by_itself():
            return None
        others = self.login.certificate is not None or self._kept_password() is not None
        return changes_at(self.status(), warns=True, renewed_by_others=others)

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
        token = self._token
        if not _lasts(token, RENEW_BEFORE) and not self._renewing.locked() and self._renewable():
            threading.Thread(target=self._renew_quietly, args=(token,), name="renewal", daemon=True).start()
        if _lasts(token) and not self._lapsed:
            return _value(token)
        if self._renewable():
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
        self._password, self._kept_password = None, lambda: None

    def _renew(self, old: Token | None) -> str:
        password = None
        try:
            with self._renewing:
                if self._token is not None and self._token is not old:
                    return self._token.value  # another thread was faster
                password = self._password_at_hand()
                token = obtain(self._door(), self.login, password)
                self._token, self._gave_out = token, False
                self._keep(token)
        except (Denied, BadRequest):
            self._password, self._refused_password = None, password
            if self._password_at_hand() is not None:
                return self._renew(old)
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
        """Whether nothing gives a token any more; another certificate or password may."""
        return self._gave_out and self._gave_out_with == self._means()

    def _lapse(self) -> SignInNeeded:
        """Note that the token is good no longer; returns what to raise."""
        if not self._lapsed:
            self._gave_out, self._gave_out_with = True, self._means()
            self._changed()
        return SignInNeeded(f"Your sign-in to {self._name} has lapsed; sign in again.")

    def _renewable(self) -> bool:
        if self.login.auth_type == "userpass":
            return self._password_at_hand() is not None
        end = self._certificate_end()
        return end is not None and end > time.time()

    def _by_itself(self) -> bool:
        """Whether a token that ends is followed by another, so that no end need be announced."""
        return not self.login.certificate and self._renewable()

    def _certificate_end(self) -> float | None:
        return certificate.expires_at(Path(self.login.certificate or ""))

    def _password_at_hand(self) -> str | None:
        """The one that was typed, else the one that the user keeps; none that Rucio has refused."""
        password = self._password or self._kept_password()
        return password if password != self._refused_password else None

    def _means(self) -> tuple[int, ...] | str | None:
        """What gives a token: another value once that is another one."""
        certificate = self.login.certificate
        return version_of(Path(certificate)) if certificate else self._password_at_hand()


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


def _lasts(token: Token | None, seconds: float = 0.0) -> bool:
    """Whether a token will still be good in so many seconds."""
    return token is not None and (token.expires_at is None or token.expires_at - time.time() > seconds)


def _value(token: Token | None) -> str:
    return token.value if token else ""
