"""A job in whatever state outlives its engine."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.staging.model import JobSnapshot
from tests.faults.cutter import Cutter, free_port
from tests.faults.fronts import Shell, end_of, shell_at, until
from tests.faults.oracle import Dataset, assert_staged, assert_tidy, eventually, safe_bytes
from tests.faults.seat import Seat
from tests.lab.lab import Lab

pytestmark = pytest.mark.faults
Seats = Callable[..., Seat]


def is_under_way(job: JobSnapshot) -> bool:
    return job.state == "running" and job.bytes_done > 0


def waits_for(cause: str) -> Callable[[JobSnapshot], bool]:
    return lambda job: job.cause == cause


async def killed_with(seat: Seat, shell: Shell, job: JobSnapshot) -> JobSnapshot:
    """The job as the next engine shows it at first."""
    with seat.killed():
        pass
    return await shell.job(job.id)


async def test_one_that_was_planning_is_planned_anew(dataset: Dataset, seat_at: Seats) -> None:
    seat = seat_at(bandwidth_limit=None)
    async with shell_at(seat) as shell:
        job = await shell.stage(dataset.did)
        assert job.state == "planning"
        await killed_with(seat, shell, job)
        assert (await end_of(shell, job)).state == "done"
    assert_staged(seat, dataset)


async def test_one_that_was_paused_stays_so_until_it_is_resumed(dataset: Dataset, seat_at: Seats) -> None:
    seat = seat_at()
    async with shell_at(seat) as shell:
        job = await until(shell, await shell.stage(dataset.did), is_under_way)
        before = await shell.ask(protocol.PauseJob(job.id))
        after = await killed_with(seat, shell, job)
        assert (after.state, after.files_total) == ("paused", before.files_total)
        await shell.ask(protocol.ResumeJob(job.id))
        assert (await end_of(shell, job)).state == "done"
    assert_staged(seat, dataset)


async def test_one_whose_folders_the_site_moved_is_staged_in_the_new_ones(
    dataset: Dataset, seat_at: Seats
) -> None:
    seat = seat_at()
    async with shell_at(seat) as shell:
        job = await until(shell, await shell.stage(dataset.did), is_under_way)
        await shell.ask(protocol.PauseJob(job.id))
    seat.move_views()
    with seat.killed():
        pass
    async with shell_at(seat) as shell:
        await shell.ask(protocol.ResumeJob(job.id))
        assert (await end_of(shell, job)).state == "done"
    assert_staged(seat, dataset)


async def test_one_that_asks_goes_on_asking_with_the_numbers(dataset: Dataset, seat_at: Seats) -> None:
    seat = seat_at(confirm_bytes=1, bandwidth_limit=None)
    async with shell_at(seat) as shell:
        before = await until(shell, await shell.stage(dataset.did), waits_for("confirm"))
        await killed_with(seat, shell, before)
        after = await until(shell, before, waits_for("confirm"))
        assert (after.files_total, after.bytes_total) == (len(dataset.contents), dataset.bytes)
        await shell.ask(protocol.ConfirmJob(after.id))
        assert (await end_of(shell, after)).state == "done"
    assert_staged(seat, dataset)


async def test_one_that_waits_for_the_network_goes_on_when_it_is_back(
    lab: Lab, dataset: Dataset, seat_at: Seats
) -> None:
    scope, content, port = lab.scope(), b"abc", free_port()
    lab.add_rse("UNPLUGGED", port)
    path = lab.alpha.path(scope, "a.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    did = lab.register(scope, "a.txt", content, rse="UNPLUGGED")
    seat = seat_at()
    async with shell_at(seat) as shell:
        job = await until(shell, await shell.stage(did), waits_for("network"))
        await killed_with(seat, shell, job)
        await until(shell, job, waits_for("network"))
        async with Cutter(lab.alpha.port, random.Random(), least=1 << 40, most=1 << 40, port=port):
            assert (await end_of(shell, job)).state == "done"
    assert (seat.views / scope / "a.txt").read_bytes() == content


async def test_one_that_waits_for_a_sign_in_goes_on_after_it(dataset: Dataset, seat_at: Seats) -> None:
    seat = seat_at(bandwidth_limit=None)
    content = seat.token.read_text()
    seat.token.write_text("")
    async with shell_at(seat) as shell:
        job = await until(shell, await shell.stage(dataset.did), waits_for("signin"))
        await killed_with(seat, shell, job)
        await until(shell, job, waits_for("signin"))
        seat.token.write_text(content)
        await shell.ask(protocol.SignIn("lab", "token", "alice"))
        assert (await end_of(shell, job)).state == "done"
    assert_staged(seat, dataset)


async def test_one_that_waits_for_space_goes_on_when_there_is_some(dataset: Dataset, seat_at: Seats) -> None:
    seat = seat_at(quota_bytes=1_000_000, bandwidth_limit=None)
    async with shell_at(seat) as shell:
        job = await until(shell, await shell.stage(dataset.did), waits_for("space"))
        await killed_with(seat, shell, job)
        await until(shell, job, waits_for("space"))
    seat.values["quota_bytes"] = 2 * dataset.bytes
    async with shell_at(seat) as shell:
        assert (await end_of(shell, job)).state == "done"
    assert_staged(seat, dataset)


async def test_one_that_was_cancelled_stays_so_and_leaves_no_parts(dataset: Dataset, seat_at: Seats) -> None:
    seat = seat_at()
    async with shell_at(seat) as shell:
        job = await until(shell, await shell.stage(dataset.did), is_under_way)
        await shell.ask(protocol.CancelJob(job.id))
        assert (await killed_with(seat, shell, job)).state == "cancelled"
        eventually(lambda: assert_tidy(seat))


async def test_one_that_is_cancelled_leaves_no_parts_without_a_restart_either(
    dataset: Dataset, seat_at: Seats
) -> None:
    seat = seat_at()
    async with shell_at(seat) as shell:
        for _ in range(5):
            job = await until(shell, await shell.stage(dataset.did), is_under_way)
            await shell.ask(protocol.CancelJob(job.id))
            eventually(lambda: assert_tidy(seat))
    seat.end_engine()
    assert_tidy(seat)


async def test_one_that_failed_can_be_tried_again(lab: Lab, seat_at: Seats) -> None:
    scope = lab.scope()
    did = lab.put(scope, "a.txt", b"abc")
    path = lab.alpha.path(scope, "a.txt")
    path.unlink()
    seat = seat_at()
    async with shell_at(seat) as shell:
        failed = await end_of(shell, await shell.stage(did))
        assert failed.state == "failed"
        after = await killed_with(seat, shell, failed)
        assert (after.state, after.problem, after.files_failed) == ("failed", failed.problem, 1)
        path.write_bytes(b"abc")
        await shell.ask(protocol.RetryJob(failed.id))
        assert (await end_of(shell, failed)).state == "done"
    assert (seat.views / scope / "a.txt").read_bytes() == b"abc"


async def test_one_that_is_done_needs_nothing_more(lab: Lab, dataset: Dataset, seat_at: Seats) -> None:
    seat = seat_at(bandwidth_limit=None)
    async with shell_at(seat) as shell:
        done = await end_of(shell, await shell.stage(dataset.did))
        served = lab.alpha.bytes_read() + lab.beta.bytes_read()
        assert await killed_with(seat, shell, done) == done
        again = await end_of(shell, await shell.stage(dataset.did))
        assert (again.state, again.files_here) == ("done", len(dataset.contents))
        assert lab.alpha.bytes_read() + lab.beta.bytes_read() == served
    assert safe_bytes(seat, dataset) == dataset.bytes
