"""CS3 clouds that refuse the user's sign-in: what only they have stays queued until they take it again.

The other files of a job go on; when none is left, the job waits. Each such cloud is asked again from time to time,
once for all files that wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from ..catalog.reach import CS3
from ..errors import Problem
from ..sources.failures import Kind, ReplicaFailure
from ..sources.model import Endpoint
from .board import Board
from .jobs import Job
from .journal import Journal
from .rows import FileRow
from .transfers import Transfers

REFUSED: Kind = "cs3-signin"
LOOK_SECONDS = 15.0
"""Between two questions whether a cloud takes the sign-in again; longer than a refusal is held against others."""
ADVICE = (
    "Renew the token or password where it comes from, for example by signing in there again;"
    " `jupyter rucio doctor` tells more. Nothing is lost: the files go on by themselves then."
)


class ClosedClouds:
    """Belongs on the engine's loop."""

    def __init__(
        self,
        board: Board,
        journal: Journal,
        transfers: Transfers,
        go_on: Callable[[Job], None],
        feed: Callable[[], None],
    ) -> None:
        """`go_on` sets a waiting job going, `feed` hands more files to the byte engine."""
        self._loop = asyncio.get_running_loop()
        self._board = board
        self._journal = journal
        self._transfers = transfers
        self._go_on = go_on
        self._feed = feed
        self._next_look: asyncio.TimerHandle | None = None

    def hold(self, row: FileRow, jobs: Iterable[Job], failures: Iterable[ReplicaFailure]) -> None:
        """Let a file wait that some cloud may give once it takes the sign-in."""
        rses = [failure.rse for failure in failures if failure.kind == REFUSED]
        for job in jobs:
            for rse in rses:
                job.refused_by.setdefault(rse, row)
            if job.active:
                job.record.notice = _problem_of(job).detail
                self._board.touch(job)
        self._look_later()

    def notice(self, job: Job) -> None:
        """Let a job wait that has nothing else to do."""
        if job.refused_by and job.state == "running" and job.planned and not self._has_more(job):
            job.record.notice = None
            self._board.wait(job, "signin", _problem_of(job))

    def _has_more(self, job: Job) -> bool:
        flies = any(job.id in flight.jobs for flight in self._transfers.flights.all)
        return flies or bool(self._journal.queued(job.id, job.cursor, 1))

    # Asking again

    def _look_later(self) -> None:
        if self._next_look is None:
            self._next_look = self._loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._next_look = None
        closed = {
            (row.instance, rse): row
            for job in self._board.jobs
            if not job.finished and job.state != "paused"
            for rse, row in job.refused_by.items()
        }
        if closed and not self._board.closing:
            for (_, rse), row in closed.items():
                self._ask(row, rse)
            self._look_later()

    def _ask(self, row: FileRow, rse: str) -> None:
        resolver = self._transfers.carrier.resolver
        urls = [pfn.url for pfn in row.pfns if pfn.scheme == CS3 and pfn.rse == rse]

        def tell(found: Endpoint | ReplicaFailure) -> None:
            self._loop.call_soon_threadsafe(self._answered, row.instance, rse, found)

        if resolver is not None and urls:
            resolver.probe(row.instance, Endpoint(rse, urls[0]), tell)

    def _answered(self, instance: str, rse: str, found: Endpoint | ReplicaFailure) -> None:
        """Whatever else a cloud may say, it is no longer the sign-in that is in the way."""
        if self._board.closing or (isinstance(found, ReplicaFailure) and found.kind == REFUSED):
            return
        for job in self._board.jobs:
            if job.record.request.instance == instance and rse in job.refused_by:
                self._reopen(job, rse)
        self._feed()

    def _reopen(self, job: Job, rse: str) -> None:
        """Take up the files that waited for a cloud."""
        if job.record.notice == _problem_of(job).detail:
            job.record.notice = None
        del job.refused_by[rse]
        if job.record.cause == "signin":
            self._go_on(job)
        else:
            job.cursor = 0


def _problem_of(job: Job) -> Problem:
    """Which clouds refuse the sign-in, and what to do about it."""
    failures = [ReplicaFailure(REFUSED, rse) for rse in sorted(job.refused_by)]
    detail = " ".join([*(failure.sentence for failure in failures), ADVICE])
    return replace(failures[0].problem(), detail=detail)
