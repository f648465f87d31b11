"""The thread that turns verified parts into files that can be opened: durable, renamed, linked, noted.

What waits is taken in batches, so that the cost of making it durable is shared.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Literal, TypeVar

import msgspec

from ..errors import Failure, Problem
from ..sources.checksum import file_adler32, file_md5, normalized_adler32
from ..sources.letterbox import Letterbox
from .journal import Journal, now
from .own_disk import disk_problem
from .rows import FileRow, Finished, Member, Tally
from .store import Store
from .views import View

logger = logging.getLogger(__name__)

MOST_IN_A_BATCH = 512
GATHER_SECONDS = 0.002
VIEW_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENAMETOOLONG, errno.ENOTDIR})
"""What a view says to one name; any other error is the disk's, and meets all files."""
GONE = ("leaving", "evicted")
"""Files that are here no longer, and that no plan has named since."""
VIEW_REFUSES = Problem(
    "view-refuses",
    "The folder of staged files takes no link to the file, so it was not kept. Is the folder writable?",
    "retry",
    507,
)
SECONDS_BETWEEN_TRIES = 3.0

T = TypeVar("T")


class Arrived(msgspec.Struct, frozen=True):
    """A part that is complete and right."""

    row: FileRow
    rse: str
    bytes: int
    verified: bool
    adopted: bool = False
    """No part, but an object that lies in the store already."""


class Published(msgspec.Struct, frozen=True):
    """Files that can be opened now, and the jobs that they were linked for."""

    files: list[Arrived]
    members: list[Member]
    lost: list[Arrived] = []
    """Their parts are gone: they have to be fetched again."""
    hidden: list[Arrived] = []
    """The view takes no link to them; a `Failed` follows for each."""
    again: frozenset[str] = frozenset()
    """Jobs for which one of them was here before, and was fetched anew for another job's sake."""


class NotPublished(msgspec.Struct, frozen=True):
    """The disk or its quota is full, or broken; tried again until it works."""

    problem: Problem


class Adopted(msgspec.Struct, frozen=True):
    """An object that lay in the store without a record was read and found right or wrong."""

    row: FileRow
    right: bool
    bytes: int = 0
    """Its size, where it is right."""


class NotAdopted(msgspec.Struct, frozen=True):
    """The disk did not let an object be read, or a wrong one be removed, as a `NotPublished` told before."""

    row: FileRow


class Failed(msgspec.Struct, frozen=True):
    """A file that no replica gave, and the jobs that wanted it."""

    row: FileRow
    members: list[Member]


class Linked(msgspec.Struct, frozen=True):
    """A job's view holds all that is in the store, and its files were counted just then.

    As every change of a file's state is made in this thread, the count and the reports around it
    agree: what was reported before is in it, what comes after is not.
    """

    job: str
    tallies: list[Tally]
    problem: Problem | None
    """Why not everything could be linked."""
    gone: bool = False
    """Some of what the plan found here is not here any more: it has to be read again."""


class Question(msgspec.Struct, frozen=True):
    """Something whose answer somebody waits for."""

    answer: Callable[[], None]


Report = Published | NotPublished | Adopted | NotAdopted | Failed | Linked
Item = Arrived | Question | Callable[[], None] | None
"""What the publisher is told, in order; None is the end."""


class Publisher(threading.Thread):
    """Works off what it is told in order; `report` is called in this thread."""

    def __init__(self, journal: Journal, store: Store, view: View, report: Callable[[Report], None]) -> None:
        super().__init__(name="publisher", daemon=True)
        self._journal = journal
        self._store = store
        self._view = view
        self._report = report
        self._arrived: Letterbox[Item] = Letterbox(GATHER_SECONDS)
        self._put_off: deque[Item] = deque()
        """What has its turn before what lies in the letterbox; a question is only ever the first of it."""
        self._awaited: set[str] = set()
        """What is to be done once, and was not begun yet."""
        self._stopping = threading.Event()
        self._unreadable: set[int] = set()
        """Objects of which the disk has refused a reading."""

    def publish(self, arrived: Arrived) -> None:
        """Turn a part into a file that can be opened; `Published` tells the result."""
        self._arrived.put(arrived)

    def adopt(self, row: FileRow) -> None:
        """Check an object that is in the store already; `Adopted` or `NotAdopted` tells the result."""

        def check() -> None:
            try:
                self._report(self._adopt(row))
            except (OSError, Failure) as error:
                self._tell_of_disk(error)
                self._report(NotAdopted(row))

        self._arrived.put(check)

    def link_what_is_here(self, job: str) -> None:
        """Bring a job's view up to date with what is in the store; `Linked` tells the result."""
        self.call_once(f"link {job}", lambda: self._report(self._link_all(job)))

    def fail(self, row: FileRow, problem: Problem) -> None:
        """Note that a file could not be had; `Failed` tells who wanted it."""
        self._arrived.put(lambda: self._report(self._fail(row, problem)))

    def call(self, action: Callable[[], None]) -> None:
        """Run something in this thread."""
        self._arrived.put(action)

    def call_once(self, name: str, action: Callable[[], None]) -> None:
        """The same, unless what has that name waits for its turn already."""

        def begin() -> None:
            self._awaited.discard(name)
            action()

        if name not in self._awaited:
            self._awaited.add(name)
            self._arrived.put(begin)

    def ask(self, question: Callable[[], T]) -> Future[T]:
        """Run something in this thread; what it returns, or its OSError or Failure, is for who asks.

        While the disk refuses it overtakes what came before: it may be what makes room.
        """
        asked: Future[T] = Future()

        def answer() -> None:
            if asked.set_running_or_notify_cancel():
                try:
                    asked.set_result(question())
                except (OSError, Failure) as error:
                    asked.set_exception(error)

        self._arrived.put(Question(answer))
        return asked

    def close(self) -> None:
        """Finish what has arrived, then end."""
        self._stopping.set()
        self._arrived.put(None)
        self.join()
        self._view.close()

    def run(self) -> None:
        running = True
        while running:
            batch: list[Arrived] = []
            while running and len(batch) < MOST_IN_A_BATCH:
                item = self._put_off.popleft() if self._put_off else self._arrived.take()
                if item is None:
                    running = False
                elif isinstance(item, Arrived):
                    batch.append(item)
                elif batch:
                    self._put_off.appendleft(item)
                    break
                else:
                    self._carry_out(item)
                if not (self._put_off or self._arrived):
                    break
            self._publish_until_done(batch)

    def _carry_out(self, action: Question | Callable[[], None]) -> None:
        if isinstance(action, Question):
            action.answer()
            return
        try:
            action()
        except (OSError, Failure) as error:
            self._tell_of_disk(error)

    def _tell_of_disk(self, error: OSError | Failure) -> None:
        logger.warning("The disk of the store or of the state folder failed: %s", type(error).__name__)
        self._report(NotPublished(self._problem_of(error)))

    def _publish_until_done(self, batch: list[Arrived]) -> None:
        """Publish; where the disk is full, wait and try again: a part is kept, or found lost."""
        in_store = {each.row.key for each in batch if each.adopted}
        while batch:
            try:
                for report in self._publish(batch, in_store):
                    self._report(report)
                return
            except (OSError, Failure) as error:
                logger.warning("Could not publish %d files: %s", len(batch), type(error).__name__)
                self._report(NotPublished(self._problem_of(error)))
                self._answer_questions(SECONDS_BETWEEN_TRIES)
                if self._stopping.is_set():
                    return  # the parts and their records stay for the next engine

    def _answer_questions(self, seconds: float) -> None:
        """For so long, or until the end; everything else that comes keeps its place behind what waits."""
        until = time.monotonic() + seconds
        if self._put_off and isinstance(question := self._put_off[0], Question):
            self._put_off.popleft()
            question.answer()
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            if self._arrived.wait(left):
                item = self._arrived.take()
                if isinstance(item, Question):
                    item.answer()
                else:
                    self._put_off.append(item)

    def _publish(self, batch: list[Arrived], in_store: set[str]) -> list[Report]:
        """`in_store` are the keys of those that are there by an earlier try; an object may also be an older one."""
        self._store.publish({each.row.key: each.bytes for each in batch}, in_store)
        here = [each for each in batch if each.row.key in in_store]
        lost = [each for each in batch if each.row.key not in in_store]
        links, refused = self._show({each.row.id: each.row.key for each in here})
        shown = [each for each in here if each.row.id not in refused]
        hidden = [each for each in here if each.row.id in refused]
        self._journal.finished(map(_finished, shown), links, now())
        shown_before = {member.file for member, _ in links if member.shown}
        self._let_go([each for each in hidden if each.row.id not in shown_before])
        told = [member for member, _ in links if member.file not in refused]
        members = [member for member in told if not member.shown]
        again = frozenset(member.job for member in told if member.shown)
        failed = [self._fail(each.row, VIEW_REFUSES) for each in hidden]
        return [Published(shown, members, lost, hidden, again), *failed]

    def _show(self, keys: dict[int, str]) -> tuple[list[tuple[Member, str]], set[int]]:
        """Link files, by number, for all who want them; and those of which the view refuses a name."""
        links: list[tuple[Member, str]] = []
        refused: set[int] = set()
        ours = self._journal.inventory.names_of(list(keys))
        for member in self._journal.members_of(list(keys)):
            target, names = self._store.path(keys[member.file]), ours.get(member.file, ())
            try:
                links.append((member, self._view.link(member.path, target, ours=names)))
            except OSError as error:
                if error.errno not in VIEW_ERRORS:
                    raise
                refused.add(member.file)
        self._view.close()
        return links, refused

    def _let_go(self, hidden: list[Arrived]) -> None:
        """What failed is neither counted nor ever evicted: it must not take room."""
        with contextlib.suppress(OSError):  # a folder that takes no link may let go of none either
            self._forget([each.row.id for each in hidden], "evicted")
            for each in hidden:
                self._store.remove(each.row.key)

    def _link_all(self, job: str) -> Linked:
        problem = None
        try:
            self._link_each(job)
        except (OSError, Failure) as error:
            problem = self._problem_of(error)
        self._view.close()
        tallies = self._journal.tallies(job)
        gone = any(each.state in GONE for each in tallies)
        if gone:
            self._journal.forget_plan(job)
        return Linked(job, tallies, problem, gone)

    def _link_each(self, job: str) -> None:
        last: Member | None = None
        while rows := self._journal.unlinked(job, last, MOST_IN_A_BATCH):
            last = rows[-1][0]
            here = [row for row in rows if row[2] is not None or self._store.size(row[1]) is not None]
            if len(here) < len(rows):
                there = {member.file for member, _, _ in here}
                self._forget({member.file for member, _, _ in rows} - there, "evicted")
            ours = self._journal.inventory.names_of([member.file for member, _, _ in here])
            links = []
            for member, key, outside in here:
                target, names = outside or self._store.path(key), ours.get(member.file, ())
                made = self._view.link(member.path, target, outside=outside is not None, ours=names)
                links.append((member, made))
            self._journal.linked(links)

    def _forget(self, files: Collection[int], state: Literal["queued", "evicted"]) -> None:
        """Objects that are not there, or not right: no link to them may stay."""
        numbers = list(files)
        self._view.unlink(self._journal.inventory.links_of(numbers), self._store.root)
        self._journal.inventory.lost(numbers, state)

    def _problem_of(self, error: OSError | Failure) -> Problem:
        named = error.filename if isinstance(error, OSError) else None
        in_store = str(named).startswith(self._store.root)
        return disk_problem(error, self._store.root if in_store else self._view.root)

    def _fail(self, row: FileRow, problem: Problem) -> Failed:
        self._journal.failed(row.id, problem)
        return Failed(row, self._journal.members_of([row.id]))

    def _adopt(self, row: FileRow) -> Adopted:
        if self._is_readable_and_right(row):
            return Adopted(row, True, self._store.size(row.key) or 0)
        self._forget([row.id], "queued")  # links first, so that none ever dangles
        self._store.remove(row.key)
        return Adopted(row, False)

    def _is_readable_and_right(self, row: FileRow) -> bool:
        """Raises OSError at the first time; when it is asked again the disk has been tried, and is well."""
        try:
            return self._is_right(row)
        except OSError:
            if row.id in self._unreadable:
                return False
            self._unreadable.add(row.id)
            raise

    def _is_right(self, row: FileRow) -> bool:
        """Read an object; where the catalogue has no checksum its size alone must do. Raises OSError."""
        try:
            with open(self._store.path(row.key), "rb") as file:
                adler32 = normalized_adler32(row.adler32)
                if adler32 is not None:
                    value, size = file_adler32(file.fileno())
                    return value == adler32 and row.bytes in (None, size)
                if row.md5:
                    return file_md5(file.fileno()) == row.md5.lower()
                return self._store.size(row.key) == row.bytes
        except FileNotFoundError:  # anything else may pass, and says nothing of its bytes
            return False


def _finished(arrived: Arrived) -> Finished:
    row = arrived.row
    return Finished(row.id, arrived.rse, arrived.bytes, arrived.verified, row.adler32, row.md5)
