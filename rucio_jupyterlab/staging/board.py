"""The jobs as they stand: their states, what they wait for, and who is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from ..engine.protocol import Update
from ..errors import NotFound, Problem
from .jobs import Job, JobFiles, JobRecord
from .journal import now
from .model import Cause, JobProgress, Jobs, JobState
from .own_disk import cause_of

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
DISK_SECONDS = 5.0
"""How often a job that waits for our own disk looks again."""


class Board:
    """Belongs on the engine's loop."""

    def __init__(
        self,
        files: JobFiles,
        free_bytes: Callable[[], int | None],
        tick: Callable[[list[Job]], None],
        look_again: Callable[[Job], None],
    ) -> None:
        """`tick` is called five times a second while a job is active, `look_again` when a wait is over."""
        self._loop = asyncio.get_running_loop()
        self._files = files
        self._free_bytes = free_bytes
        self._on_tick = tick
        self._look_again = look_again
        self._jobs: dict[str, Job] = {}
        self._listeners: list[Callable[[Update], None]] = []
        self._touched: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ticker: asyncio.TimerHandle | None = None
        self._writer = ThreadPoolExecutor(1, "records")
        """One thread, so that the newest record of a job is the one that stays."""
        self.closing = False

    def close(self) -> None:
        """No timer fires any more; `kept` waits for what is still to be written."""
        self.closing = True
        for timer in self._timers.values():
            timer.cancel()
        if self._ticker is not None:
            self._ticker.cancel()

    # Which jobs there are

    @property
    def jobs(self) -> list[Job]:
        return list(self._jobs.values())

    @property
    def active(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.active]

    @property
    def all_finished(self) -> bool:
        return all(job.finished for job in self._jobs.values())

    @property
    def is_planning(self) -> bool:
        """Whether a plan is being read; from any thread."""
        return any(job.planning for job in self.jobs)

    def holding(self) -> list[str]:
        """Jobs that hold their files: those that have not ended; from any thread."""
        return [job.id for job in self.jobs if not job.finished]

    def pinned(self) -> list[str]:
        """Jobs whose files are kept; from any thread."""
        return [job.id for job in self.jobs if job.record.pinned]

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def find(self, job_id: str) -> Job:
        """Raises NotFound."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFound("This job is gone.") from None

    def snapshots(self) -> Jobs:
        """All as they stand."""
        newest_first = sorted(self._jobs.values(), key=lambda job: job.record.created_at, reverse=True)
        return Jobs([job.snapshot() for job in newest_first])

    def restore(self) -> list[Job]:
        """The jobs of an earlier engine, those that have ended with their counts."""
        self._jobs = {record.id: Job(record) for record in self._files.load()}
        for job in self.jobs:
            if job.finished and job.record.counts is not None:
                job.recall(job.record.counts)
        return self.jobs

    def add(self, job: Job) -> None:
        """A new job; it is saved with its first state."""
        self._jobs[job.id] = job

    def remove(self, jobs: list[Job]) -> None:
        """Forget jobs and their records; who listens is told at once."""
        for job in jobs:
            self._jobs.pop(job.id, None)  # two may clear at once
            self._writer.submit(self._files.forget, job.id)
        if jobs:
            self._tell(Update(gone=[job.id for job in jobs]))

    def save(self, job: Job) -> None:
        """Write its record as it is now, in a thread: a disk may take its time."""
        self._writer.submit(self._write, replace(job.record))

    async def kept(self) -> None:
        """Return once all that was saved before is on the disk, or the disk has refused it."""
        await asyncio.wrap_future(self._writer.submit(lambda: None))

    def _write(self, record: JobRecord) -> None:
        try:
            self._files.save(record)
        except OSError:
            logger.warning("The state folder's disk is full or broken; job %s could not be saved.", record.id)

    # States

    def set_state(
        self, job: Job, state: JobState, cause: Cause | None = None, problem: Problem | None = None
    ) -> None:
        """Put a job into a state, and save that; a wait is over. Who listens is told at once."""
        record = job.record
        if timer := self._timers.pop(job.id, None):
            timer.cancel()
        record.state, record.cause, record.problem = state, cause, problem
        if job.finished:
            record.finished_at, record.counts = now(), job.counts()
        if state != "running":
            job.rest()
        self.save(job)
        self.touch(job)
        self._loop.call_soon(self._flush)

    def wait(self, job: Job, cause: Cause, problem: Problem, seconds: float | None = None) -> None:
        """Let a job wait, for so many seconds at most; one that has ended or is paused stays so."""
        if job.finished or job.state == "paused":
            return
        if cause == "space":
            job.free_bytes = self._free_bytes()
        self.set_state(job, "waiting", cause, problem)
        if seconds is not None:
            self._timers[job.id] = self._loop.call_later(seconds, self._wait_is_over, job)

    def wait_for_disk(self, job: Job, problem: Problem) -> None:
        """Let a job wait until there is room on our own disk, or it can be written again."""
        self.wait(job, cause_of(problem), problem, DISK_SECONDS)

    def has_timer(self, job: Job) -> bool:
        """Whether its wait ends at a certain time."""
        return job.id in self._timers

    def _wait_is_over(self, job: Job) -> None:
        self._timers.pop(job.id, None)
        if job.state == "waiting" and not self.closing:
            self._look_again(job)

    # Telling

    def subscribe(self, listener: Callable[[Update], None]) -> None:
        """`listener` is called on the loop, whenever something is to be told."""
        self._listeners.append(listener)

    def touch(self, job: Job) -> None:
        """Something of a job has changed; who listens is told within a tick."""
        self._touched.add(job.id)
        self.keep_ticking()

    def keep_ticking(self) -> None:
        """While a job is active or something is to be told."""
        if self._ticker is None and not self.closing and (self._touched or self.active):
            self._ticker = self._loop.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._ticker = None
        active = self.active
        self._on_tick(active)
        self._touched |= {job.id for job in active}
        self._flush()
        self.keep_ticking()

    def _flush(self) -> None:
        changed: list[JobProgress] = [
            self._jobs[number].snapshot() for number in self._touched if number in self._jobs
        ]
        self._touched.clear()
        if changed:
            self._tell(Update(jobs=changed))

    def _tell(self, update: Update) -> None:
        for listener in self._listeners:
            listener(update)
