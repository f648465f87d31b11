"""Real kernels that stage from a real Rucio: one asks its Jupyter server, one has none and runs the command."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rucio_jupyterlab.did import Did
from tests.cli.shell import Shell
from tests.kernel.notebook import LoneKernel, Notebook
from tests.lab.lab import Lab
from tests.lab.processes import assert_nothing_left

CONTENTS = {f"events/{number}.bin": f"event {number} ".encode() * 1000 for number in range(5)}
CLIENTS = {"by its server": "kernel", "by the command": "shell"}
"""Whom the engine takes a kernel for, by the way that it asks."""


@pytest.fixture(scope="module")
def shell(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Of the user who has the kernels; signed in."""
    shell = Shell(tmp_path_factory.mktemp("home"), lab)
    shell.sign_in()
    yield shell
    shell.kill_engine(signal.SIGTERM)
    assert_nothing_left(shell.home, seconds=10)


@pytest.fixture(scope="module", params=CLIENTS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kernel(
    way: str, shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Notebook | LoneKernel]:
    """With `%rucio` loaded."""
    kind = Notebook if way == "by its server" else LoneKernel
    with kind(tmp_path_factory.mktemp("notebook"), shell.environ) as running:
        assert not running.run("%load_ext rucio_jupyterlab.kernel").error
        yield running


@pytest.fixture
def dataset(lab: Lab) -> Did:
    scope = lab.scope()
    lab.put_many(scope, CONTENTS, dataset="run1")
    return Did(scope, "run1")


@pytest.fixture
def slow_file(lab: Lab, shell: Shell) -> Iterator[Did]:
    """A file that takes some seconds, because the engine's bandwidth is limited meanwhile."""
    size = 8_000_000
    shell.limit_bandwidth(size // 8)
    yield lab.put(lab.scope(), "slow.bin", os.urandom(size))
    shell.limit_bandwidth(0)


def test_staging_gives_paths_with_the_right_bytes(
    kernel: Notebook | LoneKernel, way: str, shell: Shell, dataset: Did
) -> None:
    cell = kernel.run(f"files = %rucio stage {dataset}\nfiles")
    assert not cell.error
    assert "5 files" in cell.result["text/html"]
    assert all("<progress" in each["text/html"] for each in cell.displayed)
    assert "5 / 5 files" in cell.displayed[-1]["text/html"]

    folder, *paths = json.loads(kernel.run("import json; print(json.dumps([files.folder, *files]))").text)
    assert {str(Path(path).relative_to(folder)): Path(path).read_bytes() for path in paths} == CONTENTS
    (job,) = shell.jobs(dataset)
    assert (job.state, job.request.client) == ("done", CLIENTS[way])


def test_search_content_and_jobs_are_told(kernel: Notebook | LoneKernel, dataset: Did) -> None:
    found = kernel.run(f"%rucio search {dataset.scope}:r*")
    assert str(dataset) in found.result["text/plain"]
    content = kernel.run(f"%rucio ls {dataset}")
    assert all(f"{dataset.scope}:{name}" in content.result["text/plain"] for name in CONTENTS)
    assert not kernel.run(f"%rucio stage {dataset} --first 2").error
    assert f"{dataset}: done" in kernel.run("%rucio status").result["text/plain"]


def test_an_interrupt_cancels_the_job_at_the_engine(
    kernel: Notebook | LoneKernel, shell: Shell, slow_file: Did
) -> None:
    request = kernel.start(f"%rucio stage {slow_file}")
    shell.wait_for_bytes(slow_file)
    kernel.interrupt()
    cell = kernel.end(request)
    assert "KeyboardInterrupt" in cell.error
    assert "cancelled" in cell.displayed[-1]["text/html"]
    assert [job.state for job in shell.jobs(slow_file)] == ["cancelled"]
    assert kernel.run("1 + 1").result["text/plain"] == "2"


def test_what_rucio_refuses_is_a_sentence(kernel: Notebook | LoneKernel, lab: Lab) -> None:
    cell = kernel.run(f"%rucio stage {lab.scope()}:nothing")
    assert cell.error.startswith("StageFailed: ")
    assert "\n" not in cell.error
