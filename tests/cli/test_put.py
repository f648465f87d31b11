"""`jupyter rucio put`: a real engine, a real Rucio, and a CS3 cloud."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab

CONTENTS = {"result.root": os.urandom(3_000_000), "plot.png": b"png"}


@pytest.fixture(scope="module")
def there(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(lab, tmp_path_factory.mktemp("cloud"), kind="USERDISK") as running:
        lab.client().set_local_account_limit("alice", running.rse, -1)
        yield running


@pytest.fixture(scope="module")
def forbidden(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud on which alice may write, and where Rucio lets her register nothing."""
    with cloud(lab, tmp_path_factory.mktemp("forbidden")) as running:
        lab.client().set_local_account_limit("alice", running.rse, -1)
        yield running


@pytest.fixture(scope="module")
def shell(
    lab: Lab, there: Cloud, forbidden: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    keys = {"cs3": there.keys()["cs3"] | forbidden.keys()["cs3"]}
    shell = Shell(tmp_path_factory.mktemp("home"), lab, **keys)
    shell.sign_in()
    yield shell
    shell.kill_engine(signal.SIGTERM)


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
    assert [(one["did"]["name"], one["bytes"]) for one in told] == [
        (name, len(content)) for name, content in CONTENTS.items()
    ]
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
    put = shell.run("put", files[0], forbidden.rse, scope)
    assert put.returncode == 1 and "can not add file replicas" in put.stderr
    assert forbidden.gateway.meter.bytes_received == len(CONTENTS["result.root"])
    assert not forbidden.path(scope, "result.root").exists()


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
