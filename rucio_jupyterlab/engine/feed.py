"""What one watcher is told: the latest of everything that changed, at a bearable rate."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

import msgspec

from ..accounts.model import InstanceInfo
from ..staging.model import JobProgress, JobState
from .protocol import Update

INTERVAL = 0.25
"""Seconds between two updates that tell progress alone; what changes in between is told as it stands then."""
MOST_PER_SECOND = 5
"""Updates to one watcher. The last of them is kept for a job's new state, which is told at once."""


class Feed:
    """Collects updates and gives them out merged; the last state of a thing is never lost."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobProgress] = {}
        self._gone: dict[str, None] = {}
        self._instances: dict[str, InstanceInfo] = {}
        self._instances_gone: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._state_changed = asyncio.Event()
        self._told: dict[str, JobState] = {}
        """The states that the watcher knows."""
        self._times: deque[float] = deque(maxlen=MOST_PER_SECOND)
        """When the last updates went out."""

    def put(self, update: Update) -> None:
        """Note what changed. On the loop alone."""
        for job in update.jobs:
            self._jobs[job.id] = job
            self._gone.pop(job.id, None)
            if job.state != self._told.get(job.id):
                self._state_changed.set()
        for job_id in update.gone:
            self._jobs.pop(job_id, None)
            self._gone[job_id] = None
        for instance in update.instances:
            self._instances[instance.name] = instance
            self._instances_gone.pop(instance.name, None)
        for name in update.instances_gone:
            self._instances.pop(name, None)
            self._instances_gone[name] = None
        self._changed.set()

    async def updates(self) -> AsyncIterator[Update]:
        """Updates without end; the first comes as soon as there is one."""
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.wait()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._state_changed.wait(), self._progress_at - loop.time())
            if len(self._times) == MOST_PER_SECOND:
                await asyncio.sleep(self._times[0] + 1.0 - loop.time())
            self._times.append(loop.time())
            yield self._take()

    @property
    def _progress_at(self) -> float:
        """When progress alone may be told."""
        times = self._times
        if not times:
            return 0.0
        alone = times[-1] + INTERVAL
        return max(alone, times[1 - MOST_PER_SECOND] + 1.0) if len(times) >= MOST_PER_SECOND - 1 else alone

    def _take(self) -> Update:
        update = Update(
            jobs=[_less_request(job) for job in self._jobs.values()],
            gone=list(self._gone),
            instances=list(self._instances.values()),
            instances_gone=list(self._instances_gone),
        )
        for job in update.jobs:
            self._told[job.id] = job.state
        for job_id in update.gone:
            self._told.pop(job_id, None)
        for pending in (self._jobs, self._gone, self._instances, self._instances_gone):
            pending.clear()
        self._changed.clear()
        self._state_changed.clear()
        return update


def _less_request(job: JobProgress) -> JobProgress:
    """Of a snapshot, too, which knows more."""
    progress: JobProgress = msgspec.convert(job, JobProgress, from_attributes=True)
    return progress
