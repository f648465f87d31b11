"""What one request to one server may carry: the table of `destinations`, filled with what the user has."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ..importing import one_at_a_time
from . import certificate
from .destinations import Holdings, secret_for
from .login import default_proxy, is_web_token
from .model import Login
from .session import AccountSession

_LOOKED_UP_EVERY = 5.0


class Credential(msgspec.Struct, frozen=True):
    """What a request may carry, and how the server is verified."""

    headers: tuple[str, ...] = ()
    """Whole lines: `Authorization: Bearer …`."""
    certificate: str | None = None
    key: str | None = None
    ca_file: str | None = None
    ca_path: str | None = None

    def __repr__(self) -> str:  # the headers hold secrets
        return f"Credential({len(self.headers)} headers, certificate={self.certificate!r})"


class HandedOut(msgspec.Struct, frozen=True):
    """Tokens that a storage gave for reading at one address."""

    address: str
    headers: tuple[str, ...]
    """Whole lines."""
    ca_file: str | None = None

    def __repr__(self) -> str:  # the address and the headers hold secrets
        return f"HandedOut({len(self.headers)} headers)"


class _Found(msgspec.Struct, frozen=True):
    """What there is to show; looked up on disk every few seconds, since each request of a transfer asks."""

    login: Login | None
    looked_up_at: float
    holdings: Holdings
    bare: Credential
    with_certificate: Credential


class Credentials:
    """Of all instances. Thread-safe, and never waits for a network."""

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}

    def get(
        self,
        session: AccountSession,
        rse_hosts: tuple[str, ...],
        url: str,
        takes_tokens: bool,
        redirected_from: str | None,
        permit: HandedOut | None = None,
    ) -> Credential:
        """Raises SourceFailure, SignInNeeded, and RucioUnreachable during a renewal."""
        found = self._look_up(session)
        permit_for = permit.address if permit else None
        right = secret_for(url, found.holdings, rse_hosts, takes_tokens, redirected_from, permit_for)
        if permit is not None:
            bare = replace(found.bare, ca_file=permit.ca_file, ca_path=None) if permit.ca_file else found.bare
            return replace(bare, headers=permit.headers) if right == "permit" else bare
        if right == "rucio-token":
            return replace(found.bare, headers=(f"X-Rucio-Auth-Token: {session.token_at_hand()}",))
        if right == "bearer":
            token = session.token_at_hand()
            if not is_web_token(token):  # it was, when it was last looked up
                return found.with_certificate
            return replace(found.bare, headers=(f"Authorization: Bearer {token}",))
        return found.with_certificate if right == "certificate" else found.bare

    def _look_up(self, session: AccountSession) -> _Found:
        instance, login, now = session.instance, session.login, time.monotonic()
        found = self._found.get(instance.name)
        if found is not None and found.login is login and now - found.looked_up_at < _LOOKED_UP_EVERY:
            return found
        with one_at_a_time:  # only now: requests takes 10 MiB
            from .signin import storage_trust

        pem, key = _certificate(session)
        ca_file, ca_path = storage_trust(instance, os.environ)
        bare = Credential(ca_file=ca_file, ca_path=ca_path)
        holdings = Holdings(instance.base_url, login is not None, session.oidc, pem is not None)
        found = _Found(login, now, holdings, bare, replace(bare, certificate=pem, key=key))
        self._found[instance.name] = found
        return found


def _certificate(session: AccountSession) -> tuple[str | None, str | None]:
    """The certificate and key to show to storages: those signed in with, else the user's proxy."""
    login = session.login
    if login is not None and login.auth_type in ("x509", "x509_proxy"):
        return login.certificate, login.key or login.certificate
    proxy = default_proxy(session.instance, os.environ)
    end = certificate.expires_at(Path(proxy)) if proxy else None
    return (proxy, proxy) if end is not None and end > time.time() else (None, None)
