"""Calls to one gateway: a channel per process, a deadline on each call, a token that is renewed once."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import grpc
from cs3.gateway.v1beta1 import gateway_api_pb2 as gw
from cs3.gateway.v1beta1.gateway_api_pb2_grpc import GatewayAPIStub
from cs3.rpc.v1beta1 import code_pb2 as codes

from .auth import Credential, GatewayToken, Login, expiry, is_unicode
from .errors import AccessDenied, Conflict, NotSignedIn, Unavailable, of_code, of_rpc
from .exchange import UNLIMITED, Limits
from .settings import Settings, is_loopback

SERVICE = "cs3.gateway.v1beta1.GatewayAPI"
REPEATABLE = (
    *("Authenticate", "WhoAmI", "ListAuthProviders", "GetHome", "GetQuota", "Stat", "ListContainer"),
    *("InitiateFileDownload", "GetLock", "GetPath", "ListStorageSpaces", "ListShares", "ListReceivedShares"),
    *("ListOCMShares", "ListReceivedOCMShares", "FindAcceptedUsers", "GetUserByClaim", "GetGroupByClaim"),
    *("FindGroups", "FindUsers", "GetTransferStatus"),
)
"""Calls that change nothing, so gRPC may repeat them where the gateway cannot be reached."""
TRANSFERS = ("InitiateFileDownload", "InitiateFileUpload")
MESSAGE_BYTES = 64 * 1024 * 1024
"""A listing is one message of about 460 bytes an entry; gRPC's own limit is reached at 9,100 entries."""
WORD = re.compile(r"[!-~]+")
EARLY_SECONDS = 60.0
"""A token that lapses so soon is renewed before it is used."""
LIMITS: ContextVar[Limits] = ContextVar("cs3_limits", default=UNLIMITED)


@contextmanager
def within(limits: Limits) -> Iterator[None]:
    """The calls that this thread makes in the block end in time. To sign in is not one: others may wait for it, too."""
    before = LIMITS.set(limits)
    try:
        yield
    finally:
        LIMITS.reset(before)


class Gateway:
    """The gRPC side of one CS3 cloud, for one credential. Thread-safe."""

    def __init__(self, settings: Settings, credential: Credential) -> None:
        """Connects to nothing yet."""
        self.settings = settings
        self._credential = credential
        self._opening, self._renewing = threading.Lock(), threading.Lock()
        self._connection: tuple[int, grpc.Channel, GatewayAPIStub] | None = None
        """With the process it belongs to: a channel does not survive a fork."""
        self._attempt: Future[str] | None = None
        """To sign in, by a thread that is at it."""
        self._token: str | None = None
        self._renew_at = float("inf")

    def call(self, method: str, request: Any, *, about: str = "") -> Any:
        """The reply of a call whose status is OK; signs in first, and once more if the token is refused.

        `about` is what an error's text names beside the method. Raises a Cs3Error.
        """
        token = self.token()
        try:
            return self._ask(method, request, about, token)
        except NotSignedIn:
            return self._ask(method, request, about, self.renew(token))

    def call_unsigned(self, method: str, request: Any, *, about: str = "") -> Any:
        """The reply of a call that needs no token."""
        return self._ask(method, request, about, None)

    def token(self) -> str:
        """The gateway's token, for the data endpoint too. Raises NotSignedIn, Unavailable or Unsafe."""
        token = self._token
        return token if token is not None and time.time() < self._renew_at else self.renew(token)

    def renew(self, refused: str | None) -> str:
        """Sign in again, unless another thread has done so since `refused` was the token.

        Threads that find one at it wait for what it gets, its failure too: where a gateway hangs, all give up at
        the same deadline.
        """
        with self._renewing:
            if self._token is not None and self._token != refused:
                return self._token
            ours = self._attempt is None
            attempt = self._attempt = self._attempt or Future()
        if ours:
            self._carry_out(attempt)
        return attempt.result()

    def close(self) -> None:
        """End the channel; a later call opens another."""
        with self._opening:
            connection, self._connection = self._connection, None
        if connection and connection[0] == os.getpid():
            connection[1].close()

    def _carry_out(self, attempt: Future[str]) -> None:
        """Sign in, and let all know what came of it."""
        try:
            token = self._sign_in()
        except BaseException as error:
            with self._renewing:
                self._attempt = None
            # What interrupts this thread is nothing to the others.
            attempt.set_exception(
                error if isinstance(error, Exception) else Unavailable("the sign-in was interrupted")
            )
            raise
        # A token that lives shorter than the margin is not to be renewed at each call.
        soon = time.time() + EARLY_SECONDS / 2
        with self._renewing:
            self._renew_at = max((expiry(token) or float("inf")) - EARLY_SECONDS, soon)
            self._token, self._attempt = token, None
        attempt.set_result(token)

    def _sign_in(self) -> str:
        presented = self._credential.present()
        token = presented.token if isinstance(presented, GatewayToken) else self._authenticate(presented)
        if not WORD.fullmatch(token):  # gRPC would put it into the text of its error
            raise NotSignedIn("what should be the gateway's token is none")
        return token

    def _authenticate(self, login: Login) -> str:
        request = authenticate_request(login)
        try:
            reply = self.call_unsigned("Authenticate", request, about=f"({login.kind})")
        except (AccessDenied, Conflict) as error:  # a wrong password; a lightweight account that was linked
            raise NotSignedIn(str(error)) from None
        return str(reply.token)

    def _ask(self, method: str, request: Any, about: str, token: str | None) -> Any:
        seconds = self.settings.call_seconds * (2 if method in TRANSFERS else 1)
        if token:
            seconds = LIMITS.get().left(seconds)
        metadata = (("x-access-token", token),) if token else ()
        what = f"{method} {about}".strip()
        try:
            reply = getattr(self._stub(), method)(request, metadata=metadata, timeout=seconds)
        except grpc.RpcError as error:
            raise of_rpc(error.code(), what, error.details()) from None
        except ValueError:  # all that gRPC says of a channel that another thread has closed
            raise Unavailable(f"{what}: the connection to the gateway was closed") from None
        if reply.status.code != codes.CODE_OK:
            raise of_code(reply.status.code, what)
        return reply

    def _stub(self) -> GatewayAPIStub:
        with self._opening:
            if not self._connection or self._connection[0] != os.getpid():
                channel = open_channel(self.settings)
                self._connection = os.getpid(), channel, GatewayAPIStub(channel)
            return self._connection[2]


def authenticate_request(login: Login) -> gw.AuthenticateRequest:
    """Raises NotSignedIn for what cannot be encoded: protobuf's own error would show it."""
    if not (is_unicode(login.client_id) and is_unicode(login.secret)):
        raise NotSignedIn(f"the user or the secret for Authenticate ({login.kind}) is not UTF-8")
    return gw.AuthenticateRequest(type=login.kind, client_id=login.client_id, client_secret=login.secret)


def open_channel(settings: Settings) -> grpc.Channel:
    """Connects at the first call. Raises Unsafe where secrets would travel in plain text."""
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 300_000),  # servers in Go hang up on clients that ask more often
        ("grpc.keepalive_permit_without_calls", 0),
        # Else one that was away for long is not looked at again for up to two minutes.
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.service_config", service_config()),
    ]
    if is_loopback(settings.host):
        options.append(("grpc.enable_http_proxy", 0))
    if not settings.speaks_tls():
        return grpc.insecure_channel(settings.target, options=options)
    authorities = settings.authorities()
    trusted = grpc.ssl_channel_credentials(authorities.encode() if authorities else None)
    return grpc.secure_channel(settings.target, trusted, options=options)


def service_config() -> str:
    """A gateway that cannot be reached is asked four times within 1.5 s, where asking twice does no harm."""
    retry = {
        "maxAttempts": 4,
        "initialBackoff": "0.2s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    names = [{"service": SERVICE, "method": method} for method in REPEATABLE]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": retry}]})
