"""Replicas on CS3 clouds: where their bytes can be read over HTTP.

A gateway is asked, over gRPC, for an address and for the tokens that open it; the byte engine reads there as from
any other storage. gRPC waits, so it is called in a few threads of this module's own, with a deadline on each call.
`rucio_mesh` is imported when the first such replica is met: the extra `[cs3]` brings it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..errors import Failure, RucioUnreachable, SignInNeeded
from .failures import Kind, ReplicaFailure
from .model import Endpoint, Permit, Work
from .part import RANGE_BYTES

if TYPE_CHECKING:
    from rucio_mesh.cs3.auth import Credential, Login
    from rucio_mesh.cs3.client import Client
    from rucio_mesh.cs3.errors import Cs3Error
    from rucio_mesh.cs3.settings import Settings

logger = logging.getLogger(__name__)

THREADS = 8
NEWS_SECONDS = 5.0
"""How long a gateway that refused the sign-in is not asked again."""
EARLY_SECONDS, LEAST_SECONDS = 15.0, 30.0
"""An address is renewed so long before it lapses; however the clocks differ, it is used for at least so long."""

Tell = Callable[[Endpoint | ReplicaFailure], None]


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Whether CS3 clouds can be read here at all."""
    return all(find_spec(name) is not None for name in ("rucio_mesh", "cs3", "grpc"))


class Cs3Resolver:
    """Finds addresses. All methods may be called from any thread; none but `close` waits."""

    def __init__(self, accounts: Accounts, catalog: Catalog, call_seconds: float) -> None:
        """`call_seconds` is the deadline of a call; one that begins a transfer gets twice as long."""
        self._accounts = accounts
        self._catalog = catalog
        self._call_seconds = call_seconds
        self._threads = ThreadPoolExecutor(THREADS, "cs3-resolver")
        self._gateways: dict[tuple[Settings, Credential], _Gateway] = {}
        self._lock = threading.Lock()
        self._closed = False

    def resolve(self, work: Work, endpoint: Endpoint, refused: Endpoint | None, tell: Tell) -> None:
        """Find out where a replica can be read; `refused` is an address that was not accepted any more.

        `tell` is called once, from another thread; after `close` it is not called.
        """
        self._threads.submit(self._resolve, work, endpoint, refused, tell, time.monotonic())

    def close(self) -> None:
        """Break off what is being asked."""
        with self._lock:
            self._closed = True
            gateways = list(self._gateways.values())
        self._threads.shutdown(wait=False, cancel_futures=True)
        for gateway in gateways:
            gateway.client.close()

    def _resolve(
        self, work: Work, endpoint: Endpoint, refused: Endpoint | None, tell: Tell, asked_at: float
    ) -> None:
        found: Endpoint | ReplicaFailure = ReplicaFailure("server-error", endpoint.rse)
        try:
            found = self._find(work, endpoint, refused, asked_at)
        finally:
            with self._lock:
                if not self._closed:
                    tell(found)

    def _find(
        self, work: Work, endpoint: Endpoint, refused: Endpoint | None, asked_at: float
    ) -> Endpoint | ReplicaFailure:
        from rucio_mesh.cs3.errors import Cs3Error
        from rucio_mesh.cs3.pfn import NotAPfn, Pfn

        rse = endpoint.rse
        try:
            pfn = Pfn.parse(endpoint.url)
            gateway = self._gateway(work.instance, rse, pfn)
            return gateway.address(pfn.path, endpoint, refused, asked_at, large=_is_large(work))
        except Cs3Error as error:
            return _failure_of(error, rse)
        except NotAPfn:
            return ReplicaFailure("missing", rse)
        except RucioUnreachable:
            return ReplicaFailure("unreachable", rse)
        except (SignInNeeded, Failure):
            return ReplicaFailure("refused", rse)

    def _gateway(self, instance: str, rse: str, pfn: Any) -> _Gateway:
        """The gateway of an address. Raises Cs3Error where there is no way to sign in to it, and Failure."""
        from rucio_mesh.cs3 import configuration
        from rucio_mesh.cs3.errors import Unsafe

        known = self._catalog.rse(instance, rse).gateways
        host = f"{pfn.host}:{pfn.port}"
        if host not in known:
            raise Unsafe(f"{rse} has no CS3 protocol at {host}")
        public = known[host]
        attributes = {"hostname": pfn.host, "port": pfn.port, "extended_attributes": {"cs3": public}}
        sign_in = self._accounts.cloud_sign_in(
            instance, pfn.host, pfn.port, takes_rucio_tokens=public.get("takes_rucio_tokens") is True
        )
        credential: Credential
        if sign_in.secret == "rucio-token":  # noqa: S105 - the kind of a secret
            credential = RucioToken(self._accounts, instance)
        else:
            credential = configuration.credential(attributes, sign_in.section, sign_in.variables, None)
        settings = replace(
            configuration.settings(attributes, sign_in.section),
            insecure_hosts=frozenset(),  # a notebook's secrets travel in plain text on loopback alone
            call_seconds=self._call_seconds,
        )
        with self._lock:
            if self._closed:
                raise RucioUnreachable("The engine ends.")
            gateway = self._gateways.get((settings, credential))
            if gateway is None:
                gateway = self._gateways[settings, credential] = _Gateway(settings, credential)
            return gateway


@dataclass(frozen=True)
class RucioToken:
    """The token of the user's own at an instance of Rucio; asked for anew at each sign-in."""

    accounts: Accounts
    instance: str

    def present(self) -> Login:
        from rucio_mesh.cs3.auth import Login
        from rucio_mesh.cs3.errors import NotSignedIn

        try:
            return Login("bearer", "", self.accounts.token(self.instance))
        except Failure as failure:
            raise NotSignedIn(f"no token of {self.instance}: {type(failure).__name__}") from None


class _Gateway:
    """One gateway as one user, and when it last let us down."""

    def __init__(self, settings: Settings, credential: Credential) -> None:
        from rucio_mesh.cs3.client import Client

        self.client: Client = Client(settings, credential)
        self._ca_file = str(settings.ca_file) if settings.ca_file else None
        self._signing_in = threading.Lock()
        self._failed_at = float("-inf")
        self._failure: Cs3Error | None = None

    def address(
        self, path: str, endpoint: Endpoint, refused: Endpoint | None, asked_at: float, *, large: bool
    ) -> Endpoint:
        """Where a file can be read. Raises Cs3Error; of many that were asked for before, all fail at once."""
        with self._signing_in, self._noting(asked_at):  # one that does not answer is waited for by one thread
            if refused is not None:
                self.client.gateway.renew(_token_of(refused))
            self.client.sign_in()
        with self._noting(asked_at):
            validator = self.client.stat(path).etag or None if large else None
            found = self.client.initiate_download(path)
        return Endpoint(
            endpoint.rse,
            found.url,
            permit=Permit(
                tuple(f"{name}: {value}" for name, value in found.headers.items()),
                _good_until(found.expires_at),
                validator,
                self._ca_file,
            ),
        )

    @contextmanager
    def _noting(self, asked_at: float) -> Iterator[None]:
        """Raise at once what befell others meanwhile, if it would befall this one, too; note what befalls it."""
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
                logger.warning("CS3: %s", error)
                self._failed_at, self._failure = time.monotonic(), error.with_traceback(None)
            raise


def _is_large(work: Work) -> bool:
    """Whether the file comes in ranges, so that it matters whether it changes meanwhile."""
    return work.bytes is not None and work.bytes > RANGE_BYTES


def _token_of(address: Endpoint) -> str | None:
    """The gateway's token that an address was given with."""
    name = "x-access-token: "
    lines = address.permit.headers if address.permit else ()
    return next((line.removeprefix(name) for line in lines if line.startswith(name)), None)


def _good_until(expires_at: float | None) -> float | None:
    if expires_at is None:
        return None
    return max(expires_at - EARLY_SECONDS, time.time() + LEAST_SECONDS)


def _failure_of(error: Cs3Error, rse: str) -> ReplicaFailure:
    """Classify what the client says; the most special class that the table knows decides."""
    from rucio_mesh.cs3 import errors

    table: dict[type[Cs3Error], Kind] = {
        errors.NotSignedIn: "cs3-signin",
        errors.AccessDenied: "refused",
        errors.NotFound: "missing",
        errors.Unsafe: "bad-redirect",
        errors.TooEarly: "server-error",
        errors.Failed: "server-error",
        errors.Unavailable: "unreachable",
        errors.Cs3Error: "refused",
    }
    kind = next(table[each] for each in type(error).__mro__ if each in table)
    if kind in ("refused", "bad-redirect"):
        logger.warning("CS3 at %s: %s", rse, error)
    return ReplicaFailure(kind, rse)
