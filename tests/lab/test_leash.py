"""A service never outlives who started it, and takes everything along."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from rucio_mesh.testing.service import Service, ServiceFailed
from tests.lab.processes import assert_nothing_left, processes_of

DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if sys.argv[2] == "stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(sys.argv[1] + "/ready", "w").close()
        time.sleep(60)
    os._exit(0)
time.sleep(60)
"""


def daemon(folder: Path, manner: str = "meek", grace_seconds: float = 2) -> Service:
    """A command that leaves a daemon of its own behind."""
    service = Service(
        "a daemon",
        [sys.executable, "-c", DAEMON, folder, manner],
        log=folder / "log",
        grace_seconds=grace_seconds,
    )
    service.wait_until((folder / "ready").exists, seconds=10)
    return service


def test_its_log_is_for_its_user_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    daemon(tmp_path).stop()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_stopping_ends_daemons_too(tmp_path: Path) -> None:
    service = daemon(tmp_path)
    assert len(processes_of(tmp_path)) == 3
    service.stop()
    assert processes_of(tmp_path) == {}


def test_what_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    service = daemon(tmp_path, "stubborn", grace_seconds=0.3)
    service.stop()
    assert processes_of(tmp_path) == {}


def test_all_ends_when_the_starter_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from tests.lab.test_leash import *; d = daemon(Path(sys.argv[1])); time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parents[2])
    while not (tmp_path / "ready").exists():
        assert starter.poll() is None
        time.sleep(0.05)
    starter.kill()
    starter.wait()
    assert_nothing_left(tmp_path, seconds=5)


def test_a_command_that_ends_by_itself_is_named_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    service = Service("The thing", [sys.executable, "-c", "print('why'); raise SystemExit(3)"], log=log)
    with pytest.raises(ServiceFailed, match=f"The thing failed: it ended with status 3. Its log: {log}"):
        service.wait_until(lambda: False, seconds=10)
    assert log.read_text() == "why\n"


def test_a_command_that_never_gets_ready_is_stopped(tmp_path: Path) -> None:
    service = Service("The thing", ["sleep", "60"], log=tmp_path / "log")
    with pytest.raises(ServiceFailed, match="no answer"):
        service.wait_until(lambda: False, seconds=0.2)
    assert not service.running
