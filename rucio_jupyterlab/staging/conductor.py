"""A job's life: it is planned, transferred, published, and ends.

The states and their causes are those of `model`. `planner` reads Rucio, `transfers` moves
bytes, `publisher` makes files, `obstacles` knows what to do where one of them is hindered; the
conductor leads a job from one to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..config import Options
from ..errors import NoSpace, NotFound, Problem
from ..sources.failures import ReplicaFailure
from ..sources.model import Fetched
from .beginning import Beginning
from .board import Board
from .evictor import Evictor
from .folders import Folders
from .jobs import UNREACHABLE, Job, JobFiles
from .journal import Journal
from .memory import give_back
from .model import OWN_DISK, JobRequest, JobState
from .obstacles import Obstacles
from .own_disk import disk_problem
from .planner import Planner
from .plans import Plans
from .publisher import Failed, Linked, NotPublished, Published, Publisher, Report
from .rebuild import sweep_orphans
from .room import Room, Space
from .rows import FileRow
from .store import Store
from .traces import Traces
from .transfers import Transfers
from .views import View

T = TypeVar("T")

REST_SECONDS = 5.0
"""How long after the last job the byte engine is kept, with its connections, and Rucio is left alone."""


class Conductor:
    """Belongs on the engine's loop; nothing here waits for Rucio or a disk."""

    def __init__(
        self,
        state: Path,
        options: Options,
        accounts: Accounts,
        catalog: Catalog,
        journal: Journal,
        store: Store,
        folders: Folders,
        view: View,
        evictor: Evictor,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._journal = journal
        self._store = store
        self.options = options
        self._publisher = Publisher(journal, store, view, self._hear)
        self._room = Room(store, journal.inventory, evictor, self._publisher)
        self.board = Board(
            JobFiles(state / "jobs"), lambda: self._room.free_bytes, self._tick, self._look_again
        )
        self.transfers = Transfers(
            self._loop, journal, store, self._publisher, accounts, catalog, options, self
        )
        planner = Planner(catalog, journal, store)
        self.plans = Plans(
            self.board, planner, accounts, view.root, lambda: self.options, store.free_bytes, self
        )
        self.obstacles = Obstacles(
            self.board,
            self._room,
            accounts,
            journal,
            planner,
            self.plans,
            self.transfers,
            self._publisher,
            self,
            store.root,
        )
        self._traces = Traces(accounts, options.send_traces, lambda: self.board.is_planning)
        self._ticked = time.monotonic()
        self._publisher.start()
        self.beginning = Beginning(
            accounts, journal, store, folders, evictor, self._publisher, self.board, self._take_up
        )

    async def close(self) -> None:
        """Keep every byte that has arrived."""
        self.board.close()
        self.plans.close()
        await asyncio.to_thread(self.transfers.carrier.close)
        await asyncio.to_thread(self._publisher.close)
        await asyncio.to_thread(self._note_speeds)
        await self.board.kept()
        self._traces.close()

    async def in_turn(self, action: Callable[[], T]) -> T:
        """Run something in the thread in which the files of the store and of the views come and go."""
        return await asyncio.wrap_future(self._publisher.ask(action))

    def adopt(self, options: Options) -> None:
        """Take over what can change while the engine runs."""
        self.options = options
        self.transfers.adopt(options)
        self._traces.enabled = options.send_traces

    # Beginning

    def _take_up(self) -> None:
        """The jobs of an earlier engine, and those that have come meanwhile."""
        for job in self.board.jobs:
            if job.state == "cancelled" or (job.state == "failed" and not job.planned):
                # The last engine may have died before it noted that.
                self._publisher.call(functools.partial(self._withdraw, job))
            elif not job.finished and job.state != "paused":
                self.go_on(job)
        self.sweep_soon()

    def go_on(self, job: Job) -> None:
        """Plan what is not planned, transfer what is."""
        job.cursor = 0
        job.refused_by.clear()
        if job.plan_read:
            self.board.set_state(job, "running")
            self._link_and_run(job)
        else:
            self.plan(job)

    def plan(self, job: Job) -> None:
        """Read what Rucio says of the job's files; they are fetched as they become known."""
        if not self.beginning.over:
            self.board.set_state(job, "planning")
            self.beginning.try_again()
            return
        self.plans.begin(job)
        self.transfers.carrier.prepare()

    # What the plans tell

    def plan_grew(self, job: Job) -> None:
        if job.active:
            self.feed()

    def plan_is_complete(self, job: Job) -> None:
        job.plan_read = True
        self.transfers.forgo(job.id)
        if job.record.pinned:
            self._publisher.call(functools.partial(self._pin, job))
        if job.state == "planning":
            self.board.set_state(job, "running")
        self._link_and_run(job)

    def _pin(self, job: Job) -> None:
        """In the publisher's thread, whose turn may come when the user has unpinned it."""
        if job.record.pinned:
            self._journal.inventory.pin(job.id)

    def plan_failed(self, job: Job, problem: Problem) -> None:
        self.halt(job)
        self.board.set_state(job, "failed", problem=problem)
        with contextlib.suppress(NoSpace):  # then the next start sees to it
            self._withdraw(job)
        self.sweep_soon()

    def plan_was_stopped(self, job: Job) -> None:
        if job.state == "cancelled":
            self._publisher.call(functools.partial(self._withdraw, job))

    def _withdraw(self, job: Job) -> None:
        self._journal.withdraw(job.id, lambda: job.finished)

    def _link_and_run(self, job: Job) -> None:
        """Show what is here already, then fetch the rest."""
        self._publisher.link_what_is_here(job.id)
        self.feed()

    # What the transfers tell

    def feed(self) -> None:
        """Hand more files to the byte engine."""
        if self.board.closing or not self.beginning.over:
            return
        active = self.board.active
        try:
            self.transfers.feed(active)
        except (NoSpace, OSError) as error:
            self.obstacles.halt_for_disk(active, disk_problem(error, self._store.root))
        self.board.keep_ticking()

    def ran_dry(self) -> None:
        self.feed()

    def is_active(self, job: str) -> bool:
        return (found := self.board.get(job)) is not None and found.active

    def is_asked_about(self, file: int) -> bool:
        return self.obstacles.is_asked_about(file)

    def space(self) -> Space | None:
        return self._room.space(self.options.quota_bytes)

    def short_of_room(self, job: Job) -> None:
        self.obstacles.short_of_room(job, self.options.quota_bytes)

    def passed_over(self, row: FileRow, fetched: Fetched) -> None:
        """Tell the jobs why another replica was used."""
        failure = fetched.passed_over[0]
        flight = self.transfers.flights.get(row.id)
        for job_id in flight.jobs if flight else ():
            if job := self.board.get(job_id):
                job.record.notice = f"{failure.sentence[:-1]}; using {fetched.rse} instead."
                self.board.touch(job)

    def gave_up(self, row: FileRow, failures: tuple[ReplicaFailure, ...]) -> None:
        self.obstacles.gave_up(row, failures)

    def all_taken_back(self) -> None:
        self.sweep_soon()

    # What the publisher tells

    def _hear(self, report: Report) -> None:
        self.transfers.hear(report)

    def reported(self, report: Report) -> None:
        if isinstance(report, NotPublished):
            for job in self.board.active:
                self.board.wait_for_disk(job, report.problem)
        elif isinstance(report, Published):
            self._published(report)
        elif isinstance(report, Failed):
            self._file_failed(report)
        elif isinstance(report, Linked):
            self._linked(report)

    def _published(self, report: Published) -> None:
        files = {arrived.row.id: arrived for arrived in report.files}
        ending: set[str] = set()
        for member in report.members:
            job = self.board.get(member.job)
            if job is not None and not job.finished:
                arrived = files[member.file]
                job.file_arrived(arrived.bytes, verified=arrived.verified)
                ending.add(job.id)
        self._traces.note(report.files)
        for job_id in ending:
            job = self.board.find(job_id)
            # What a job waits to sign in for, another job may bring.
            has_all = job.record.cause == "signin" and job.planned and job.files_open == 0
            if job.record.cause in OWN_DISK or has_all:
                self.go_on(job)
            self.board.touch(job)
            self._end_if_done(job)
        for again in (self.board.get(number) for number in report.again):
            if again is not None and again.planned and not again.finished:  # else its plan's end counts it
                self._publisher.link_what_is_here(again.id)

    def _file_failed(self, report: Failed) -> None:
        for member in report.members:
            job = self.board.get(member.job)
            if job is not None and not job.finished:
                job.files_failed += 1
                self.board.touch(job)
                self._end_if_done(job)

    def _linked(self, report: Linked) -> None:
        if report.gone:
            self._count_others(report.job)
        job = self.board.get(report.job)
        if job is None or job.planning or job.renewing:
            return
        seemed_done = job.files_open <= 0
        job.count(report.tallies)
        job.plan_read = job.planned = job.plan_read and not report.gone
        self.board.touch(job)
        if report.gone and job.active:
            self.plan(job)
            return
        if report.problem is not None and job.active:
            self.obstacles.halt_for_disk([job], report.problem)
            return
        if seemed_done and job.files_open > 0:  # the one that had them tried again may have been cancelled
            job.cursor = 0
            self.feed()
        self._end_if_done(job, counted=True)

    def _count_others(self, job_id: str) -> None:
        """What is gone for one job may be another's, too, which believes that it is here."""
        for job in self.board.active:
            if job.planned and job.id != job_id:
                self._publisher.link_what_is_here(job.id)

    # Stopping and ending

    def halt(self, job: Job) -> None:
        """Stop planning and take the job's files out of the air."""
        self.plans.stop(job)
        self.ground(job)

    def ground(self, job: Job) -> None:
        """Take the job's files out of the air."""
        self.transfers.release({job.id})
        job.bytes_flying = 0

    def _end_if_done(self, job: Job, *, counted: bool = False) -> None:
        """Every file of a planned job is here, failed or out of reach: say how it ended.

        What it could not have may be tried again for another job, and be told twice: unless its files
        were `counted` just now, the publisher counts them first, and `_linked` ends the job.
        """
        if not job.planned or job.planning or not job.active or job.files_open > 0:
            return
        if not counted and (job.files_failed or job.files_unreachable):
            self._publisher.link_what_is_here(job.id)
            return
        request = job.record.request
        if request.pattern is not None and job.files_total == 0:
            self.board.set_state(job, "failed", problem=_nothing_matches(request))
        elif job.files_done == job.files_total:
            self.board.set_state(job, "done")
        else:
            state: JobState = "partial" if job.files_done else "failed"
            self.board.set_state(job, state, problem=self._first_problem(job))
        if self.board.all_finished:
            self.sweep_soon()
            self._publisher.call(self._note_speeds)
            self._loop.call_later(REST_SECONDS, self._rest)

    def _first_problem(self, job: Job) -> Problem | None:
        for state in ("failed", *sorted(UNREACHABLE)):
            listed, _ = self._journal.listed(job.id, state, 0, 1)
            if listed:
                return listed[0].problem
        return None

    def _rest(self) -> None:
        """After the work: tell Rucio of it, and give back the memory that it took."""
        if not self.board.closing and self.board.all_finished:
            self._traces.send_now()
            self.obstacles.rest()
            self._loop.run_in_executor(None, self._give_back, self.transfers.rest())

    def _give_back(self, end_mover: Callable[[], None] | None) -> None:
        """In a thread."""
        if end_mover is not None:
            end_mover()
        self._journal.shrink()
        give_back()

    def _note_speeds(self) -> None:
        with contextlib.suppress(NoSpace):  # they are measured anew
            self._journal.note_speeds(dict(self.transfers.speeds))

    def sweep_soon(self) -> None:
        """Remove the parts that no job waits for, once it is known what each waits for."""
        if self.beginning.over and all(job.finished or job.planned for job in self.board.jobs):
            sweep = functools.partial(sweep_orphans, self._journal, self._store)
            self._publisher.call_once("sweep", sweep)

    # Time

    def _look_again(self, job: Job) -> None:
        if self.beginning.over:
            self.obstacles.look_again(job, self.options.quota_bytes)
        else:
            self.beginning.try_again()

    def _tick(self, active: list[Job]) -> None:
        at = time.monotonic()
        flying = self.transfers.update(max(1e-3, at - self._ticked))
        self._ticked = at
        for job in active:
            job.bytes_flying = flying.get(job.id, 0)
            if job.state == "running":
                job.measure(at)
            self.obstacles.notice_network(job)
            self.obstacles.notice_clouds(job)


def _nothing_matches(request: JobRequest) -> Problem:
    dids = ", ".join(str(did) for did in request.dids)
    return NotFound(f"No file of {dids} matches “{request.pattern}”.", do="choose").problem()
