"""Real engine processes of a test, and what can be seen of them from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.start import ask_once, open_connection

COMMAND = [sys.executable, "-m", "rucio_jupyterlab.engine"]
PATIENCE = 20.0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def eventually(condition: Callable[[], object]) -> None:
    """`wait_until` for a test that shares its loop with what it waits for."""
    for _ in range(int(PATIENCE * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("It did not come about in time.")


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def status(state: Path) -> protocol.EngineStatus:
    """Of the engine that runs there, or is started by this."""
    connection = open_connection(state, None)
    with connection:
        found: protocol.EngineStatus = ask_once(connection, protocol.GetEngine())
    return found


def was_used(state: Path) -> bool:
    """Whether anybody tried to start an engine there."""
    return state.exists()


def engines_of(state: Path) -> list[int]:
    """Every engine process that was started for that folder and lives."""
    found = []
    for process in psutil.process_iter():
        try:
            environ, command = process.environ(), process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        of_state = environ.get("RUCIO_JUPYTERLAB_STATE") == str(state)
        if of_state and "rucio_jupyterlab.engine" in command and alive(process.pid):
            found.append(process.pid)
    return found


def end(state: Path) -> None:
    """Kill every engine of that folder, and those that a link which was just closed still starts."""

    def all_gone() -> bool:
        found = engines_of(state)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not found

    wait_until(all_gone)


def start_by_hand(state: Path, **environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(COMMAND, env=os.environ | {"RUCIO_JUPYTERLAB_STATE": str(state)} | environ)
