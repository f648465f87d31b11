"""What stands in a job's way: a full disk, a lapsed sign-in, a dead network, addresses that ran out.

A job that can be helped waits, with the cause, and goes on by itself when that is gone; a file that
cannot be had fails.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Protocol

from ..accounts.accounts import Accounts
from ..errors import Failure, NoSpace, Problem, SignInNeeded
from ..sources.failures import ReplicaFailure, summary
from .board import Board
from .clouds import REFUSED, ClosedClouds
from .doubts import Doubts, Held
from .jobs import Job
from .journal import Journal
from .model import OWN_DISK
from .own_disk import broken_disk, disk_problem
from .planner import Planner
from .plans import REFUSED_SECONDS, Plans
from .publisher import Publisher
from .renewals import Renewals
from .room import Room
from .rows import FileRow
from .transfers import Transfers

SIGN_IN_LAPSED = SignInNeeded("Your sign-in has lapsed. Sign in, and the job goes on.").problem()


class Course(Protocol):
    """How a job is stopped and set going; all on the loop."""

    def go_on(self, job: Job) -> None:
        """Plan what is not planned, transfer what is."""

    def halt(self, job: Job) -> None:
        """Stop planning and take the job's files out of the air."""

    def feed(self) -> None:
        """Hand more files to the byte engine."""


class Obstacles:
    """Belongs on the engine's loop."""

    def __init__(
        self,
        board: Board,
        room: Room,
        accounts: Accounts,
        journal: Journal,
        planner: Planner,
        plans: Plans,
        transfers: Transfers,
        publisher: Publisher,
        course: Course,
        store_path: str,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._board = board
        self._room = room
        self._accounts = accounts
        self._journal = journal
        self._plans = plans
        self._transfers = transfers
        self._publisher = publisher
        self._course = course
        self._store_path = store_path
        self._clouds = ClosedClouds(board, journal, transfers, course.go_on, course.feed)
        self._doubts = Doubts(accounts, self._ask_rucio, self._answered)
        self._renewals = Renewals(planner, journal, self._ask_rucio, self._answered)
        self._asked_about: set[int] = set()
        """Files that wait for an answer of Rucio's."""
        self._asking: set[asyncio.Task[None]] = set()
        """What our own disk has to say."""
        self._searches: dict[str, asyncio.Task[None]] = {}
        """For room, by the job that needs it."""

    def rest(self) -> None:
        """No job is under way: forget what was last asked for which file."""
        self._doubts.rest()
        self._renewals.rest()

    # Our own disk

    def short_of_room(self, job: Job, quota: int | None) -> None:
        """Have room made for the job's next file; where there is none the job waits."""
        if job.id not in self._searches:
            self._searches[job.id] = self._loop.create_task(self._find_room(job, quota))

    async def _find_room(self, job: Job, quota: int | None) -> None:
        try:
            problem = await self._shortage(job, quota)
        finally:
            del self._searches[job.id]
        if self._board.closing:
            return
        waits = job.record.cause in OWN_DISK
        if problem is not None and (job.active or waits):
            self._board.wait_for_disk(job, problem)
        elif waits:
            self._course.go_on(job)
        self._course.feed()

    async def _shortage(self, job: Job, quota: int | None) -> Problem | None:
        rest_of_job = functools.partial(self._journal.bytes_queued, job.id)
        try:
            if job.record.cause == "disk":
                await self._room.try_disk()  # before everything is fetched anew in vain
            need = self._transfers.need_of(job)
            if need is None:
                return None
            sentence = await self._room.find(need, quota, rest_of_job, self._board.holding)
        except (OSError, Failure) as error:
            return disk_problem(error, self._store_path)
        return None if sentence is None else _no_space(sentence)

    def halt_for_disk(self, jobs: list[Job], problem: Problem) -> None:
        """Stop jobs until our own disk can take their files."""
        for job in jobs:
            self._course.halt(job)
            self._board.wait_for_disk(job, problem)

    def _halt_for_broken_disk(self, jobs: list[Job]) -> None:
        """Wait until the store can be written; what it says is asked in a thread."""
        self.halt_for_disk(jobs, broken_disk(self._store_path, None))
        for job in jobs:
            ask = self._loop.create_task(self._tell_of_disk(job))
            self._asking.add(ask)
            ask.add_done_callback(self._asking.discard)

    async def _tell_of_disk(self, job: Job) -> None:
        try:
            await self._room.try_disk()
        except OSError as error:
            if job.record.cause == "disk" and not self._board.closing:
                self._board.wait_for_disk(job, disk_problem(error, self._store_path))

    def look_again(self, job: Job, quota: int | None) -> None:
        """A job has waited long enough to try."""
        if job.record.cause == "disk" or (job.record.cause == "space" and job.plan_read):
            job.cursor = 0
            self.short_of_room(job, quota)  # it goes on where there is room
        else:
            self._course.go_on(job)

    # Files that no replica gave

    def gave_up(self, row: FileRow, failures: tuple[ReplicaFailure, ...]) -> None:
        """Wait, ask for fresh addresses, or note the failure."""
        found = {member.job: self._board.get(member.job) for member in self._journal.members_of([row.id])}
        wanting = [job for job in found.values() if job is not None and not job.finished]
        kinds = {each.kind for each in failures}
        if failures[-1].kind == "disk-full":
            self.halt_for_disk(wanting, _no_space(failures[-1].sentence))
        elif failures[-1].kind == "disk-error":
            self._halt_for_broken_disk(wanting)
        elif self._is_known_better(row):
            self._take_up([row])
        elif kinds & {"refused", "lapsed"} and not all(self._signed_in(job) for job in wanting):
            self._wait_for_sign_in(wanting)
        elif "lapsed" in kinds and self._renewals.may_help(row):
            self._asked_about.add(row.id)
            self._renewals.hold(row, wanting)
        elif self._doubts.arise(row, failures):
            self._asked_about.add(row.id)
            self._doubts.hold(row, wanting)
        elif REFUSED in kinds:
            self._clouds.hold(row, wanting, failures)
        else:
            self._publisher.fail(row, summary(list(failures)))

    def _is_known_better(self, row: FileRow) -> bool:
        """Whether a plan that came while it was on its way knows other replicas of it, or that it is another file."""
        now = self._journal.still_queued(row.id)
        if now is None:
            return False
        tried = {pfn.rse for pfn in row.pfns}
        same = (now.bytes, now.adler32, now.md5) == (row.bytes, row.adler32, row.md5)
        return not same or any(pfn.rse not in tried for pfn in now.pfns)

    def is_asked_about(self, file: int) -> bool:
        """Whether Rucio is being asked about a file, which has its turn when the answer is there."""
        return file in self._asked_about

    def _take_up(self, rows: Sequence[FileRow]) -> None:
        """Let files have their turn again, whoever wants them by now."""
        before = min(row.id for row in rows) - 1
        for job in self._board.active:
            job.cursor = min(job.cursor, before)
        self._course.feed()

    def _ask_rucio(
        self, instance: str, question: Callable[[], None], then: Callable[[BaseException | None], None]
    ) -> None:
        """Put a question in a thread; its error, or None, is told on the loop."""
        if self._board.closing:
            return

        def asked(future: asyncio.Future[None]) -> None:
            if not future.cancelled():
                then(future.exception())

        self._loop.run_in_executor(self._plans.threads(instance), question).add_done_callback(asked)

    def _answered(self, held: list[Held], error: BaseException | None) -> None:
        """Rucio was asked on behalf of some files."""
        rows = [row for row, _ in held]
        self._asked_about.difference_update(row.id for row in rows)
        jobs = list({job.id: job for _, wanting in held for job in wanting}.values())
        if isinstance(error, SignInNeeded):
            self._wait_for_sign_in(jobs)
        elif error is not None:  # the plan meets the same, and knows what the job is to wait for
            for job in jobs:
                if job.active:
                    self._course.halt(job)
                    self._plans.begin(job)
        self._take_up(rows)

    # The sign-in

    def _wait_for_sign_in(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.record.cause != "signin":  # else another file has said so
                self._course.halt(job)
                # Nobody tells of a sign-in where there is one already.
                seconds = REFUSED_SECONDS if self._signed_in(job) else None
                self._board.wait(job, "signin", SIGN_IN_LAPSED, seconds)

    def account_changed(self, instance: str) -> None:
        """Jobs that wait for a sign-in go on where there is one now."""
        for job in self._board.jobs:
            waits = job.record.cause == "signin" and job.record.request.instance == instance
            if waits and self._signed_in(job):
                self._course.go_on(job)

    def _signed_in(self, job: Job) -> bool:
        return self._accounts.is_signed_in(job.record.request.instance)

    def notice_clouds(self, job: Job) -> None:
        """A job whose other files have all come, or failed, waits for the clouds that refuse the sign-in."""
        self._clouds.notice(job)

    # The network

    def notice_network(self, job: Job) -> None:
        """A job whose files all stand before a dead or busy host waits for it, and goes on by itself."""
        blocked = self._transfers.blocked_by_network(job.id)
        if blocked is not None and job.state == "running":
            detail = f"{blocked.sentence} The job goes on by itself when that is over."
            self._board.set_state(job, "waiting", "network", Problem("network", detail, "wait", 502))
        elif (
            blocked is None
            and job.record.cause == "network"
            and job.planned
            and not self._board.has_timer(job)
        ):
            self._board.set_state(job, "running")


def _no_space(sentence: str) -> Problem:
    return NoSpace(f"{sentence} Free some space; the job then goes on.").problem()
