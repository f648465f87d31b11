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
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..config import Options
from ..did import Did
from ..engine.protocol import Freed, ListTransfers, SetLimits, Update
from ..errors import BadRequest, Conflict, Failure, NoSpace, NotFound, Problem, RucioUnreachable, SignInNeeded
from ..sources.failures import ReplicaFailure, summary
from ..sources.model import Fetched
from .evictor import Evictor
from .jobs import UNREACHABLE, Job, JobFiles, counted
from .journal import Journal, now
from .layout import instance_folder
from .listing import transfer_page
from .memory import give_back
from .model import Cause, JobRequest, Jobs, JobSnapshot, JobState, StoreStatus, TransferPage
from .planner import Batch, Overview, Planner
from .publisher import Failed, Linked, NotPublished, Published, Publisher, Report
from .rebuild import rebuild, sweep_orphans
from .rows import FileRow
from .store import Store
from .traces import Traces
from .transfers import Transfers
from .views import View

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
REST_SECONDS = 5.0
"""How long after the last job the byte engine is kept, with its connections."""
SPACE_SECONDS = 5.0
"""How often a job that waits for space looks again."""
FIRST_REPLAN, LONGEST_REPLAN = 2.0, 60.0
"""Seconds between attempts to ask a Rucio that does not answer."""
DEFAULT_VIEWS = "~/rucio"
STORE_BELOW_VIEWS = ".store"


class Stager:
    """All public methods belong on the engine's loop; none of them waits for Rucio or a disk."""

    def __init__(self, state: Path, options: Options, accounts: Accounts, catalog: Catalog) -> None:
        self._loop = asyncio.get_running_loop()
        self._accounts = accounts
        self._options = options
        self._listeners: list[Callable[[Update], None]] = []
        self._jobs: dict[str, Job] = {}
        self._stops: dict[str, threading.Event] = {}
        self._touched: set[str] = set()
        self._files = JobFiles(state / "jobs")
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
        self._threads = ThreadPoolExecutor(4, "planner")
        self._free = self._store.free_bytes()
        self._free_read = time.monotonic()
        self._ticker: asyncio.TimerHandle | None = None
        self._ticked = time.monotonic()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._refreshed: dict[int, float] = {}
        """When a file's addresses were last asked anew, by its number."""
        self._closing = False
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
        self._jobs[job.id] = job
        self._save(job)
        self._plan(job)
        return job.snapshot()

    def jobs(self) -> Jobs:
        newest_first = sorted(self._jobs.values(), key=lambda job: job.record.created_at, reverse=True)
        return Jobs([job.snapshot() for job in newest_first])

    def job(self, job_id: str) -> JobSnapshot:
        return self._find(job_id).snapshot()

    async def confirm(self, job_id: str, first: int | None, pattern: str | None) -> JobSnapshot:
        """Start a job that waits for confirmation, or a part of it."""
        job = self._find(job_id)
        if job.record.cause != "confirm":
            raise Conflict("This job does not wait for a confirmation.")
        _check_first(first)
        request = job.record.request
        job.record.request = replace(
            request, confirmed=True, first=first or request.first, pattern=pattern or request.pattern
        )
        self._plan(job)
        return job.snapshot()

    async def pause(self, job_id: str) -> JobSnapshot:
        """Stop a job's transfers; finished ranges are kept."""
        job = self._find(job_id)
        if job.finished:
            raise Conflict("This job has ended; there is nothing to pause.")
        self._halt(job)
        self._set_state(job, "paused")
        return job.snapshot()

    async def resume(self, job_id: str) -> JobSnapshot:
        job = self._find(job_id)
        if job.state not in ("paused", "waiting"):
            raise Conflict("This job is not paused.")
        if job.record.cause == "confirm":
            raise Conflict("This job waits for a confirmation.")
        self._transfers.retry_now()
        self._go_on(job)
        return job.snapshot()

    async def cancel(self, job_id: str) -> JobSnapshot:
        """End a job; what is verified stays, and other jobs keep their transfers."""
        job = self._find(job_id)
        if job.finished:
            return job.snapshot()
        self._halt(job)
        self._set_state(job, "cancelled")
        await asyncio.to_thread(self._journal.withdraw, job.id)
        self._sweep_soon()
        return job.snapshot()

    async def retry(self, job_id: str, download: bool | None) -> JobSnapshot:
        """Try again what failed or was out of reach."""
        job = self._find(job_id)
        if not job.finished:
            return await self.resume(job_id) if job.state in ("paused", "waiting") else job.snapshot()
        if download is not None:
            job.record.request = replace(job.record.request, download=download)
        job.record.request = replace(job.record.request, confirmed=True)
        await asyncio.to_thread(self._journal.requeue, job.id, ["failed"])
        await asyncio.to_thread(self._journal.forget_plan, job.id)
        job.cursor = job.tries = 0
        self._transfers.retry_now()
        self._plan(job)
        return job.snapshot()

    async def clear(self, job_ids: list[str] | None) -> None:
        """Take finished jobs off the list; their files stay."""
        gone = [job for job in self._jobs.values() if job.finished and (job_ids is None or job.id in job_ids)]
        for job in gone:
            del self._jobs[job.id]
            await asyncio.to_thread(self._journal.forget_job, job.id)
            self._files.forget(job.id)
        if gone:
            self._tell(Update(gone=[job.id for job in gone]))

    async def pin(self, job_id: str, pinned: bool) -> JobSnapshot:
        """Keep a job's files whatever room is needed, or no longer."""
        job = self._find(job_id)
        job.record.pinned = pinned
        await asyncio.to_thread(self._journal.pin, job.id, pinned)
        if not pinned:  # a file may be in another pinned job, too
            await asyncio.to_thread(self._pin_again)
        self._save(job)
        self._touch(job)
        return job.snapshot()

    async def transfers(self, ask: ListTransfers) -> TransferPage:
        """A page of a job's files."""
        job = self._find(ask.job_id)
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
        holding = [job.id for job in self._jobs.values() if not job.finished]
        return await asyncio.to_thread(self._evictor.evict, instance, did, self._prefix(instance), holding)

    async def local_state(self, instance: str, dids: list[Did]) -> dict[Did, tuple[int, str | None]]:
        """Of each DID, how many of its files are staged and where in the view."""
        return await asyncio.to_thread(self._evictor.staged, instance, dids, self._prefix(instance))

    def subscribe(self, listener: Callable[[Update], None]) -> None:
        """`listener` is called on the loop with what changed, at most five times a second for a job."""
        self._listeners.append(listener)

    def configure(self, options: Options) -> None:
        """Take over what can change while the engine runs; folders change with the next engine."""
        self._adopt(options)

    def account_changed(self, instance: str) -> None:
        """Jobs that wait for a sign-in go on where there is one now."""
        for job in self._jobs.values():
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
        self._closing = True
        for timer in self._timers.values():
            timer.cancel()
        if self._ticker is not None:
            self._ticker.cancel()
        for stop in self._stops.values():
            stop.set()
        await asyncio.to_thread(self._transfers.close)
        await asyncio.to_thread(self._publisher.close)
        with contextlib.suppress(Failure):
            self._journal.note_speeds(self._transfers.speeds)
        self._traces.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._journal.close()

    # Beginning

    def _wake_up(self) -> None:
        """Take up the jobs of an earlier engine."""
        if self._journal.fresh:
            rebuild(self._journal, self._store, self._views)
        for record in self._files.load():
            self._jobs[record.id] = counted(Job(record), self._journal)
        for job in self._jobs.values():
            if job.state in ("cancelled", "failed"):  # the last engine may have died before it noted that
                self._publisher.call(functools.partial(self._journal.withdraw, job.id))
            elif not job.finished and job.state != "paused":
                self._go_on(job)
        self._sweep_soon()

    def _go_on(self, job: Job) -> None:
        """Plan what is not planned, transfer what is."""
        job.cursor = 0
        if job.planned:
            self._set_state(job, "running")
            self._link_and_run(job)
        else:
            self._plan(job)

    # Planning

    def _plan(self, job: Job) -> None:
        if job.planning:
            self._set_state(job, "planning")
            return
        job.planning = True
        job.count_anew()
        self._set_state(job, "planning")
        stop = self._stops[job.id] = threading.Event()
        future = self._loop.run_in_executor(self._threads, self._read_plan, job, job.record.request, stop)
        future.add_done_callback(functools.partial(self._plan_ended, job, stop))

    def _read_plan(self, job: Job, request: JobRequest, stop: threading.Event) -> Overview | None:
        """In a planner's thread. Returns an overview where the job needs a confirmation first."""
        prefix = self._prefix(request.instance)
        overview = self._planner.overview(request, prefix)
        self._on_loop(self._take_overview, job, overview)
        options = self._options
        large = overview.bytes > options.confirm_bytes or overview.files > options.confirm_files
        if large and not request.confirmed and self._planner.any_is_near(request):
            return overview
        instance = self._accounts.instance(request.instance)
        self._planner.plan(
            job.id,
            request,
            instance,
            options,
            prefix,
            stop,
            functools.partial(self._on_loop, self._plan_grew, job),
        )
        return None

    def _take_overview(self, job: Job, overview: Overview) -> None:
        job.record.growing = overview.growing
        job.record.path = f"{self._views}/{overview.path}"
        self._touch(job)

    def _plan_grew(self, job: Job, batch: Batch) -> None:
        """Count a batch roughly; the end of the plan counts exactly."""
        for file in batch.files:
            job.files_total += 1
            if file.state in UNREACHABLE:
                job.files_unreachable += 1
            else:
                job.bytes_total += file.bytes or 0
        job.cursor = min(job.cursor, batch.first - 1)
        self._touch(job)
        if job.active:
            self._feed()

    def _plan_ended(self, job: Job, stop: threading.Event, future: asyncio.Future[Overview | None]) -> None:
        job.planning = False
        if self._closing or self._jobs.get(job.id) is not job:
            return
        if future.cancelled() or stop.is_set():
            if job.active:
                self._plan(job)  # it was halted and went on meanwhile
            elif job.state == "cancelled":
                self._publisher.call(functools.partial(self._journal.withdraw, job.id))
            return
        error = future.exception()
        if error is None:
            self._planned(job, future.result())
        elif isinstance(error, SignInNeeded):
            self._wait(job, "signin", error.problem())
        elif isinstance(error, RucioUnreachable):
            job.tries += 1
            self._wait(job, "network", error.problem())
            self._later(job, min(LONGEST_REPLAN, FIRST_REPLAN * 2 ** (job.tries - 1)))
        elif isinstance(error, NoSpace):
            self._wait(job, "space", error.problem())
            self._later(job, SPACE_SECONDS)
        elif isinstance(error, Failure):
            self._fail(job, error.problem())
        else:
            logger.error("Planning a job failed", exc_info=error)
            self._fail(job, Problem("internal", "Planning failed; the engine's log tells more.", "report"))

    def _planned(self, job: Job, overview: Overview | None) -> None:
        job.tries = 0
        if overview is not None:
            job.files_total, job.bytes_total = overview.files, overview.bytes
            job.files_here = self._journal.staged_below(overview.path)
            self._ask_for_confirmation(job, overview)
            return
        if job.record.pinned:
            self._publisher.call(functools.partial(self._journal.pin, job.id, True))
        if job.state == "planning":
            self._set_state(job, "running")
        self._link_and_run(job)

    def _ask_for_confirmation(self, job: Job, overview: Overview) -> None:
        job.free_bytes = self._store.free_bytes()
        detail = (
            f"This is {overview.files:,} files, {_gigabytes(overview.bytes)}; "
            f"{_gigabytes(job.free_bytes)} are free. Start it, or take a part."
        )
        self._wait(job, "confirm", Problem("confirm", detail, "confirm", 409))

    def _link_and_run(self, job: Job) -> None:
        """Show what is here already, then fetch the rest."""
        self._publisher.link_what_is_here(job.id)
        self._feed()

    def _linked(self, report: Linked) -> None:
        job = self._jobs.get(report.job)
        if job is None or job.planning:
            return
        job.count(report.tallies)
        job.planned = True
        self._touch(job)
        if report.problem is not None and job.active:
            self._halt(job)
            self._wait(job, "space", report.problem)
            self._later(job, SPACE_SECONDS)
            return
        self._end_if_done(job)

    # Transferring

    def _feed(self) -> None:
        if self._closing:
            return
        active = [job for job in self._jobs.values() if job.active]
        try:
            self._transfers.feed(active)
        except NoSpace as error:
            for job in active:
                self._halt(job)
                self._wait(job, "space", error.problem())
                self._later(job, SPACE_SECONDS)
        self._keep_ticking()

    def is_active(self, job: str) -> bool:
        return job in self._jobs and self._jobs[job].active

    def room_for(self, job: Job, needed: int) -> bool:
        """Whether so many bytes fit on the disk and into the quota; if not, the job waits."""
        if time.monotonic() - self._free_read > 1.0:
            self._free, self._free_read = self._store.free_bytes(), time.monotonic()
        problem = None
        if needed > self._free:
            problem = f"The disk of the store has {_gigabytes(self._free)} free, and {_gigabytes(needed)} are needed."
        elif self._options.quota_bytes is not None:
            holding = [each.id for each in self._jobs.values() if not each.finished]
            lacking = self._evictor.lacking(needed, self._options.quota_bytes, holding)
            if lacking > 0:
                problem = f"The store's quota is full; {_gigabytes(lacking)} more are needed."
        if problem is None:
            return True
        self._wait(job, "space", NoSpace(f"{problem} Free some space; the job then goes on.").problem())
        self._later(job, SPACE_SECONDS)
        return False

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
            job = self._jobs.get(member.job)
            if job is not None and not job.finished:
                arrived = files[member.file]
                job.file_arrived(arrived.bytes, verified=arrived.verified)
                ending.add(job.id)
        self._traces.note(report.files)
        for job_id in ending:
            job = self._jobs[job_id]
            if job.record.cause == "space":
                self._go_on(job)
            self._touch(job)
            self._end_if_done(job)

    def _cannot_publish(self, problem: Problem) -> None:
        for job in self._jobs.values():
            if job.active:
                self._wait(job, "space", problem)
                self._later(job, SPACE_SECONDS)

    def passed_over(self, row: FileRow, fetched: Fetched) -> None:
        """Tell the jobs why another replica was used."""
        failure = fetched.passed_over[0]
        flight = self._transfers.flights[row.id]
        for job_id in flight.jobs:
            if job := self._jobs.get(job_id):
                job.record.notice = f"{failure.sentence[:-1]}; using {fetched.rse} instead."
                self._touch(job)

    def gave_up(self, row: FileRow, failures: tuple[ReplicaFailure, ...]) -> None:
        """No replica gave the file: wait, ask for fresh addresses, or note the failure."""
        found = {member.job: self._jobs.get(member.job) for member in self._journal.members_of([row.id])}
        wanting = [job for job in found.values() if job is not None and not job.finished]
        last = failures[-1]
        if last.kind in ("disk-full", "disk-error"):
            for job in wanting:
                self._halt(job)
                self._wait(
                    job, "space", NoSpace(f"{last.sentence} Free some space; the job then goes on.").problem()
                )
                self._later(job, SPACE_SECONDS)
            return
        if any(each.kind in ("refused", "lapsed") for each in failures):
            if not all(self._signed_in(job) for job in wanting):
                for job in wanting:
                    self._halt(job)
                    self._wait(
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
            job = self._jobs.get(member.job)
            if job is not None and not job.finished:
                job.files_failed += 1
                self._touch(job)
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
                        self._plan(job)
                return
            for job in wanting:
                job.cursor = min(job.cursor, row.id - 1)
            self._feed()

        self._loop.run_in_executor(self._threads, ask).add_done_callback(asked)

    # States

    def _set_state(
        self, job: Job, state: JobState, cause: Cause | None = None, problem: Problem | None = None
    ) -> None:
        record = job.record
        if timer := self._timers.pop(job.id, None):
            timer.cancel()
        record.state, record.cause, record.problem = state, cause, problem
        if job.finished:
            record.finished_at = now()
        if state != "running":
            job.rest()
        self._save(job)
        self._touch(job, at_once=True)

    def _wait(self, job: Job, cause: Cause, problem: Problem) -> None:
        if not job.finished and job.state != "paused":
            if cause == "space":
                job.free_bytes = self._store.free_bytes()
            self._set_state(job, "waiting", cause, problem)

    def _later(self, job: Job, seconds: float) -> None:
        """Look again whether a waiting job can go on."""
        if job.state == "waiting":
            self._timers[job.id] = self._loop.call_later(seconds, self._look_again, job)

    def _look_again(self, job: Job) -> None:
        self._timers.pop(job.id, None)
        if job.state == "waiting" and not self._closing:
            self._free_read = 0.0
            self._go_on(job)

    def _fail(self, job: Job, problem: Problem) -> None:
        self._halt(job)
        self._set_state(job, "failed", problem=problem)
        with contextlib.suppress(NoSpace):  # then the next start sees to it
            self._journal.withdraw(job.id)
        self._sweep_soon()

    def _halt(self, job: Job) -> None:
        """Stop planning and take the job's files out of the air."""
        if stop := self._stops.pop(job.id, None):
            stop.set()
        self._transfers.release({job.id})
        job.bytes_flying = 0

    def _end_if_done(self, job: Job) -> None:
        """Every file of a planned job is here, failed or out of reach: say how it ended."""
        if not job.planned or job.planning or not job.active or job.files_open > 0:
            return
        problem = self._first_problem(job)
        if job.files_done == job.files_total:
            self._set_state(job, "done")
        elif job.files_done > 0:
            self._set_state(job, "partial", problem=problem)
        else:
            self._set_state(job, "failed", problem=problem)
        if all(each.finished for each in self._jobs.values()):
            self._sweep_soon()
            self._journal.note_speeds(self._transfers.speeds)
            self._loop.call_later(REST_SECONDS, self._rest)

    def _rest(self) -> None:
        """After the work: give back the memory that it took."""
        if not self._closing and all(job.finished for job in self._jobs.values()):
            end = self._transfers.rest()
            self._threads.submit(_end_and_give_back, end)

    def _first_problem(self, job: Job) -> Problem | None:
        for state in ("failed", *sorted(UNREACHABLE)):
            listed, _ = self._journal.listed(job.id, state, 0, 1)
            if listed:
                return listed[0].problem
        return None

    # Telling

    def _tick(self) -> None:
        self._ticker = None
        at = time.monotonic()
        flying = self._transfers.update(max(1e-3, at - self._ticked))
        self._ticked = at
        running = [job for job in self._jobs.values() if job.active]
        for job in running:
            job.bytes_flying = flying.get(job.id, 0)
            if job.state == "running":
                job.measure(at)
            self._notice_network(job)
            self._touched.add(job.id)
        self._flush()
        if running:
            self._keep_ticking()

    def _notice_network(self, job: Job) -> None:
        """A job whose files all stand before a dead host waits for the network, and goes on by itself."""
        blocked = self._transfers.blocked_by_network(job.id)
        if blocked is not None and job.state == "running":
            detail = f"{blocked.sentence} The job goes on by itself when it does."
            self._set_state(job, "waiting", "network", Problem("network", detail, "wait", 502))
        elif blocked is None and job.record.cause == "network" and job.planned and job.id not in self._timers:
            self._set_state(job, "running")

    def _keep_ticking(self) -> None:
        if self._ticker is None and not self._closing and any(job.active for job in self._jobs.values()):
            self._ticker = self._loop.call_later(TICK_SECONDS, self._tick)

    def _touch(self, job: Job, *, at_once: bool = False) -> None:
        self._touched.add(job.id)
        if at_once:
            self._loop.call_soon(self._flush)
        self._keep_ticking()

    def _flush(self) -> None:
        changed = [self._jobs[number].snapshot() for number in self._touched if number in self._jobs]
        self._touched.clear()
        if changed:
            self._tell(Update(jobs=changed))

    def _tell(self, update: Update) -> None:
        for listener in self._listeners:
            listener(update)

    # Small things

    def _hear(self, report: Report) -> None:
        self._transfers.hear(report)

    def _on_loop(self, call: Callable[..., None], *values: object) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(call, *values)

    def _find(self, job_id: str) -> Job:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFound("This job is gone.") from None

    def _signed_in(self, job: Job) -> bool:
        try:
            state = self._accounts.info(job.record.request.instance).account.state
        except NotFound:  # the instance was taken off the list
            return False
        return state in ("signed-in", "lapsing")

    def _prefix(self, instance: str) -> str:
        """Views are told apart by instance where there are several."""
        several = len(self._accounts.instances().instances) > 1
        return f"{instance_folder(instance)}/" if several else ""

    def _save(self, job: Job) -> None:
        try:
            self._files.save(job.record)
        except OSError:
            logger.warning("The state folder's disk is full or broken; job %s could not be saved.", job.id)

    def _adopt(self, options: Options) -> None:
        self._options = self._transfers.options = options
        self._transfers.limit_bandwidth(options.bandwidth_limit)
        self._traces.enabled = options.send_traces

    def _sweep_soon(self) -> None:
        """Remove the parts that no job waits for, once it is known what each waits for."""
        if all(job.finished or job.planned for job in self._jobs.values()):
            self._publisher.call(functools.partial(sweep_orphans, self._journal, self._store))

    def _pin_again(self) -> None:
        for job in [job for job in self._jobs.values() if job.record.pinned]:
            self._journal.pin(job.id, True)


def _check_first(first: int | None) -> None:
    if first is not None and first < 1:
        raise BadRequest("The number of files must be at least 1.")


def _end_and_give_back(end: Callable[[], None] | None) -> None:
    if end is not None:
        end()
    give_back()


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
