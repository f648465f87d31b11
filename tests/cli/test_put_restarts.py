"""`jupyter rucio put` when the engine ends in the middle of it: real engines, a real Rucio, and CS3 clouds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.cli.engine import Engine
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.place import read_notice
from rucio_jupyterlab.staging.model import UploadRequest
from rucio_mesh.testing.cs3.profiles import ProfileName
from tests.cli.putting import LARGE, SLOWLY, ended, putting, sending, upload, uploads
from tests.cli.shell import Shell
from tests.cli.waiting import until
from tests.engine.processes import alive
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab
from tests.staging.dock import check_stored

PROFILES: tuple[ProfileName, ...] = ("eos", "localfs")


@pytest.fixture(scope="module")
def clouds(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[ProfileName, Cloud]]:
    """One that knows checksums, and one that knows none and makes a file of what an upload has left half."""
    folder = tmp_path_factory.mktemp("clouds")
    with (
        cloud(lab, folder / "eos", "eos", kind="USERDISK") as eos,
        cloud(lab, folder / "localfs", "localfs", kind="USERDISK") as localfs,
    ):
        for each in (eos, localfs):
            lab.client().set_local_account_limit("alice", each.rse, -1)
        yield {"eos": eos, "localfs": localfs}


@pytest.fixture
def there(clouds: dict[ProfileName, Cloud]) -> Cloud:
    return clouds["eos"]


@pytest.fixture(scope="module")
def keys(clouds: dict[ProfileName, Cloud]) -> dict[str, Any]:
    return {"cs3": clouds["eos"].keys()["cs3"] | clouds["localfs"].keys()["cs3"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_many_small_files_survive_kill_9_twice_and_each_is_sent_once(
    lab: Lab, shell: Shell, clouds: dict[ProfileName, Cloud], tmp_path: Path, profile: ProfileName
) -> None:
    there, scope = clouds[profile], lab.scope("alice")
    contents = {f"{number:02}": os.urandom(10_000) for number in range(60)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    moved = there.gateway.counts["Move"]
    files = [str(tmp_path / name) for name in contents]
    with putting(shell, *files, there.rse, f"{scope}:results") as command:
        until(lambda: any(upload(shell, number).stored for number in uploads(shell)))
        shell.kill_engine(signal.SIGKILL)
        until(lambda: there.gateway.counts["Move"] - moved > len(contents) // 2)
        shell.kill_engine(signal.SIGKILL)
        status, answers, notes = ended(command)
    assert status == 0, notes
    told = [json.loads(line)["did"]["name"] for line in answers.splitlines()]
    assert sorted(told) == sorted(contents)
    assert there.gateway.counts["Move"] - moved == len(contents), "some were sent twice"
    check_stored(lab, there, scope, contents)
    attached = [each["name"] for each in lab.client().list_files(scope, "results")]
    assert sorted(attached) == sorted(contents)
    assert uploads(shell) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("profile", PROFILES)
def test_one_large_file_survives_the_engine_and_nothing_half_stays(
    lab: Lab,
    shell: Shell,
    clouds: dict[ProfileName, Cloud],
    large: str,
    profile: ProfileName,
    number: signal.Signals,
) -> None:
    there, scope = clouds[profile], lab.scope("alice")
    there.path(scope, "result.root").parent.mkdir(parents=True)
    received = there.gateway.meter.bytes_received
    with putting(shell, large, there.rse, scope) as command:
        until(lambda: there.gateway.meter.bytes_received > received + SLOWLY)
        shell.kill_engine(number)
        status, answers, notes = ended(command)
    assert status == 0, notes
    assert [json.loads(line)["did"]["name"] for line in answers.splitlines()] == ["result.root"]
    check_stored(lab, there, scope, {"result.root": LARGE})


@pytest.mark.parametrize("profile", PROFILES)
def test_a_file_that_arrived_before_rucio_was_told_is_not_sent_again(
    lab: Lab, shell: Shell, clouds: dict[ProfileName, Cloud], large: str, profile: ProfileName
) -> None:
    there, scope = clouds[profile], lab.scope("alice")
    small = Path(large).with_name("small")
    small.write_bytes(b"small")
    for name in ("small", "result.root"):
        there.path(scope, name).parent.mkdir(parents=True)
    moved = there.gateway.counts["Move"]
    with putting(shell, str(small), large, there.rse, scope, limit=10 * SLOWLY) as command:
        until(there.path(scope, "small").exists)
        shell.kill_engine(signal.SIGKILL)
        status, _, notes = ended(command)
    assert status == 0, notes
    assert there.gateway.counts["Move"] - moved == 2, "the small one was sent again"
    check_stored(lab, there, scope, {"small": b"small", "result.root": LARGE})


def test_it_goes_on_without_anybody_watching_and_can_be_watched_again(
    lab: Lab, shell: Shell, there: Cloud, large: str
) -> None:
    scope = lab.scope("alice")
    begun = there.gateway.counts["InitiateFileUpload"]
    with sending(shell, there, large, scope) as command:
        command.kill()
    again = shell.start("put", "--json", large, there.rse, scope, stderr=subprocess.PIPE)
    (number,) = uploads(shell)
    shell.kill_engine(signal.SIGKILL)
    assert upload(shell, number).state in ("running", "done")
    status, answers, notes = ended(again)
    assert status == 0 and len(answers.splitlines()) == 1, notes
    assert there.gateway.counts["InitiateFileUpload"] - begun == 2, "one for each engine"
    check_stored(lab, there, scope, {"result.root": LARGE})
    assert upload(shell, number).state == "done"


@pytest.mark.parametrize("profile", PROFILES)
def test_what_was_cancelled_is_not_taken_up_and_leaves_nothing_half(
    lab: Lab, shell: Shell, clouds: dict[ProfileName, Cloud], large: str, profile: ProfileName
) -> None:
    there, scope = clouds[profile], lab.scope("alice")
    there.path(scope, "result.root").parent.mkdir(parents=True)
    begun = there.gateway.counts["InitiateFileUpload"]
    with sending(shell, there, large, scope) as command:
        (number,) = uploads(shell)
        with Engine(shell.state, None) as engine:
            engine.ask(protocol.CancelUpload(number))
        shell.kill_engine(signal.SIGKILL)
        status, _, notes = ended(command)
    assert status == 1, notes
    assert upload(shell, number).state == "cancelled"
    until(lambda: uploads(shell) == [])
    assert there.gateway.counts["InitiateFileUpload"] - begun == 1
    assert not there.path(scope, "result.root").exists() and there.partials() == []


def test_a_local_file_that_is_gone_meanwhile_is_told(
    lab: Lab, shell: Shell, there: Cloud, large: str
) -> None:
    scope = lab.scope("alice")
    with sending(shell, there, large, scope) as command:
        Path(large).unlink()
        shell.kill_engine(signal.SIGKILL)
        status, answers, notes = ended(command)
    assert status == 1 and f"{large} is gone" in answers + notes
    assert not there.path(scope, "result.root").exists() and there.partials() == []


def test_where_nobody_is_signed_in_it_goes_on_after_a_sign_in(
    lab: Lab, shell: Shell, there: Cloud, large: str
) -> None:
    scope = lab.scope("alice")
    with sending(shell, there, large, scope) as command:
        (number,) = uploads(shell)
        assert shell.run("signout").returncode == 0
        shell.kill_engine(signal.SIGKILL)
        status, answers, notes = ended(command)
    assert status == 4 and "Sign in, then the upload goes on" in answers + notes
    assert upload(shell, number).state == "waiting"
    shell.sign_in()
    until(lambda: upload(shell, number).state == "done")
    check_stored(lab, there, scope, {"result.root": LARGE})


def test_an_engine_without_an_unfinished_upload_loads_nothing_for_uploads(
    lab: Lab, shell: Shell, there: Cloud, large: str
) -> None:
    scope = lab.scope("alice")
    assert shell.run("put", large, there.rse, scope).returncode == 0
    shell.kill_engine(signal.SIGKILL)
    (number, *_) = uploads(shell, "uploads-ended")
    assert upload(shell, number).state != "running"
    notice = read_notice(shell.state)
    assert notice is not None
    loaded = Path(f"/proc/{notice.pid}/maps").read_text()
    assert "cygrpc" not in loaded and "pycurl" not in loaded


def test_its_records_are_private_and_hold_no_secret(lab: Lab, shell: Shell, there: Cloud, large: str) -> None:
    scope = lab.scope("alice")
    with sending(shell, there, large, scope) as command:
        (record,) = (shell.state / "uploads").glob("*.json")
        assert record.stat().st_mode & 0o777 == 0o600
        assert set(json.loads(record.read_bytes())) == {"id", "request", "created_at", "before"}
        command.send_signal(signal.SIGINT)
        assert ended(command)[0] == 130


def test_the_same_request_asked_twice_is_one_upload(lab: Lab, shell: Shell, there: Cloud, large: str) -> None:
    request = UploadRequest("lab", [large], there.rse, lab.scope("alice"))
    shell.limit_bandwidth(SLOWLY)
    try:
        with Engine(shell.state, None) as engine:
            first = engine.ask(protocol.StartUpload(request))
            assert engine.ask(protocol.StartUpload(request)).id == first.id
            engine.ask(protocol.CancelUpload(first.id))
            until(lambda: engine.ask(protocol.GetUpload(first.id)).state == "cancelled")
            another = engine.ask(protocol.StartUpload(request))
            assert another.id != first.id
            engine.ask(protocol.CancelUpload(another.id))
        until(lambda: uploads(shell) == [])
    finally:
        shell.limit_bandwidth(0)


def test_an_engine_that_is_left_alone_sees_its_uploads_through(
    lab: Lab, shell: Shell, there: Cloud, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = lab.scope("alice")
    shell.kill_engine(signal.SIGKILL)
    monkeypatch.setitem(shell.environ, "RUCIO_JUPYTERLAB_IDLE_SECONDS", "1")
    assert shell.run("status").returncode == 0
    notice = read_notice(shell.state)
    assert notice is not None
    begun = there.gateway.counts["InitiateFileUpload"]
    with Engine(shell.state, None) as engine:
        engine.ask(protocol.SetLimits(bandwidth_limit=3 * SLOWLY))
        with shell.start("put", large, there.rse, scope) as command:
            until(lambda: there.gateway.counts["InitiateFileUpload"] > begun)
            command.kill()
    until(lambda: uploads(shell) == [])
    check_stored(lab, there, scope, {"result.root": LARGE})
    until(lambda: not alive(notice.pid))
