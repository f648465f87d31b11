"""However the demo ends, nothing is left; and it says why it ended or could not start."""

from __future__ import annotations

import os
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from rucio_jupyterlab.demo.run import _interruptible
from tests.demo.process import SECOND_START, RunningDemo, running
from tests.engine.processes import wait_until
from tests.lab.processes import assert_nothing_left, processes_of


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name
)
def test_no_signal_leaves_a_process(prepared: Path, number: signal.Signals) -> None:
    killed = number == signal.SIGKILL
    with running(prepared) as demo:
        demo.ask("instances")  # now the engine runs, a daemon of its own
        status = demo.end(number)
        assert_nothing_left(prepared, seconds=20 if killed else 0)
    assert status == (-signal.SIGKILL if killed else 0)


def test_ctrl_c_while_rucio_is_made_leaves_no_process(tmp_path: Path) -> None:
    demo = RunningDemo(tmp_path / "demo")
    wait_until(lambda: any(" build " in command for command in processes_of(tmp_path).values()))
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(SECOND_START) == 0
    assert_nothing_left(tmp_path, seconds=0)
    assert "Traceback" not in demo.output.read_text()


def test_shutting_jupyterlab_down_ends_the_demo(prepared: Path) -> None:
    with running(prepared) as demo:
        url, token = demo.server
        headers = {"Authorization": f"token {token}"}
        shutdown = urllib.request.Request(f"{url}api/shutdown", b"", headers, method="POST")
        urllib.request.urlopen(shutdown, timeout=20).close()
        assert demo.process.wait(30) == 0
        assert_nothing_left(prepared, seconds=0)


def test_a_part_that_ends_takes_the_demo_along_and_is_named(prepared: Path) -> None:
    with running(prepared) as demo:
        found = processes_of(prepared).items()
        rclone = next(
            pid for pid, command in found if "serve webdav" in command and "leash.py" not in command
        )
        os.kill(rclone, signal.SIGKILL)
        assert demo.process.wait(30) == 1
        assert re.search(r"The storage \w+_DISK failed: .* Its log: ", demo.output.read_text())


def test_what_cannot_start_is_named_with_its_log(tmp_path: Path) -> None:
    demo = RunningDemo(tmp_path / "demo", RUCIO_MESH_SERVER_PYTHON="/nowhere/python")
    assert demo.process.wait(30) == 1
    assert "The creation of Rucio's database failed: " in demo.output.read_text()
    assert "build.log" in demo.output.read_text()
    assert processes_of(tmp_path) == {}


def test_what_nohup_shields_from_is_not_heeded() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _interruptible():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)
