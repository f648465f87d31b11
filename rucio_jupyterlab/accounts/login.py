"""How a user signs in, and the token that comes of it: values without any secret in their text."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from ..config import Instance
from ..config.sources import password_of_rucio_cfg
from ..errors import BadRequest, SignInNeeded
from .files import is_own_file
from .model import AuthType, Login

_T = TypeVar("_T")
_NO_PROXY = "No proxy lies where programs of the grid leave it. Make one, or name its file."


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token of one account at one server."""

    value: str
    account: str
    identity: str | None = None
    """Who Rucio takes the user for: a username, a distinguished name, an OIDC subject."""
    expires_at: float | None = None
    """Seconds since 1970 by this machine's clock."""

    def __repr__(self) -> str:
        return f"Token(account={self.account!r}, expires_at={self.expires_at!r})"


class _Header(msgspec.Struct):
    alg: str


class _Claims(msgspec.Struct):
    exp: float | None = None


def default_login(instance: Instance, preferred: AuthType | None, environ: Mapping[str, str]) -> Login | None:
    """The way to sign in that needs nothing from the user: the site's token, or what his files hold."""
    account = instance.default_account
    if instance.oidc_auth == "file" and instance.oidc_file_name:
        return Login(auth_type="token", account=account, token_file=instance.oidc_file_name)
    if instance.oidc_auth == "env" and instance.oidc_env_name:
        return Login(auth_type="token", account=account, token_variable=instance.oidc_env_name)
    preferred = instance.default_auth_type or preferred
    if preferred == "x509_proxy" and (proxy := default_proxy(instance, environ)):
        return Login(auth_type="x509_proxy", account=account, certificate=proxy)
    if preferred == "userpass" and password_of_rucio_cfg(instance, instance.default_username):
        return Login(auth_type="userpass", account=account, username=instance.default_username)
    if preferred == "x509" and instance.client_certificate:
        return Login(
            auth_type="x509",
            account=account,
            certificate=instance.client_certificate,
            key=instance.client_key,
        )
    return None


def completed(login: Login, instance: Instance, environ: Mapping[str, str]) -> Login:
    """What the user has named, with the configuration's values, or what lies in the usual place, for the rest."""
    login = replace(login, account=login.account or instance.default_account)
    if login.auth_type == "userpass":
        return replace(login, username=login.username or instance.default_username)
    if login.auth_type == "x509_proxy":
        return replace(login, certificate=login.certificate or default_proxy(instance, environ))
    if login.auth_type == "x509":
        key = login.key or (None if login.certificate else instance.client_key)
        return replace(login, certificate=login.certificate or instance.client_certificate, key=key)
    if login.token_file or login.token_variable:
        return login
    if instance.oidc_auth == "file":
        return replace(login, token_file=instance.oidc_file_name)
    return replace(login, token_variable=instance.oidc_env_name if instance.oidc_auth == "env" else None)


def brought_up_to_date(kept: Login, instance: Instance, environ: Mapping[str, str]) -> Login:
    """A login of earlier with the usual places as they are now: a proxy may lie elsewhere in each session."""
    now = completed(kept.as_typed(), instance, environ)
    return now if now.username or now.certificate or now.token_file or now.token_variable else kept


def default_proxy(instance: Instance, environ: Mapping[str, str]) -> str | None:
    """The user's proxy, looked for where the grid's own tools look; None if there is none."""
    candidates = [
        instance.client_proxy,
        environ.get("X509_USER_PROXY"),
        f"/tmp/x509up_u{os.geteuid()}",  # noqa: S108 - where voms-proxy-init puts it
    ]
    for candidate in candidates:
        if candidate and is_own_file(Path(candidate)):
            return candidate
    return None


def read_token(login: Login, environ: Mapping[str, str]) -> str:
    """The token as it lies there now, without white space at its ends. Raises SignInNeeded, BadRequest."""
    if not (login.token_file or login.token_variable):
        raise BadRequest("Name the file or the variable that holds the token.")
    if login.token_file:
        try:
            value = Path(login.token_file).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise SignInNeeded(f"The token file {login.token_file} cannot be read.") from None
    else:
        value = environ.get(login.token_variable or "", "").strip()
    if not value or any(character.isspace() for character in value):
        if login.token_file:
            raise SignInNeeded(f"The token file {login.token_file} holds no token.")
        raise SignInNeeded(
            f"The variable {login.token_variable} holds no token where the engine was started."
        )
    return value


def is_web_token(value: str) -> bool:
    """Whether it is a JSON web token, as OIDC has them; those that Rucio makes itself are none."""
    return _web_token_part(value, 0, _Header) is not None


def token_expiry(value: str) -> float | None:
    """When a JSON web token lapses, in seconds since 1970; None where the token does not tell."""
    claims = _web_token_part(value, 1, _Claims)
    return claims.exp if claims else None


def _web_token_part(value: str, number: int, kind: type[_T]) -> _T | None:
    """One of the three parts of a JSON web token; None where that cannot be read."""
    parts = value.split(".")
    if len(parts) != 3:
        return None
    part = parts[number]
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        return None  # the last for what is nested without end


def check_certificate(login: Login) -> None:
    """Raise BadRequest where the certificate's files could not be used, naming the file."""
    certificate = Path(login.certificate or "")
    if not login.certificate:
        raise BadRequest(_NO_PROXY if login.auth_type == "x509_proxy" else "Name a certificate.")
    if not certificate.is_file():
        raise BadRequest(f"There is no certificate at {certificate}.")
    key = Path(login.key) if login.key else certificate
    try:
        content = key.read_bytes()
    except (OSError, ValueError):
        raise BadRequest(f"The key {key} cannot be read.") from None
    if b"PRIVATE KEY" not in content:
        raise BadRequest(
            f"There is no private key in {key}.{'' if login.key else ' Name the file that holds it.'}"
        )
    if key.stat().st_mode & 0o077:
        raise BadRequest(f"Others may read the key {key}; take that right away (chmod 600).")
    if b"ENCRYPTED" in content:
        raise BadRequest(f"The key {key} has a pass phrase; make a proxy of it, or a key without one.")
