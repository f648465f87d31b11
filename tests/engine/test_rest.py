"""An engine at rest: it gives back what its work took, and asks Rucio nothing."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from tests.faults.fronts import end_of, shell_at
from tests.faults.seat import Seat
from tests.lab.lab import Lab

MIB = 1 << 20
AT_REST = 45.0
"""MiB that an idle engine may take beyond a bare Python."""
PATIENCE = 20.0
HOLD = "print(flush=True); input()"


@pytest.fixture
def seat(lab: Lab, tmp_path: Path) -> Iterator[Seat]:
    made = Seat(lab, tmp_path / "seat", bandwidth_limit=None)
    yield made
    made.clear_away()


def taken_by(pid: int) -> float:
    """MiB that a process takes: of pages that several share, its part of them (PSS)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


@pytest.fixture
def bare_python() -> Iterator[int]:
    """The process id of a Python that does nothing."""
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.kill()


async def test_after_questions_and_after_the_work_it_takes_little_and_sends_nothing(
    lab: Lab, seat: Seat, bare_python: int
) -> None:
    scope = lab.scope()
    contents = {f"f{number:04}": bytes(number) for number in range(1000)} | {"large": bytes(40 * MIB)}
    lab.put_many(scope, contents, rses=["ALPHA_DISK", "BETA_DISK"], dataset="run")
    async with shell_at(seat) as shell:

        async def taken() -> float:
            status: protocol.EngineStatus = await shell.ask(protocol.GetEngine())
            return taken_by(status.pid) - taken_by(bare_python)

        await shell.ask(protocol.SignIn("lab", "token", "alice"))
        await shell.ask(protocol.ListScopes("lab"))
        assert await taken() <= AT_REST
        job = await end_of(shell, await shell.stage(Did(scope, "run")))
        assert (job.state, job.files_done) == ("done", len(contents))
        asked = lab.requests()
        deadline = time.monotonic() + PATIENCE
        while (least := await taken()) > AT_REST:
            assert time.monotonic() < deadline, f"{least:.1f} MiB more than a bare Python"
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)  # watched by a client, but by no panel
        assert lab.requests() == asked
        assert await taken() <= AT_REST
