"""Panel and shell at one engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rucio_jupyterlab.engine import protocol
from tests.engine.processes import eventually
from tests.faults.fronts import Panel, end_of, shell_at, until
from tests.faults.oracle import Dataset, Meter, assert_staged
from tests.faults.seat import Seat
from tests.lab.lab import Lab

pytestmark = pytest.mark.faults


async def test_panel_and_shell_share_one_engine_and_one_transfer(
    lab: Lab, dataset: Dataset, seat_at: Callable[..., Seat]
) -> None:
    seat = seat_at()
    meter = Meter(lab, seat, dataset, connections=0)
    panel = Panel(seat)
    await panel.open()
    try:
        async with shell_at(seat) as shell:
            first = await panel.stage(dataset.did)
            await until(panel, first, lambda job: job.bytes_done > 0)
            second = await shell.stage(dataset.did)
            assert len(seat.engines()) == 1
            assert {job.id for job in (await shell.ask(protocol.ListJobs())).jobs} == {first.id, second.id}
            await until(shell, second, lambda job: job.state == "running")
            await shell.ask(protocol.CancelJob(first.id))
            assert (await end_of(shell, second)).state == "done"
            assert (await panel.job(first.id)).state == "cancelled"
            await eventually(lambda: shell.told[second.id].state == "done")
    finally:
        await panel.close()
    assert_staged(seat, dataset)
    meter.at_end()
