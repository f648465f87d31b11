"""Writing to CS3 clouds: a real Rucio tells of the gateway."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.errors import (
    BadConfiguration,
    BadRequest,
    Conflict,
    Failure,
    NoSpace,
    RefusedByStorage,
    SourceFailure,
    StorageFault,
    StorageUnreachable,
)
from rucio_jupyterlab.sources.cloud_data import WatchedData
from rucio_jupyterlab.sources.clouds import Clouds
from rucio_jupyterlab.sources.escort import Escort
from rucio_jupyterlab.sources.sending import CloudWriter
from rucio_mesh.cs3 import patience, settings, transfers
from rucio_mesh.cs3.data import DataEndpoint
from rucio_mesh.cs3.errors import Unsafe
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing.cs3.profiles import ProfileName
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab

CONTENT = os.urandom(3_000_000)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_WAIT_SECONDS", 0.02)


@pytest.fixture
def eos(lab: Lab, tmp_path: Path) -> Iterator[Cloud]:
    with cloud(lab, tmp_path / "eos") as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "result.root"
    made.write_bytes(CONTENT)
    return made


@contextmanager
def writer(
    there: Cloud,
    hold: Callable[[Failure], None] = lambda failure: None,
    watch: Callable[[int, int], None] = lambda position, count: None,
    call_seconds: float = 10.0,
    **keys: Any,
) -> Iterator[CloudWriter]:
    """As the engine would make it, for alice."""
    lab, state = there.lab, there.folder / "state"
    configuration = configuration_from({"instances": [lab.configuration(**(keys or there.keys()))]}, {})
    accounts = Accounts(configuration, state, lambda name: None)
    catalog = Catalog(accounts, state / "spool")
    accounts.sign_in(SignIn("lab", "userpass", "alice", "alice", lab.password))
    clouds = Clouds(accounts, catalog, call_seconds)

    try:
        with CloudWriter(clouds, "lab", there.rse, Escort(hold=hold, watch=watch)) as made:
            yield made
    finally:
        clouds.close()
        catalog.close()
        accounts.close()


def place(there: Cloud, name: str = "out/result.root") -> str:
    return f"cs3://{there.host}{there.gateway.home()}/{name}"


def stored(there: Cloud, name: str = "out/result.root") -> Path:
    return there.gateway.path(f"{there.gateway.home()}/{name}")


@pytest.mark.parametrize("way", ["simple", "tus"])
@pytest.mark.parametrize("profile", ["eos", "localfs", "opencloud"])
def test_a_file_is_stored_and_verified(
    lab: Lab, tmp_path: Path, file: Path, profile: ProfileName, way: str
) -> None:
    uploads = ["simple"] if profile == "eos" else [way]
    with cloud(lab, tmp_path / profile, profile, public={"uploads": uploads}) as there, writer(there) as it:
        sent = it.send(file, place(there))
        assert stored(there).read_bytes() == CONTENT
        assert sent.bytes == len(CONTENT)
        (tmp_path / "empty").write_bytes(b"")
        it.send(tmp_path / "empty", place(there, "empty"))
        assert stored(there, "empty").read_bytes() == b""
        assert there.partials() == [] and there.gateway.counts["Authenticate"] == 1


@pytest.mark.parametrize(
    "fault", ["cut_upload", "data_unavailable", "rpc_unavailable", "flip_upload", "lapse"]
)
def test_what_breaks_is_tried_again(eos: Cloud, file: Path, fault: Any) -> None:
    eos.gateway.faults.arm(fault, 1_000_000, times=1)
    with writer(eos) as it:
        it.send(file, place(eos))
    assert stored(eos).read_bytes() == CONTENT
    assert eos.partials() == []


def test_a_cloud_may_take_its_time_to_store_what_it_has(
    eos: Cloud, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "stall_seconds", 3.0)
    monkeypatch.setattr(settings, "STORING_BYTES_PER_SECOND", len(CONTENT) / 9)
    eos.gateway.faults.storing_seconds = 5.0
    with writer(eos, call_seconds=1.5) as it:
        it.send(file, place(eos))
    assert eos.gateway.counts["InitiateFileUpload"] == 1


def test_an_interrupted_tus_upload_goes_on(lab: Lab, tmp_path: Path, file: Path) -> None:
    with cloud(lab, tmp_path / "oc", "opencloud", public={"uploads": ["tus"]}) as there, writer(there) as it:
        there.gateway.faults.arm("cut_upload", 1_000_000, times=1)
        it.send(file, place(there, "result.root"))
        assert stored(there, "result.root").read_bytes() == CONTENT
        assert "HEAD" in [method for method, _ in there.gateway.meter.requests]
        assert there.gateway.counts["InitiateFileUpload"] == 1


def test_a_tus_upload_waits_for_a_cloud_that_is_away_and_goes_on_from_where_it_was(
    lab: Lab, tmp_path: Path, file: Path
) -> None:
    held: list[Failure] = []

    def come_back(failure: Failure) -> None:
        held.append(failure)
        if len(held) == 3:
            there.gateway.faults.disarm("data_unavailable")

    with (
        cloud(lab, tmp_path / "oc", "opencloud", public={"uploads": ["tus"]}) as there,
        writer(
            there, come_back, once_begun(lambda: there.gateway.faults.arm("data_unavailable", times=None))
        ) as it,
    ):
        stored(there, "out").mkdir(parents=True)
        there.gateway.faults.arm("cut_upload", 2_000_000, times=1)
        it.send(file, place(there))
        assert stored(there).read_bytes() == CONTENT
        assert there.gateway.counts["InitiateFileUpload"] == 1
    assert len(held) >= 3 and all(isinstance(failure, StorageUnreachable) for failure in held)


def test_a_tus_upload_that_outlasts_its_token_is_sent_as_a_whole(
    lab: Lab, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with outlasted(lab, tmp_path, monkeypatch, "tus", "simple") as there, writer(there) as it:
        it.send(file, place(there))
        assert stored(there).read_bytes() == CONTENT and there.partials() == []


def test_a_tus_upload_that_always_outlasts_its_token_is_told_as_such(
    lab: Lab, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with outlasted(lab, tmp_path, monkeypatch, "tus") as there, writer(there) as it:
        with pytest.raises(SourceFailure, match="takes longer"):
            it.send(file, place(there))
        assert there.partials() == []


@contextmanager
def outlasted(lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch, *uploads: str) -> Iterator[Cloud]:
    """A cloud on which the token of each upload lapses in its second piece."""
    monkeypatch.setattr(transfers, "TUS_BYTES", 1_000_000)
    with cloud(lab, folder / "oc", "opencloud", public={"uploads": list(uploads)}) as there:
        there.gateway.faults.arm("lapse_transfer", 1_500_000, times=None)
        yield there


def test_the_pause_that_a_data_endpoint_asks_for_is_told(eos: Cloud, file: Path) -> None:
    stored(eos).parent.mkdir(parents=True)
    eos.gateway.faults.retry_after = "17"
    eos.gateway.faults.arm("data_unavailable", times=1)
    with writer(eos) as it, pytest.raises(StorageUnreachable) as told:
        it.send(file, place(eos))
    assert told.value.retry_after == 17.0


def test_an_error_that_is_a_full_quota_is_told_as_such(eos: Cloud, file: Path) -> None:
    eos.gateway.faults.arm("data_status", 500, times=None)
    with writer(eos) as it:
        with pytest.raises(StorageFault):
            it.send(file, place(eos))
        eos.gateway.faults.quota_full = True
        with pytest.raises(NoSpace):
            it.send(file, place(eos))


def test_where_somebody_else_was_faster_the_same_file_is_found(eos: Cloud, file: Path) -> None:
    with writer(eos, watch=once_begun(lambda: rival(eos, CONTENT))) as it:
        assert it.send(file, place(eos)).found
        file.write_bytes(CONTENT[::-1])
        with pytest.raises(Conflict):
            it.send(file, place(eos))
    assert stored(eos).read_bytes() == CONTENT and eos.partials() == []


def test_what_is_there_already_and_the_same_is_not_sent_again(eos: Cloud, file: Path) -> None:
    with writer(eos) as it:
        first = it.send(file, place(eos))
        received = eos.gateway.meter.bytes_received
        assert it.send(file, place(eos)) == msgspec.structs.replace(first, found=True)
        assert eos.gateway.meter.bytes_received == received
        file.write_bytes(CONTENT[::-1])
        with pytest.raises(Conflict):
            it.send(file, place(eos))
    assert stored(eos).read_bytes() == CONTENT


def test_where_a_cloud_knows_no_checksums_what_is_there_is_read_and_compared(
    lab: Lab, tmp_path: Path, file: Path
) -> None:
    with cloud(lab, tmp_path / "localfs", "localfs") as there, writer(there) as it:
        first = it.send(file, place(there))
        received = there.gateway.meter.bytes_received
        assert it.send(file, place(there)) == msgspec.structs.replace(first, found=True)
        assert there.gateway.meter.bytes_received == received
        file.write_bytes(CONTENT[::-1])
        with pytest.raises(Conflict):
            it.send(file, place(there))
        assert stored(there).read_bytes() == CONTENT


def test_what_a_process_that_died_has_left_half_is_removed_and_nothing_else(eos: Cloud, file: Path) -> None:
    with writer(eos) as it:
        it.tidy(place(eos))
        it.send(file, place(eos))
        half, anothers = stored(eos, "out/.rucio-put-1234.part"), stored(eos, "out/.rucio-1234.part")
        half.write_bytes(b"half")
        anothers.write_bytes(b"another's")
        it.tidy(place(eos))
    assert {path.name for path in stored(eos).parent.iterdir()} == {"result.root", anothers.name}


def once_begun(call: Callable[[], None]) -> Callable[[int, int], None]:
    """Who watches calls it, once, when a part of a file has gone."""
    calls = iter([call])
    return lambda position, count: next(calls, lambda: None)() if position else None


def rival(there: Cloud, content: bytes) -> None:
    """Somebody else's file at the place."""
    stored(there).parent.mkdir(parents=True, exist_ok=True)
    stored(there).write_bytes(content)


def taken(there: Cloud) -> None:
    rival(there, b"another's")


def below_a_file(there: Cloud) -> None:
    container = stored(there).parent
    container.parent.mkdir(parents=True, exist_ok=True)
    container.write_bytes(b"another's")


def full(there: Cloud) -> None:
    there.gateway.faults.quota_full = True


def lapsed(there: Cloud) -> None:
    there.token_file.write_text("a.lapsed.token")


def flipping(there: Cloud) -> None:
    there.gateway.faults.arm("flip_upload", 5, times=None)


def gone(there: Cloud) -> None:
    there.gateway.stop()


def astray(there: Cloud) -> None:
    there.gateway.faults.data_endpoint = "https://storage.example.org/data"


def redirecting(there: Cloud) -> None:
    there.gateway.faults.redirect_url = "http://127.0.0.2:1/elsewhere"
    there.gateway.faults.arm("redirect", times=None)


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        (taken, Conflict),
        (below_a_file, Conflict),
        (full, NoSpace),
        (lapsed, RefusedByStorage),
        (flipping, SourceFailure),
        (gone, StorageUnreachable),
        (astray, SourceFailure),
        (redirecting, SourceFailure),
    ],
)
def test_what_cannot_be_stored_is_told_and_nothing_is_left(
    eos: Cloud, file: Path, trouble: Callable[[Cloud], None], failure: type[Failure]
) -> None:
    trouble(eos)
    with writer(eos) as it, pytest.raises(failure) as caught:
        it.send(file, place(eos))
    assert eos.token_file.read_text().strip() not in str(caught.value)
    eos.gateway.faults.disarm("flip_upload")
    assert eos.partials() == []
    assert not stored(eos).exists() or stored(eos).read_bytes() == b"another's"


def test_a_file_that_is_not_there_and_a_place_that_is_none_are_told(eos: Cloud, tmp_path: Path) -> None:
    with writer(eos) as it:
        with pytest.raises(BadRequest, match="cannot be read"):
            it.send(tmp_path / "absent", place(eos))
        with pytest.raises(BadRequest, match="no address"):
            it.send(tmp_path / "absent", "https://cloud.example.org/f")


def test_where_nobody_has_configured_a_sign_in_there_is_nothing_to_wait_for(eos: Cloud, file: Path) -> None:
    with writer(eos, cs3={}) as it, pytest.raises(BadConfiguration, match="No sign-in is configured"):
        it.send(file, place(eos))


def test_a_gateway_that_is_not_the_rses_is_not_spoken_to(eos: Cloud, file: Path) -> None:
    with writer(eos) as it, pytest.raises(SourceFailure, match="may not be followed"):
        it.send(file, "cs3://127.0.0.1:1/home/f")


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]"])
def test_nothing_is_sent_to_a_service_of_the_machines_own_host(host: str) -> None:
    escort = Escort(hold=lambda failure: None)
    endpoint = DataEndpoint(f"https://{host}/f", {}, "simple", None)
    with (
        closing(WatchedData(Settings("cernbox.example.org", 443), escort)) as data,
        pytest.raises(Unsafe, match="nothing is ever sent"),
    ):
        data.put(endpoint, "PUT /f", 1, lambda send: send(memoryview(b"1")))
