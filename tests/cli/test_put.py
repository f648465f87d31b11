"""`jupyter rucio put`: a real engine, a real Rucio, and a CS3 cloud."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.staging.shipment import MOST_IN_A_BATCH
from tests.cli.shell import Shell
from tests.cli.waiting import until
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab

CONTENTS = {"result.root": os.urandom(3_000_000), "plot.png": b"png"}


@pytest.fixture(scope="module")
def forbidden(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud on which alice may write, and where Rucio lets her register nothing."""
    with cloud(lab, tmp_path_factory.mktemp("forbidden")) as running:
        lab.client().set_local_account_limit("alice", running.rse, -1)
        yield running


@pytest.fixture(scope="module")
def keys(there: Cloud, forbidden: Cloud) -> dict[str, Any]:
    return {"cs3": there.keys()["cs3"] | forbidden.keys()["cs3"]}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in CONTENTS]


def test_files_are_stored_registered_kept_and_come_back(
    lab: Lab, shell: Shell, there: Cloud, files: list[str]
) -> None:
    scope = lab.scope("alice")
    put = shell.run("put", "--json", *files, there.rse, f"{scope}:results")
    assert put.returncode == 0, put.stderr + put.stdout
    told = [json.loads(line) for line in put.stdout.splitlines()]
    assert {one["did"]["name"]: one["bytes"] for one in told} == {
        name: len(content) for name, content in CONTENTS.items()
    }
    for name, content in CONTENTS.items():
        assert there.path(scope, name).read_bytes() == content
    root = lab.client()
    assert {each["name"] for each in root.list_files(scope, "results")} == set(CONTENTS)
    (rule,) = root.list_did_rules(scope, "results")
    assert (rule["account"], rule["rse_expression"]) == ("alice", there.rse)
    staged = shell.run("stage", f"{scope}:results")
    assert staged.returncode == 0, staged.stderr
    folder = Path(staged.stdout.strip())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS

    again = shell.run("put", *files, there.rse, f"{scope}:results")
    assert again.returncode == 0, again.stderr
    Path(files[0]).write_bytes(b"something else")
    other = shell.run("put", *files, there.rse, f"{scope}:results")
    assert other.returncode == 1 and "as another file" in other.stderr
    assert there.path(scope, "result.root").read_bytes() == CONTENTS["result.root"]


def test_a_file_alone_is_kept_by_a_rule_of_its_own(
    lab: Lab, shell: Shell, there: Cloud, files: list[str]
) -> None:
    scope = lab.scope("alice")
    put = shell.run("put", files[1], there.rse, scope)
    assert put.returncode == 0 and f"{scope}:plot.png" in put.stdout, put.stderr
    (rule,) = lab.client().list_did_rules(scope, "plot.png")
    assert rule["rse_expression"] == there.rse


def test_what_rucio_does_not_want_does_not_stay(
    lab: Lab, shell: Shell, forbidden: Cloud, files: list[str]
) -> None:
    scope = lab.scope("alice")
    put = shell.run("put", *files, forbidden.rse, scope)
    assert put.returncode == 1 and "can not add file replicas" in put.stderr
    assert forbidden.gateway.meter.bytes_received >= len(CONTENTS["plot.png"])
    assert not any(forbidden.path(scope, name).exists() for name in CONTENTS)


def test_many_files_are_told_together(lab: Lab, shell: Shell, there: Cloud, tmp_path: Path) -> None:
    scope = lab.scope("alice")
    names = [f"{number:03}" + "x" * 60 for number in range(MOST_IN_A_BATCH + 50)]
    for name in names:
        (tmp_path / name).write_text(name)
    begun = there.gateway.counts["InitiateFileUpload"]
    put = shell.run("put", *(str(tmp_path / name) for name in names), there.rse, f"{scope}:many")
    assert put.returncode == 0, put.stderr
    assert there.gateway.counts["InitiateFileUpload"] - begun == len(names), "some were sent twice"
    assert {each["name"] for each in lab.client().list_files(scope, "many")} == set(names)
    assert all(there.path(scope, name).read_text() == name for name in names)


def test_progress_is_shown_and_ctrl_c_ends_it_at_once(
    lab: Lab, shell: Shell, there: Cloud, files: list[str]
) -> None:
    scope = lab.scope("alice")
    begun = there.gateway.counts["InitiateFileUpload"]
    shell.limit_bandwidth(1_000)
    try:
        with shell.start("put", files[0], there.rse, f"{scope}:results", stderr=subprocess.PIPE) as command:
            assert command.stderr is not None
            assert f"{scope}:results" in command.stderr.readline()
            until(lambda: there.gateway.counts["InitiateFileUpload"] > begun)
            command.send_signal(signal.SIGINT)
            said = command.stderr.read()
        assert command.returncode == 130 and "what is stored already stays" in said
    finally:
        shell.limit_bandwidth(0)
    assert list(lab.client().list_files(scope, "results")) == []
    assert not there.path(scope, "result.root").exists() and there.partials() == []
    assert shell.run("put", files[0], there.rse, f"{scope}:results").returncode == 0


def test_the_bandwidth_limit_holds_for_what_is_sent_and_can_be_taken_away_meanwhile(
    lab: Lab, shell: Shell, there: Cloud, files: list[str]
) -> None:
    scope = lab.scope("alice")
    shell.limit_bandwidth(1_000)
    received = there.gateway.meter.bytes_received
    command = shell.start("put", files[0], there.rse, scope)
    try:
        until(lambda: there.gateway.meter.bytes_received > received)
        time.sleep(0.5)
        assert there.gateway.meter.bytes_received - received < len(CONTENTS["result.root"])
        shell.limit_bandwidth(0)
        assert command.wait(60) == 0
    finally:
        command.kill()
        command.communicate()
        shell.limit_bandwidth(0)


def test_a_name_that_rucio_knows_for_another_file_is_refused(
    lab: Lab, shell: Shell, there: Cloud, files: list[str]
) -> None:
    scope = lab.scope("alice")
    lab.register(scope, "result.root", b"of another size", rse="ALPHA_DISK")
    put = shell.run("put", files[0], there.rse, scope)
    assert put.returncode == 1 and "as another file" in put.stderr
    lab.register(scope, "plot.png", b"pnG", rse="ALPHA_DISK")
    put = shell.run("put", files[1], there.rse, scope)
    assert put.returncode == 1 and "as another file" in put.stderr
    assert not there.path(scope, "result.root").exists() and not there.path(scope, "plot.png").exists()


def test_what_cannot_be_put_is_told(lab: Lab, shell: Shell, there: Cloud, files: list[str]) -> None:
    scope = lab.scope("alice")
    for arguments, sentence in (
        ((files[0], "ALPHA_DISK", scope), "is not known as a CS3 cloud"),
        ((files[0] + ".absent", there.rse, scope), "is no file that can be read"),
        ((files[0], "NOWHERE", scope), "is not known as a CS3 cloud"),
        ((files[0], files[0], there.rse, scope), "would be one DID"),
        ((files[0], there.rse, f"{lab.scope()}:not-mine"), "says"),
    ):
        put = shell.run("put", *arguments)
        assert put.returncode in (1, 2) and sentence in put.stderr, put.stderr
        assert "Traceback" not in put.stderr
    assert not there.path(scope, "result.root").exists()
