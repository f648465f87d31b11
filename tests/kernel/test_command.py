"""Without a Jupyter server the kernel asks the command, and gets the same."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from rucio_jupyterlab import kernel
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.kernel.command import RUN
from tests.cli.stand_in import EngineStandIn, on_tape, page, snapshot, staged
from tests.cli.waiting import until


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineStandIn]:
    """An engine that the command finds, in a process that no Jupyter server started."""
    for variable in ("RUCIO_JUPYTERLAB_URL", "JPY_PARENT_PID", "JUPYTERHUB_SERVICE_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RUCIO_JUPYTERLAB_STATE", str(tmp_path / "state"))
    with EngineStandIn(tmp_path / "state") as stand_in:
        yield stand_in


def test_staging_gives_the_paths(engine: EngineStandIn) -> None:
    engine.course = [snapshot("running"), snapshot("partial", path="/data")]
    engine.rows = [staged("a.root"), on_tape("b.root")]

    files = kernel.stage("user.alice:run1", first=2, pattern="*.root", yes=True)

    assert files == ["/data/a.root"] and files.folder == "/data"
    assert [each.reason for each in files.missing] == ["The file is on tape only."]
    (asked,) = engine.questions(protocol.StartJob)
    assert (asked.job.first, asked.job.pattern, asked.job.confirmed) == (2, "*.root", True)


def test_an_interrupt_cancels_the_job(engine: EngineStandIn) -> None:
    engine.course = [snapshot("running")]
    threading.Thread(target=interrupt_once_asked, args=[engine]).start()
    with pytest.raises(KeyboardInterrupt):
        kernel.stage("user.alice:run1")
    assert engine.questions(protocol.CancelJob)


def interrupt_once_asked(engine: EngineStandIn) -> None:
    until(lambda: engine.questions(protocol.GetJob))
    time.sleep(0.3)
    _thread.interrupt_main()


def test_an_interrupt_cancels_a_job_whose_number_is_not_known_yet(engine: EngineStandIn) -> None:
    engine.course, engine.start_seconds = [snapshot("running")], 0.5
    threading.Thread(target=interrupt_at_once, args=[engine]).start()
    with pytest.raises(KeyboardInterrupt):
        kernel.stage("user.alice:run1")
    assert engine.questions(protocol.CancelJob)


def interrupt_at_once(engine: EngineStandIn) -> None:
    until(lambda: engine.questions(protocol.StartJob))
    _thread.interrupt_main()


def test_a_command_that_is_killed_gives_no_result(engine: EngineStandIn) -> None:
    engine.course = [snapshot("running")]
    threading.Thread(target=kill_the_command, args=[engine]).start()
    with pytest.raises(kernel.Unreachable, match="Signal 9"):
        kernel.stage("user.alice:run1")
    assert not engine.questions(protocol.ListTransfers)


def kill_the_command(engine: EngineStandIn) -> None:
    until(lambda: engine.questions(protocol.GetJob))
    for child in psutil.Process().children():
        with suppress(psutil.ZombieProcess):
            if RUN in child.cmdline():
                child.kill()


def test_a_command_that_ends_early_gives_no_result(
    engine: EngineStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\n")
    silent.chmod(0o755)
    monkeypatch.setenv("RUCIO_JUPYTERLAB_PYTHON", str(silent))
    with pytest.raises(kernel.Unreachable, match="had said everything"):
        kernel.stage("user.alice:run1")
    with pytest.raises(kernel.Unreachable, match="had said everything"):
        kernel.ls("user.alice:run1")


def test_a_job_that_asks_first_is_cancelled_and_says_how_to_agree(engine: EngineStandIn) -> None:
    engine.course = [snapshot("waiting", cause="confirm", files_total=4000, bytes_total=10**12)]
    with pytest.raises(kernel.ConfirmationNeeded, match="--yes"):
        kernel.stage("user.alice:run1")
    assert engine.questions(protocol.CancelJob)


def test_search_and_content(engine: EngineStandIn) -> None:
    engine.pages = [page(["a", "b"], 0, 100, complete=False), page(["c"], 0, 1, complete=True)]
    found = kernel.search("user.alice:*", limit=2)
    assert list(found) == ["user.alice:a", "user.alice:b"] and not found.complete
    content = kernel.ls("user.alice:run1")
    assert list(content) == ["user.alice:c"] and content.complete


def test_status(engine: EngineStandIn) -> None:
    engine.course = [snapshot("running")]
    assert [job.state for job in kernel.status()] == ["running"]


@pytest.mark.usefixtures("engine")
def test_a_file_beside_the_notebook_shadows_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets.py").write_text("print('of the user')")
    monkeypatch.chdir(tmp_path)
    assert [job.state for job in kernel.status()] == ["done"]


def test_a_problem_is_raised(engine: EngineStandIn) -> None:
    with pytest.raises(kernel.RucioError, match="atlas"):
        kernel.ls("user.alice:run1", instance="atlas")


def test_a_python_without_the_extension_is_told(
    monkeypatch: pytest.MonkeyPatch, engine: EngineStandIn
) -> None:
    monkeypatch.setenv("RUCIO_JUPYTERLAB_PYTHON", "/bin/false")
    with pytest.raises(kernel.NoService, match="RUCIO_JUPYTERLAB_PYTHON"):
        kernel.status()
    monkeypatch.setenv("RUCIO_JUPYTERLAB_PYTHON", "/nowhere/python")
    with pytest.raises(kernel.NoService, match="cannot be run"):
        kernel.status()
