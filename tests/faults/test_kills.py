"""Kill -9 at drawn moments, with and without loss of the journal: the job ends done, and nothing is wrong."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

import pytest

from tests.faults import oracle
from tests.faults.fronts import Front, Panel, Shell, end_of, shell_at
from tests.faults.oracle import Dataset, Meter
from tests.faults.scenarios import Kill, Scenario, asked_for
from tests.faults.seat import Seat
from tests.lab.lab import Lab
from tests.lab.processes import assert_nothing_left

logger = logging.getLogger(__name__)


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


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_view_of_copies_survives_too(
    seed: int, dataset: Dataset, seat_at: Callable[..., Seat]
) -> None:
    seat, draw = seat_at(link="copy", bandwidth_limit=None), random.Random(seed)
    async with shell_at(seat) as shell:
        job = await shell.stage(dataset.did)
        for _ in range(3):
            await asyncio.sleep(draw.uniform(0.2, 1.0))
            with seat.killed():
                oracle.assert_copies_are_right(seat, dataset)
        assert (await end_of(shell, job)).state == "done"
        assert oracle.assert_copies_are_right(seat, dataset) == len(dataset.contents)
        oracle.eventually(lambda: oracle.assert_tidy(seat))


async def play(scenario: Scenario, lab: Lab, dataset: Dataset, seat: Seat) -> None:
    """One job over the dataset, and all that befalls it."""
    logger.warning("To repeat it: RUCIO_FAULT_SEED=%d RUCIO_FAULT_KILLS=1 make soak", scenario.seed)
    draw = random.Random(scenario.seed)
    meter = Meter(lab, seat, dataset, scenario.connections)
    front: Front = Shell(seat) if scenario.front == "shell" else Panel(seat)
    await front.open()
    try:
        job = await front.stage(dataset.did)
        for kill in scenario.kills:
            await meter.reached(kill.bytes_part, kill.seconds)
            await strike(kill, front, seat, dataset, meter, draw)
        job = await end_of(front, job)
        assert job.state == "done", job
        oracle.assert_staged(seat, dataset)
        meter.at_end()
        oracle.eventually(lambda: oracle.assert_tidy(seat))
    finally:
        await front.close()
    assert seat.end_engine() < 5
    assert_nothing_left(seat.folder, seconds=5)
    oracle.assert_journal_agrees(seat)


async def strike(
    kill: Kill, front: Front, seat: Seat, dataset: Dataset, meter: Meter, draw: random.Random
) -> None:
    front.forgive()
    engines = seat.engines()
    if kill.victim != "engine":
        front.kill()
    if kill.victim == "server":
        assert set(engines) <= set(seat.engines()), "the engine died with its server"
    else:
        with seat.killed():
            meter.after_kill()
            seat.damage_journal(kill.damage, draw)
    oracle.assert_nothing_is_wrong(seat, dataset)
    if kill.victim != "engine":
        await front.open()
