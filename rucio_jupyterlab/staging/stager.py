"""What users ask of their jobs and of the store.

The `conductor` leads each job from its plan to its end; `journal` and `jobs` remember.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..catalog.model import ReplicaTable
from ..config import Options
from ..config.model import MOST
from ..did import Did
from ..engine.protocol import Freed, ListTransfers, SetLimits, Update
from ..errors import BadRequest, Conflict, NoSpace
from ..importing import one_at_a_time
from .conductor import Conductor
from .evictor import ROWS, Evictor
from .folders import Folders
from .inside import Inside
from .jobs import Job
from .journal import Journal
from .layout import collection_path
from .listing import transfer_page
from .model import JobRequest, Jobs, JobSnapshot, StoreStatus, TransferPage
from .own_disk import disk_failure
from .store import Store
from .views import View

MOST_ENDED = 500
"""Jobs that can be looked at after their end, beside those that are pinned."""


class Stager:
    """All public methods belong on the engine's loop, and let it wait for neither Rucio nor a disk.

    What changes a job answers when the change is on the disk.
    """

    def __init__(self, state: Path, options: Options, accounts: Accounts, catalog: Catalog) -> None:
        self._accounts = accounts
        folders = Folders(options)
        self._views = folders.views
        self._store = Store(folders.store)
        self._journal = Journal(str(state / "journal.sqlite"), f"{self._store.root} {self._views}")
        view = View(self._views, options.link)
        self._evictor = Evictor(self._journal.inventory, self._store, view)
        self._inside = Inside(catalog, self._journal.inventory)
        self._conductor = Conductor(
            state, options, accounts, catalog, self._journal, self._store, folders, view, self._evictor
        )
        self._board = self._conductor.board
        self._plans = self._conductor.plans
        self._transfers = self._conductor.transfers

    async def close(self) -> None:
        """Checkpoint: keep every byte that has arrived. Takes well under five seconds."""
        await self._conductor.close()
        self._journal.close()

    def subscribe(self, listener: Callable[[Update], None]) -> None:
        """`listener` is called on the loop with what changed, at most five times a second for a job."""
        self._board.subscribe(listener)

    async def settled(self) -> None:
        """Return once what lies on the disk is known, or the folders cannot be used."""
        await self._conductor.beginning.settled()

    # Jobs

    async def start(self, request: JobRequest) -> JobSnapshot:
        """Begin a job. Raises BadRequest, NotFound, BadConfiguration; what Rucio says shows in its state."""
        if not request.dids:
            raise BadRequest("Name at least one DID to stage.")
        _check_first(request.first)
        self._accounts.instance(request.instance)
        await self._conductor.beginning.expect_folders()
        job = Job.new(request)
        self._board.add(job)
        self._conductor.plan(job)
        await self._board.kept()
        await self._clear_oldest()
        return job.snapshot()

    def jobs(self) -> Jobs:
        """All jobs as they stand."""
        return self._board.snapshots()

    def job(self, job_id: str) -> JobSnapshot:
        """Raises NotFound, as all do that are told a job."""
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
        self._conductor.plan(job)
        await self._board.kept()
        return job.snapshot()

    async def pause(self, job_id: str) -> JobSnapshot:
        """Stop a job's transfers; finished ranges are kept. A plan that is being read is read to its end."""
        job = self._board.find(job_id)
        if job.finished:
            raise Conflict("This job has ended; there is nothing to pause.")
        self._conductor.ground(job)
        self._board.set_state(job, "paused")
        await self._board.kept()
        return job.snapshot()

    async def resume(self, job_id: str) -> JobSnapshot:
        """Let a job go on that is paused or waits, whatever it waits for but a confirmation."""
        job = self._board.find(job_id)
        if job.state not in ("paused", "waiting"):
            raise Conflict("This job is not paused.")
        if job.record.cause == "confirm":
            raise Conflict("This job waits for a confirmation.")
        self._transfers.carrier.retry_now()
        self._conductor.go_on(job)
        await self._board.kept()
        return job.snapshot()

    async def cancel(self, job_id: str) -> JobSnapshot:
        """End a job; what is verified stays, and other jobs keep their transfers."""
        job = self._board.find(job_id)
        if job.finished:
            return job.snapshot()
        self._conductor.halt(job)
        self._board.set_state(job, "cancelled")
        await self._board.kept()
        await asyncio.to_thread(self._journal.withdraw, job.id, lambda: job.finished)
        self._conductor.sweep_soon()
        return job.snapshot()

    async def retry(self, job_id: str, download: bool | None) -> JobSnapshot:
        """Try again what failed or was out of reach."""
        await self.settled()
        job = self._board.find(job_id)
        if not job.finished:
            return await self.resume(job_id) if job.state in ("paused", "waiting") else job.snapshot()
        if download is not None:
            job.record.request = replace(job.record.request, download=download)
        job.record.request = replace(job.record.request, confirmed=True)
        job.plan_read = job.planned = False
        job.renewing = True  # what is still counted for its last plan comes too late
        self._board.set_state(job, "planning")  # from now on it holds its files
        await asyncio.shield(self._begin_anew(job))  # nobody else would plan it
        return job.snapshot()

    async def _begin_anew(self, job: Job) -> None:
        """Have a job planned that had ended, unless it is paused or cancelled meanwhile."""
        try:
            await asyncio.to_thread(self._journal.requeue, job.id, ["failed"])
            await asyncio.to_thread(self._journal.forget_plan, job.id)
        except NoSpace as error:
            self._board.wait_for_disk(job, error.problem())  # then it is planned
        finally:
            job.renewing = False
        if job.state == "planning" and not self._board.closing:
            job.cursor = job.tries = job.faults = 0
            self._transfers.carrier.retry_now()
            self._conductor.plan(job)
        else:
            self._conductor.plan_was_stopped(job)
        await self._board.kept()

    async def clear(self, job_ids: list[str] | None) -> None:
        """Take finished jobs off the list, those named or all that are not pinned; their files stay, without a pin."""
        await self.settled()
        finished = [job for job in self._board.jobs if job.finished]
        if job_ids is None:
            gone = [job for job in finished if not job.record.pinned]
        else:
            gone = [job for job in finished if job.id in job_ids]
        for job in gone:
            if job.record.pinned:
                await self._set_pin(job, False)  # nobody could do so later
            await self._forget(job)
        self._board.remove([job for job in gone if job.finished])  # one may have been begun anew meanwhile
        await self._board.kept()
        self._conductor.sweep_soon()

    async def _forget(self, job: Job) -> None:
        await asyncio.to_thread(self._journal.forget_job, job.id, lambda: job.finished)

    async def _clear_oldest(self) -> None:
        """Else whoever never clears has ever more of them."""
        ended = [job for job in self._board.jobs if job.finished and not job.record.pinned]
        if len(ended) > MOST_ENDED and self._conductor.beginning.over:
            ended.sort(key=lambda job: job.record.finished_at or 0.0)
            with contextlib.suppress(NoSpace):  # the next one that begins sees to it
                await self.clear([job.id for job in ended[:-MOST_ENDED]])

    async def pin(self, job_id: str, pinned: bool) -> JobSnapshot:
        """Keep a job's files whatever room is needed, or no longer."""
        await self.settled()
        job = self._board.find(job_id)
        await self._set_pin(job, pinned)
        self._board.save(job)
        self._board.touch(job)
        await self._board.kept()
        return job.snapshot()

    async def _set_pin(self, job: Job, pinned: bool) -> None:
        job.record.pinned |= pinned  # at once, lest another one's unpinning takes its files
        if pinned:
            await asyncio.to_thread(self._journal.inventory.pin, job.id)
        else:
            await asyncio.to_thread(self._journal.inventory.unpin, job.id, self._board.pinned)
        job.record.pinned = pinned  # not before: a full disk may have refused that

    async def transfers(self, ask: ListTransfers) -> TransferPage:
        """A page of a job's files."""
        job = self._board.find(ask.job_id)
        listed, total = await asyncio.to_thread(
            self._journal.listed, job.id, ask.state, ask.offset, min(ask.limit, 1000)
        )
        return transfer_page(listed, total, ask.offset, job.state, self._transfers.flights, self._views)

    # The store

    async def store(self) -> StoreStatus:
        """What is in it. Raises BadConfiguration where it cannot be made, BrokenDisk."""
        await self._conductor.beginning.expect_folders()
        files, used, pinned = await asyncio.to_thread(self._journal.inventory.usage)
        with self._disk_told():
            free = await asyncio.to_thread(self._store.free_bytes)
        options = self._conductor.options
        return StoreStatus(
            store_path=self._store.root,
            views_path=self._views,
            used_bytes=used,
            quota_bytes=options.quota_bytes,
            free_bytes=free,
            files=files,
            pinned_files=pinned,
            confirm_bytes=options.confirm_bytes,
            confirm_files=options.confirm_files,
            bandwidth_limit=options.bandwidth_limit,
            send_traces=options.send_traces,
        )

    async def evict(self, instance: str, did: Did) -> Freed:
        """Take a DID's files out of the store and the view.

        Raises Conflict where a job or a pin holds them, BrokenDisk.
        """
        return await asyncio.shield(self._evict(instance, did))  # what is claimed has to go

    async def _evict(self, instance: str, did: Did) -> Freed:
        claim = functools.partial(self._evictor.claim, instance, did, self._board.holding)
        claimed = await self._conductor.in_turn(claim)
        freed: list[Freed] = []
        refused: OSError | None = None
        for start in range(0, len(claimed), ROWS):
            remove = functools.partial(self._evictor.remove, claimed[start : start + ROWS])
            try:
                freed.append(await self._conductor.in_turn(remove))
            except OSError as error:
                refused = error  # what is left may go all the same
        if refused is not None:
            with self._disk_told():
                raise refused
        return Freed(sum(each.files for each in freed), sum(each.bytes for each in freed))

    @contextlib.contextmanager
    def _disk_told(self) -> Iterator[None]:
        """What our own disk refuses meanwhile is told as a failure."""
        try:
            yield
        except OSError as error:
            in_store = str(error.filename).startswith(self._store.root)
            raise disk_failure(error, self._store.root if in_store else self._views) from error

    async def local_state(self, instance: str, dids: list[Did]) -> dict[Did, tuple[int, str | None]]:
        """Of each DID, how many of its files are staged and where in the view."""
        await self.settled()
        return await asyncio.to_thread(self._staged, instance, dids)

    def _staged(self, instance: str, dids: list[Did]) -> dict[Did, tuple[int, str | None]]:
        """What the user has removed by hand from the view is not told."""
        prefixes = self._plans.prefixes(instance)
        found: dict[Did, tuple[int, str | None]] = {}
        for did in dids:
            files = self._journal.inventory.staged_in(instance, did)
            if files:
                names = [prefix + collection_path(did.scope, did.name) for prefix in prefixes]
            else:
                names = self._journal.inventory.staged_as(instance, did)
            paths = [f"{self._views}/{name}" for name in names]
            if path := next(filter(_shows_something, paths), None):
                found[did] = (files or 1, path)
        return found

    def staged_inside(self, instance: str, dids: list[Did]) -> dict[Did, int]:
        """Of collections without a folder of their own, how many files are here in those that hold them.

        Waits for Rucio, so a thread calls it. Raises what the catalogue raises.
        """
        found = {did: self._inside.count(instance, did) for did in dids}
        return {did: files for did, files in found.items() if files}

    def with_speeds(self, instance: str, table: ReplicaTable) -> ReplicaTable:
        """The table with how fast each RSE was when last read from."""
        speeds = self._transfers.speeds
        rses = [replace(each, bytes_per_second=speeds.get((instance, each.rse))) for each in table.rses]
        return replace(table, rses=rses)

    # Options and accounts

    @property
    def options(self) -> Options:
        """Those in force."""
        return self._conductor.options

    async def set_limits(self, ask: SetLimits) -> StoreStatus:
        """Change the limits until the engine ends."""
        options = self._conductor.options
        if ask.bandwidth_limit is not None:
            if not 0 <= ask.bandwidth_limit <= MOST:
                raise BadRequest(
                    "A bandwidth limit is in bytes per second, at least 0 and of at most 18 digits;"
                    " 0 takes it away."
                )
            options = replace(options, bandwidth_limit=ask.bandwidth_limit or None)
        if ask.send_traces is not None:
            options = replace(options, send_traces=ask.send_traces)
        self._conductor.adopt(options)
        return await self.store()

    def configure(self, options: Options) -> None:
        """Take over what can change while the engine runs; folders change with the next engine."""
        self._conductor.adopt(options)

    def account_changed(self, instance: str) -> None:
        """Jobs that wait for a sign-in go on where there is one now."""
        self._conductor.obstacles.account_changed(instance)

    @staticmethod
    def http_source() -> str | None:
        """libcurl's version, or None where pycurl is missing."""
        with one_at_a_time:
            from importlib.metadata import PackageNotFoundError, version

        try:
            return f"pycurl {version('pycurl')}"
        except PackageNotFoundError:
            return None


def _shows_something(path: str) -> bool:
    """Whether a file can be opened there, or anything lies in the folder; the user may have deleted it."""
    if os.path.isfile(path):
        return True
    try:
        with os.scandir(path) as inside:
            return any(inside)
    except OSError:
        return False


def _check_first(first: int | None) -> None:
    if first is not None and first < 1:
        raise BadRequest("The number of files must be at least 1.")
