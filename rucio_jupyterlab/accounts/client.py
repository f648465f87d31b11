"""The one subclass of Rucio's client. Importing this module imports Rucio; do so when it is needed."""

from __future__ import annotations

import itertools
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

from ..config import Instance, Options
from ..config.reading import is_loopback
from ..errors import RucioUnreachable, SignInNeeded
from .failures import failure_of, not_rucio, rucio_failures
from .isolation import Client, HTTPMethod

APPLICATION = "rucio-jupyterlab"
_CONNECTIONS = 16
_BLOCK = 64 * 1024
_STREAM = "application/x-json-stream"
_PATIENCE = 600.0
"""Seconds that one answer may keep us waiting in all, beside those that so many bytes take:"""
_LEAST_BYTES_PER_SECOND = 1024
_T = TypeVar("_T")
Params = Mapping[str, str | list[str]]
"""A list stands for the same name several times."""
_constructing = threading.Lock()
_numbers = itertools.count()
_silent = logging.getLogger("rucio_jupyterlab.accounts.client")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False  # Rucio's client logs whole answers


class Tokens(Protocol):
    """Where a client has its token from; asked anew for each request."""

    def token(self) -> str:
        """A token that should be good. Raises SignInNeeded."""

    def renewed(self, refused: str) -> str:
        """Another token, after Rucio refused this one. Raises SignInNeeded."""

    def rejected(self, refused: str) -> None:
        """Take note that Rucio refuses even a new token."""


class _DirectToLoopback(HTTPAdapter):
    """Asks no proxy for this machine: it could not reach it, and would see a password in plain text."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        if is_loopback(urlsplit(request.url or "").hostname or ""):
            proxies = None
        return super().send(request, stream, timeout, verify, cert, proxies)


class SameOriginSession(requests.Session):
    """A session that carries its secrets nowhere else: it follows no redirect to another server."""

    def __init__(self) -> None:
        super().__init__()
        adapter = _DirectToLoopback(pool_connections=2, pool_maxsize=_CONNECTIONS)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.auth = _no_password_file

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """For the base class, which follows where this points: at the same server, or nowhere."""
        target = super().get_redirect_target(resp)
        if target is None or _origin(urljoin(resp.url, target)) != _origin(resp.url):
            return None
        return target


class Lines:
    """An answer of Rucio that arrives line by line. Iterate in one thread; `close` from any."""

    def __init__(self, instance: str, response: requests.Response) -> None:
        self._instance = instance
        self._response = response
        self._closed = False

    def blocks(self) -> Iterator[bytes]:
        """Pieces of the answer as they arrive, cut anywhere. Raises RucioUnreachable if it breaks off."""
        try:
            with rucio_failures(self._instance), self._response as response:
                waited, received = 0.0, 0
                while not self._closed:
                    asked = time.monotonic()
                    block = response.raw.read1(_BLOCK, decode_content=True)
                    waited += time.monotonic() - asked
                    received += len(block)
                    if waited > _PATIENCE + received / _LEAST_BYTES_PER_SECOND:
                        raise RucioUnreachable(f"{self._instance} takes too long to answer.")
                    if not block:
                        return
                    yield block
        except RucioUnreachable:
            if not self._closed:
                raise

    def __iter__(self) -> Iterator[bytes]:
        """Whole lines, without their end. Raises RucioUnreachable if the answer breaks off."""
        rest = b""
        for block in self.blocks():
            *lines, rest = (rest + block).split(b"\n")
            yield from filter(None, lines)
        if rest and not self._closed:
            raise RucioUnreachable(f"The answer of {self._instance} broke off.")

    def items(self, kind: type[_T]) -> Iterator[_T]:
        """Each line read as `kind`. Raises as the lines do, and RucioRefused for one that is not `kind`."""
        try:
            yield from map(msgspec.json.Decoder(kind).decode, self)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise not_rucio(self._instance) from None

    def close(self) -> None:
        """End the question at Rucio; a thread that waits for the answer goes on at once."""
        self._closed = True
        with suppress(RuntimeError, ValueError, OSError):  # the answer may have ended already
            self._response.raw.shutdown()


class RucioClient(Client):  # type: ignore[misc]
    """Rucio's client for one account at one server.

    Its token comes from `tokens` alone: no file that other servers' clients share, no look-up in the
    environment. Its constructor asks nobody. Every request has a timeout, follows no redirect to
    another server, and signs in again at most once.
    """

    def __init__(
        self, instance: Instance, account: str, tokens: Tokens, ca: str | bool, options: Options
    ) -> None:
        self._tokens = tokens
        self.instance = instance
        self.number = next(_numbers)
        """No other client has it; each sign-in makes another client."""
        with _constructing:
            program = sys.argv[0]
            try:
                super().__init__(
                    rucio_host=instance.base_url,
                    auth_host=instance.auth_url,
                    account=account,
                    ca_cert=ca,
                    auth_type="userpass",  # never used: see _send_request
                    creds={"username": account, "password": ""},
                    timeout=(options.connect_timeout, options.request_timeout),
                    user_agent=APPLICATION,
                    vo=instance.vo or "def",
                    logger=_silent,
                )
            finally:
                sys.argv[0] = program  # the base class shortens it
        self.trace_host = self.host
        self.script_id = instance.app_id or APPLICATION
        self.session = SameOriginSession()

    def ask(self, path: str, kind: type[_T], *, params: Params | None = None, body: Any = None) -> _T:
        """The answer to one question, read as `kind`. With a `body` it is a POST that changes nothing.

        Raises SignInNeeded, Denied, NotFound, BadRequest, RucioUnreachable, RucioRefused.
        """
        response = self._question(path, params, body)
        with rucio_failures(self.instance.display_name):
            content = read_whole(response, self.timeout[1], self.instance.display_name)
        try:
            return _decoded(content, kind)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise not_rucio(self.instance.display_name) from None

    def tell(self, path: str, body: Any) -> None:
        """POST something that has no answer; raises as `ask` does."""
        response = self._send_request(f"{self.host}/{path}", HTTPMethod.POST, data=msgspec.json.encode(body))
        if response.status_code not in (200, 201):
            raise failure_of(self.instance.display_name, response.status_code, response.headers)

    def stream(self, path: str, *, params: Params | None = None, body: Any = None) -> Lines:
        """The answer to one question, line by line; raises as `ask` does."""
        response = self._question(path, params, body)
        if not response.headers.get("Content-Type", "").startswith(_STREAM):
            response.close()
            raise not_rucio(self.instance.display_name)
        return Lines(self.instance.display_name, response)

    def items(
        self, path: str, kind: type[_T], *, params: Params | None = None, body: Any = None
    ) -> Iterator[_T]:
        """The lines of an answer, each read as `kind`, as they arrive; raises as `ask` does."""
        yield from self.stream(path, params=params, body=body).items(kind)

    def _question(self, path: str, params: Params | None, body: Any) -> requests.Response:
        url = f"{self.host}/{path}"
        if body is None:
            response = self._send_request(url, HTTPMethod.GET, params=params)
        else:
            response = self._send_request(url, HTTPMethod.POST, data=msgspec.json.encode(body), stream=True)
        if response.status_code != 200:
            response.close()
            raise failure_of(self.instance.display_name, response.status_code, response.headers)
        return response

    def _send_request(
        self,
        url: str,
        method: HTTPMethod,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        params: Any = None,
        stream: bool = False,
        get_token: bool = False,
        cert: Any = None,
        auth: Any = None,
        verify: Any = None,
    ) -> requests.Response:
        """Replaces the base class's, through which each of its methods goes out.

        `get_token`, `cert`, `auth` and `verify` are of the base class's own ways to sign in; no request
        that carries them is sent.
        """
        if not url.startswith(self.host + "/"):
            raise RucioUnreachable(
                f"A question for {self.instance.display_name} had another address.", do="report"
            )
        name = self.instance.display_name
        token = self._tokens.token()
        for attempt in ("first", "second"):
            with rucio_failures(name):
                response = self._send(
                    repeatable=stream or method is HTTPMethod.GET,
                    method=method.value,
                    url=url,
                    headers={**self._headers(token), **(headers or {})},
                    data=data,
                    params=params,
                    stream=stream or method is HTTPMethod.GET,
                    verify=self.ca_cert,
                )
            if response.status_code != 401 or response.headers.get("ExceptionClass") == "AccessDenied":
                return response
            response.close()
            if attempt == "first":
                token = self._tokens.renewed(refused=token)
        self._tokens.rejected(token)
        raise SignInNeeded(f"{name} does not take the token that it has just given.")

    def _send(self, *, repeatable: bool, **request: Any) -> requests.Response:
        """Send; once more where the server hung up on a kept connection just then."""
        try:
            return self.session.request(**request, timeout=self.timeout)
        except requests.exceptions.ConnectionError as error:
            if not (repeatable and error.args and isinstance(error.args[0], ProtocolError)):
                raise
        return self.session.request(**request, timeout=self.timeout)

    def _headers(self, token: str) -> dict[str, str]:
        return {
            "X-Rucio-Auth-Token": token,
            "X-Rucio-Account": self.account,
            "X-Rucio-VO": self.vo,
            "X-Rucio-Script": self.script_id,
            "User-Agent": self.user_agent,
        }

    def _get_auth_tokens(self) -> tuple[None, str, str, str]:
        """No file of the base class's is ever read or written."""
        return None, "", "", ""

    def _BaseClient__authenticate(self) -> None:  # noqa: N802 - the base class's private name
        """Nothing to do: the token is asked for with each request."""


def _decoded(content: bytes, kind: type[_T]) -> _T:
    """An answer read as `kind`. Numbers that JSON has none of, which Rucio's metadata may hold, become their names."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        if not (b"NaN" in content or b"Infinity" in content):
            raise
    return msgspec.convert(json.loads(content, parse_constant=str), kind)


def read_whole(response: requests.Response, seconds: float, instance: str) -> bytes:
    """The whole body. Raises RucioUnreachable if it takes longer than `seconds`, however it drips."""
    deadline = time.monotonic() + seconds
    content = bytearray()
    with response:
        while block := response.raw.read1(_BLOCK, decode_content=True):
            content += block
            if time.monotonic() > deadline:
                raise RucioUnreachable(f"{instance} takes too long to answer.")
    return bytes(content)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _no_password_file(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """In place of `requests`' own look into `~/.netrc`, whose password is not for Rucio."""
    return request
