"""Clients of the test gateway, and content to send."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from rucio_mesh.cs3 import transfers
from rucio_mesh.cs3.auth import Basic, Credential, Secret
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing.cs3.gateway import Gateway

EINSTEIN = Basic("einstein", Secret.of("relativity"))
ConnectTo = Callable[..., Client]


@pytest.fixture
def connect_to() -> Iterator[ConnectTo]:
    """`connect_to(gateway, credential, **settings)`: a client that ends with the test."""
    with ExitStack() as connected:

        def connect(gateway: Gateway, credential: Credential = EINSTEIN, **settings: Any) -> Client:
            host, _, port = gateway.address.rpartition(":")
            return connected.enter_context(Client(Settings(host, int(port), **settings), credential))

        yield connect


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transfers that fail are tried again at once."""
    monkeypatch.setattr(transfers, "LONGEST_WAIT_SECONDS", 0.02)


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)
