"""Plans under way: read in threads, for they wait for Rucio; what comes of them is told on the loop.

Each instance has threads of its own, so that one that hangs delays no other's jobs.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from ..accounts.accounts import Accounts
from ..config import Options
from ..errors import Failure, NoSpace, Problem, RucioFault, RucioUnreachable, SignInNeeded, outline
from ..pauses import backoff
from .board import Board
from .jobs import UNREACHABLE, Job
from .layout import instance_folder
from .model import JobRequest
from .own_disk import disk_problem
from .planner import Batch, Overview, Planner, Terms
from .retries import MOST_FAULTS
from .room import in_words

logger = logging.getLogger(__name__)

THREADS_EACH = 4
FIRST_REPLAN, LONGEST_REPLAN = 2.0, 60.0
"""Seconds between attempts to ask a Rucio that does not answer."""
REFUSED_SECONDS = 15.0
"""Until a job is tried again that was refused although the user is signed in."""


class Extent(msgspec.Struct, frozen=True):
    """What a job is about that has to be confirmed."""

    files: int
    bytes: int
    files_here: int
    free_bytes: int


class Events(Protocol):
    """What the plans tell; all on the loop."""

    def plan_grew(self, job: Job) -> None:
        """Some of its files are in the journal."""

    def plan_is_complete(self, job: Job) -> None:
        """All of its files are in the journal."""

    def plan_failed(self, job: Job, problem: Problem) -> None:
        """There will be no plan."""

    def plan_was_stopped(self, job: Job) -> None:
        """Nothing more of it goes into the journal."""


class Plans:
    """Belongs on the engine's loop."""

    def __init__(
        self,
        board: Board,
        planner: Planner,
        accounts: Accounts,
        views: str,
        options: Callable[[], Options],
        free_bytes: Callable[[], int],
        events: Events,
    ) -> None:
        """`options` tells those in force."""
        self._loop = asyncio.get_running_loop()
        self._board = board
        self._planner = planner
        self._accounts = accounts
        self._views = views
        self._options = options
        self._free_bytes = free_bytes
        self._events = events
        self._stops: dict[str, threading.Event] = {}
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def begin(self, job: Job) -> None:
        """Read a job's plan, from its beginning; one that is being read goes on or begins anew."""
        if self._board.closing:
            return
        if job.planning or job.renewing:  # whoever sees to that begins
            self._board.set_state(job, "planning")
            return
        job.planning = True
        job.plan_anew()
        stop = self._stops[job.id] = threading.Event()
        request, prefix = job.record.request, job.record.prefix
        threads = self.threads(request.instance)
        future = self._loop.run_in_executor(threads, self._read, job, request, prefix, stop)
        future.add_done_callback(functools.partial(self._ended, job, stop))
        self._board.set_state(job, "planning")  # Rucio is asked while the disk takes that

    def stop(self, job: Job) -> None:
        """Read no further; `plan_was_stopped` follows where a plan was being read."""
        if stop := self._stops.pop(job.id, None):
            stop.set()

    def close(self) -> None:
        """Read no further; waits for nothing."""
        for stop in self._stops.values():
            stop.set()
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def threads(self, instance: str) -> ThreadPoolExecutor:
        """For whatever waits for that Rucio."""
        if instance not in self._threads:
            self._threads[instance] = ThreadPoolExecutor(THREADS_EACH, "planner")
        return self._threads[instance]

    def prefixes(self, instance: str) -> tuple[str, str]:
        """What is put before the view paths of an instance now, and what was when there were more, or fewer.

        It is its folder where there are several.
        """
        folder = f"{instance_folder(instance)}/"
        several = len(self._accounts.instances().instances) > 1
        return (folder, "") if several else ("", folder)

    def _read(
        self, job: Job, request: JobRequest, prefix: str | None, stop: threading.Event
    ) -> Extent | None:
        """In a thread. Returns its extent where the job needs a confirmation first."""
        if prefix is None:
            prefix, _ = self.prefixes(request.instance)
        overview = self._planner.overview(request, prefix)
        self._on_loop(self._take_overview, job, overview, prefix)
        options = self._options()
        if not request.confirmed and request.pattern is not None and _is_large(overview, options):
            overview = self._planner.narrowed(request, overview)
        if not request.confirmed and _is_large(overview, options) and self._planner.any_is_near(request):
            overview.close()
            here = self._planner.staged(request)
            return Extent(overview.files, overview.bytes, here, self._free_bytes())
        terms = Terms(request, self._accounts.instance(request.instance), options, prefix)
        grew = functools.partial(self._on_loop, self._grew, job)
        self._planner.plan(job.id, terms, overview, stop, grew)
        return None

    def _take_overview(self, job: Job, overview: Overview, prefix: str) -> None:
        job.record.growing = overview.growing
        job.record.path = f"{self._views}/{overview.path}".rstrip("/")
        if job.record.prefix is None:
            job.record.prefix = prefix
            self._board.save(job)  # the next engine may know more instances, or fewer
        self._board.touch(job)

    def _grew(self, job: Job, batch: Batch) -> None:
        """Count a batch roughly; the end of the plan counts exactly."""
        for file in batch.files:
            job.files_total += 1
            if file.state in UNREACHABLE:
                job.files_unreachable += 1
            else:
                job.bytes_total += file.bytes or 0
        job.cursor = min(job.cursor, batch.first - 1)
        self._board.touch(job)
        self._events.plan_grew(job)

    def _ended(self, job: Job, stop: threading.Event, future: asyncio.Future[Extent | None]) -> None:
        job.planning = False
        if self._stops.get(job.id) is stop:
            del self._stops[job.id]
        if self._board.closing or self._board.get(job.id) is not job:
            return
        if future.cancelled() or stop.is_set():
            if job.active:
                self.begin(job)  # it was halted and went on meanwhile
            else:
                self._events.plan_was_stopped(job)
            return
        error = future.exception()
        if error is None:
            self._succeeded(job, future.result())
        else:
            self._broke_off(job, error)

    def _broke_off(self, job: Job, error: BaseException) -> None:
        if isinstance(error, SignInNeeded):
            # Whoever signed in just before this job waits was told of already; it would wait for ever.
            signed_in = self._accounts.is_signed_in(job.record.request.instance)
            self._board.wait(job, "signin", error.problem(), REFUSED_SECONDS if signed_in else None)
        elif isinstance(error, RucioUnreachable):
            job.tries += 1
            pause = error.retry_after or backoff(FIRST_REPLAN, job.tries, LONGEST_REPLAN)
            self._board.wait(job, "network", error.problem(), pause)
        elif isinstance(error, RucioFault) and _may_pass(job):
            job.faults += 1
            pause = backoff(FIRST_REPLAN, job.faults, LONGEST_REPLAN)
            self._board.wait(job, "network", error.problem(), pause)
        elif isinstance(error, (NoSpace, OSError)):
            self._board.wait_for_disk(job, disk_problem(error, self._planner.store_path))
        elif isinstance(error, Failure):
            self._events.plan_failed(job, error.problem())
        else:
            logger.error("Planning a job failed: %s", outline(error))
            sentence = "Planning failed; the engine's log tells more."
            self._events.plan_failed(job, Problem("internal", sentence, "report"))

    def _succeeded(self, job: Job, extent: Extent | None) -> None:
        job.tries = job.faults = 0
        if extent is None:
            self._events.plan_is_complete(job)
            return
        job.files_total, job.bytes_total = extent.files, extent.bytes
        job.files_here, job.free_bytes = extent.files_here, extent.free_bytes
        sentence = (
            f"This is {extent.files:,} files, {in_words(extent.bytes)}; "
            f"{in_words(extent.free_bytes)} are free. Start it, or take a part."
        )
        self._board.wait(job, "confirm", Problem("confirm", sentence, "confirm", 409))

    def _on_loop(self, call: Callable[..., None], *values: object) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(call, *values)


def _is_large(overview: Overview, options: Options) -> bool:
    return overview.bytes > options.confirm_bytes or overview.files > options.confirm_files


def _may_pass(job: Job) -> bool:
    """Whether Rucio is asked again after an error of its own: where it has told of the job's files before."""
    return job.record.path is not None and job.faults < MOST_FAULTS
