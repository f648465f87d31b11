"""Fixtures of the conformance suite: `cloud` is each profile of our gateway, and a live one where it is named.

A live gateway is probed too if CS3_TEST_GATEWAY=host:port, CS3_TEST_USER and CS3_TEST_SECRET are set; further
CS3_TEST_LOGIN (basic), CS3_TEST_PROFILE (eos), CS3_TEST_CA (a PEM file; without it the system's authorities are
trusted). Plain text is spoken on loopback alone. It works in a new folder of the user's home, and removes it.

`localfs`, `eos` and `opencloud` are the clouds of one profile, the live one too if it has it. Probes that need power
over the gateway use `own_cloud`. The last lines of a live run name what was not probed there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import pytest

from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import PROFILES, ProfileName
from tests.client.cs3.target import LIVE, LIVE_ONE, Target, live_profile, ref

Gateways = dict[ProfileName, Gateway]
OWN = tuple(PROFILES)
PROBE = re.compile(r"test_p[0-9]{2}_")
NOT_LIVE = pytest.StashKey[list[str]]()
CLOUDS = (*OWN, *LIVE_ONE)


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


def _clouds_of(profile: ProfileName) -> tuple[str, ...]:
    return (profile, *LIVE_ONE) if live_profile() == profile else (profile,)


@pytest.fixture(params=_clouds_of("localfs"))
def localfs(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets[request.param])


@pytest.fixture(params=_clouds_of("eos"))
def eos(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets[request.param])


@pytest.fixture(params=_clouds_of("opencloud"))
def opencloud(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Iterator[Target]:
    yield from _signed_in(targets[request.param])


def _signed_in(target: Target) -> Iterator[Target]:
    """In an empty folder, which goes when the test has ended."""
    yield target.begin()
    target.sign_in()
    target.call("Delete", provider.DeleteRequest(ref=ref(target.folder)))


def pytest_collection_finish(session: pytest.Session) -> None:
    probes: dict[str, bool] = {}
    for item in session.items:
        if isinstance(item, pytest.Function) and PROBE.match(item.originalname):
            live = "live" in item.callspec.params.values() if hasattr(item, "callspec") else False
            probes[item.originalname] = probes.get(item.originalname, False) or live
    session.config.stash[NOT_LIVE] = sorted(name for name, live in probes.items() if not live)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if LIVE not in os.environ:
        terminalreporter.write_line(f"Not run: the CS3 probes against a live gateway (set {LIVE}=host:port).")
    elif names := config.stash.get(NOT_LIVE, []):
        terminalreporter.write_line(
            "Not probed live, for it takes power over the gateway or another kind of storage:"
        )
        terminalreporter.write_line("\n".join(f"  {name}" for name in names))
