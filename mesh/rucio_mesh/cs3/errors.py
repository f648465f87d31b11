"""Errors of the CS3 client.

Cs3Error
├── NotSignedIn         the gateway does not accept our credential, or it cannot be read
│   ├── NoCredential    there is none for this gateway, so none can have lapsed
│   └── SignInLapsed    the data endpoint refuses the gateway's token; with a new one it may work
├── AccessDenied        it knows us, and says no
│   └── TransferLapsed  the data endpoint refuses the token of one transfer; a new transfer may work
│       └── Outlasted   the token was good for earlier pieces of an upload; one request for all of it may work
├── NotFound            no such path
├── AlreadyExists       something is at the path already
├── NotAContainer       a file is where a container has to be
├── Conflict            a lock or a condition on the file's state is in the way; later it may not be
├── OutOfSpace          the quota or the disk is full
├── InvalidRequest      the gateway does not understand, or a name that no path can have
├── NotSupported        the gateway lacks the operation
├── Mismatch            the bytes are not those that were sent, or that the gateway had announced
├── LocalFailure        what is to be sent cannot be read, or what comes cannot be written
├── Unsafe              a secret would go where the configuration does not let it go; nothing was sent
│   └── Untrusted       the data endpoint's certificate is not one that we trust
└── Unavailable         no answer, a broken one, or an overloaded gateway; later it may work
    ├── TooEarly        the file is still being processed
    └── Failed          "internal error": Reva's answer to much that is not one, so callers look again

Texts name the operation and the path, never an address or a header: those may hold secrets.
"""

from __future__ import annotations

import grpc
from cs3.rpc.v1beta1 import code_pb2 as codes


class Cs3Error(Exception):
    """Base of them all."""


class NotSignedIn(Cs3Error):
    """The credential is missing, wrong or expired."""


class NoCredential(NotSignedIn):
    """Nobody has configured one."""


class SignInLapsed(NotSignedIn):
    """Sign in anew, then go on."""


class AccessDenied(Cs3Error):
    """The signed-in user may not do this."""


class TransferLapsed(AccessDenied):
    """Begin the transfer anew."""


class Outlasted(TransferLapsed):
    """An upload in pieces takes longer than its token lives. That of a single request is looked at once."""


class NotFound(Cs3Error):
    """Nothing is at this path."""


class AlreadyExists(Cs3Error):
    """Something is at this path."""


class NotAContainer(Cs3Error):
    """Nothing can be put below a file."""


class Conflict(Cs3Error):
    """A lock, or a change by someone else."""


class OutOfSpace(Cs3Error):
    """The quota or the disk is full."""


class InvalidRequest(Cs3Error):
    """Asking again does not help."""


class NotSupported(Cs3Error):
    """The gateway lacks the operation, or offers no way of transfer that we know."""


class Mismatch(Cs3Error):
    """A length or a checksum is not what it has to be."""


class LocalFailure(Cs3Error):
    """The trouble is on our side of the wire."""


class Unsafe(Cs3Error):
    """We refuse to send a secret there."""


class Untrusted(Unsafe):
    """Whose certificate that is, nobody knows."""


class Unavailable(Cs3Error):
    """Nothing, or nothing whole, came back."""

    retry_after: str | None = None
    """The header Retry-After (RFC 9110), as the data endpoint gives it."""


class TooEarly(Unavailable):
    """The file is still being processed."""


class Failed(Unavailable):
    """The gateway speaks of an internal error."""


BY_CODE: dict[int, type[Cs3Error]] = {
    codes.CODE_INVALID_ARGUMENT: InvalidRequest,
    codes.CODE_DEADLINE_EXCEEDED: Unavailable,
    codes.CODE_NOT_FOUND: NotFound,
    codes.CODE_ALREADY_EXISTS: AlreadyExists,
    codes.CODE_PERMISSION_DENIED: AccessDenied,
    codes.CODE_UNAUTHENTICATED: NotSignedIn,
    codes.CODE_RESOURCE_EXHAUSTED: OutOfSpace,
    codes.CODE_FAILED_PRECONDITION: Conflict,
    codes.CODE_ABORTED: Conflict,
    codes.CODE_OUT_OF_RANGE: InvalidRequest,
    codes.CODE_UNIMPLEMENTED: NotSupported,
    codes.CODE_UNAVAILABLE: Unavailable,
    codes.CODE_DATA_LOSS: Mismatch,
    codes.CODE_INSUFFICIENT_STORAGE: OutOfSpace,
    codes.CODE_LOCKED: Conflict,
    codes.CODE_TOO_EARLY: TooEarly,
}
"""What a status inside a reply means; any other code is Failed."""

BY_RPC: dict[grpc.StatusCode, type[Cs3Error]] = {
    # The interceptors of Reva say the latter where a token is invalid or has expired.
    grpc.StatusCode.UNAUTHENTICATED: NotSignedIn,
    grpc.StatusCode.PERMISSION_DENIED: NotSignedIn,
    grpc.StatusCode.UNIMPLEMENTED: NotSupported,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    # Too many calls at once; for a reply that is too large see `of_rpc`.
    grpc.StatusCode.RESOURCE_EXHAUSTED: Unavailable,
}
"""What a call without any reply means; any other code is Failed."""

BY_HTTP: dict[int, type[Cs3Error]] = {
    400: InvalidRequest,
    401: SignInLapsed,
    403: TransferLapsed,
    404: NotFound,
    405: NotSupported,
    408: Unavailable,
    409: Conflict,
    412: Conflict,
    413: OutOfSpace,
    419: Mismatch,
    423: Conflict,
    425: TooEarly,
    429: Unavailable,
    460: Mismatch,
    500: Failed,
    501: NotSupported,
    507: OutOfSpace,
}
"""What an answer of the data endpoint means; any other status from 500 on is Unavailable."""


def of_code(code: int, what: str) -> Cs3Error:
    """For a status in a reply to `what`, such as "Stat /home/a". The gateway's own words are not repeated."""
    kind = BY_CODE.get(code, Failed)
    return kind(f"{what}: {codes.Code.Name(code) if code in codes.Code.values() else f'CODE {code}'}")


def of_rpc(code: grpc.StatusCode, what: str, details: str | None = None) -> Cs3Error:
    """`details` are gRPC's own words, of which none is repeated."""
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in (details or ""):
        return NotSupported(f"{what}: the message is larger than gRPC may carry")
    return BY_RPC.get(code, Failed)(f"{what}: gRPC {code.name}")


def of_http(status: int, what: str) -> Cs3Error:
    """For an answer of the data endpoint to `what`, such as "GET /home/a"."""
    kind = BY_HTTP.get(status) or (Unavailable if status >= 500 else InvalidRequest)
    return kind(f"{what}: HTTP {status}")
