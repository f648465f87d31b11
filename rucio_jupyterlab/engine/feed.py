"""What one watcher is told: the latest of everything that changed, at a bearable rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ..accounts.model import InstanceInfo
from ..staging.model import JobSnapshot
from .protocol import Update

INTERVAL = 0.2
"""Seconds between two updates to one watcher; what changes in between is told as it stands then."""


class Feed:
    """Collects updates and gives them out merged; the last state of a thing is never lost."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobSnapshot] = {}
        self._gone: dict[str, None] = {}
        self._instances: dict[str, InstanceInfo] = {}
        self._instances_gone: dict[str, None] = {}
        self._changed = asyncio.Event()

    def put(self, update: Update) -> None:
        """Note what changed. On the loop alone."""
        for job in update.jobs:
            self._jobs[job.id] = job
            self._gone.pop(job.id, None)
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
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield self._take()
            await asyncio.sleep(INTERVAL)

    def _take(self) -> Update:
        update = Update(
            jobs=list(self._jobs.values()),
            gone=list(self._gone),
            instances=list(self._instances.values()),
            instances_gone=list(self._instances_gone),
        )
        for pending in (self._jobs, self._gone, self._instances, self._instances_gone):
            pending.clear()
        return update
