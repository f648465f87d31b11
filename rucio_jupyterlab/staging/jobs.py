"""A job as the engine holds it, and the file that keeps it: `STATE/jobs/ID.json`."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from ..errors import Problem
from .journal import now
from .model import FINISHED, Cause, JobRequest, JobSnapshot, JobState
from .records import Records
from .rows import FileRow, Tally

UNREACHABLE = frozenset({"tape", "root-only", "no-replica", "in-archive", "not-mounted"})
SMOOTHING = 0.3
"""Weight of the newest measurement in the rate that is shown."""


class Counts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job's files and bytes."""

    files_total: int = 0
    files_done: int = 0
    files_here: int = 0
    files_failed: int = 0
    files_unreachable: int = 0
    files_unverified: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    bytes_here: int = 0


class JobRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What outlives the engine, and the journal."""

    id: str
    request: JobRequest
    state: JobState = "planning"
    cause: Cause | None = None
    problem: Problem | None = None
    notice: str | None = None
    growing: bool = False
    path: str | None = None
    prefix: str | None = None
    """What stands before its view paths since its first plan; there may be more instances later, or fewer."""
    created_at: float = 0.0
    finished_at: float | None = None
    pinned: bool = False
    counts: Counts | None = None
    """As they stood when the job ended; until then they are counted from the journal."""


class Job:
    """One job, its counters and its rate; touched on the engine's loop alone."""

    def __init__(self, record: JobRecord) -> None:
        self.record = record
        self.files_total = self.files_done = self.files_here = 0
        self.files_failed = self.files_unreachable = self.files_unverified = 0
        self.bytes_total = self.bytes_done = self.bytes_here = 0
        self.bytes_flying = 0
        self.cursor = 0
        """Number of the last file that was handed to the byte engine."""
        self.plan_read = False
        """The plan is complete in the journal."""
        self.planned = False
        """And its files are counted."""
        self.planning = False
        """A thread is reading the plan now."""
        self.renewing = False
        """It had ended, and the journal is being told that it begins anew."""
        self.tries = 0
        """Attempts at planning that met a broken network, in a row."""
        self.faults = 0
        """Likewise those that met an error of Rucio's own."""
        self.refused_by: dict[str, FileRow] = {}
        """CS3 clouds that refuse the user's sign-in, by their RSE, each with a file that waits for it."""
        self.free_bytes: int | None = None
        self._rate = 0.0
        self._rated_at: float | None = None
        self._rated_bytes = 0

    @classmethod
    def new(cls, request: JobRequest) -> Job:
        """A job that nobody has begun yet, by a number of its own."""
        record = JobRecord(id=secrets.token_hex(6), request=request, created_at=now(), pinned=request.pin)
        return cls(record)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def state(self) -> JobState:
        return self.record.state

    @property
    def finished(self) -> bool:
        return self.record.state in FINISHED

    @property
    def active(self) -> bool:
        """Its files may be transferred now."""
        return self.state in ("planning", "running") or self.record.cause == "network"

    @property
    def files_open(self) -> int:
        """Files that are neither here, failed nor out of reach."""
        return self.files_total - self.files_done - self.files_failed - self.files_unreachable

    def plan_anew(self) -> None:
        """The plan is read (again): forget what was counted."""
        self.plan_read = self.planned = False
        self.refused_by.clear()
        self.count([])

    def take_up(self, tallies: list[Tally], *, planned: bool) -> None:
        """Count from the journal; where that was lost since the job ended, its counts of then stand."""
        ended = self.record.counts
        if self.finished and ended is not None and not planned:
            self.recall(ended)
        else:
            self.count(tallies)
        self.plan_read = self.planned = planned

    def count(self, tallies: list[Tally]) -> None:
        """Count anew from the journal."""
        self.files_total = sum(each.files for each in tallies)
        self.bytes_total = sum(each.bytes for each in tallies if each.state not in UNREACHABLE)
        done = [each for each in tallies if each.state in ("done", "kept") and each.linked]
        self.files_done = sum(each.files for each in done)
        self.bytes_done = sum(each.bytes for each in done)
        here = [each for each in tallies if each.here and each.state == "done"]
        self.files_here = sum(each.files for each in here)
        self.bytes_here = sum(each.bytes for each in here)
        self.files_unverified = sum(each.files for each in done if not each.verified)
        self.files_failed = sum(each.files for each in tallies if each.state == "failed")
        self.files_unreachable = sum(each.files for each in tallies if each.state in UNREACHABLE)

    def counts(self) -> Counts:
        """As they are now."""
        return Counts(**{name: getattr(self, name) for name in Counts.__struct_fields__})

    def recall(self, counts: Counts) -> None:
        """Take over what was counted at another time."""
        for name in Counts.__struct_fields__:
            setattr(self, name, getattr(counts, name))

    def file_arrived(self, size: int, *, verified: bool) -> None:
        """One more file can be opened, of so many bytes."""
        self.files_done += 1
        self.bytes_done += size
        self.bytes_flying = max(0, self.bytes_flying - size)
        self.files_unverified += not verified

    def measure(self, at: float) -> None:
        """Take the rate; called a few times a second while the job runs."""
        total = self.bytes_done - self.bytes_here + self.bytes_flying
        if self._rated_at is not None and at > self._rated_at:
            newest = max(0, total - self._rated_bytes) / (at - self._rated_at)
            self._rate = newest if self._rate == 0 else self._rate + SMOOTHING * (newest - self._rate)
        self._rated_at, self._rated_bytes = at, total

    def rest(self) -> None:
        """Nothing moves: the rate is none."""
        self._rate, self._rated_at = 0.0, None
        self.bytes_flying = 0

    def snapshot(self) -> JobSnapshot:
        """How it stands."""
        record = self.record
        moving = record.state == "running" and self._rate > 0
        left = max(0, self.bytes_total - self.bytes_done - self.bytes_flying)
        return JobSnapshot(
            id=record.id,
            request=record.request,
            state=record.state,
            cause=record.cause,
            problem=record.problem,
            notice=record.notice,
            files_total=self.files_total,
            files_done=self.files_done,
            files_here=self.files_here,
            files_failed=self.files_failed,
            files_unreachable=self.files_unreachable,
            files_unverified=self.files_unverified,
            bytes_total=self.bytes_total,
            bytes_done=self.bytes_done + self.bytes_flying,
            bytes_here=self.bytes_here,
            bytes_per_second=self._rate if moving else 0.0,
            seconds_left=left / self._rate if moving and self.planned else None,
            free_bytes=self.free_bytes if record.state == "waiting" else None,
            growing=record.growing,
            path=record.path,
            created_at=record.created_at,
            finished_at=record.finished_at,
            pinned=record.pinned,
        )


class JobFiles(Records[JobRecord]):
    """The folder of job records; written at every change of state, read at the engine's start."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, JobRecord)
