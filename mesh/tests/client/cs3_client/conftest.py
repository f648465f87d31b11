"""Clients of the test gateway, Rucio's protocol on it, and content to send."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from rucio.common.config import get_config

from rucio_mesh.cs3 import patience
from rucio_mesh.cs3.auth import Basic, Credential, Secret
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing.cs3.gateway import Gateway

from ..conftest import MakeGateway
from . import rse

EINSTEIN = Basic("einstein", Secret.of("relativity"))
ConnectTo = Callable[..., Client]
Configure = Callable[[str], None]
SECRETS = "[cs3:{host}]\nauth = basic\nuser = einstein\nsecret = relativity\n"
CLIENT = """\
[client]
rucio_host = http://127.0.0.1:1
auth_host = http://127.0.0.1:1
auth_type = userpass
account = alice
"""


@pytest.fixture
def connect_to() -> Iterator[ConnectTo]:
    """`connect_to(gateway, credential, **settings)`: a client that ends with the test."""
    with ExitStack() as connected:

        def connect(gateway: Gateway, credential: Credential = EINSTEIN, **settings: Any) -> Client:
            host, _, port = gateway.address.rpartition(":")
            return connected.enter_context(Client(Settings(host, int(port), **settings), credential))

        yield connect


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Make this text the `rucio.cfg`, beside what every client has."""

    def write(text: str) -> None:
        config = tmp_path / "rucio.cfg"
        config.write_text(CLIENT + text)
        monkeypatch.setenv("RUCIO_CONFIG", str(config))
        get_config.cache_clear()

    yield write
    get_config.cache_clear()


@pytest.fixture
def manager(configure: Configure) -> Any:
    """Rucio's `rsemanager`; the user's secret is that of einstein."""
    configure(SECRETS.format(host="127.0.0.1"))
    from rucio.rse import rsemanager

    return rsemanager


@pytest.fixture
def gateway(cs3_gateway: MakeGateway) -> Gateway:
    return cs3_gateway("eos")


@pytest.fixture
def cloud(gateway: Gateway) -> dict[str, Any]:
    """The RSE."""
    return rse.settings(port=gateway.grpc_port, prefix=f"{gateway.home()}/rucio")


@pytest.fixture
def protocol(manager: Any, cloud: dict[str, Any]) -> Iterator[Any]:
    """A connected protocol."""
    made = manager.create_protocol(cloud, "write", scheme="cs3", impl=rse.IMPL)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transfers that fail are tried again at once."""
    monkeypatch.setattr(patience, "LONGEST_WAIT_SECONDS", 0.02)


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)
