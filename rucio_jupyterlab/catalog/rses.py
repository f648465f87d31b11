"""What Rucio knows of an RSE, asked once in a while."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from ..accounts.accounts import Accounts
from ..accounts.destinations import host_and_port
from ..errors import Denied, NotFound, RucioFault, RucioRefused
from .answers import Protocol, RseAnswer
from .model import Media
from .recent import Recent

if TYPE_CHECKING:
    from ..accounts.client import RucioClient

FAULT_SECONDS = 10.0
"""An error of Rucio's own may pass; but not every file asks anew."""
_FRESH = 300.0
_MOST = 2_000
_SIDE_BY_SIDE = 4


_Key = tuple[int, str]
"""The client's number, for what it is told depends on the sign-in, and the RSE's name."""


class Rse(msgspec.Struct, frozen=True):
    """What the other rooms need to know of one."""

    name: str
    media: Media = "disk"
    schemes: tuple[str, ...] = ()
    """Protocols by which files can be read there."""
    hosts: tuple[str, ...] = ()
    """`host:port` of its protocols."""
    takes_tokens: bool = False
    suspended: bool = False
    """Nobody may read there for now."""
    gateways: dict[str, dict[str, Any]] = {}
    """Its CS3 gateways, `host:port`, each with what the RSE says of it."""


class Rses:
    """Thread-safe. An RSE that Rucio does not tell about has no hosts, hence gets no secret."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: Recent[_Key, Rse] = Recent(_FRESH, _MOST)
        self._faulted: Recent[_Key, str] = Recent(FAULT_SECONDS, _MOST)
        """What Rucio said instead where it could not tell just now."""
        self._expected: set[_Key] = set()
        """What a thread is to ask about: ten thousand files of one RSE are one question."""
        self._threads = ThreadPoolExecutor(_SIDE_BY_SIDE, "rse")

    def close(self) -> None:
        """Ask about nothing more ahead of time."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def get(self, client: RucioClient, name: str) -> Rse:
        """As good as Rucio can tell just now: what is one of many RSEs. Raises SignInNeeded, RucioUnreachable."""
        try:
            return self.find(client, name)
        except RucioFault:
            return Rse(name)

    def find(self, client: RucioClient, name: str) -> Rse:
        """What Rucio knows of it. Raises SignInNeeded, RucioUnreachable, RucioFault."""
        key = client.number, name
        if (said := self._faulted.get(key)) is not None:
            raise RucioFault(said)
        try:
            return self._known.get_or_ask(key, lambda: self._ask(client, name))
        except RucioFault as fault:
            self._faulted.put(key, str(fault))
            raise

    def expect(self, client: RucioClient, names: Iterable[str]) -> None:
        """Ask about RSEs that will be needed, side by side, without waiting for the answers."""
        for name in names:
            key = client.number, name
            if key not in self._expected and self._known.get(key) is None:
                self._expected.add(key)
                self._threads.submit(self._get_ahead, client, name, key)

    def _get_ahead(self, client: RucioClient, name: str, key: _Key) -> None:
        """In a thread; a failure is told to whoever needs the RSE and asks again."""
        try:
            self.get(client, name)
        finally:
            self._expected.discard(key)

    def _ask(self, client: RucioClient, name: str) -> Rse:
        path = f"rses/{quote(name, safe='')}"
        try:
            answer = client.ask(path, RseAnswer)
            takes_tokens = name in client.instance.token_rses or (
                self._accounts.has_oidc(client.instance.name)
                and _is_true(client.ask(f"{path}/attr/", dict[str, object]).get("oidc_support"))
            )
        except RucioFault:
            raise
        except (Denied, NotFound, RucioRefused):
            return Rse(name)
        return Rse(
            name=name,
            media="tape" if answer.rse_type == "TAPE" else "disk",
            schemes=tuple(sorted({one.scheme for one in answer.protocols if _readable(one)})),
            hosts=tuple(
                sorted(
                    {
                        host_and_port(one.scheme, one.hostname, one.port)
                        for one in answer.protocols
                        if one.hostname
                    }
                )
            ),
            takes_tokens=takes_tokens,
            suspended=answer.availability_read is False,
            gateways={
                host_and_port(one.scheme, one.hostname, one.port): _said_of_gateway(one)
                for one in answer.protocols
                if one.scheme == "cs3" and one.hostname
            },
        )


def _readable(protocol: Protocol) -> bool:
    return any(operations.get("read") for operations in protocol.domains.values())


def _said_of_gateway(protocol: Protocol) -> dict[str, Any]:
    said = (protocol.extended_attributes or {}).get("cs3")
    return said if isinstance(said, dict) else {}


def _is_true(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "1", "yes")
