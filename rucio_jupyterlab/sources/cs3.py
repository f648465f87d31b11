"""Replicas on CS3 clouds: where their bytes can be read over HTTP.

A gateway is asked, over gRPC, for an address and for the tokens that open it; the byte engine reads there as from
any other storage. gRPC waits, so it is called in a few threads of this module's own, with a deadline on each call.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Failure, RucioFault, RucioUnreachable, outline
from ..importing import one_at_a_time
from .clouds import Clouds
from .failures import Kind, ReplicaFailure
from .model import Endpoint, Permit, Work
from .part import RANGE_BYTES

if TYPE_CHECKING:
    from rucio_mesh.cs3.client import Client
    from rucio_mesh.cs3.errors import Cs3Error

logger = logging.getLogger(__name__)

THREADS = 8
NEWS_SECONDS = 5.0
"""How long a gateway that refused the sign-in is not asked again."""
EARLY_SECONDS, LEAST_SECONDS = 15.0, 30.0
"""An address is renewed so long before it lapses; however the clocks differ, it is used for at least so long."""
MOST_SAID = 100
"""Different failures that are logged."""

Tell = Callable[[Endpoint | ReplicaFailure], None]


class Cs3Resolver:
    """Finds addresses. All methods may be called from any thread, and none waits."""

    def __init__(self, clouds: Clouds) -> None:
        self._clouds = clouds
        self._threads = ThreadPoolExecutor(THREADS, "cs3-resolver")
        self._doors: dict[Client, _Door] = {}
        self._said: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False

    def resolve(self, work: Work, endpoint: Endpoint, refused: Endpoint | None, tell: Tell) -> None:
        """Find out where a replica can be read; `refused` is an address that was not accepted any more.

        `tell` is called once, from another thread; after `close` it is not called.
        """
        large = work.bytes is not None and work.bytes > RANGE_BYTES
        self._submit(_Question(work.instance, endpoint, refused, watched=large), tell)

    def probe(self, instance: str, endpoint: Endpoint, tell: Tell) -> None:
        """Find out whether a replica is given now, without anybody's reading it; `tell` as in `resolve`."""
        self._submit(_Question(instance, endpoint), tell)

    def forget_refusals(self) -> None:
        """Ask those gateways again at once that have refused the sign-in a moment ago."""
        with self._lock:
            for door in self._doors.values():
                door.forget_refusal()

    def close(self) -> None:
        """Break off what is being asked, and end the connections to the clouds."""
        with self._lock:
            self._closed = True
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._clouds.close()

    def _submit(self, question: _Question, tell: Tell) -> None:
        with self._lock:
            if not self._closed:
                future = self._threads.submit(self._answer, question, tell, time.monotonic())
                future.add_done_callback(_log_the_unforeseen)

    def _answer(self, question: _Question, tell: Tell, asked_at: float) -> None:
        found: Endpoint | ReplicaFailure = ReplicaFailure("server-error", question.endpoint.rse)
        try:
            found = self._find(question, asked_at)
        finally:
            with self._lock:
                if not self._closed:
                    tell(found)

    def _find(self, question: _Question, asked_at: float) -> Endpoint | ReplicaFailure:
        with one_at_a_time:
            from rucio_mesh.cs3.errors import Cs3Error
            from rucio_mesh.cs3.pfn import NotAPfn, Pfn

        rse = question.endpoint.rse
        try:
            pfn = Pfn.parse(question.endpoint.url)
            client = self._clouds.client(question.instance, rse, pfn)
            with self._lock:
                door = self._doors.get(client) or self._doors.setdefault(client, _Door(client))
            url, permit = door.address(pfn.path, question.refused, asked_at, watched=question.watched)
            return Endpoint(rse, url, permit=permit)
        except Cs3Error as error:
            kind = _kind_of(error)
            if kind in ("cs3-signin", "no-cs3-signin", "bad-redirect", "refused"):
                self._say_once(f"{rse}: {error}")
            return ReplicaFailure(kind, rse)
        except NotAPfn:
            return ReplicaFailure("missing", rse)
        except (RucioUnreachable, RucioFault):
            return ReplicaFailure("unreachable", rse)
        except Failure:
            return ReplicaFailure("refused", rse)

    def _say_once(self, text: str) -> None:
        """Into the log; ten thousand files of one RSE may fail for one reason."""
        with self._lock:
            if text in self._said or len(self._said) >= MOST_SAID:
                return
            self._said.add(text)
        logger.warning("CS3 at %s", text)


class _Question(NamedTuple):
    """Where one replica can be read."""

    instance: str
    endpoint: Endpoint
    refused: Endpoint | None = None
    """An address that is not accepted any more."""
    watched: bool = False
    """Ask also for what changes when the file does."""


class _Door:
    """One gateway as one user, and when it last let us down."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._signing_in = threading.Lock()
        self._failed_at = float("-inf")
        self._failure: Cs3Error | None = None

    def address(
        self, path: str, refused: Endpoint | None, asked_at: float, *, watched: bool
    ) -> tuple[str, Permit]:
        """Where a file can be read, and with what; `watched` asks for what changes when the file does.

        Raises Cs3Error. Where the gateway does not answer, all fail at once that were asked for before.
        """
        with self._signing_in, self._noting(asked_at):  # one that does not answer is waited for by one thread
            if refused is not None:
                self._client.gateway.renew(_token_of(refused))
            self._client.sign_in()
        with self._noting(asked_at):
            validator = self._client.stat(path).etag or None if watched else None
            found = self._client.initiate_download(path)
        headers = tuple(f"{name}: {value}" for name, value in found.headers.items())
        ca_file = self._client.settings.ca_file
        permit = Permit(headers, _good_until(found.expires_at), validator, str(ca_file) if ca_file else None)
        return found.url, permit

    def forget_refusal(self) -> None:
        """A sign-in that was refused is no news any more."""
        with one_at_a_time:
            from rucio_mesh.cs3.errors import NotSignedIn

        if isinstance(self._failure, NotSignedIn):
            self._failure = None

    @contextmanager
    def _noting(self, asked_at: float) -> Iterator[None]:
        """Raise at once what befell others meanwhile, if it would befall this one, too; note what befalls it."""
        with one_at_a_time:
            from rucio_mesh.cs3.errors import NotSignedIn, Unavailable

        known = self._failure
        if known is not None and asked_at < self._failed_at + (
            NEWS_SECONDS if isinstance(known, NotSignedIn) else 0.0
        ):
            raise type(known)(str(known))
        try:
            yield
        except (NotSignedIn, Unavailable) as error:
            if type(error) in (NotSignedIn, Unavailable):  # the others tell of one file alone
                self._failed_at, self._failure = time.monotonic(), error.with_traceback(None)
            raise


def _log_the_unforeseen(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.error("Looking up an address failed: %s", outline(error))


def _token_of(address: Endpoint) -> str | None:
    """The gateway's token that an address was given with."""
    name = "x-access-token: "
    lines = address.permit.headers if address.permit else ()
    return next((line.removeprefix(name) for line in lines if line.startswith(name)), None)


def _good_until(expires_at: float | None) -> float | None:
    if expires_at is None:
        return None
    return max(expires_at - EARLY_SECONDS, time.time() + LEAST_SECONDS)


def _kind_of(error: Cs3Error) -> Kind:
    """Classify what the client says; the most special class that the table knows decides."""
    with one_at_a_time:
        from rucio_mesh.cs3 import errors

    table: dict[type[Cs3Error], Kind] = {
        errors.NoCredential: "no-cs3-signin",
        errors.NotSignedIn: "cs3-signin",
        errors.AccessDenied: "refused",
        errors.NotFound: "missing",
        errors.Untrusted: "untrusted",
        errors.Unsafe: "bad-redirect",
        errors.TooEarly: "server-error",
        errors.Failed: "server-error",
        errors.Unavailable: "unreachable",
        errors.Cs3Error: "refused",
    }
    return next(table[each] for each in type(error).__mro__ if each in table)
