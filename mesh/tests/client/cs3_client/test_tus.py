"""Uploads in pieces, which go on where the last one ended."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from rucio_mesh.cs3 import transfers
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.errors import Outlasted, SignInLapsed
from rucio_mesh.cs3.flow import Source
from rucio_mesh.cs3.transfers import Transferred
from rucio_mesh.testing.cs3.gateway import Gateway

from ..conftest import MakeGateway
from .conftest import ConnectTo, content

pytestmark = pytest.mark.usefixtures("no_pauses", "small_pieces")

SIZE = 6_000_000
CONTENT = content(SIZE)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three for the file."""
    monkeypatch.setattr(transfers, "TUS_BYTES", 2_500_000)


@pytest.fixture(params=["localfs", "opencloud"])
def gateway(request: pytest.FixtureRequest, cs3_gateway: MakeGateway) -> Gateway:
    return cs3_gateway(request.param)


@pytest.fixture
def cloud(gateway: Gateway, connect_to: ConnectTo) -> Client:
    return connect_to(gateway, uploads=("tus",))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "f").write_bytes(CONTENT)
    return transfers.file_source(tmp_path / "f")


def stored(gateway: Gateway, cloud: Client, source: Source) -> Transferred:
    path = f"{cloud.home()}/f"
    sent = transfers.store(cloud, path, source, SIZE)
    assert gateway.path(path).read_bytes() == CONTENT
    assert sent.adler32 == f"{zlib.adler32(CONTENT):08x}"
    return sent


def test_a_break_costs_only_what_the_server_has_not_kept(
    gateway: Gateway, cloud: Client, source: Source
) -> None:
    gateway.faults.arm("cut_upload", 1_000_000)
    stored(gateway, cloud, source)
    assert gateway.counts["InitiateFileUpload"] == 1
    assert gateway.meter.bytes_received < SIZE + 2_500_000


def test_a_sign_in_that_lapses_between_two_pieces_costs_nothing(
    gateway: Gateway, cloud: Client, source: Source
) -> None:
    gateway.faults.arm("lapse_access", 3_000_000)
    stored(gateway, cloud, source)
    assert gateway.counts["InitiateFileUpload"] == 1
    assert gateway.counts["Authenticate"] == 2
    assert gateway.meter.bytes_received == SIZE


def test_a_server_that_does_not_say_where_it_stands_is_asked_again(
    gateway: Gateway, cloud: Client, source: Source
) -> None:
    gateway.faults.arm("data_unavailable", times=3)
    stored(gateway, cloud, source)
    assert [method for method, status in gateway.meter.requests if status == 503] == ["PATCH", "HEAD", "HEAD"]
    assert gateway.counts["InitiateFileUpload"] == 1


def test_a_transfer_that_lapses_between_two_pieces_begins_anew(
    gateway: Gateway, cloud: Client, source: Source
) -> None:
    gateway.faults.arm("lapse", 3_000_000)
    stored(gateway, cloud, source)
    assert gateway.counts["InitiateFileUpload"] == 2


def test_an_upload_that_outlasts_its_token_is_sent_as_a_whole(
    gateway: Gateway, connect_to: ConnectTo, source: Source
) -> None:
    gateway.faults.arm("lapse_transfer", 3_000_000, times=None)
    stored(gateway, connect_to(gateway, uploads=("tus", "simple")), source)
    assert [method for method, _ in gateway.meter.requests] == ["PATCH", "PATCH", "PATCH", "PUT"]


def test_an_upload_that_always_outlasts_its_token_is_told_as_such(
    gateway: Gateway, cloud: Client, source: Source
) -> None:
    gateway.faults.arm("lapse_transfer", 3_000_000, times=None)
    with pytest.raises(Outlasted, match="longer than its token lives"):
        transfers.store(cloud, f"{cloud.home()}/f", source, SIZE)
    assert gateway.counts["InitiateFileUpload"] == 2


def test_a_sign_in_that_is_always_refused_is_renewed_once(
    gateway: Gateway, cloud: Client, source: Source
) -> None:
    gateway.faults.arm("data_status", 401, times=None)
    with pytest.raises(SignInLapsed):
        transfers.store(cloud, f"{cloud.home()}/f", source, SIZE)
    assert gateway.counts["Authenticate"] == 2
