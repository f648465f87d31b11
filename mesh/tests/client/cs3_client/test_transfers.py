"""Whole files to and from a cloud, while things go wrong."""

from __future__ import annotations

import io
import itertools
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cs3.rpc.v1beta1.code_pb2 as codes
import pytest

from rucio_mesh.cs3 import patience, recycle, settings, transfers
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.digest import BUFFER_BYTES
from rucio_mesh.cs3.errors import (
    AlreadyExists,
    Cs3Error,
    Failed,
    LocalFailure,
    Mismatch,
    NotFound,
    NotSupported,
    OutOfSpace,
    SignInLapsed,
    TransferLapsed,
    Unavailable,
)
from rucio_mesh.cs3.flow import Readable, Source
from rucio_mesh.cs3.patience import Patience
from rucio_mesh.cs3.transfers import Transferred
from rucio_mesh.testing.certificates import Authority
from rucio_mesh.testing.cs3.faults import FaultName
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import ProfileName

from ..conftest import MakeGateway
from .conftest import ConnectTo, content

pytestmark = pytest.mark.usefixtures("no_pauses")

PROFILES: tuple[ProfileName, ...] = ("localfs", "eos", "opencloud")
SIZE = 6_000_000
"""More than is written inline, so that the second thread is at work."""
CONTENT = content(SIZE)
SUM = f"{zlib.adler32(CONTENT):08x}"


def source_of(data: bytes) -> Source:
    @contextmanager
    def opened(offset: int) -> Iterator[Readable]:
        yield io.BytesIO(data[offset:])

    return opened


def store(cloud: Client, path: str, data: bytes = CONTENT, **options: float) -> Transferred:
    return transfers.store(cloud, path, source_of(data), len(data), **options)


def files_in(gateway: Gateway, folder: str) -> list[str]:
    return sorted(path.name for path in gateway.path(folder).iterdir())


@pytest.fixture(params=PROFILES)
def gateway(request: pytest.FixtureRequest, cs3_gateway: MakeGateway) -> Gateway:
    return cs3_gateway(request.param)


@pytest.fixture
def cloud(gateway: Gateway, connect_to: ConnectTo) -> Client:
    return connect_to(gateway)


@pytest.fixture
def eos(cs3_gateway: MakeGateway) -> Gateway:
    return cs3_gateway("eos")


@pytest.mark.parametrize("size", [0, 1, SIZE])
def test_what_goes_up_comes_down(gateway: Gateway, cloud: Client, tmp_path: Path, size: int) -> None:
    path = f"{cloud.home()}/new/folder/run 1#a?b=ü%20.root"
    sent = store(cloud, path, CONTENT[:size])
    assert gateway.path(path).read_bytes() == CONTENT[:size]
    assert transfers.fetch(cloud, path, tmp_path / "copy") == sent
    assert (tmp_path / "copy").read_bytes() == CONTENT[:size]
    assert files_in(gateway, f"{cloud.home()}/new/folder") == ["run 1#a?b=ü%20.root"]


def test_an_empty_file_survives_a_gateway_that_fails_once(gateway: Gateway, cloud: Client) -> None:
    container = cloud.home()
    gateway.faults.arm("rpc_status", codes.CODE_INTERNAL)
    store(cloud, f"{container}/empty", b"")
    assert files_in(gateway, container) == ["empty"]


@pytest.mark.parametrize("uploads", [("simple",), ("tus",)])
def test_a_way_of_upload_is_chosen_by_its_name(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, uploads: tuple[str, ...]
) -> None:
    gateway = cs3_gateway("localfs")
    cloud = connect_to(gateway, uploads=uploads)
    for number in range(4):  # the order in which they are offered is random
        store(cloud, f"{cloud.home()}/f{number}", b"abc" * number)
    assert {method for method, _ in gateway.meter.requests} == {"PUT" if uploads == ("simple",) else "PATCH"}


def test_a_cut_upload_begins_anew_and_leaves_nothing_behind(gateway: Gateway, cloud: Client) -> None:
    gateway.faults.arm("cut_upload", 2_000_000)
    store(cloud, f"{cloud.home()}/f")
    assert gateway.path(f"{cloud.home()}/f").read_bytes() == CONTENT
    assert files_in(gateway, cloud.home()) == ["f"]
    assert gateway.tree.trash == {}, "it counts against the quota"


def test_a_recycle_bin_that_is_out_of_reach_does_not_matter(
    gateway: Gateway, cloud: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_cloud: Client, path: str) -> bool:
        raise NotSupported(f"ListRecycle {path}: CODE_UNIMPLEMENTED")

    monkeypatch.setattr(recycle, "purge", refuse)
    gateway.faults.arm("cut_upload", 2_000_000)
    store(cloud, f"{cloud.home()}/f")
    assert files_in(gateway, cloud.home()) == ["f"]


def test_where_a_tus_upload_broke_is_asked_again_if_nobody_answers(
    cs3_gateway: MakeGateway, connect_to: ConnectTo
) -> None:
    gateway = cs3_gateway("opencloud")
    cloud = connect_to(gateway, uploads=("tus",))
    at_once = iter([lambda: gateway.faults.arm("data_unavailable", times=2)])

    class Content(io.BytesIO):
        def readinto(self, buffer: Any, /) -> int:
            if gateway.meter.bytes_received:  # the request is under way: the questions after it are refused
                next(at_once, lambda: None)()
            elif self.tell():
                time.sleep(0.05)
            return super().readinto(buffer[:10_000])

    @contextmanager
    def opened(offset: int) -> Iterator[Readable]:
        yield Content(CONTENT[offset:])

    gateway.faults.arm("cut_upload", 1_000_000)
    transfers.store(cloud, f"{cloud.home()}/f", opened, SIZE)
    assert gateway.path(f"{cloud.home()}/f").read_bytes() == CONTENT
    assert gateway.counts["InitiateFileUpload"] == 1
    assert [status for method, status in gateway.meter.requests if method == "HEAD"] == [503, 503, 200]


def test_what_could_not_be_removed_after_a_break_is_removed_after_the_success(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = cs3_gateway("localfs")
    cloud = connect_to(gateway, uploads=("simple",))
    remove, refused = cloud.remove_file, iter([Unavailable("Delete: away")])

    def remove_later(path: str) -> None:
        for error in refused:
            raise error
        remove(path)

    monkeypatch.setattr(cloud, "remove_file", remove_later)
    gateway.faults.arm("cut_upload", 1_000_000)
    store(cloud, f"{cloud.home()}/f")
    assert files_in(gateway, cloud.home()) == ["f"]


def test_what_a_slow_storage_makes_of_a_broken_attempt_is_removed_after_the_success(
    eos: Gateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = connect_to(eos)
    send, late = cloud.data.put, list[Any]()

    def unanswered(*upload: Any) -> None:
        if not late:
            late.append(upload)
            raise Unavailable("PUT: HTTP 504")
        send(*late[0])
        send(*upload)

    monkeypatch.setattr(cloud.data, "put", unanswered)
    store(cloud, f"{cloud.home()}/f", b"abc")
    assert files_in(eos, cloud.home()) == ["f"]


@pytest.mark.parametrize("code", [codes.CODE_FAILED_PRECONDITION, codes.CODE_NOT_FOUND])
def test_a_container_that_somebody_else_makes_in_between_is_no_obstacle(
    gateway: Gateway, cloud: Client, code: int
) -> None:
    path = f"{cloud.home()}/f"
    cloud.sign_in()
    gateway.faults.arm("rpc_status", code)  # as of a container that was missing a moment ago
    store(cloud, path, b"abc")
    assert gateway.path(path).read_bytes() == b"abc"
    assert files_in(gateway, cloud.home()) == ["f"]


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain text", "TLS"])
def test_a_refusal_is_heard_while_bytes_are_still_sent(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path, over_tls: bool
) -> None:
    authority = Authority(tmp_path / "ca")
    gateway = cs3_gateway("eos", leaf=authority.server() if over_tls else None)
    cloud = connect_to(gateway, tls=over_tls, ca_file=authority.certificate)
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1 << 30)
    gateway.faults.arm("data_status", 507)
    with pytest.raises(OutOfSpace):
        transfers.store(cloud, f"{cloud.home()}/f", transfers.file_source(tmp_path / "f"), 1 << 30)


def test_a_cut_download_asks_only_for_the_rest(eos: Gateway, connect_to: ConnectTo, tmp_path: Path) -> None:
    cloud = connect_to(eos)
    store(cloud, f"{cloud.home()}/f")
    eos.faults.arm("cut_download", 2_500_000, times=2)
    assert transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f").adler32 == SUM
    assert eos.meter.bytes_served < SIZE + 2_000_000


def test_a_file_that_changes_between_two_attempts_is_read_anew(
    gateway: Gateway, cloud: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{cloud.home()}/f"
    store(cloud, path)
    other = content(SIZE, seed=2)
    monkeypatch.setattr(Patience, "pause", lambda *_: gateway.path(path).write_bytes(other))
    gateway.faults.arm("cut_download", 2_500_000)
    transfers.fetch(cloud, path, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == other


def test_without_ranges_a_cut_download_reads_all_again(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    gateway = cs3_gateway("localfs")
    cloud = connect_to(gateway)
    store(cloud, f"{cloud.home()}/f")
    gateway.faults.arm("cut_download", 2_500_000)
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert 416 in [status for _, status in gateway.meter.requests]


def test_a_flipped_byte_is_noticed_and_fetched_again(
    eos: Gateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    cloud = connect_to(eos)
    store(cloud, f"{cloud.home()}/f")
    eos.faults.arm("flip_download", 4_000_000)
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_byte_stored_wrong_is_noticed_before_anyone_can_see_the_file(
    eos: Gateway, connect_to: ConnectTo
) -> None:
    cloud = connect_to(eos)
    eos.faults.arm("flip_upload", 4_000_000, times=None)
    with pytest.raises(Mismatch):
        store(cloud, f"{cloud.home()}/f")
    assert files_in(eos, cloud.home()) == []
    eos.faults.arm("flip_upload", 4_000_000)
    store(cloud, f"{cloud.home()}/f")
    assert eos.path(f"{cloud.home()}/f").read_bytes() == CONTENT


@pytest.mark.parametrize("by", [-1000, 1000])
def test_a_wrong_length_is_noticed(eos: Gateway, connect_to: ConnectTo, tmp_path: Path, by: int) -> None:
    cloud = connect_to(eos)
    store(cloud, f"{cloud.home()}/f")
    eos.faults.arm("wrong_length", by)
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_body_without_a_length_is_taken_as_far_as_it_should_go(
    eos: Gateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    cloud = connect_to(eos)
    store(cloud, f"{cloud.home()}/f")
    eos.faults.arm("no_length")
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    eos.faults.arm("no_length", 100_000_000, times=None)
    with pytest.raises(Mismatch, match=f"more than {SIZE} bytes"):
        transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").stat().st_size < SIZE + 4 * BUFFER_BYTES


def test_tokens_that_lapse_amid_a_transfer_are_renewed(
    gateway: Gateway, cloud: Client, tmp_path: Path
) -> None:
    gateway.faults.arm("lapse", 3_000_000)
    store(cloud, f"{cloud.home()}/f")
    gateway.faults.arm("lapse", 3_000_000)
    gateway.faults.arm("cut_download", 4_000_000)
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert gateway.counts["Authenticate"] >= 2


@pytest.mark.parametrize(("status", "renewals", "raised"), [(401, 1, SignInLapsed), (403, 0, TransferLapsed)])
def test_tokens_that_are_always_refused_are_renewed_once(
    gateway: Gateway,
    cloud: Client,
    tmp_path: Path,
    status: int,
    renewals: int,
    raised: type[Cs3Error],
) -> None:
    path = f"{cloud.home()}/f"
    store(cloud, path)
    gateway.counts.clear()
    gateway.faults.arm("data_status", status, times=None)
    with pytest.raises(raised):
        transfers.fetch(cloud, path, tmp_path / "f")
    assert gateway.counts["Authenticate"] == renewals
    assert gateway.counts["InitiateFileDownload"] == 2
    with pytest.raises(raised):
        store(cloud, f"{path}-copy")
    assert gateway.counts["InitiateFileUpload"] == 2


def test_a_full_quota_is_told_at_once(gateway: Gateway, cloud: Client) -> None:
    gateway.faults.quota_full = True
    with pytest.raises(OutOfSpace):
        store(cloud, f"{cloud.home()}/f")
    assert gateway.counts["InitiateFileUpload"] == 1
    assert files_in(gateway, cloud.home()) == []


def test_an_overloaded_data_endpoint_is_asked_again(gateway: Gateway, cloud: Client, tmp_path: Path) -> None:
    gateway.faults.arm("data_unavailable", times=2)
    store(cloud, f"{cloud.home()}/f")
    gateway.faults.arm("data_unavailable", times=2)
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    gateway.faults.arm("data_unavailable", times=None)
    with pytest.raises(Unavailable):
        transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")


def test_a_data_endpoint_that_is_away_at_first_is_asked_again(
    gateway: Gateway, cloud: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(cloud, f"{cloud.home()}/f")

    def come_back(_patience: Patience, _seconds: float) -> None:
        gateway.faults.data_endpoint = None

    monkeypatch.setattr(Patience, "pause", come_back)
    gateway.faults.data_endpoint = "http://127.0.0.1:1/datagateway"  # where nobody listens
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_gateway_that_is_away_at_first_has_been_asked_often_enough(
    gateway: Gateway, cloud: Client, tmp_path: Path
) -> None:
    path = f"{cloud.home()}/f"
    gateway.faults.arm("rpc_unavailable", times=None)
    with pytest.raises(Unavailable):
        transfers.fetch(cloud, path, tmp_path / "f")
    assert gateway.counts["InitiateFileDownload"] == 4  # as gRPC does


def test_a_file_that_is_still_being_processed_is_waited_for(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(patience, "LONGEST_WAIT_SECONDS", 0.2)
    gateway = cs3_gateway("opencloud")
    cloud = connect_to(gateway)
    gateway.faults.postprocessing_seconds = 0.6
    store(cloud, f"{cloud.home()}/f")
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_nothing_is_overwritten(gateway: Gateway, cloud: Client) -> None:
    store(cloud, f"{cloud.home()}/f", b"first")
    with pytest.raises(AlreadyExists):
        store(cloud, f"{cloud.home()}/f", b"second")
    assert gateway.path(f"{cloud.home()}/f").read_bytes() == b"first"
    assert files_in(gateway, cloud.home()) == ["f"]


@pytest.mark.parametrize("stats", [0, 1, 2, 3, 4])
def test_a_move_that_is_slower_than_its_answer_is_found_done(
    eos: Gateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch, stats: int
) -> None:
    """It is done when the gateway has been asked so many things after the answer."""
    cloud = connect_to(eos)
    ask, late, asked = cloud.gateway.call, list[Any](), itertools.count()

    def unanswered(method: str, request: Any, *, about: str = "") -> Any:
        if method == "Move" and not late:
            late.append(request)
            raise Unavailable(f"Move {about}: gRPC DEADLINE_EXCEEDED")
        if late and next(asked) == stats:
            ask("Move", late[0])
        return ask(method, request, about=about)

    monkeypatch.setattr(cloud.gateway, "call", unanswered)
    assert store(cloud, f"{cloud.home()}/f").adler32 == SUM
    assert eos.path(f"{cloud.home()}/f").read_bytes() == CONTENT
    assert files_in(eos, cloud.home()) == ["f"]
    assert eos.counts["InitiateFileUpload"] == 1


@pytest.mark.parametrize("data", [b"", b"abc", CONTENT], ids=len)
@pytest.mark.parametrize("fault", ["rpc_answer_lost", "data_answer_lost"])
def test_an_answer_that_is_lost_costs_no_upload(
    gateway: Gateway, cloud: Client, fault: FaultName, data: bytes
) -> None:
    path = f"{cloud.home()}/new/folder/f"
    gateway.faults.arm(fault)
    store(cloud, path, data)
    assert gateway.path(path).read_bytes() == data
    assert files_in(gateway, f"{cloud.home()}/new/folder") == ["f"]


def test_a_container_that_cannot_be_made_at_first_is_made_at_the_next_attempt(
    gateway: Gateway, cloud: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, path = cloud.make_container, f"{cloud.home()}/new/f"
    failing = iter([Failed("CreateContainer: CODE_INTERNAL")])

    def make_later(container: str) -> None:
        for error in failing:
            raise error
        make(container)

    monkeypatch.setattr(cloud, "make_container", make_later)
    store(cloud, path, b"abc")
    assert gateway.path(path).read_bytes() == b"abc"


def test_a_name_like_an_old_chunk_is_a_name(eos: Gateway, connect_to: ConnectTo) -> None:
    cloud = connect_to(eos)
    store(cloud, f"{cloud.home()}/f-chunking-7-2-1", b"abc")
    assert eos.path(f"{cloud.home()}/f-chunking-7-2-1").read_bytes() == b"abc"


def test_a_source_that_is_shorter_than_said_is_not_stored(gateway: Gateway, cloud: Client) -> None:
    with pytest.raises(LocalFailure):
        transfers.store(cloud, f"{cloud.home()}/f", source_of(CONTENT), SIZE + 1)
    assert files_in(gateway, cloud.home()) == []


def test_a_missing_file_and_a_container_cannot_be_fetched(cloud: Client, tmp_path: Path) -> None:
    cloud.make_containers(f"{cloud.home()}/folder")
    for name in ("missing", "folder", "folder/missing"):
        with pytest.raises(NotFound):
            transfers.fetch(cloud, f"{cloud.home()}/{name}", tmp_path / "f")


def test_a_disk_that_cannot_be_written_is_told_from_a_network_that_broke(
    cloud: Client, tmp_path: Path
) -> None:
    store(cloud, f"{cloud.home()}/f", b"abc")
    (tmp_path / "file").touch()
    for unwritable in (tmp_path, tmp_path / "file" / "below"):
        with pytest.raises(LocalFailure):
            transfers.fetch(cloud, f"{cloud.home()}/f", unwritable)


def test_a_transfer_ends_when_its_time_is_up(eos: Gateway, connect_to: ConnectTo, tmp_path: Path) -> None:
    cloud = connect_to(eos)
    store(cloud, f"{cloud.home()}/f")
    eos.faults.seconds_per_mebibyte = 0.2
    with pytest.raises(Unavailable, match="longer"):
        transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f", seconds=0.3)


def test_a_redirect_is_not_followed(eos: Gateway, connect_to: ConnectTo, tmp_path: Path) -> None:
    cloud = connect_to(eos)
    store(cloud, f"{cloud.home()}/f")
    eos.faults.redirect_url = "http://127.0.0.1:9/elsewhere"
    eos.faults.arm("redirect", times=None)
    with pytest.raises(Cs3Error, match="HTTP 307"):
        transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")


def test_bytes_flow_from_one_cloud_into_another(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    here, there = (connect_to(cs3_gateway(profile)) for profile in ("eos", "localfs"))
    store(here, f"{here.home()}/f")

    def opened(offset: int):  # type: ignore[no-untyped-def]
        return here.read(f"{here.home()}/f", start=offset)

    assert transfers.store(there, f"{there.home()}/f", opened, SIZE).adler32 == SUM


@pytest.mark.parametrize("uploads", [("simple",), ("tus",)])
def test_a_server_may_take_its_time_to_store_much(
    cs3_gateway: MakeGateway,
    connect_to: ConnectTo,
    monkeypatch: pytest.MonkeyPatch,
    uploads: tuple[str, ...],
) -> None:
    monkeypatch.setattr(settings, "STORING_BYTES_PER_SECOND", SIZE / 20)
    gateway = cs3_gateway("localfs")
    cloud = connect_to(gateway, uploads=uploads, stall_seconds=1.0)
    gateway.faults.storing_seconds = 2.0
    store(cloud, f"{cloud.home()}/f", CONTENT)
    assert gateway.counts["InitiateFileUpload"] == 1
    with pytest.raises(Unavailable):
        store(cloud, f"{cloud.home()}/small", b"abc")
