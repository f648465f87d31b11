"""Files in flight: from the journal to the byte engine, and from there to the publisher.

One transfer serves all jobs that want its file. Everything here runs on the engine's loop; the byte
engine and the publisher report from their own threads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..config import Options
from ..sources.checksum import normalized_adler32
from ..sources.failures import NETWORK, ReplicaFailure
from ..sources.model import Cancelled, Fetched, GaveUp, Outcome, Progress
from ..sources.part import RANGE_BYTES
from .carrier import Carrier
from .cores import Cores
from .flights import Flight, Flights
from .jobs import Job
from .journal import Journal
from .publisher import Adopted, Arrived, NotAdopted, Published, Publisher, Report
from .room import Need, Space
from .rows import FileRow
from .speeds import Speeds
from .store import Store
from .works import work_for

logger = logging.getLogger(__name__)

WINDOW = 192
"""Files handed to the byte engine ahead of time; enough that it never waits for the journal."""
MOST_LANDING = 4096
"""Files whose bytes are complete and not yet durable; a slow disk shares its cost among so many."""
REFILL = 64
MANY, SMALL_BYTES = 32, 128 << 10
"""So many files in flight, of so few bytes each, come sooner where one core does all of the work."""
NEWS_SECONDS = 0.02
"""Between two looks at the news: waking the loop, and publishing, cost less for many files at once."""
BUSY_SECONDS = 5.0
"""A storage that has sent everybody away for so long is a reason to wait that is told."""


class Events(Protocol):
    """What the transfers tell; all on the loop."""

    def space(self) -> Space | None:
        """What may still be filled; None where the disk has to be asked first."""

    def short_of_room(self, job: Job) -> None:
        """The job's next file does not fit, or it is not known whether: more is fed when that is settled."""

    def is_active(self, job: str) -> bool:
        """Whether a job's files may be transferred now."""

    def is_asked_about(self, file: int) -> bool:
        """Whether a file has to wait for an answer of Rucio's; more is fed when that is there."""

    def reported(self, report: Report) -> None:
        """The publisher has something to say."""

    def gave_up(self, row: FileRow, failures: tuple[ReplicaFailure, ...]) -> None:
        """No replica gave the file."""

    def passed_over(self, row: FileRow, fetched: Fetched) -> None:
        """The file came, but not from the first replica."""

    def ran_dry(self) -> None:
        """There is room for more files in flight."""

    def all_taken_back(self) -> None:
        """The parts of all transfers that were broken off are closed."""


class Transfers:
    """Belongs on the engine's loop; `hear` alone may be called from any thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        journal: Journal,
        store: Store,
        publisher: Publisher,  # its reports go to `hear`
        accounts: Accounts,
        catalog: Catalog,
        options: Options,
        events: Events,
    ) -> None:
        self._loop = loop
        self._journal = journal
        self._store = store
        self._publisher = publisher
        self._events = events
        self._options = options
        self.carrier = Carrier(accounts, catalog, store, options, self.hear)
        self.flights = Flights()
        self._cores = Cores()
        self._meter = Speeds(journal.speeds())
        self.speeds = self._meter.known
        self._news: deque[Outcome | Cancelled | Report] = deque()
        self._news_due = False
        self._news_taken = 0.0
        """When, on the loop's clock."""
        self._turn = 0
        self._ending: set[int] = set()
        """Files whose transfer was taken back and has not ended yet."""

    # Feeding

    def feed(self, jobs: list[Job]) -> None:
        """Hand more files to the byte engine, taking turns between the jobs. Raises NoSpace, OSError."""
        while (room := self._room()) > 0 and jobs:
            self._turn += 1
            job = jobs[self._turn % len(jobs)]
            share = max(1, min(REFILL, room // len(jobs)))
            rows = self._journal.queued(job.id, job.cursor, share)
            if not rows or not self._take(job, rows):
                jobs = [each for each in jobs if each is not job]
        self._place_threads()

    def _place_threads(self) -> None:
        """Many small files are Python's work, and are done soonest on one core."""
        count = self.flights.flying_count
        if count >= MANY and self.flights.bytes_to_come < count * SMALL_BYTES:
            self._cores.gather()
        else:
            self._cores.spread()

    def _room(self) -> int:
        """How many more files may be handed to the byte engine."""
        return WINDOW - self.flights.flying_count if self.flights.landing_count < MOST_LANDING else 0

    def _take(self, job: Job, rows: list[FileRow]) -> bool:
        """Launch what is not on its way yet; False where a file has to wait, and those behind it with it."""
        wanted = self._wanted_by(rows)
        lacking = {row.id: self._lacking(row) for row in rows if self.flights.get(row.id) is None}
        space = self._events.space()
        for row in rows:
            flight = self.flights.get(row.id)
            if row.id in self._ending or (flight is not None and flight.landing):
                # Its part is being closed, or it is being published for those who wanted it before this
                # job did: either way the file comes again, for the cursor stays before it.
                return False
            if flight is not None:
                flight.jobs |= wanted.get(row.id, set())
            elif self._events.is_asked_about(row.id):
                pass
            elif space is not None and self._fits(space, lacking[row.id], row.bytes or 0):
                jobs = wanted.get(row.id, {job.id})
                self._launch(Flight(row, jobs, lacking[row.id], job.record.request.rse))
            else:
                self._events.short_of_room(job)
                return False
            job.cursor = row.id
        return True

    def _wanted_by(self, rows: list[FileRow]) -> dict[int, set[str]]:
        """The active jobs that want each file."""
        wanted: dict[int, set[str]] = {}
        for member in self._journal.members_of([row.id for row in rows]):
            if self._events.is_active(member.job):
                wanted.setdefault(member.file, set()).add(member.job)
        return wanted

    def _fits(self, space: Space, lacking: int, size: int) -> bool:
        """Whether one more file fits beside those on their way."""
        return space.takes(self.flights.bytes_to_come + lacking, self.flights.bytes_in_all + size)

    def need_of(self, job: Job) -> Need | None:
        """What a job's next files take beside those on their way; None where none is to come."""
        queued = self._journal.queued(job.id, job.cursor, REFILL)
        rows = [row for row in queued if self.flights.get(row.id) is None]
        if not rows:
            return None
        lacking = [self._lacking(row) for row in rows]
        sizes = [row.bytes or 0 for row in rows]
        to_come, in_all = self.flights.bytes_to_come, self.flights.bytes_in_all
        return Need(to_come + lacking[0], to_come + sum(lacking), in_all + sizes[0], in_all + sum(sizes))

    def _lacking(self, row: FileRow) -> int:
        """Bytes that a file still needs on the disk; a part of it may be there."""
        size = row.bytes or 0
        return max(0, size - self._store.allocated(row.key)) if size > RANGE_BYTES else size

    def _launch(self, flight: Flight) -> None:
        row = flight.row
        # The store is asked first: where it cannot tell, nothing is on its way.
        lies_there = row.id <= self._journal.inherited and self._store.size(row.key) is not None
        self.flights.begin(flight)
        if lies_there:
            self.flights.land(flight)
            self._publisher.adopt(row)
        else:
            self._fly(flight)

    def _fly(self, flight: Flight) -> None:
        row = flight.row
        try:
            self.carrier.carry(work_for(row, self._store.part(row.key), self.speeds, flight.chosen_rse))
        except ImportError:
            self._news.append(GaveUp(row.id, (ReplicaFailure("no-library", ""),)))
            self._loop.call_soon(self._take_news)

    # Taking back

    def release(self, jobs: set[str]) -> None:
        """These jobs want nothing now; flights that nobody else wants are broken off."""
        alone: dict[int, Flight] = {}
        for flight in self.flights.all:
            flight.jobs -= jobs
            if not flight.jobs and not flight.landing:
                alone[flight.row.id] = flight
        for member in self._journal.members_of(list(alone)):
            if member.job not in jobs and self._events.is_active(member.job):
                alone[member.file].jobs.add(member.job)  # its turn to ask for it had not come yet
        self._break_off(flight for flight in alone.values() if not flight.jobs)

    def forgo(self, job: str) -> None:
        """The job's plan is read: flights that it named no more, and that nobody else wants, are broken off."""
        flights = [flight for flight in self.flights.all if job in flight.jobs and not flight.landing]
        if not flights:
            return
        wanted = self._wanted_by([flight.row for flight in flights])
        for flight in flights:
            flight.jobs = wanted.get(flight.row.id, set())
        self._break_off(flight for flight in flights if not flight.jobs)

    def _break_off(self, unwanted: Iterable[Flight]) -> None:
        for flight in unwanted:
            number = flight.row.id
            self.flights.end(number)
            if self.carrier.take_back(number):
                self._ending.add(number)
        self._place_threads()

    def rest(self) -> Callable[[], None] | None:
        """Let go of the byte engine where nothing flies; the call returned ends it, off the loop."""
        return None if self.flights or self._ending else self.carrier.rest()

    def adopt(self, options: Options) -> None:
        """Take over what can change while the engine runs."""
        self._options = options
        self.carrier.adopt(options)

    # Looking

    def update(self, seconds: float) -> dict[str, int]:
        """Read the byte engine's progress; returns bytes in flight by job."""
        flying: dict[str, int] = {}
        progress = self.carrier.progress()
        for flight in self.flights.all:
            now = progress.get(flight.row.id)
            if now is not None:
                self._meter.count(flight, now)
                self.flights.received(flight, now.bytes_received)
                flight.rse = now.rse
            for job in flight.jobs:
                flying[job] = flying.get(job, 0) + flight.bytes_received
        self._meter.measure(seconds, limited=self._options.bandwidth_limit is not None)
        return flying

    def blocked_by_network(self, job: str) -> ReplicaFailure | None:
        """Why all files of a job in flight stand still, where no host lets anybody through; else None."""
        progress = self.carrier.progress()
        reason: ReplicaFailure | None = None
        for flight in self.flights.all:
            if job not in flight.jobs:
                continue
            now: Progress | None = progress.get(flight.row.id)
            if now is None or not _is_cut_off(now):
                return None
            reason = now.blocked
        return reason

    # Hearing

    def hear(self, news: Outcome | Cancelled | Report) -> None:
        """From the byte engine's and the publisher's threads."""
        self._news.append(news)
        if len(self._news) >= self.flights.flying_count:  # of what flies there is nothing to wait for
            self._loop.call_soon_threadsafe(self._take_news)
        elif not self._news_due:
            self._news_due = True
            self._loop.call_soon_threadsafe(self._expect_news)

    def _expect_news(self) -> None:
        self._loop.call_at(self._news_taken + NEWS_SECONDS, self._take_news)

    def _take_news(self) -> None:
        self._news_due = False
        self._news_taken = self._loop.time()
        while self._news:
            self._take_one(self._news.popleft())
        if self._room() > REFILL:
            self._events.ran_dry()

    def _take_one(self, news: Outcome | Cancelled | Report) -> None:
        if isinstance(news, Fetched):
            self._fetched(news)
        elif isinstance(news, (GaveUp, Cancelled)):
            self._ended(news)
        else:
            self._reported(news)

    def _fetched(self, news: Fetched) -> None:
        self._part_closed(news.work_id)
        flight = self.flights.get(news.work_id)
        if flight is None:
            return  # taken back in the last moment: the part stays for whoever wants the file next
        self.flights.land(flight)
        self.flights.received(flight, news.bytes)
        if news.passed_over:
            self._events.passed_over(flight.row, news)
        self._publisher.publish(Arrived(flight.row, news.rse, news.bytes, news.verified))

    def _ended(self, news: GaveUp | Cancelled) -> None:
        self._part_closed(news.work_id)
        flight = self.flights.end(news.work_id)
        if flight is not None and isinstance(news, GaveUp):
            self._events.gave_up(flight.row, news.failures)

    def _part_closed(self, number: int) -> None:
        if number in self._ending:
            self._ending.remove(number)
            if not self._ending:
                self._events.all_taken_back()

    def _reported(self, report: Report) -> None:
        if isinstance(report, NotAdopted):
            self.flights.end(report.row.id)  # it is read again when the jobs that wait for the disk go on
            return
        if isinstance(report, Adopted):
            flight = self.flights.get(report.row.id)
            if flight is not None and report.right:
                row = report.row
                verified = normalized_adler32(row.adler32) is not None or row.md5 is not None
                self._publisher.publish(Arrived(row, "", report.bytes, verified, adopted=True))
            elif flight is not None:
                self._fly_again(flight)
            return
        if isinstance(report, Published):
            for arrived in (*report.files, *report.hidden):
                self.flights.end(arrived.row.id)
            for arrived in report.lost:
                if flight := self.flights.get(arrived.row.id):
                    self._fly_again(flight)
        self._events.reported(report)

    def _fly_again(self, flight: Flight) -> None:
        """What was about to be published is not there, or not right; who waits for the disk has it later."""
        if any(self._events.is_active(job) for job in flight.jobs):
            self.flights.take_off_again(flight)
            self._fly(flight)
        else:
            self.flights.end(flight.row.id)


def _is_cut_off(now: Progress) -> bool:
    """Whether a file stands still because its host does not answer, or has been busy for a while."""
    if now.blocked is None or now.rse is not None:
        return False
    long_busy = now.blocked.kind == "busy" and time.monotonic() - now.blocked_since >= BUSY_SECONDS
    return long_busy or now.blocked.kind in NETWORK
