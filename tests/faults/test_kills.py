"""Kill -9 at drawn moments, with and without loss of the journal: the job ends done, and nothing is wrong.

One scenario again: `RUCIO_FAULT_SEED=2017 RUCIO_FAULT_KILLS=1 make test-faults`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from rucio_jupyterlab.staging.model import FINISHED, JobSnapshot
from tests.faults import oracle
from tests.faults.fronts import Front, Panel, Shell
from tests.faults.oracle import Dataset, Meter
from tests.faults.scenarios import Kill, Scenario, asked_for
from tests.faults.seat import Seat
from tests.lab.lab import Lab
from tests.lab.processes import assert_nothing_left

pytestmark = pytest.mark.anyio
LOOK = 0.01
PATIENCE = 60.0


@pytest.mark.faults
@pytest.mark.parametrize("scenario", asked_for(50), ids=str)
async def test_a_job_survives(
    scenario: Scenario, lab: Lab, dataset: Dataset, seat_at: Callable[..., Seat]
) -> None:
    await play(scenario, lab, dataset, seat_at(max_connections=scenario.connections))


@pytest.mark.soak
@pytest.mark.parametrize("scenario", asked_for(1000), ids=str)
async def test_a_job_survives_for_long(
    scenario: Scenario, lab: Lab, dataset: Dataset, seat_at: Callable[..., Seat]
) -> None:
    await play(scenario, lab, dataset, seat_at(max_connections=scenario.connections))


async def play(scenario: Scenario, lab: Lab, dataset: Dataset, seat: Seat) -> None:
    """One job over the dataset, and all that befalls it."""
    draw = random.Random(scenario.seed)
    meter = Meter(lab, seat, dataset, scenario.connections)
    front: Front = (
        Shell(seat.state, seat.values)
        if scenario.front == "shell"
        else Panel(seat.folder, seat.state, seat.values)
    )
    await front.open()
    try:
        job = await front.stage(dataset.did)
        for kill in scenario.kills:
            await reached(kill, meter)
            await strike(kill, front, seat, dataset, meter, draw)
        job = await end_of(job, front)
        assert job.state == "done", job
        oracle.assert_staged(seat, dataset)
        meter.at_end()
        oracle.eventually(lambda: oracle.assert_tidy(seat))
    finally:
        await front.close()
    assert seat.end_engine() < 5
    assert_nothing_left(seat.folder, seconds=5)
    oracle.assert_journal_agrees(seat)


async def reached(kill: Kill, meter: Meter) -> None:
    """Wait for the moment of a kill."""
    deadline = time.monotonic() + kill.seconds
    while time.monotonic() < deadline:
        if kill.bytes_part is not None and meter.read() > kill.bytes_part * meter.missing:
            return
        await asyncio.sleep(LOOK)


async def strike(
    kill: Kill, front: Front, seat: Seat, dataset: Dataset, meter: Meter, draw: random.Random
) -> None:
    if kill.victim != "engine":
        front.kill()
    if kill.victim != "server":
        with seat.killed():
            meter.after_kill()
            oracle.assert_nothing_is_wrong(seat, dataset)
            seat.damage_journal(kill.damage, draw)
    if kill.victim != "engine":
        await front.open()


async def end_of(job: JobSnapshot, front: Front) -> JobSnapshot:
    deadline = time.monotonic() + PATIENCE
    while (now := await front.job(job.id)).state not in FINISHED:
        assert time.monotonic() < deadline, now
        await asyncio.sleep(LOOK)
    return now
