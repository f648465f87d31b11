"""What one watcher is told, and when."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec.structs import replace

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.feed import MOST_PER_SECOND, Feed
from rucio_jupyterlab.staging.model import JobProgress, JobRequest, JobSnapshot

RUNNING = JobProgress("j1", "running")
TURNS = 10
"""Of the loop, in which everything happens that waits for no clock."""


class Watcher:
    def __init__(self) -> None:
        self.feed = Feed()
        self._updates = self.feed.updates()
        self._next: asyncio.Future[protocol.Update] | None = None

    async def hears(self) -> protocol.Update | None:
        """The update that comes without waiting; None where there is none yet."""
        self._next = self._next or asyncio.ensure_future(self._updates.__anext__())
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if not self._next.done():
            return None
        update, self._next = self._next.result(), None
        return update

    async def hears_in_time(self) -> protocol.Update:
        self._next = self._next or asyncio.ensure_future(self._updates.__anext__())
        update, self._next = await self._next, None
        return update


async def test_progress_waits_for_its_turn_and_a_new_state_does_not() -> None:
    watcher = Watcher()
    watcher.feed.put(protocol.Update([RUNNING]))
    assert await watcher.hears()
    watcher.feed.put(protocol.Update([replace(RUNNING, files_done=1)]))
    assert await watcher.hears() is None
    watcher.feed.put(protocol.Update([replace(RUNNING, state="done", files_done=2)]))
    assert await watcher.hears() == protocol.Update([replace(RUNNING, state="done", files_done=2)])


async def test_so_many_updates_a_second_and_no_more_even_of_new_states() -> None:
    watcher = Watcher()
    states = ["running", "paused"] * MOST_PER_SECOND
    for state in states[:MOST_PER_SECOND]:
        watcher.feed.put(protocol.Update([replace(RUNNING, state=state)]))
        assert await watcher.hears()
    watcher.feed.put(protocol.Update([replace(RUNNING, state=states[MOST_PER_SECOND])]))
    assert await watcher.hears() is None
    assert (await watcher.hears_in_time()).jobs[0].state == states[MOST_PER_SECOND]


async def test_progress_leaves_room_for_the_end() -> None:
    watcher = Watcher()
    loop = asyncio.get_running_loop()
    times = []
    for count in range(MOST_PER_SECOND + 1):
        watcher.feed.put(protocol.Update([replace(RUNNING, files_done=count)]))
        await watcher.hears_in_time()
        times.append(loop.time())
    assert all(
        later - earlier >= 0.99 for earlier, later in zip(times, times[MOST_PER_SECOND - 1 :], strict=False)
    )
    watcher.feed.put(protocol.Update([replace(RUNNING, state="done")]))
    assert await watcher.hears()


async def test_a_job_is_told_less_its_request_which_may_be_long() -> None:
    watcher = Watcher()
    job = JobSnapshot("j1", "running", files_done=3, request=JobRequest("lab", [Did("user.alice", "run1")]))
    watcher.feed.put(protocol.Update([job]))
    told = await watcher.hears()
    assert b"run1" not in msgspec.json.encode(told)
    assert told == protocol.Update([replace(RUNNING, files_done=3)])
