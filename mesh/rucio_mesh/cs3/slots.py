"""A bounded number of jobs at once, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .recall import Recall


class Stopping(Exception):
    """No new job is taken any more."""


@dataclass(frozen=True, eq=False)
class Job:
    """One of them, from when it has its slot until it gives it back."""

    id: str
    ident: int
    """The number of its slot; 0 is none."""
    recall: Recall = field(default_factory=Recall)
    """Once it is told, the job is to end soon, and to leave nothing behind."""

    @property
    def name(self) -> str:
        return f"relay-{self.ident}"


class Slots:
    """Thread-safe."""

    def __init__(self, count: int) -> None:
        self._changed = threading.Condition()
        self._count, self._stopping = count, False
        self._jobs: dict[int, Job] = {}

    def resize(self, count: int) -> None:
        """Jobs beyond the new number go on."""
        with self._changed:
            self._count = count
            self._changed.notify_all()

    def wait_for_room(self) -> bool:
        """Return when there is a free slot; False if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or len(self._jobs) < self._count)
            return not self._stopping

    def take(self, job_id: str) -> Job:
        """A slot for a job, once there is one. Raises Stopping."""
        with self._changed:
            if not self.wait_for_room():
                raise Stopping
            job = Job(job_id, next(each for each in range(1, self._count + 1) if each not in self._jobs))
            self._jobs[job.ident] = job
            return job

    def start(self, job: Job, work: Callable[[Job], None]) -> None:
        """Do `work` in a thread, which gives the slot back at its end."""

        def run() -> None:
            try:
                work(job)
            finally:
                self.give_back(job)

        threading.Thread(target=run, name=job.name, daemon=True).start()

    def give_back(self, job: Job) -> None:
        """The job has ended, or was never begun."""
        with self._changed:
            del self._jobs[job.ident]
            self._changed.notify_all()

    def abandon(self, job_ids: Iterable[str]) -> None:
        """Those of them that are here."""
        wanted = set(job_ids)
        with self._changed:
            for job in self._jobs.values():
                if job.id in wanted:
                    job.recall.tell()

    def wait_until_idle(self, seconds: float | None = None) -> bool:
        """Return when no job is left; False if some are after so long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs, seconds)

    def stop(self, *, grace_seconds: float, cleaning_seconds: float = 10.0) -> bool:
        """Take no more; abandon what is left after the grace. Whether all have ended, and cleaned up, in time."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self.wait_until_idle(grace_seconds):
            return True
        with self._changed:
            self.abandon([job.id for job in self._jobs.values()])
        return self.wait_until_idle(cleaning_seconds)
