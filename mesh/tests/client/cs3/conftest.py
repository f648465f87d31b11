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
from rucio_mesh.testing.cs3.profiles import PROFILES
from tests.client.cs3.target import LIVE, Target, ref

OWN = tuple(PROFILES)
CLOUDS = (*OWN, "live") if os.environ.get(LIVE) else OWN


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    running = {name: Gateway(tmp_path_factory.mktemp(name), name) for name in PROFILES}
    for gateway in running.values():
        gateway.start()
    yield running
    for gateway in running.values():
        gateway.stop()


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, gateways: dict[str, Gateway]) -> Iterator[Target]:
    yield from _signed_in(Target.live() if request.param == "live" else Target.of(gateways[request.param]))


@pytest.fixture(params=OWN)
def own_cloud(request: pytest.FixtureRequest, gateways: dict[str, Gateway]) -> Iterator[Target]:
    yield from _signed_in(Target.of(gateways[request.param]))


@pytest.fixture
def localfs(gateways: dict[str, Gateway]) -> Iterator[Target]:
    yield from _signed_in(Target.of(gateways["localfs"]))


@pytest.fixture
def eos(gateways: dict[str, Gateway]) -> Iterator[Target]:
    yield from _signed_in(Target.of(gateways["eos"]))


@pytest.fixture
def opencloud(gateways: dict[str, Gateway]) -> Iterator[Target]:
    yield from _signed_in(Target.of(gateways["opencloud"]))


def _signed_in(target: Target) -> Iterator[Target]:
    try:
        yield target.begin()
        target.sign_in()
        target.call("Delete", provider.DeleteRequest(ref=ref(target.folder)))
    finally:
        target.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not os.environ.get(LIVE):
        terminalreporter.write_line(f"Not run: the CS3 probes against a live gateway (set {LIVE}=host:port).")
