"""What an upload waits for, and that it goes on by itself when that is gone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import pytest
from msgspec.structs import replace

from rucio_jupyterlab.catalog.registry import Registry
from rucio_jupyterlab.errors import RucioUnreachable
from rucio_jupyterlab.staging import aftermath, hindrances, retries, upload
from rucio_jupyterlab.staging.fleet import Fleet
from rucio_jupyterlab.staging.model import UploadRequest, UploadSnapshot
from rucio_jupyterlab.staging.upload import Upload
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing.cs3.profiles import ProfileName
from tests.cli.waiting import until
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab

from .conftest import fault_once
from .dock import SLOWLY, Dock, check_stored, dock, short_pauses

LARGE = {"result.root": os.urandom(1_500_000)}
SMALL = {f"{number:02}": os.urandom(1_000) for number in range(12)}
PROFILES: tuple[ProfileName, ...] = ("eos", "localfs", "opencloud")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    short_pauses(monkeypatch)


@contextmanager
def opened(lab: Lab, folder: Path, profile: ProfileName = "eos", **public: Any) -> Iterator[Cloud]:
    with cloud(lab, folder / profile, profile, kind="USERDISK", public=public) as running:
        lab.client().set_local_account_limit("alice", running.rse, -1)
        yield running


@pytest.fixture
def there(lab: Lab, tmp_path: Path) -> Iterator[Cloud]:
    with opened(lab, tmp_path) as running:
        yield running


@pytest.fixture
def it(lab: Lab, tmp_path: Path, there: Cloud) -> Iterator[Dock]:
    with dock(lab, tmp_path, there.keys()) as running:
        yield running


@contextmanager
def rucio_away(lab: Lab) -> Iterator[None]:
    lab.rucio.stop()
    try:
        yield
    finally:
        lab.rucio.start()


@contextmanager
def cloud_away(there: Cloud) -> Iterator[None]:
    there.gateway.stop()
    try:
        yield
    finally:
        there.gateway.start()


def lapse(there: Cloud) -> None:
    """No token is good any more, nor can one be had."""
    there.token_file.write_text("a.lapsed.token")
    there.gateway.lapse_tokens()


# Rucio


def test_a_rucio_that_is_away_from_the_beginning_is_waited_for(lab: Lab, it: Dock, there: Cloud) -> None:
    scope = lab.scope("alice")
    with rucio_away(lab):
        put = it.put(there, scope, SMALL)
        waiting = it.waits(put, "network")
        assert waiting.problem is not None and "The lab cannot be reached" in waiting.problem.detail
        assert it.uploads.busy and waiting.goes_on_by_itself
    done = it.ends(put)
    assert (done.state, done.problem, done.cause) == ("done", None, None)
    check_stored(lab, there, scope, SMALL)


def test_what_has_arrived_while_rucio_is_away_is_registered_and_not_sent_again(
    lab: Lab, it: Dock, there: Cloud
) -> None:
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    moved = there.gateway.counts["Move"]
    put = it.put(there, scope, LARGE, dataset="results")
    it.sends(put)
    with rucio_away(lab):
        it.waits(put, "network")
        assert there.path(scope, "result.root").exists()
    assert it.ends(put).state == "done"
    assert there.gateway.counts["Move"] - moved == 1
    check_stored(lab, there, scope, LARGE)
    assert [each["name"] for each in lab.client().list_files(scope, "results")] == ["result.root"]


def unreachable(*values: object) -> NoReturn:
    raise RucioUnreachable("The lab cannot be reached.")


def test_what_has_arrived_is_registered_though_another_file_has_changed(
    lab: Lab, it: Dock, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope, small = lab.scope("alice"), {"small": b""}  # one byte might have to wait behind the large file
    it.limit(SLOWLY // 4)
    with monkeypatch.context() as away:
        away.setattr(Registry, "add_replicas", unreachable)
        put = it.put(there, scope, small | LARGE)
        until(lambda: there.path(scope, "small").exists())
        (it.folder / "result.root").write_bytes(b"something else")
        it.limit(None)
        it.waits(put, "network")
    ended = it.ends(put)
    assert ended.state == "failed" and ended.problem is not None and "has changed" in ended.problem.detail
    assert [stored.did.name for stored in ended.stored] == ["small"]
    check_stored(lab, there, scope, small)


def test_what_has_arrived_is_registered_by_the_next_engine_though_it_is_gone_here(
    lab: Lab, tmp_path: Path, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope, small = lab.scope("alice"), {"small": b"1"}
    with dock(lab, tmp_path, there.keys()) as it, monkeypatch.context() as away:
        away.setattr(Registry, "add_replicas", unreachable)
        put = it.put(there, scope, small)
        it.waits(put, "network")
        it.uploads.close()
    (tmp_path / "small").unlink()
    with dock(lab, tmp_path, there.keys()) as again:
        assert again.ends(put).state == "done"
        check_stored(lab, there, scope, small)


def test_an_error_of_rucios_own_about_the_rse_is_waited_for(
    lab: Lab, tmp_path: Path, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = lab.scope("alice")
    with dock(lab, tmp_path, there.keys()) as it:
        it.limit(SLOWLY)
        put = it.put(there, scope, LARGE)
        it.sends(put)
    fault_once(monkeypatch)
    with dock(lab, tmp_path, there.keys()) as it:
        assert it.ends(put).state == "done"
        check_stored(lab, there, scope, LARGE)


# The cloud


@pytest.mark.parametrize("profile", PROFILES)
def test_a_cloud_that_goes_away_in_the_middle_is_waited_for(
    lab: Lab, tmp_path: Path, profile: ProfileName
) -> None:
    scope, contents = lab.scope("alice"), SMALL | LARGE
    with opened(lab, tmp_path, profile) as there, dock(lab, tmp_path, there.keys()) as it:
        it.limit(SLOWLY)
        put = it.put(there, scope, contents)
        it.sends(put, 200_000)
        with cloud_away(there):
            waiting = it.waits(put, "network")
            assert waiting.problem is not None and there.rse in waiting.problem.detail
            assert it.uploads.busy
        it.limit(None)
        assert it.ends(put).state == "done"
        check_stored(lab, there, scope, contents)


@pytest.mark.parametrize("fault", ["cut_upload", "data_unavailable", "rpc_unavailable"])
def test_a_fault_of_the_network_that_lasts_is_waited_for(
    lab: Lab, it: Dock, there: Cloud, fault: Any
) -> None:
    scope = lab.scope("alice")
    there.gateway.faults.arm(fault, 100_000, times=None)
    put = it.put(there, scope, LARGE)
    it.waits(put, "network")
    there.gateway.faults.disarm(fault)
    assert it.ends(put).state == "done"
    check_stored(lab, there, scope, LARGE)


def test_a_cloud_that_stands_still_in_the_middle_is_waited_for(
    lab: Lab, it: Dock, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "stall_seconds", 1.0)
    monkeypatch.setattr(Settings, "storing_seconds", lambda settings, size: 1.0)
    it.options = replace(it.options, stall_timeout=1.0)
    scope = lab.scope("alice")
    there.gateway.faults.seconds_per_mebibyte = 1_000.0
    put = it.put(there, scope, LARGE)
    it.waits(put, "network")
    there.gateway.faults.seconds_per_mebibyte = 0.0
    assert it.ends(put).state == "done"
    check_stored(lab, there, scope, LARGE)


def test_a_tus_upload_goes_on_from_where_it_was_however_long_the_cloud_was_away(
    lab: Lab, tmp_path: Path
) -> None:
    scope = lab.scope("alice")
    with (
        opened(lab, tmp_path, "opencloud", uploads=["tus"]) as there,
        dock(lab, tmp_path, there.keys()) as it,
    ):
        it.limit(SLOWLY)
        put = it.put(there, scope, LARGE)
        it.sends(put, 900_000)
        with cloud_away(there):
            it.waits(put, "network")
        it.limit(None)
        assert it.ends(put).state == "done"
        check_stored(lab, there, scope, LARGE)
        assert [method for method, _ in there.gateway.meter.requests] == ["PATCH", "HEAD", "PATCH"]
        assert there.gateway.meter.bytes_received < 1.5 * len(LARGE["result.root"])


@pytest.mark.parametrize("status", [408, 409, 423])
def test_a_lock_and_a_request_that_took_too_long_end_no_upload(
    lab: Lab, it: Dock, there: Cloud, status: int
) -> None:
    scope = lab.scope("alice")
    there.path(scope, "result.root").parent.mkdir(parents=True)
    there.gateway.faults.arm("data_status", status, times=1)
    assert it.ends(it.put(there, scope, LARGE)).state == "done"
    check_stored(lab, there, scope, LARGE)


def test_a_lock_that_stays_is_told_as_such(
    lab: Lab, it: Dock, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "MOST_FAULTS", 2)
    there.gateway.faults.arm("data_status", 423, times=None)
    ended = it.ends(it.put(there, lab.scope("alice"), LARGE))
    assert ended.state == "failed" and ended.problem is not None
    assert f"{there.rse} has the file, or its folder, locked just now" in ended.problem.detail
    assert there.partials() == []


def test_an_error_of_the_clouds_own_is_not_waited_for_for_ever(
    lab: Lab, it: Dock, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "MOST_FAULTS", 2)
    scope = lab.scope("alice")
    there.gateway.faults.arm("data_status", 500, times=None)
    ended = it.ends(it.put(there, scope, LARGE))
    assert ended.state == "failed" and ended.problem is not None
    assert f"{there.rse} reports an error of its own" in ended.problem.detail
    assert there.partials() == []


def test_a_file_that_changes_while_its_upload_waits_ends_it(lab: Lab, it: Dock, there: Cloud) -> None:
    scope = lab.scope("alice")
    with cloud_away(there):
        put = it.put(there, scope, LARGE)
        it.waits(put, "network")
        (it.folder / "result.root").write_bytes(b"something else")
    ended = it.ends(put)
    assert ended.state == "failed" and ended.problem is not None
    assert "has changed" in ended.problem.detail
    assert not there.path(scope, "result.root").exists()


@pytest.mark.parametrize("how", ["ab", "r+b"], ids=["grows", "is rewritten"])
def test_a_file_that_changes_while_it_is_sent_is_not_stored(
    lab: Lab, it: Dock, there: Cloud, how: str
) -> None:
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    put = it.put(there, scope, LARGE)
    it.sends(put)
    with (it.folder / "result.root").open(how) as file:
        file.write(b"other bytes")
    it.limit(None)
    ended = it.ends(put)
    assert ended.state == "failed" and ended.problem is not None
    assert "has changed" in ended.problem.detail
    assert not there.path(scope, "result.root").exists()
    until(lambda: there.partials() == [])


def test_a_name_that_another_file_takes_meanwhile_gets_no_replica_of_this_one(
    lab: Lab, it: Dock, there: Cloud
) -> None:
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    put = it.put(there, scope, LARGE)
    it.sends(put)
    did = lab.register(scope, "result.root", b"another one", rse="ALPHA_DISK")
    it.limit(None)
    ended = it.ends(put)
    assert ended.state == "failed" and ended.problem is not None
    (known,) = lab.client().list_replicas([{"scope": did.scope, "name": did.name}])
    assert there.rse not in known["rses"]
    assert not there.path(scope, "result.root").exists()


@pytest.mark.parametrize("kind", ["CONTAINER", "DATASET"], ids=["a container", "a closed dataset"])
def test_what_takes_no_files_is_known_before_anything_is_sent(
    lab: Lab, it: Dock, there: Cloud, kind: Literal["CONTAINER", "DATASET"]
) -> None:
    scope = lab.scope("alice")
    lab.collection(scope, "results", kind=kind)
    ended = it.ends(it.put(there, scope, LARGE, dataset="results"))
    assert ended.state == "failed" and ended.bytes_done == 0
    assert list(lab.client().list_did_rules(scope, "results")) == []


def test_a_dataset_of_somebody_elses_gets_no_rule(lab: Lab, it: Dock, there: Cloud) -> None:
    (it.folder / "result.root").write_bytes(b"abc")
    theirs = lab.collection(lab.scope(), "theirs", still_open=True)
    request = UploadRequest("lab", [str(it.folder / "result.root")], there.rse, lab.scope("alice"), theirs)
    ended = it.ends(it.uploads.start(request))
    assert ended.problem is not None and ended.problem.type == "denied" and ended.bytes_done == 0
    assert list(lab.client().list_did_rules(theirs.scope, theirs.name)) == []


# A sign-in that the cloud refuses


def test_a_cloud_that_refuses_the_sign_in_is_waited_for(lab: Lab, it: Dock, there: Cloud) -> None:
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    put = it.put(there, scope, LARGE)
    it.sends(put)
    lapse(there)
    waiting = it.waits(put, "signin")
    assert waiting.problem is not None and waiting.problem.type == "cs3-signin"
    assert there.rse in waiting.problem.detail and "Renew the token" in waiting.problem.detail
    assert it.uploads.busy and waiting.goes_on_by_itself
    it.limit(None)
    there.renew_token()
    assert it.ends(put).state == "done"
    check_stored(lab, there, scope, LARGE)


def test_of_uploads_that_wait_for_one_cloud_the_oldest_asks_for_all(
    lab: Lab, it: Dock, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Upload] = []
    asks = Fleet.asks

    def counted(fleet: Fleet, each: Upload) -> bool:
        looks.append(each)
        return asks(fleet, each)

    monkeypatch.setattr(Fleet, "asks", counted)
    scope = lab.scope("alice")
    lapse(there)
    monkeypatch.setattr(hindrances, "LOOK_SECONDS", 3600.0)
    first = it.put(there, scope, {"first": b"1"})
    it.waits(first, "signin")
    monkeypatch.setattr(hindrances, "LOOK_SECONDS", 0.02)
    second = it.put(there, scope, dict.fromkeys("abcdefgh", b"2"))
    it.waits(second, "signin")
    assert there.gateway.counts["Authenticate"] == 2, "each asks once before it waits, whatever its files"
    until(lambda: len(looks) > 5)
    assert there.gateway.counts["Authenticate"] == 2
    there.renew_token()
    assert it.uploads.start(first.request).id == first.id, "it is joined, and looks now"
    assert [it.ends(each).state for each in (first, second)] == ["done", "done"]


def test_a_look_at_a_cloud_serves_all_uploads(lab: Lab, it: Dock, there: Cloud) -> None:
    scope = lab.scope("alice")
    lapse(there)
    first, second = (it.put(there, scope, {name: name.encode()}) for name in ("first", "second"))
    for each in (first, second):
        it.waits(each, "signin")
    asked = there.gateway.counts["Authenticate"]
    until(lambda: there.gateway.counts["Authenticate"] > asked + 3)
    there.renew_token()
    ended = [it.ends(each) for each in (first, second)]
    assert [each.state for each in ended] == ["done", "done"], [each.problem for each in ended]
    check_stored(lab, there, scope, {"first": b"first", "second": b"second"})


# Space


@pytest.mark.parametrize("profile", PROFILES)
def test_a_cloud_that_is_full_is_waited_for(lab: Lab, tmp_path: Path, profile: ProfileName) -> None:
    scope = lab.scope("alice")
    with opened(lab, tmp_path, profile) as there, dock(lab, tmp_path, there.keys()) as it:
        there.gateway.faults.quota_full = True
        put = it.put(there, scope, LARGE)
        waiting = it.waits(put, "space")
        assert waiting.problem is not None and waiting.problem.do == "free-space"
        assert there.rse in waiting.problem.detail and it.uploads.busy
        there.gateway.faults.quota_full = False
        assert it.ends(put).state == "done"
        check_stored(lab, there, scope, LARGE)


# Cancelling


Trouble = Callable[[Lab, Cloud], AbstractContextManager[None]]


@contextmanager
def refusing(lab: Lab, there: Cloud) -> Iterator[None]:
    lapse(there)
    yield
    there.renew_token()


@contextmanager
def full(lab: Lab, there: Cloud) -> Iterator[None]:
    there.gateway.faults.quota_full = True
    yield
    there.gateway.faults.quota_full = False


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (lambda lab, there: rucio_away(lab), "network"),
        (lambda lab, there: cloud_away(there), "network"),
        (refusing, "signin"),
        (full, "space"),
    ],
    ids=["rucio", "cloud", "sign-in", "space"],
)
def test_it_is_cancelled_while_it_waits_and_nothing_is_left(
    lab: Lab, it: Dock, there: Cloud, trouble: Trouble, cause: str
) -> None:
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    put = it.put(there, scope, LARGE)
    it.sends(put)
    with trouble(lab, there):
        it.waits(put, cause)
        it.uploads.cancel(put.id)
        assert it.ends(put).state == "cancelled"
    until(lambda: it.unfinished() == [] and not it.uploads.busy)
    assert there.partials() == []


def test_where_a_cloud_stays_away_what_is_left_half_stays_and_keeps_nobody(
    lab: Lab, it: Dock, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftermath, "TIDY_SECONDS", 0.2)
    monkeypatch.setattr(upload, "TIDY_SECONDS", 0.2)
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    put = it.put(there, scope, LARGE)
    it.sends(put)
    with cloud_away(there):
        it.uploads.cancel(put.id)
        assert it.ends(put).state == "cancelled"
        until(lambda: it.unfinished() == [] and not it.uploads.busy)


def test_it_is_cancelled_while_the_cloud_stores(lab: Lab, it: Dock, there: Cloud) -> None:
    there.gateway.faults.storing_seconds = 100.0
    put = it.put(there, lab.scope("alice"), LARGE)
    it.sends(put, len(LARGE["result.root"]))
    it.uploads.cancel(put.id)
    until(lambda: not [each for each in threading.enumerate() if each.name.startswith("sender-")])
    assert it.ends(put).state == "cancelled"


def half_sent(it: Dock, there: Cloud, scope: str) -> tuple[UploadSnapshot, Path]:
    """An upload on its way, and what an attempt of it has left half on the cloud."""
    place = there.path(scope, "result.root")
    place.parent.mkdir(parents=True)
    it.limit(SLOWLY)
    put = it.put(there, scope, LARGE)
    it.sends(put)
    half = place.with_name(f".rucio-{put.id}-0123.part")
    half.write_bytes(b"half")
    return put, half


@pytest.mark.parametrize("profile", PROFILES)
def test_the_next_engine_takes_away_what_a_cancelled_upload_has_left_half(
    lab: Lab, tmp_path: Path, profile: ProfileName, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = lab.scope("alice")
    with opened(lab, tmp_path, profile) as there:
        with dock(lab, tmp_path, there.keys()) as it:
            put, half = half_sent(it, there, scope)
            with monkeypatch.context() as dying:  # an engine that is killed tidies nothing
                dying.setattr(Upload, "_tidy", lambda upload: False)
                it.uploads.cancel(put.id)
                until(lambda: it.now(put).state == "cancelled")
        assert half.exists() and it.unfinished() == [put.id]
        with dock(lab, tmp_path, there.keys()) as again:
            until(lambda: again.unfinished() == [])
            assert again.now(put).state == "cancelled"
        assert there.partials() == []


def test_the_next_engine_takes_away_what_a_failed_upload_has_left_half(
    lab: Lab, tmp_path: Path, there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = lab.scope("alice")
    with dock(lab, tmp_path, there.keys()) as it:
        put, half = half_sent(it, there, scope)
        (tmp_path / "result.root").write_bytes(b"something else")
        with monkeypatch.context() as dying:  # an engine that is killed tidies nothing
            dying.setattr(Upload, "_tidy", lambda upload: False)
            it.limit(None)
            assert it.ends(put).state == "failed"
    assert half.exists() and it.unfinished() == [put.id]
    lapse(there)
    refused = there.gateway.counts["Authenticate"]
    with dock(lab, tmp_path, there.keys()) as again:
        assert again.now(put).state == "failed"
        until(lambda: there.gateway.counts["Authenticate"] > refused + 1)
        there.renew_token()
        until(lambda: again.unfinished() == [])
        assert again.now(put).state == "failed" and there.partials() == []


# Two requests that share a file


def test_a_file_that_two_uploads_share_is_sent_once_and_both_end_well(
    lab: Lab, it: Dock, there: Cloud
) -> None:
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    first = it.put(there, scope, LARGE | {"one": b"1"}, dataset="run1")
    second = it.put(there, scope, LARGE | {"two": b"2"}, dataset="run2")
    until(lambda: it.now(second).files_done == 1)
    it.limit(None)
    assert [it.ends(each).state for each in (first, second)] == ["done", "done"]
    assert there.gateway.counts["Move"] == 3
    check_stored(lab, there, scope, LARGE | {"one": b"1", "two": b"2"})
    for dataset, other in (("run1", "one"), ("run2", "two")):
        attached = {each["name"] for each in lab.client().list_files(scope, dataset)}
        assert attached == {"result.root", other}


def test_the_second_of_two_files_of_one_name_fails_and_never_the_first(
    lab: Lab, it: Dock, there: Cloud, tmp_path: Path
) -> None:
    scope = lab.scope("alice")
    it.limit(SLOWLY)
    first = it.put(there, scope, LARGE)
    it.sends(first)
    another = tmp_path / "elsewhere"
    another.mkdir()
    (another / "result.root").write_bytes(LARGE["result.root"][::-1])
    request = it.now(first).request
    second = it.uploads.start(type(request)("lab", [str(another / "result.root")], there.rse, scope))
    it.limit(None)
    assert it.ends(first).state == "done"
    ended = it.ends(second)
    assert ended.state == "failed" and ended.problem is not None and ended.problem.type == "conflict"
    check_stored(lab, there, scope, LARGE)


def test_one_that_waits_behind_another_tells_what_that_one_waits_for(
    lab: Lab, it: Dock, there: Cloud
) -> None:
    scope = lab.scope("alice")
    with cloud_away(there):
        first = it.put(there, scope, LARGE, dataset="run1")
        waiting = it.waits(first, "network")
        second = it.put(there, scope, LARGE, dataset="run2")
        assert it.waits(second, "network").problem == waiting.problem
        it.uploads.cancel(first.id)
    assert it.ends(second).state == "done"
    check_stored(lab, there, scope, LARGE)
