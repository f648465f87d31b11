"""The command against a real engine, a real Rucio and real storages; then a kernel on the same engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rucio_jupyterlab.did import Did
from tests.cli.shell import Shell
from tests.cli.waiting import until
from tests.kernel.notebook import Notebook
from tests.lab.lab import Lab

CONTENTS = {f"events/{number}.txt": f"event {number}".encode() * 100 for number in range(5)}


@pytest.fixture(scope="module")
def dataset(lab: Lab) -> Did:
    scope = lab.scope()
    lab.put_many(scope, CONTENTS, dataset="run1")
    return Did(scope, "run1")


def test_staged_files_can_be_read(shell: Shell, dataset: Did) -> None:
    staged = shell.run("stage", str(dataset))
    assert staged.returncode == 0, staged.stderr
    folder = Path(staged.stdout.strip())
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.txt")}
    assert found == CONTENTS
    again = shell.run("stage", "--json", str(dataset))
    last = [line for line in map(json.loads, again.stdout.splitlines()) if "request" in line][-1]
    assert last["state"] == "done" and last["files_here"] == len(CONTENTS)


def test_search_and_content(shell: Shell, dataset: Did) -> None:
    found = shell.run("search", f"{dataset.scope}:r*")
    assert found.returncode == 0 and found.stdout.split()[-1] == str(dataset)
    content = shell.run("ls", str(dataset))
    assert [line.split()[-1] for line in content.stdout.splitlines()] == [
        f"{dataset.scope}:{name}" for name in sorted(CONTENTS)
    ]


def test_what_is_on_tape_is_told(shell: Shell, lab: Lab) -> None:
    scope = lab.scope()
    lab.put(scope, "a.txt", b"abc")
    lab.register(scope, "b.txt", b"abc", rse="TAPE_ONLY")
    both = lab.collection(scope, "both", [Did(scope, "a.txt"), Did(scope, "b.txt")])
    staged = shell.run("stage", str(both))
    assert staged.returncode == 3
    assert f"{scope}:b.txt: The file is on tape only" in staged.stderr
    assert [path.name for path in Path(staged.stdout.strip()).iterdir()] == ["a.txt"]


def test_an_unknown_did_is_told(shell: Shell, lab: Lab) -> None:
    staged = shell.run("stage", f"{lab.scope()}:nothing")
    assert staged.returncode == 1 and "Traceback" not in staged.stderr
    assert len(staged.stderr.strip()) > 20


@pytest.fixture
def slow_file(shell: Shell, lab: Lab) -> Iterator[Did]:
    """A file that takes some seconds, because the engine's bandwidth is limited meanwhile."""
    size = 4_000_000
    shell.limit_bandwidth(size // 4)
    yield lab.put(lab.scope(), "slow.bin", os.urandom(size))
    shell.limit_bandwidth(0)


def test_an_engine_that_is_killed_does_not_end_the_wait(shell: Shell, slow_file: Did) -> None:
    with shell.start("stage", str(slow_file)) as staging:
        shell.wait_for_bytes(slow_file)
        shell.kill_engine(signal.SIGKILL)
        assert staging.wait(60) == 0
        assert staging.stdout is not None
        assert Path(staging.stdout.read().strip()).stat().st_size == 4_000_000


def test_an_interrupt_cancels_the_job(shell: Shell, slow_file: Did) -> None:
    with shell.start("stage", str(slow_file)) as staging:
        shell.wait_for_bytes(slow_file)
        staging.send_signal(signal.SIGINT)
        assert staging.wait(60) == 130
    assert shell.jobs(slow_file)[0].state == "cancelled"


def test_the_doctor_finds_nothing_broken(shell: Shell) -> None:
    examined = shell.run("doctor")
    assert examined.returncode == 0, examined.stdout
    assert "✗" not in examined.stdout and "Signed in as alice" in examined.stdout


def test_a_kernel_without_a_jupyter_server_stages_by_the_command(shell: Shell, dataset: Did) -> None:
    script = f"from rucio_jupyterlab.kernel import stage; print(open(stage({str(dataset)!r})[0]).read(7))"
    run = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        env=shell.environ,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.stdout == "event 0\n", run.stderr


@pytest.fixture
def notebook(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook of the same user, with `%rucio` loaded."""
    for name, value in shell.environ.items():
        monkeypatch.setenv(name, value)
    with Notebook(tmp_path) as running:
        assert not running.run("%load_ext rucio_jupyterlab.kernel").error
        yield running


def test_a_cell_waits_for_the_sign_in_and_goes_on(shell: Shell, lab: Lab, notebook: Notebook) -> None:
    did = lab.put(lab.scope(), "a.txt", b"abc")
    assert shell.run("signout").returncode == 0
    request = notebook.start(f"files = %rucio stage {did}\nopen(files[0]).read()")
    until(lambda: any(job.cause == "signin" for job in shell.jobs(did)))
    time.sleep(1.5)  # the cell looks at a waiting job once a second
    shell.sign_in()
    cell = notebook.end(request)
    assert cell.result["text/plain"] == "'abc'", cell.error
    assert any("Use the Rucio panel" in shown["text/html"] for shown in cell.displayed)
