"""Fixtures of the conformance suite: `cloud` is each profile of our gateway, and a live one where it is named.

A live gateway is probed too if CS3_TEST_GATEWAY=host:port, CS3_TEST_USER and CS3_TEST_SECRET are set; further
CS3_TEST_LOGIN (basic), CS3_TEST_PROFILE (eos), CS3_TEST_CA (a PEM file; without it plain text is spoken). It works
in a new folder of the user's home, and removes it. Probes that need power over the gateway use `own_cloud`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import pytest

from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import PROFILES, ProfileName
from tests.client.cs3.target import LIVE, Target, ref

Gateways = dict[ProfileName, Gateway]
OWN = tuple(PROFILES)
CLOUDS = (*OWN, "live") if LIVE in os.environ else OWN


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    running = {name: Gateway(tmp_path_factory.mktemp(name), name) for name in PROFILES}
    for gateway in running.values():
        gateway.start()
    yield running
    for gateway in running.values():
        gateway.stop()


@pytest.fixture(scope="session")
def targets(gateways: Gateways) -> Iterator[dict[str, Target]]:
    known: dict[str, Target] = {name: Target.of(gateway) for name, gateway in gateways.items()}
    if LIVE in os.environ:
        known["live"] = Target.live()
    yield known
    for target in known.values():
        target.close()


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets[request.param])


@pytest.fixture(params=OWN)
def own_cloud(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets[request.param])


@pytest.fixture
def localfs(targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets["localfs"])


@pytest.fixture
def eos(targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets["eos"])


@pytest.fixture
def opencloud(targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets["opencloud"])


def _signed_in(target: Target) -> Iterator[Target]:
    """In an empty folder, which goes when the test has ended."""
    yield target.begin()
    target.sign_in()
    target.call("Delete", provider.DeleteRequest(ref=ref(target.folder)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LIVE not in os.environ:
        terminalreporter.write_line(f"Not run: the CS3 probes against a live gateway (set {LIVE}=host:port).")
