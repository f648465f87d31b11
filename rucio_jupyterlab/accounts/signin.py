"""Signing in at a Rucio: the requests that give a token for a password, a certificate or a token."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import requests

from ..config import Instance, Options
from ..errors import BadConfiguration, BadRequest, Denied, RucioRefused, SignInNeeded
from .client import APPLICATION, SameOriginSession, read_whole
from .failures import failure_of, not_rucio, rucio_failures
from .login import Token, check_certificate, token_expiry
from .model import Login, Reachability

_SKEW_WORTH_TELLING = 120.0
_LIFETIME = re.compile(r"'lifetime': datetime\.datetime\(([\d, ]+)\)")
_FIELD = r"'{}': (?:'([^']*)'|\"([^\"]*)\")"
_GRID_CERTIFICATES = "/etc/grid-security/certificates"


class _Pong(msgspec.Struct):
    version: str


class _Reply(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class Door:
    """The way in at one Rucio; holds no secret. Blocking, and each call has a timeout."""

    def __init__(self, instance: Instance, options: Options, environ: Mapping[str, str]) -> None:
        self._instance = instance
        self._name = instance.display_name
        self._timeout = (options.connect_timeout, options.request_timeout)
        self.ca = ca_bundle(instance, environ)

    def with_password(self, login: Login, password: str) -> Token:
        """Sign in with a username and password. Raises Denied if they are wrong."""
        username = login.username or ""
        if not username or not password:
            raise BadRequest("Give your username and password.")
        headers = {
            "X-Rucio-Username": _header(username, "username"),
            "X-Rucio-Password": _header(password, "password"),
        }
        response = self._get("auth/userpass", login.account, headers)
        if response.status == 401:
            whose = f"“{username}”" + (f" as account “{login.account}”" if login.account else "")
            raise Denied(
                f"{self._name} does not take this password for {whose}.{self._clock_hint(response)}",
                do="signin",
            )
        return self._token(response, login, identity=username)

    def with_certificate(self, login: Login) -> Token:
        """Sign in with a certificate or proxy. Raises Denied if Rucio knows no account for it."""
        check_certificate(login)
        path = "auth/x509" if login.auth_type == "x509" else "auth/x509_proxy"
        headers = {"X-Rucio-Allow-Return-Multiple-Accounts": "true"}
        response = self._get(path, login.account, headers, cert=login.certificate_files)
        if response.status == 401:
            account = f" as account “{login.account}”" if login.account else ""
            raise Denied(
                f"{self._name} does not take this certificate{account}.{self._clock_hint(response)}",
                do="signin",
            )
        return self._token(response, login, identity=None)

    def with_token(self, login: Login, value: str) -> Token:
        """Who the user is by a token that he already has. Raises SignInNeeded if it is not valid."""
        response = self._get("auth/validate", login.account, {"X-Rucio-Auth-Token": value})
        if response.status == 401 or response.headers.get("ExceptionClass") == "CannotAuthenticate":
            raise SignInNeeded(f"{self._name} does not take this token.{self._clock_hint(response)}")
        if response.status != 200:
            raise failure_of(self._name, response.status, response.headers)
        account = _validated(response.text, "account")
        if account is None:
            raise not_rucio(self._name)
        if login.account and login.account != account:
            raise Denied(
                f"This token acts as the account “{account}”, not as “{login.account}”.", do="signin"
            )
        expires_at = token_expiry(value) or _validated_lifetime(response.text)
        return Token(
            value=value,
            account=account,
            identity=_validated(response.text, "identity"),
            expires_at=_local(expires_at, response),
        )

    def identity(self, token: Token) -> str | None:
        """Who Rucio takes the bearer of a token for."""
        response = self._get("auth/validate", token.account, {"X-Rucio-Auth-Token": token.value})
        return _validated(response.text, "identity") if response.status == 200 else None

    def knock(self) -> Reachability:
        """Whether Rucio answers, how fast, which version it is, and how far the clocks are apart."""
        start = time.monotonic()
        response = self._get("ping", None, {}, base=self._instance.base_url)
        seconds = time.monotonic() - start
        if response.status != 200:
            raise failure_of(self._name, response.status, response.headers)
        try:
            version = msgspec.json.decode(response.content, type=_Pong).version
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise not_rucio(self._name) from None
        return Reachability(version=version, seconds=seconds, clock_skew=_skew(response))

    def _get(
        self,
        path: str,
        account: str | None,
        headers: Mapping[str, str | bytes],
        cert: Any = None,
        base: str | None = None,
    ) -> _Reply:
        common = {"X-Rucio-AppID": self._instance.app_id or APPLICATION, "User-Agent": APPLICATION}
        if self._instance.vo:
            common["X-Rucio-VO"] = self._instance.vo
        if account:
            common["X-Rucio-Account"] = account
        with rucio_failures(self._name), SameOriginSession() as session:
            response = session.get(
                f"{base or self._instance.auth_url}/{path}",
                headers={**common, **headers},
                timeout=self._timeout,
                verify=self.ca,
                cert=cert,
                stream=True,
            )
            content = read_whole(response, self._timeout[1], self._name)
            return _Reply(response.status_code, response.headers, content)

    def _token(self, response: _Reply, login: Login, identity: str | None) -> Token:
        if response.status == 206:
            accounts = sorted(filter(None, response.headers.get("X-Rucio-Auth-Accounts", "").split(",")))
            raise BadRequest(
                f"Choose one of your accounts: {', '.join(accounts)}.", do="choose", choices=accounts
            )
        if response.status != 200:
            raise failure_of(self._name, response.status, response.headers)
        value = response.headers.get("X-Rucio-Auth-Token")
        account = response.headers.get("X-Rucio-Auth-Account") or login.account
        if not value:
            raise not_rucio(self._name)
        token = Token(
            value=value,
            account=account or "",
            identity=identity,
            expires_at=_local(_date(response.headers.get("X-Rucio-Auth-Token-Expires")), response),
        )
        return token if account else self._with_account(token)

    def _with_account(self, token: Token) -> Token:
        """The same token with the account that an older Rucio left out."""
        response = self._get("auth/validate", None, {"X-Rucio-Auth-Token": token.value})
        account = _validated(response.text, "account") if response.status == 200 else None
        if account is None:
            raise RucioRefused(f"{self._name} does not tell which account this is; name one.", do="signin")
        return msgspec.structs.replace(token, account=account)

    def _clock_hint(self, response: _Reply) -> str:
        skew = _skew(response)
        if skew is None or abs(skew) < _SKEW_WORTH_TELLING:
            return ""
        way = "behind" if skew > 0 else "ahead"
        return f" This machine's clock is {abs(skew) / 60:.0f} minutes {way}, which may be why."


def ca_bundle(instance: Instance, environ: Mapping[str, str]) -> str | bool:
    """What a Rucio's certificate is verified with: never nothing. True: the bundle of `requests`.

    Raises BadConfiguration where the instance names a file that is not there.
    """
    if (named := instance.rucio_ca_cert) is not None:
        if not Path(named).exists():
            raise BadConfiguration(f"The key “rucio_ca_cert” names {named}, which cannot be read.")
        return named
    variables = ("X509_CERT_DIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    told = next((environ[variable] for variable in variables if environ.get(variable)), None)
    return told or ssl.get_default_verify_paths().cafile or True


def storage_trust(instance: Instance, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """A bundle and a folder with which storages' certificates are verified; either suffices."""
    own = instance.rucio_ca_cert if Path(instance.rucio_ca_cert or "").is_file() else None
    defaults = ssl.get_default_verify_paths()
    file = own or environ.get("SSL_CERT_FILE") or defaults.cafile or requests.utils.DEFAULT_CA_BUNDLE_PATH
    folders = (environ.get("X509_CERT_DIR"), _GRID_CERTIFICATES, defaults.capath)
    return file, next((folder for folder in folders if folder and Path(folder).is_dir()), None)


def _header(text: str, what: str) -> bytes:
    """A header's value; what cannot be one is refused here, as a library would repeat it in its error."""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise BadRequest(f"The {what} holds a character that cannot be sent.")
    return text.encode("utf-8")


def _validated(text: str, field: str) -> str | None:
    """A field of `/auth/validate`, whose answer is the text of a Python dictionary."""
    match = re.search(_FIELD.format(field), text)
    return (match[1] or match[2]) if match else None


def _validated_lifetime(text: str) -> float | None:
    match = _LIFETIME.search(text)
    if match is None:
        return None
    year, month, day, *clock = (int(part) for part in match[1].split(","))
    hour, minute, second = (*clock[:3], 0, 0, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()


def _date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


def _skew(response: _Reply) -> float | None:
    """Seconds by which Rucio's clock is ahead of this machine's; None where it does not tell."""
    theirs = _date(response.headers.get("Date"))
    return theirs - time.time() if theirs is not None else None


def _local(moment: float | None, response: _Reply) -> float | None:
    """A moment by Rucio's clock as this machine's clock will show it."""
    skew = _skew(response)
    if moment is None or skew is None or abs(skew) < _SKEW_WORTH_TELLING:
        return moment
    return moment - skew
