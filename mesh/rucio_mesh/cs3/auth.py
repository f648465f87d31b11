"""Ways to sign in to a gateway. A credential is asked anew at each sign-in, so that rotated secrets are seen.

Basic("alice", Secret.of("…"))                               user and password
Basic("alice", Secret.of("…"), kind="appauth")               an app password
Machine("alice", Secret.in_file(path))                       a trusted service, acting as alice
Bearer(Secret.in_file(path))                                 an OIDC token that someone renews in a file
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from .errors import NotSignedIn

TokenKind = Literal["oidc", "reva", "auto"]


@dataclass(frozen=True)
class Secret:
    """A text that is read when it is needed, and shown by nothing."""

    value: str | None = field(default=None, repr=False)
    file: Path | None = None
    variable: str | None = None

    @classmethod
    def of(cls, value: str) -> Secret:
        return cls(value=value)

    @classmethod
    def in_file(cls, path: Path) -> Secret:
        return cls(file=path)

    @classmethod
    def in_environment(cls, variable: str) -> Secret:
        return cls(variable=variable)

    def read(self) -> str:
        """The text without white space around it. Raises NotSignedIn where there is none, or what is no text."""
        text, place = self.value, "the configuration"
        if self.file:
            place = f"the file {self.file}"
            try:
                text = self.file.read_text(encoding="utf-8", errors="surrogateescape")
            except OSError:
                raise NotSignedIn(f"{place} with the secret cannot be read") from None
        elif self.variable:
            text, place = os.environ.get(self.variable), f"the variable {self.variable}"
        if not text or not text.strip():
            raise NotSignedIn(f"{place} holds no secret")
        if not is_unicode(text):  # an error in encoding it would show it
            raise NotSignedIn(f"{place} holds a secret that is not UTF-8")
        return text.strip()


@dataclass(frozen=True)
class Login:
    """What `Authenticate` takes."""

    kind: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class GatewayToken:
    """A token of the gateway's own, which needs no `Authenticate`."""

    token: str = field(repr=False)


class Credential(Protocol):
    """One way to sign in. Hashable, so that clients can be shared."""

    def present(self) -> Login | GatewayToken:
        """Raises NotSignedIn where the secret is missing."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Basic:
    """A user with a password, or, by another `kind`, with an app password."""

    user: str
    password: Secret
    kind: str = "basic"

    def present(self) -> Login:
        return Login(self.kind, self.user, self.password.read())


@dataclass(frozen=True)
class Machine:
    """A service that the gateway trusts to act for a user; it makes no home for the user."""

    user: str
    """A user name, or a claim with its value such as `mail:alice@example.org`."""
    key: Secret

    def present(self) -> Login:
        return Login("machine", self.user, self.key.read())


@dataclass(frozen=True)
class Bearer:
    """A token of the identity provider, or of the gateway itself."""

    token: Secret
    kind: TokenKind = "auto"
    """`oidc` is exchanged for a gateway's token, `reva` is one; `auto` looks into it."""

    def present(self) -> Login | GatewayToken:
        token = self.token.read()
        if self.kind == "reva" or (self.kind == "auto" and is_gateway_token(token)):
            return GatewayToken(token)
        return Login("bearer", "", token)


def is_gateway_token(token: str) -> bool:
    """Whether Reva itself has made it: it then names a user and a scope, and `reva` as its audience."""
    payload = claims(token)
    audience = payload.get("aud")
    return {"user", "scope"} <= payload.keys() and "reva" in (
        audience if isinstance(audience, list) else [audience]
    )


def expiry(token: str) -> float | None:
    """When the token lapses, in seconds since the epoch; None where it does not say."""
    when = claims(token).get("exp")
    try:
        told = float(when) if isinstance(when, (int, float)) else math.nan
    except OverflowError:  # a number of hundreds of digits
        return None
    return told if math.isfinite(told) else None


def claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself, unverified; empty for other tokens."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):  # the last for what is nested without end
        return {}
    return payload if isinstance(payload, dict) else {}


def is_unicode(text: str) -> bool:
    """Whether it can be sent: bytes that are not UTF-8 are read as characters that cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
