"""CS3 clouds as this user: which gateway an address belongs to, and how it is signed in to.

`rucio_mesh` is imported when the first cloud is met: the extra `[cs3]` brings it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..errors import RucioUnreachable, SignInNeeded
from ..importing import one_at_a_time

if TYPE_CHECKING:
    from rucio_mesh.cs3.auth import Credential, Login
    from rucio_mesh.cs3.client import Client
    from rucio_mesh.cs3.pfn import Pfn
    from rucio_mesh.cs3.settings import Settings

FRESH_SECONDS = 5.0
"""How long the configuration is not read again."""


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Whether CS3 clouds can be read here at all."""
    return all(find_spec(name) is not None for name in ("rucio_mesh", "cs3", "grpc"))


class Clouds:
    """A client for each gateway and sign-in. Thread-safe; where there is none yet it may ask Rucio."""

    def __init__(self, accounts: Accounts, catalog: Catalog, call_seconds: float) -> None:
        """`call_seconds` is the deadline of a call.

        What begins a transfer gets twice as long, and a data endpoint may at least be silent for as long.
        """
        self._accounts = accounts
        self._catalog = catalog
        self._call_seconds = call_seconds
        self._clients: dict[tuple[Settings, Credential], Client] = {}
        self._recent: dict[tuple[str, str, Pfn], tuple[float, Client]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def client(self, instance: str, rse: str, pfn: Pfn) -> Client:
        """For the gateway of an address of an RSE; connected when it is first used.

        Raises Cs3Error where the gateway is not the RSE's or there is no way to sign in to it, and Failure.
        """
        key = (instance, rse, replace(pfn, path="/"))
        until, client = self._recent.get(key, (0.0, None))
        if client is None or time.monotonic() > until:
            client = self._find(instance, rse, pfn)
            self._recent[key] = time.monotonic() + FRESH_SECONDS, client
        return client

    def close(self) -> None:
        """End all connections; what is being asked breaks off."""
        with self._lock:
            self._closed = True
            clients = list(self._clients.values())
        for client in clients:
            client.close()

    def _find(self, instance: str, rse: str, pfn: Pfn) -> Client:
        with one_at_a_time:
            from rucio_mesh.cs3.client import Client

        settings, credential = self.sign_in(instance, rse, pfn)
        with self._lock:
            if self._closed:
                raise RucioUnreachable("The engine ends.")
            client = self._clients.get((settings, credential))
            if client is None:
                client = self._clients[settings, credential] = Client(settings, credential)
            return client

    def sign_in(self, instance: str, rse: str, pfn: Pfn) -> tuple[Settings, Credential]:
        """What a client of one's own is made of. Raises as `client` does."""
        with one_at_a_time:
            from rucio_mesh.cs3 import configuration
            from rucio_mesh.cs3.errors import Unsafe

        public = self._catalog.rse(instance, rse).gateways.get(f"{pfn.host}:{pfn.port}")
        if public is None:
            raise Unsafe(f"{rse} has no CS3 gateway at {pfn.host}:{pfn.port}")
        attributes: dict[str, Any] = {
            "hostname": pfn.host,
            "port": pfn.port,
            "extended_attributes": {"cs3": public},
        }
        takes_rucio_tokens = public.get("takes_rucio_tokens") is True
        found = self._accounts.cloud_sign_in(
            instance, pfn.host, pfn.port, takes_rucio_tokens=takes_rucio_tokens
        )
        if found.secret == "nothing" and takes_rucio_tokens and self._is_signed_out(instance):  # noqa: S105
            raise SignInNeeded(f"{rse} takes the token of your sign-in to Rucio. Sign in.")
        # First, for it knows a word that is mistyped.
        settings = configuration.settings(attributes, found.section)
        settings = replace(
            settings,
            insecure_hosts=frozenset(),  # a notebook's secrets travel in plain text on loopback alone
            call_seconds=self._call_seconds,
            stall_seconds=max(settings.stall_seconds, 2 * self._call_seconds),
        )
        credential: Credential
        if found.secret == "rucio-token":  # noqa: S105 - the kind of a secret
            credential = RucioToken(self._accounts, instance)
        else:
            credential = configuration.credential(attributes, found.section, found.variables, None)
        return settings, credential

    def _is_signed_out(self, instance: str) -> bool:
        return self._accounts.info(instance).account.state == "signed-out"


@dataclass(frozen=True)
class RucioToken:
    """The user's own OIDC token at an instance of Rucio; asked for anew at each sign-in.

    `present` raises what `Accounts.oidc_token` does: a sign-in that has lapsed is to be renewed at Rucio.
    """

    accounts: Accounts
    instance: str

    def present(self) -> Login:
        with one_at_a_time:
            from rucio_mesh.cs3.auth import Login

        return Login("bearer", "", self.accounts.oidc_token(self.instance))
