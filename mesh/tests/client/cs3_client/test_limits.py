"""Transfers from and to clouds that are slow, or silent, and must end nevertheless."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rucio_mesh.cs3 import transfers
from rucio_mesh.cs3.errors import Unavailable
from rucio_mesh.cs3.patience import Patience
from rucio_mesh.cs3.recall import Recall
from rucio_mesh.cs3.relay import Place, Unwanted, relay
from rucio_mesh.testing.certificates import Authority
from rucio_mesh.testing.cs3.gateway import Gateway

from ..conftest import MakeGateway
from .conftest import ConnectTo, content

MEBIBYTE = 1 << 20
SIZE = 6_000_000
CONTENT = content(SIZE)
SLOW = 30.0
"""Seconds for a MiB: each 64 KiB take two."""


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture(params=["plain text", "TLS"])
def eos(
    request: pytest.FixtureRequest, cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> tuple[Gateway, Place]:
    """A cloud, and a file on it."""
    if request.param == "TLS":
        authority = Authority(tmp_path / "ca")
        gateway = cs3_gateway("eos", leaf=authority.server())
        cloud = connect_to(gateway, tls=True, ca_file=authority.certificate)
    else:
        gateway = cs3_gateway("eos")
        cloud = connect_to(gateway)
    gateway.path(f"{gateway.home()}/f").write_bytes(CONTENT)
    return gateway, Place(cloud, f"{cloud.home()}/f")


def test_a_download_from_a_slow_cloud_ends_when_its_time_is_up(
    eos: tuple[Gateway, Place], tmp_path: Path
) -> None:
    gateway, file = eos
    gateway.faults.seconds_per_mebibyte = SLOW
    with pytest.raises(Unavailable, match="longer"):
        transfers.fetch(file.client, file.path, tmp_path / "f", seconds=2.5)
    assert 0 < gateway.meter.bytes_served < MEBIBYTE


def test_an_upload_to_a_slow_cloud_ends_when_its_time_is_up(
    eos: tuple[Gateway, Place], tmp_path: Path
) -> None:
    gateway, file = eos
    (tmp_path / "f").write_bytes(CONTENT)
    gateway.faults.seconds_per_mebibyte = 4 * SLOW
    source, copy = transfers.file_source(tmp_path / "f"), f"{file.path}-copy"
    with ThreadPoolExecutor() as pool:
        storing = pool.submit(transfers.store, file.client, copy, source, SIZE, seconds=2.5)
        with pytest.raises(Unavailable, match="longer"):
            storing.result(20)


def test_what_a_transfer_asks_of_the_gateway_ends_with_it_but_not_what_it_would_lose(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud = connect_to(cs3_gateway("eos"))
    cloud.sign_in()
    stub, seconds = cloud.gateway._stub(), {}

    class Noting:
        def __getattr__(self, method: str) -> Callable[..., object]:
            def ask(request: object, *, timeout: float, **more: object) -> object:
                seconds[method] = timeout
                answer: object = getattr(stub, method)(request, timeout=timeout, **more)
                return answer

            return ask

    monkeypatch.setattr(cloud.gateway, "_stub", Noting)
    (tmp_path / "f").write_bytes(b"abc")
    path = f"{cloud.home()}/f"
    transfers.store(cloud, path, transfers.file_source(tmp_path / "f"), 3, seconds=20)
    assert seconds["InitiateFileUpload"] < 20 < seconds["Move"]
    transfers.fetch(cloud, path, tmp_path / "copy", seconds=20)
    assert seconds["InitiateFileDownload"] < 20 and seconds["Stat"] < 20
    cloud.stat(path)
    assert seconds["Stat"] > 20


def test_a_transfer_whose_time_is_up_tells_what_it_has_failed_by(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    gateway = cs3_gateway("eos")
    gateway.path(f"{gateway.home()}/f").write_bytes(b"abc")
    gateway.faults.arm("data_unavailable", times=None)
    with pytest.raises(Unavailable, match=r"longer than it may; it has failed by GET .*: HTTP 503"):
        transfers.fetch(connect_to(gateway), f"{gateway.home()}/f", tmp_path / "f", seconds=0.7)


def test_a_slow_beginning_that_is_thrown_away_takes_no_longer_than_it_may(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    gateway = cs3_gateway("localfs")  # which serves no ranges
    cloud = connect_to(gateway)
    gateway.path(f"{cloud.home()}/f").write_bytes(CONTENT)
    gateway.faults.arm("cut_download", 4 * MEBIBYTE)
    patience = Patience(3)

    def slow_from_now_on(_seconds: float) -> None:
        gateway.faults.seconds_per_mebibyte = SLOW

    patience.pause = slow_from_now_on  # type: ignore[method-assign]
    with (tmp_path / "f").open("wb") as file, pytest.raises(Unavailable, match="longer"):
        transfers.Download(cloud, f"{cloud.home()}/f", lambda: file, patience).whole()
    assert gateway.meter.bytes_served < 5 * MEBIBYTE


def test_what_has_come_from_a_slow_cloud_is_kept_when_it_breaks(
    eos: tuple[Gateway, Place], tmp_path: Path, no_pauses: None
) -> None:
    gateway, file = eos
    gateway.faults.seconds_per_mebibyte = 3  # so that less than a MiB comes in a moment
    gateway.faults.arm("cut_download", 300_000)
    patience = Patience(None)
    pauses = 0

    def quick_from_now_on(_seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        gateway.faults.seconds_per_mebibyte = 0

    patience.pause = quick_from_now_on  # type: ignore[method-assign]
    with (tmp_path / "f").open("wb") as local:
        transfers.Download(file.client, file.path, lambda: local, patience).whole()
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert (pauses, gateway.meter.bytes_served) == (1, SIZE)


@pytest.mark.parametrize("slow", ["source", "destination"])
def test_a_relay_that_nobody_wants_any_more_does_not_wait_for_bytes(
    eos: tuple[Gateway, Place], cs3_gateway: MakeGateway, connect_to: ConnectTo, slow: str
) -> None:
    here, file = eos
    there = cs3_gateway("eos")
    cloud = connect_to(there)
    (here if slow == "source" else there).faults.seconds_per_mebibyte = 20 * SLOW
    recall = Recall()
    with ThreadPoolExecutor() as pool:
        relaying = pool.submit(
            relay,
            file,
            Place(cloud, f"{cloud.home()}/rucio/f"),
            size=SIZE,
            adler32=None,
            workshop=f"{cloud.home()}/rucio/.rucio-relay",
            recall=recall,
            confirm=lambda: True,
        )
        if slow == "source":
            wait_for(lambda: ("GET", 200) in here.meter.requests)
        else:
            wait_for(lambda: here.meter.bytes_served > MEBIBYTE)
        recall.tell()
        with pytest.raises(Unwanted):
            relaying.result(20)
    assert not there.path(f"{cloud.home()}/rucio/f").exists()
    assert list(there.path(f"{cloud.home()}/rucio/.rucio-relay").iterdir()) == []
