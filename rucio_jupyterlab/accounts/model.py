"""Instances and accounts as the panel sees them. No secret is ever a field of an answer."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

AuthType = Literal["userpass", "token", "x509", "x509_proxy"]
SignInState = Literal["signed-out", "signed-in", "lapsing", "lapsed"]
"""`lapsing`: under ten minutes left and nothing to renew the token with."""
ConfigurationSource = Literal["jupyter", "environment", "rucio.cfg", "user", "demo"]


NAMED = ("username", "certificate", "key", "token_file", "token_variable")
"""What a user may name to sign in, beside an account and a secret."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A way to sign in that worked, kept over restarts; a password is never part of it."""

    auth_type: AuthType
    account: str | None = None
    """None: the default account of the identity, as Rucio tells it."""
    username: str | None = None
    certificate: str | None = None
    """Path of a PEM file; of the proxy for `x509_proxy`."""
    key: str | None = None
    """Path of the PEM file with its key, where that is another one."""
    token_file: str | None = None
    token_variable: str | None = None
    named: list[str] = []
    """Which of these the user has named; the others are the configuration's, or the usual place at that time.
    With “account” where he has chosen another than came by itself.
    """

    def as_typed(self) -> Login:
        """Without what he has not named."""
        return replace(self, **{field: None for field in NAMED if field not in self.named})

    @property
    def certificate_files(self) -> tuple[str, str] | str | None:
        """The client certificate as `requests` takes it."""
        if self.certificate is None:
            return None
        return (self.certificate, self.key) if self.key else self.certificate


class AccountStatus(msgspec.Struct, frozen=True):
    """Who the user is at one instance."""

    state: SignInState
    account: str | None = None
    login: Login | None = None
    """How he signed in, as he typed it; also after it has lapsed, so that he need not type it again."""
    expires_at: float | None = None
    """Seconds since 1970; None where the token does not say."""
    renewable: bool = False
    """The engine can renew it by itself: it holds the password, or reads a file or certificate."""


class InstanceInfo(msgspec.Struct, frozen=True):
    """One Rucio that the user can talk to, and how he stands with it."""

    name: str
    display_name: str
    url: str
    auth_types: list[AuthType]
    """The ways of signing in that its configuration offers, the preferred one first."""
    account: AccountStatus
    source: ConfigurationSource
    source_detail: str
    """Where exactly it was configured, for the doctor: a file, a variable."""
    mode: Literal["replica", "download"] = "download"
    destination_rse: str | None = None
    wildcards: bool = True
    default_account: str | None = None
    default_username: str | None = None
    webui_url: str | None = None
    problem: str | None = None
    """Why it cannot be used, naming the offending key."""


class Instances(msgspec.Struct, frozen=True):
    instances: list[InstanceInfo]
    default: str | None = None
    problem: str | None = None
    """Why the configuration as a whole could not be read; the panel shows it with what was readable."""


class AccountChoices(msgspec.Struct, frozen=True):
    """The accounts that the signed-in identity may act as, as Rucio tells them."""

    accounts: list[str]
    current: str


class Reachability(msgspec.Struct, frozen=True):
    """How an instance answers, for the doctor."""

    version: str
    seconds: float
    """From question to answer."""
    clock_skew: float | None
    """Seconds by which Rucio's clock is ahead of ours; None where it does not tell."""
