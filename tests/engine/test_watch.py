"""What a watcher is told while something else changes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.accounts.model import Instances
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.staging.model import JobRequest
from tests.engine.processes import eventually
from tests.engine.test_slow_rucio import asked, engine_at

SIGN_IN = protocol.SignIn("w", "userpass", "alice", "alice", "secret")


class HeldLook:
    """The next look at the instances, which sees them as they are then and is told when it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self._go_on = threading.Event(), threading.Event()
        self.ended = threading.Event()
        look = Accounts.instances

        def held(accounts: Accounts) -> Instances:
            seen = look(accounts)
            if not self.begun.is_set():
                self.begun.set()
                self._go_on.wait(10)
                self.ended.set()
            return seen

        monkeypatch.setattr(Accounts, "instances", held)

    def let_go(self) -> None:
        self._go_on.set()


async def test_the_first_update_holds_no_job_that_is_gone_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_at({}, tmp_path) as (engine, _):
        job = await asked(engine, protocol.StartJob(JobRequest("w", [Did("s", "d")])))
        look = HeldLook(monkeypatch)
        try:
            first = asyncio.ensure_future(anext(engine.watch()))
            assert await asyncio.to_thread(look.begun.wait, 10)
            await asked(engine, protocol.CancelJob(job.id))
            await asked(engine, protocol.ClearJobs([job.id]))
        finally:
            look.let_go()
        update = await asyncio.wait_for(first, 10)
    assert [told.id for told in update.jobs] == []
    assert [info.name for info in update.instances] == ["w"]


async def test_a_sign_in_is_not_taken_back_by_what_was_seen_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    jobs: set[str] = set()

    async with engine_at({}, tmp_path) as (engine, _):

        async def hear() -> None:
            async for update in engine.watch():
                told.extend(info.account.state for info in update.instances)
                jobs.update(job.id for job in update.jobs)

        hearing = asyncio.create_task(hear())
        await eventually(lambda: told)
        look = HeldLook(monkeypatch)
        try:
            await asked(engine, protocol.SignOut("w"))
            assert await asyncio.to_thread(look.begun.wait, 10)
            await asked(engine, SIGN_IN)
        finally:
            look.let_go()
        await eventually(look.ended.is_set)
        later = await asked(engine, protocol.StartJob(JobRequest("w", [Did("s", "d")])))
        await eventually(lambda: later.id in jobs)
        await eventually(lambda: told[-1] == "signed-in")
        hearing.cancel()
