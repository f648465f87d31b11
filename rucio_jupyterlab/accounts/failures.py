"""What goes wrong between us and a Rucio, in our words. The one place that knows foreign exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
import urllib3
from rucio.common.exception import RucioException

from ..errors import (
    BadRequest,
    Denied,
    Failure,
    NotFound,
    RucioFault,
    RucioRefused,
    RucioUnreachable,
    SignInNeeded,
)
from ..pauses import asked_for

_KINDS: dict[str, type[Failure]] = {
    "AccessDenied": Denied,
    "AccountNotFound": NotFound,
    "CannotAuthenticate": SignInNeeded,
    "DatabaseException": RucioFault,
    "DataIdentifierNotFound": NotFound,
    "DIDFilterSyntaxError": BadRequest,
    "InvalidMetadata": BadRequest,
    "InvalidObject": BadRequest,
    "InvalidRSEExpression": BadRequest,
    "KeyNotFound": BadRequest,
    "RSENotFound": NotFound,
    "RucioException": RucioFault,
    "RuleNotFound": NotFound,
    "ScopeNotFound": NotFound,
    "ServerConnectionException": RucioUnreachable,
    "UnsupportedOperation": BadRequest,
}
"""RucioFault is for what Rucio says where it knows no better, as of a database that is locked or away."""
_BUSY = (429, 502, 503, 504)
_LONGEST_QUOTE = 200
_LOOKS_SECRET = re.compile(r"\?\S+|[\w+/=.~-]{60,}")
"""The query of an address, or a word too long to be a name: a signature, a token."""


@contextmanager
def rucio_failures(instance: str) -> Iterator[None]:
    """Let nothing but a Failure out, with a sentence that names the instance and no library's text."""
    try:
        yield
    except requests.exceptions.SSLError:
        raise RucioUnreachable(
            f"The secure connection to {instance} failed: its certificate could not be verified, or it "
            "does not take yours.",
            do="configure",
        ) from None
    except requests.exceptions.ProxyError:
        raise RucioUnreachable(f"The proxy on the way to {instance} does not let us through.") from None
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        raise RucioUnreachable(f"{instance} takes too long to answer.") from None
    except (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError):
        raise RucioUnreachable(f"The answer of {instance} broke off.") from None
    except (requests.exceptions.ConnectionError, urllib3.exceptions.HTTPError):
        raise RucioUnreachable(f"{instance} cannot be reached.") from None
    except (requests.exceptions.RequestException, UnicodeError):
        raise RucioRefused(f"The question to {instance} could not be asked.", do="report") from None
    except RucioException as error:
        raise failure_named(instance, type(error).__name__, str(error)) from None
    except OSError:
        raise RucioUnreachable(f"{instance} cannot be reached from here.") from None


def failure_of(instance: str, status: int, headers: Mapping[str, str]) -> Failure:
    """What an answer other than 2xx means; Rucio names its exception in the headers."""
    if status in _BUSY:
        return RucioUnreachable(
            f"{instance} is busy or down (HTTP {status}).", retry_after=asked_for(headers.get("Retry-After"))
        )
    if name := headers.get("ExceptionClass"):
        return failure_named(instance, name, headers.get("ExceptionMessage", ""))
    if status == 401:
        return SignInNeeded(f"{instance} wants you to sign in again.")
    if status == 403:
        return Denied(f"{instance} does not allow this.")
    if 300 <= status < 400:
        return RucioRefused(
            f"{instance} points to another address, which was not followed. Is “rucio_base_url” right?",
            do="configure",
        )
    kind = RucioFault if status >= 500 else RucioRefused
    return kind(f"{instance} answered with an error (HTTP {status}).")


def failure_named(instance: str, name: str, message: str) -> Failure:
    """The failure that a Rucio exception stands for, with Rucio's own words where they are harmless."""
    kind = _KINDS.get(name, RucioRefused)
    if kind is SignInNeeded:
        return SignInNeeded(f"{instance} wants you to sign in again.", exception=name)
    quote = _quotable(message)
    says = f"{instance} says: {quote}" if quote else f"{instance} refused this ({name})."
    return kind(says, exception=name)


def not_rucio(instance: str) -> RucioRefused:
    """For an answer that cannot be Rucio's."""
    return RucioRefused(
        f"{instance} answered, but not as Rucio does. Is “rucio_base_url” right?", do="configure"
    )


def _quotable(message: str) -> str:
    """Rucio's sentence without details that repeat, addresses' queries and anything like a token."""
    text = _LOOKS_SECRET.sub("…", " ".join(message.split()))
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
