"""One user at one Rucio: signing in, out and as another account, and the client that acts for him."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..config import Instance, Options
from ..config.sources import password_of_rucio_cfg
from ..errors import Conflict, SignInNeeded
from ..importing import one_at_a_time
from .brought import BroughtToken
from .holders import Holder
from .issued import IssuedToken, obtain
from .login import Token, read_token
from .model import AccountStatus, Login, Reachability

if TYPE_CHECKING:
    from .client import RucioClient
    from .signin import Door

Changed = Callable[["AccountSession"], None]


class AccountSession:
    """Thread-safe; at most one sign-in runs at a time, and neither `status` nor `sign_out` waits for it.

    `changed` is called, outside of any lock, whenever `status` may read differently.
    """

    def __init__(
        self,
        instance: Instance,
        options: Options,
        tokens: Path,
        login: Login | None,
        changed: Changed,
    ) -> None:
        self.instance = instance
        self._options = options
        self._tokens = tokens
        self._report = changed
        self._signing_in = threading.Lock()
        self._settling = threading.Lock()
        """Held for moments alone, while who is signed in changes."""
        self._sign_outs = 0
        self._password: str | None = None
        """The one that was typed."""
        self._holder = self._hold(login, None, None) if login else None
        self._client: RucioClient | None = None
        self._retired = False
        self._successor: AccountSession | None = None
        """The session of the same server that has taken over from this one."""

    @property
    def login(self) -> Login | None:
        """The way that the user is signed in by; None where he is not."""
        return self._holder.login if self._holder else None

    @property
    def oidc(self) -> bool:
        """Whether the token is one that storages may understand too."""
        return self._holder is not None and self._holder.oidc

    def status(self) -> AccountStatus:
        """Where the user stands; asks nobody."""
        return self._holder.status() if self._holder else AccountStatus("signed-out")

    def next_change(self) -> float | None:
        """When it is next worth while to ask for `status`, in seconds since 1970: it may read differently then."""
        return self._holder.next_change() if self._holder else None

    # Signing in and out

    def sign_in(self, login: Login, password: str | None) -> None:
        """Sign in anew; what was in force stays so until that has worked.

        Raises BadRequest, Denied, SignInNeeded, RucioUnreachable, RucioRefused, and Conflict if the user
        signs out meanwhile, or another session replaces this one.
        """
        with self._signing_in:
            door, sign_outs = self._door(), self._sign_outs
            if login.auth_type == "token":
                token = door.with_token(login, read_token(login, os.environ))
            else:
                token = obtain(door, login, password)
            with self._settling:
                if self._sign_outs != sign_outs:
                    raise Conflict(f"You have signed out of {self.instance.display_name} meanwhile.")
                if self._retired:
                    name = self.instance.display_name
                    raise Conflict(f"The configuration of {name} has changed; sign in again.", do="signin")
                if self._holder is not None:
                    self._holder.forget()
                self._holder = self._hold(replace(login, account=token.account), token, password)
                self._password = password
                self._client = None
        self._changed()

    def sign_out(self) -> None:
        """Forget token and password; a sign-in that is under way comes to nothing."""
        with self._settling:
            if (successor := self._successor) is None:
                self._sign_outs += 1
                if self._holder is not None:
                    self._holder.forget()
                self._holder, self._password, self._client = None, None, None
        if successor is not None:
            successor.sign_out()
        else:
            self._changed()

    def switch(self, account: str) -> None:
        """Act as another account of the same identity. Raises as `sign_in` does, and Conflict."""
        login = self._signed_in().login
        if login.auth_type == "token":
            raise Conflict(
                "A token acts as one account; Rucio's administrators map it to another.", do="none"
            )
        password = self._password or password_of_rucio_cfg(self.instance, login.username)
        if login.auth_type == "userpass" and password is None:
            raise SignInNeeded(f"Give your password again to act as “{account}”.")
        named = [*(field for field in login.named if field != "account"), "account"]
        self.sign_in(replace(login, account=account, named=named), password)

    def accounts(self) -> tuple[list[str], str]:
        """The accounts of the identity, as Rucio tells them, and the one in force."""
        client, holder = self.client(), self._signed_in()
        login, token = holder.login, holder.known
        identity = (token.identity if token else None) or login.username
        if identity is None and token is not None:
            identity = self._door().identity(token)
        if identity is None:
            return [client.account], client.account
        kind = {"userpass": "USERPASS", "token": "OIDC"}.get(login.auth_type, "X509")
        listed = client.ask("identities/accounts", list[str], params={"identity_key": identity, "type": kind})
        return sorted({*listed, client.account}), client.account

    def is_same_server(self, instance: Instance) -> bool:
        """Whether the token may go to another instance too."""
        return _server(self.instance) == _server(instance)

    def take_over(self, old: AccountSession, *, as_it_stood: bool) -> None:
        """Go on for whoever still holds another session of the same server, and in its way where told so."""
        with old._settling:
            if as_it_stood and (holder := old._holder) is not None:
                self._password = old._password
                self._holder = self._hold(holder.login, holder.known, old._password)
            old._successor = self
        old.retire()

    def retire(self) -> None:
        """Keep nothing on disk any more, nor the password: another session answers for the instance, or none."""
        with self._settling:
            self._retired = True
            if self._holder is not None:
                self._holder.let_go()
            self._password = None

    # What the client asks

    def client(self) -> RucioClient:
        """A client that acts as the account in force. Raises SignInNeeded, RucioUnreachable."""
        self.token()
        client, known = self._client, self._signed_in().known
        if client is None:
            with one_at_a_time:  # only now: Rucio takes 24 MiB
                from .client import RucioClient

            account = known.account if known else ""
            client = RucioClient(self.instance, account, self, self._door().ca, self._options)
            self._client = client
        return client

    def token(self) -> str:
        """A token that should be good; may ask Rucio. Raises SignInNeeded, RucioUnreachable."""
        return self._signed_in().token()

    def token_at_hand(self) -> str:
        """A token that should be good, without waiting for anybody."""
        return self._signed_in().token_at_hand()

    def renewed(self, refused: str) -> str:
        """Another token than the one that Rucio refused."""
        return self._signed_in().renewed(refused)

    def rejected(self, refused: str) -> None:
        """Take note that Rucio refuses even a new token."""
        self._signed_in().rejected(refused)

    def knock(self) -> Reachability:
        """How the instance answers. Raises RucioUnreachable, RucioRefused."""
        return self._door().knock()

    # Within

    def _signed_in(self) -> Holder:
        if self._successor is not None:
            return self._successor._signed_in()
        if self._holder is None:
            raise SignInNeeded(f"Sign in to {self.instance.display_name}.")
        return self._holder

    def _hold(self, login: Login, token: Token | None, password: str | None) -> Holder:
        name = self.instance.display_name
        if login.auth_type == "token":
            return BroughtToken(name, self._door, login, self._changed, token)
        file = self._token_file(login)
        kept = partial(password_of_rucio_cfg, self.instance, login.username)
        return IssuedToken(name, self._door, file, login, self._changed, token, password, kept)

    def _changed(self) -> None:
        self._report(self)

    def _door(self) -> Door:
        with one_at_a_time:  # only now: requests takes 10 MiB
            from .signin import Door

        return Door(self.instance, self._options, os.environ)

    def _token_file(self, login: Login) -> Path:
        """Its own for each server, VO, account and identity: no server is ever sent another's token."""
        identity = (login.auth_type, login.username or "", login.certificate or "")
        owner = "\0".join((*_server(self.instance), login.account or "", *identity))
        return self._tokens / hashlib.sha256(owner.encode()).hexdigest()[:32]


def _server(instance: Instance) -> tuple[str, str, str]:
    """What makes two instances the same server, to which the same token may go."""
    return instance.base_url, instance.auth_url, instance.vo or ""
