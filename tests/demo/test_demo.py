"""The demo as a user meets it, while it runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.demo import names
from tests.demo.process import REPOSITORY, RunningDemo, running
from tests.lab.processes import processes_of


@pytest.fixture(scope="module")
def demo(prepared: Path) -> Iterator[RunningDemo]:
    with running(prepared) as one:
        yield one


@pytest.fixture(scope="module")
def outputs(demo: RunningDemo) -> list[dict[str, Any]]:
    """What the last cell of the demo's notebook put out; its files are staged then."""
    url, token = demo.server
    executed = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to=notebook", "--execute", "--stdout", "demo.ipynb"],
        cwd=demo.folder / "work",
        env=os.environ | {"RUCIO_JUPYTERLAB_URL": url, "RUCIO_JUPYTERLAB_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert executed.returncode == 0, executed.stderr
    last: list[dict[str, Any]] = json.loads(executed.stdout)["cells"][-1]["outputs"]
    return last


def test_the_user_is_signed_in_without_typing(demo: RunningDemo) -> None:
    assert names.SCOPE in demo.ask("instances/demo/scopes")["scopes"]
    (instance,) = demo.ask("instances")["instances"]
    assert instance["account"]["state"] == "signed-in"
    assert instance["account"]["account"] == "alice"


def test_the_notebook_finds_the_z(outputs: list[dict[str, Any]]) -> None:
    text = "".join(line for output in outputs for line in output.get("text", ()))
    peak = re.search(r"The peak is at ([\d.]+) GeV", text)
    assert peak and float(peak[1]) == pytest.approx(91.2, abs=0.8)
    assert any("image/png" in output.get("data", ()) for output in outputs)


@pytest.mark.usefixtures("outputs")
def test_a_third_of_them_came_from_the_cloud(demo: RunningDemo) -> None:
    (job,) = demo.ask("jobs")["jobs"]
    rows = demo.ask(f"jobs/{job['id']}/transfers?limit=100")["rows"]
    places = Counter(row["rse"] for row in rows)
    assert places[names.CASPIAN] == 20 and len(rows) == 60


def test_the_panel_is_told_the_clouds_protocol(demo: RunningDemo) -> None:
    route = f"instances/demo/replicas?scope={names.SCOPE}&name={names.ZMUMU_DATASETS[2]}"
    (place,) = demo.ask(route)["rses"]
    assert (place["rse"], place["schemes"], place["reach"]) == (names.CASPIAN, ["cs3"], "http")


def test_what_was_staged_is_shown_beside_the_notebook(demo: RunningDemo) -> None:
    assert demo.ask("store")["views_path"] == str(demo.folder / "work" / "rucio")


def test_in_a_shell_the_user_is_the_same(demo: RunningDemo, tmp_path: Path) -> None:
    told = re.search(r"In a shell\s+(.+)", demo.output.read_text())
    assert told
    shell = subprocess.run(
        told[1],
        shell=True,
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.search(r"account\W+alice", shell.stdout), shell.stdout


@pytest.mark.usefixtures("outputs")
def test_a_terminal_of_its_jupyterlab_has_the_commands(demo: RunningDemo) -> None:
    said = demo.in_a_terminal("command -v jupyter; command -v rucio; jupyter rucio status; exit", seconds=60)
    for command in ("jupyter", "rucio"):
        assert str(Path(sys.executable).with_name(command)) in said
    assert f"{names.SCOPE}:" in said


def test_a_second_one_in_the_same_folder_says_so(demo: RunningDemo) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "rucio_jupyterlab.demo", "--folder", demo.folder],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert f"A demo runs in {demo.folder} already" in second.stderr


def test_secrets_lie_where_nobody_else_can_read_them(demo: RunningDemo) -> None:
    assert demo.folder.stat().st_mode & 0o077 == 0
    for secret in ("token", "cloud-token", "jupyter/jupyter_server_config.json"):
        assert (demo.folder / secret).stat().st_mode & 0o077 == 0
    tokens = [(demo.folder / "token").read_text(), demo.server[1]]
    assert not [
        token for token in tokens for command in processes_of(demo.folder).values() if token in command
    ]
