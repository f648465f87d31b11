"""Jobs: what users asked for, carried through every state until their files can be opened.

The states and their causes are those of `model.JobState`. This class decides when a job plans, runs,
waits and ends; `planner` reads Rucio, `transfers` moves bytes, `publisher` makes files, `journal` and
`jobs` remember.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..config import Options
from ..did import Did
from ..engine.protocol import Freed, ListTransfers, SetLimits, Update
from ..errors import BadRequest, Conflict, Failure, NoSpace, NotFound, Problem, SignInNeeded
from ..sources.failures import ReplicaFailure, summary
from ..sources.model import Fetched
from .board import Board
from .evictor import Evictor
from .jobs import UNREACHABLE, Job, JobFiles, counted
from .journal import Journal
from .listing import transfer_page
from .memory import give_back
from .model import JobRequest, Jobs, JobSnapshot, StoreStatus, TransferPage
from .planner import Planner
from .plans import Plans
from .publisher import Failed, Linked, NotPublished, Published, Publisher, Report
from .rebuild import rebuild, sweep_orphans
from .room import SPACE_SECONDS, Room
from .rows import FileRow
from .store import Store
from .traces import Traces
from .transfers import Transfers
from .views import View

logger = logging.getLogger(__name__)

REST_SECONDS = 5.0
"""How long after the last job the byte engine is kept, with its connections."""
DEFAULT_VIEWS = "~/rucio"
STORE_BELOW_VIEWS = ".store"


class Stager:
    """All public methods belong on the engine's loop; none of them waits for Rucio or a disk."""

    def __init__(self, state: Path, options: Options, accounts: Accounts, catalog: Catalog) -> None:
        self._loop = asyncio.get_running_loop()
        self._accounts = accounts
        self._options = options
        self._views = str(Path(options.views_dir or DEFAULT_VIEWS).expanduser())
        self._store = Store(
            str(
                Path(options.store_dir).expanduser()
                if options.store_dir
                else Path(self._views, STORE_BELOW_VIEWS)
            )
        )
        self._journal = Journal(str(state / "journal.sqlite"), f"{self._store.root} {self._views}")
        view = View(self._views, options.link)
        self._publisher = Publisher(self._journal, self._store, view, self._hear)
        self._transfers = Transfers(
            self._loop, self._journal, self._store, self._publisher, accounts, options, self
        )
        self._planner = Planner(catalog, self._journal, self._store)
        self._evictor = Evictor(self._journal, self._store, view)
        self._traces = Traces(accounts, options.send_traces)
        self._room = Room(self._store, self._evictor)
        self._board = Board(JobFiles(state / "jobs"), self._store.free_bytes, self._tick, self._look_again)
        self._plans = Plans(
            self._board,
            self._planner,
            accounts,
            self._views,
            lambda: self._options,
            self._store.free_bytes,
            self,
        )
        self._ticked = time.monotonic()
        self._refreshed: dict[int, float] = {}
        """When a file's addresses were last asked anew, by its number."""
        self._publisher.start()
        self._wake_up()

    # Asked by users

    async def start(self, request: JobRequest) -> JobSnapshot:
        """Begin a job. Raises BadRequest, NotFound; what Rucio says shows in the job's state."""
        if not request.dids:
            raise BadRequest("Name at least one DID to stage.")
        _check_first(request.first)
        self._accounts.instance(request.instance)
        job = Job.new(request)
        self._board.add(job)
        self._plans.begin(job)
        self._loop.run_in_executor(None, Transfers.load_code)
        return job.snapshot()

    def jobs(self) -> Jobs:
        return self._board.snapshots()

    def job(self, job_id: str) -> JobSnapshot:
        return self._board.find(job_id).snapshot()

    async def confirm(self, job_id: str, first: int | None, pattern: str | None) -> JobSnapshot:
        """Start a job that waits for confirmation, or a part of it."""
        job = self._board.find(job_id)
        if job.record.cause != "confirm":
            raise Conflict("This job does not wait for a confirmation.")
        _check_first(first)
        request = job.record.request
        job.record.request = replace(
            request, confirmed=True, first=first or request.first, pattern=pattern or request.pattern
        )
        self._plans.begin(job)
        return job.snapshot()

    async def pause(self, job_id: str) -> JobSnapshot:
        """Stop a job's transfers; finished ranges are kept. A plan that is being read is read to its end."""
        job = self._board.find(job_id)
        if job.finished:
            raise Conflict("This job has ended; there is nothing to pause.")
        self._ground(job)
        self._board.set_state(job, "paused")
        return job.snapshot()

    async def resume(self, job_id: str) -> JobSnapshot:
        job = self._board.find(job_id)
        if job.state not in ("paused", "waiting"):
            raise Conflict("This job is not paused.")
        if job.record.cause == "confirm":
            raise Conflict("This job waits for a confirmation.")
        self._transfers.retry_now()
        self._go_on(job)
        return job.snapshot()

    async def cancel(self, job_id: str) -> JobSnapshot:
        """End a job; what is verified stays, and other jobs keep their transfers."""
        job = self._board.find(job_id)
        if job.finished:
            return job.snapshot()
        self._halt(job)
        self._board.set_state(job, "cancelled")
        await asyncio.to_thread(self._journal.withdraw, job.id)
        self._sweep_soon()
        return job.snapshot()

    async def retry(self, job_id: str, download: bool | None) -> JobSnapshot:
        """Try again what failed or was out of reach."""
        job = self._board.find(job_id)
        if not job.finished:
            return await self.resume(job_id) if job.state in ("paused", "waiting") else job.snapshot()
        if download is not None:
            job.record.request = replace(job.record.request, download=download)
        job.record.request = replace(job.record.request, confirmed=True)
        await asyncio.to_thread(self._journal.requeue, job.id, ["failed"])
        await asyncio.to_thread(self._journal.forget_plan, job.id)
        job.cursor = job.tries = 0
        self._transfers.retry_now()
        self._plans.begin(job)
        return job.snapshot()

    async def clear(self, job_ids: list[str] | None) -> None:
        """Take finished jobs off the list; their files stay."""
        gone = [job for job in self._board.jobs if job.finished and (job_ids is None or job.id in job_ids)]
        for job in gone:
            await asyncio.to_thread(self._journal.forget_job, job.id)
        self._board.remove(gone)

    async def pin(self, job_id: str, pinned: bool) -> JobSnapshot:
        """Keep a job's files whatever room is needed, or no longer."""
        job = self._board.find(job_id)
        job.record.pinned = pinned
        await asyncio.to_thread(self._journal.pin, job.id, pinned)
        if not pinned:  # a file may be in another pinned job, too
            await asyncio.to_thread(self._pin_again)
        self._board.save(job)
        self._board.touch(job)
        return job.snapshot()

    async def transfers(self, ask: ListTransfers) -> TransferPage:
        """A page of a job's files."""
        job = self._board.find(ask.job_id)
        listed, total = await asyncio.to_thread(
            self._journal.listed, job.id, ask.state, ask.offset, min(ask.limit, 1000)
        )
        return transfer_page(listed, total, ask.offset, job.state, self._transfers.flights, self._views)

    async def store(self) -> StoreStatus:
        files, used, pinned = await asyncio.to_thread(self._journal.usage)
        options = self._options
        return StoreStatus(
            store_path=self._store.root,
            views_path=self._views,
            used_bytes=used,
            quota_bytes=options.quota_bytes,
            free_bytes=await asyncio.to_thread(self._store.free_bytes),
            files=files,
            pinned_files=pinned,
            confirm_bytes=options.confirm_bytes,
            confirm_files=options.confirm_files,
            bandwidth_limit=options.bandwidth_limit,
            send_traces=options.send_traces,
        )

    async def set_limits(self, ask: SetLimits) -> StoreStatus:
        """Change the limits until the engine ends."""
        if ask.bandwidth_limit is not None:
            if ask.bandwidth_limit < 0:
                raise BadRequest("The bandwidth limit cannot be negative; 0 takes it away.")
            self._adopt(replace(self._options, bandwidth_limit=ask.bandwidth_limit or None))
        if ask.send_traces is not None:
            self._adopt(replace(self._options, send_traces=ask.send_traces))
        return await self.store()

    async def evict(self, instance: str, did: Did) -> Freed:
        """Take a DID's files out of the store and the view. Raises Conflict where a job or a pin holds them."""
        holding = self._board.holding()
        return await asyncio.to_thread(
            self._evictor.evict, instance, did, self._plans.prefix(instance), holding
        )

    async def local_state(self, instance: str, dids: list[Did]) -> dict[Did, tuple[int, str | None]]:
        """Of each DID, how many of its files are staged and where in the view."""
        return await asyncio.to_thread(self._evictor.staged, instance, dids, self._plans.prefix(instance))

    def subscribe(self, listener: Callable[[Update], None]) -> None:
        """`listener` is called on the loop with what changed, at most five times a second for a job."""
        self._board.subscribe(listener)

    def configure(self, options: Options) -> None:
        """Take over what can change while the engine runs; folders change with the next engine."""
        self._adopt(options)

    def account_changed(self, instance: str) -> None:
        """Jobs that wait for a sign-in go on where there is one now."""
        for job in self._board.jobs:
            if (
                job.record.cause == "signin"
                and job.record.request.instance == instance
                and self._signed_in(job)
            ):
                self._go_on(job)

    @staticmethod
    def http_source() -> str | None:
        """libcurl's version, or None where pycurl is missing."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            return f"pycurl {version('pycurl')}"
        except PackageNotFoundError:
            return None

    async def close(self) -> None:
        """Checkpoint: keep every byte that has arrived. Takes well under five seconds."""
        self._board.close()
        self._plans.close()
        await asyncio.to_thread(self._transfers.close)
        await asyncio.to_thread(self._publisher.close)
        with contextlib.suppress(Failure):
            self._journal.note_speeds(self._transfers.speeds)
        self._traces.close()
        self._journal.close()

    # Beginning

    def _wake_up(self) -> None:
        """Take up the jobs of an earlier engine."""
        if self._journal.fresh:
            rebuild(self._journal, self._store, self._views)
        for job in self._board.restore():
            counted(job, self._journal)
        for job in self._board.jobs:
            if job.state in ("cancelled", "failed"):  # the last engine may have died before it noted that
                self._publisher.call(functools.partial(self._journal.withdraw, job.id))
            elif not job.finished and job.state != "paused":
                self._go_on(job)
        self._sweep_soon()

    def _go_on(self, job: Job) -> None:
        """Plan what is not planned, transfer what is."""
        job.cursor = 0
        if job.planned:
            self._board.set_state(job, "running")
            self._link_and_run(job)
        else:
            self._plans.begin(job)

    # What the plans tell

    def plan_grew(self, job: Job) -> None:
        if job.active:
            self._feed()

    def plan_is_complete(self, job: Job) -> None:
        if job.record.pinned:
            self._publisher.call(functools.partial(self._journal.pin, job.id, True))
        if job.state == "planning":
            self._board.set_state(job, "running")
        self._link_and_run(job)

    def plan_failed(self, job: Job, problem: Problem) -> None:
        self._halt(job)
        self._board.set_state(job, "failed", problem=problem)
        with contextlib.suppress(NoSpace):  # then the next start sees to it
            self._journal.withdraw(job.id)
        self._sweep_soon()

    def plan_was_stopped(self, job: Job) -> None:
        if job.state == "cancelled":
            self._publisher.call(functools.partial(self._journal.withdraw, job.id))

    def _link_and_run(self, job: Job) -> None:
        """Show what is here already, then fetch the rest."""
        self._publisher.link_what_is_here(job.id)
        self._feed()

    def _linked(self, report: Linked) -> None:
        job = self._board.get(report.job)
        if job is None or job.planning:
            return
        job.count(report.tallies)
        job.planned = True
        self._board.touch(job)
        if report.problem is not None and job.active:
            self._halt(job)
            self._wait_for_space(job, report.problem)
            return
        self._end_if_done(job)

    # Transferring

    def _feed(self) -> None:
        if self._board.closing:
            return
        active = self._board.active
        try:
            self._transfers.feed(active)
        except NoSpace as error:
            for job in active:
                self._halt(job)
                self._wait_for_space(job, error.problem())
        self._board.keep_ticking()

    def is_active(self, job: str) -> bool:
        return (found := self._board.get(job)) is not None and found.active

    def room_for(self, job: Job, needed: int) -> bool:
        """Whether so many bytes fit on the disk and into the quota; if not, the job waits."""
        problem = self._room.shortage(needed, self._options.quota_bytes, self._board.holding())
        if problem is None:
            return True
        self._wait_for_space(job, NoSpace(f"{problem} Free some space; the job then goes on.").problem())
        return False

    def _wait_for_space(self, job: Job, problem: Problem) -> None:
        self._board.wait(job, "space", problem, SPACE_SECONDS)

    def ran_dry(self) -> None:
        self._feed()

    def all_taken_back(self) -> None:
        self._sweep_soon()

    def reported(self, report: Report) -> None:
        if isinstance(report, NotPublished):
            self._cannot_publish(report.problem)
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
            job = self._board.get(member.job)
            if job is not None and not job.finished:
                arrived = files[member.file]
                job.file_arrived(arrived.bytes, verified=arrived.verified)
                ending.add(job.id)
        self._traces.note(report.files)
        for job_id in ending:
            job = self._board.find(job_id)
            if job.record.cause == "space":
                self._go_on(job)
            self._board.touch(job)
            self._end_if_done(job)

    def _cannot_publish(self, problem: Problem) -> None:
        for job in self._board.jobs:
            if job.active:
                self._wait_for_space(job, problem)

    def passed_over(self, row: FileRow, fetched: Fetched) -> None:
        """Tell the jobs why another replica was used."""
        failure = fetched.passed_over[0]
        flight = self._transfers.flights[row.id]
        for job_id in flight.jobs:
            if job := self._board.get(job_id):
                job.record.notice = f"{failure.sentence[:-1]}; using {fetched.rse} instead."
                self._board.touch(job)

    def gave_up(self, row: FileRow, failures: tuple[ReplicaFailure, ...]) -> None:
        """No replica gave the file: wait, ask for fresh addresses, or note the failure."""
        found = {member.job: self._board.get(member.job) for member in self._journal.members_of([row.id])}
        wanting = [job for job in found.values() if job is not None and not job.finished]
        last = failures[-1]
        if last.kind in ("disk-full", "disk-error"):
            for job in wanting:
                self._halt(job)
                self._wait_for_space(
                    job, NoSpace(f"{last.sentence} Free some space; the job then goes on.").problem()
                )
            return
        if any(each.kind in ("refused", "lapsed") for each in failures):
            if not all(self._signed_in(job) for job in wanting):
                for job in wanting:
                    self._halt(job)
                    self._board.wait(
                        job,
                        "signin",
                        SignInNeeded("Your sign-in has lapsed. Sign in, and the job goes on.").problem(),
                    )
                return
            if any(each.kind == "lapsed" for each in failures) and not self._refreshed_lately(row):
                self._refresh(row, wanting)
                return
        self._publisher.fail(row, summary(list(failures)))

    def _file_failed(self, report: Failed) -> None:
        for member in report.members:
            job = self._board.get(member.job)
            if job is not None and not job.finished:
                job.files_failed += 1
                self._board.touch(job)
                self._end_if_done(job)

    def _refreshed_lately(self, row: FileRow) -> bool:
        at = self._refreshed.get(row.id)
        return at is not None and time.monotonic() - at < 60

    def _refresh(self, row: FileRow, wanting: list[Job]) -> None:
        """Signed addresses have lapsed: ask Rucio for new ones, then try again."""
        self._refreshed[row.id] = time.monotonic()
        rse = wanting[0].record.request.rse if wanting else None

        def ask() -> None:
            file = self._planner.fresh_addresses(row.instance, row.did, rse)
            if file is not None:
                self._journal.set_pfns(row.id, file.pfns)

        def asked(future: asyncio.Future[None]) -> None:
            if future.exception() is not None:
                for job in wanting:
                    if job.active:
                        self._halt(job)
                        self._plans.begin(job)
                return
            for job in wanting:
                job.cursor = min(job.cursor, row.id - 1)
            self._feed()

        self._loop.run_in_executor(self._plans.threads, ask).add_done_callback(asked)

    # States

    def _look_again(self, job: Job) -> None:
        self._room.look_anew()
        self._go_on(job)

    def _halt(self, job: Job) -> None:
        """Stop planning and take the job's files out of the air."""
        self._plans.stop(job)
        self._ground(job)

    def _ground(self, job: Job) -> None:
        self._transfers.release({job.id})
        job.bytes_flying = 0

    def _end_if_done(self, job: Job) -> None:
        """Every file of a planned job is here, failed or out of reach: say how it ended."""
        if not job.planned or job.planning or not job.active or job.files_open > 0:
            return
        problem = self._first_problem(job)
        if job.files_done == job.files_total:
            self._board.set_state(job, "done")
        elif job.files_done > 0:
            self._board.set_state(job, "partial", problem=problem)
        else:
            self._board.set_state(job, "failed", problem=problem)
        if self._board.all_finished:
            self._sweep_soon()
            with contextlib.suppress(NoSpace):  # they are measured anew
                self._journal.note_speeds(self._transfers.speeds)
            self._loop.call_later(REST_SECONDS, self._rest)

    def _rest(self) -> None:
        """After the work: give back the memory that it took."""
        if not self._board.closing and self._board.all_finished:
            end = self._transfers.rest()
            self._plans.threads.submit(_end_and_give_back, end)

    def _first_problem(self, job: Job) -> Problem | None:
        for state in ("failed", *sorted(UNREACHABLE)):
            listed, _ = self._journal.listed(job.id, state, 0, 1)
            if listed:
                return listed[0].problem
        return None

    def _tick(self, active: list[Job]) -> None:
        at = time.monotonic()
        flying = self._transfers.update(max(1e-3, at - self._ticked))
        self._ticked = at
        for job in active:
            job.bytes_flying = flying.get(job.id, 0)
            if job.state == "running":
                job.measure(at)
            self._notice_network(job)

    def _notice_network(self, job: Job) -> None:
        """A job whose files all stand before a dead host waits for the network, and goes on by itself."""
        blocked = self._transfers.blocked_by_network(job.id)
        if blocked is not None and job.state == "running":
            detail = f"{blocked.sentence} The job goes on by itself when it does."
            self._board.set_state(job, "waiting", "network", Problem("network", detail, "wait", 502))
        elif (
            blocked is None
            and job.record.cause == "network"
            and job.planned
            and not self._board.has_timer(job)
        ):
            self._board.set_state(job, "running")

    # Small things

    def _hear(self, report: Report) -> None:
        self._transfers.hear(report)

    def _signed_in(self, job: Job) -> bool:
        try:
            state = self._accounts.info(job.record.request.instance).account.state
        except NotFound:  # the instance was taken off the list
            return False
        return state in ("signed-in", "lapsing")

    def _adopt(self, options: Options) -> None:
        self._options = self._transfers.options = options
        self._transfers.limit_bandwidth(options.bandwidth_limit)
        self._traces.enabled = options.send_traces

    def _sweep_soon(self) -> None:
        """Remove the parts that no job waits for, once it is known what each waits for."""
        if all(job.finished or job.planned for job in self._board.jobs):
            self._publisher.call(functools.partial(sweep_orphans, self._journal, self._store))

    def _pin_again(self) -> None:
        for job in [job for job in self._board.jobs if job.record.pinned]:
            self._journal.pin(job.id, True)


def _check_first(first: int | None) -> None:
    if first is not None and first < 1:
        raise BadRequest("The number of files must be at least 1.")


def _end_and_give_back(end: Callable[[], None] | None) -> None:
    if end is not None:
        end()
    give_back()
