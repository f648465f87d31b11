"""The engine's first moments: its folders are made, and what lies on the disk becomes known, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable

from ..accounts.accounts import Accounts
from ..errors import Failure, NoSpace, outline
from .board import Board
from .evictor import Evictor
from .folders import Folders
from .jobs import Job
from .journal import Journal
from .own_disk import disk_problem
from .publisher import Publisher
from .rebuild import rebuild
from .rows import Tally
from .store import Store

logger = logging.getLogger(__name__)


class Beginning:
    """Belongs on the engine's loop, which answers meanwhile; until it is over no job moves."""

    def __init__(
        self,
        accounts: Accounts,
        journal: Journal,
        store: Store,
        folders: Folders,
        evictor: Evictor,
        publisher: Publisher,
        board: Board,
        take_up: Callable[[], None],
    ) -> None:
        """`take_up` is called when all jobs are counted."""
        self._loop = asyncio.get_running_loop()
        self._accounts = accounts
        self._journal = journal
        self._store = store
        self._folders = folders
        self._evictor = evictor
        self._publisher = publisher
        self._board = board
        self._take_up = take_up
        self._rebuilt = not journal.fresh
        self.over = False
        board.restore()
        self._attempt = self._loop.create_task(self._try())

    async def settled(self) -> None:
        """Return once it is over, or the folders cannot be used."""
        await asyncio.wait([self._attempt])

    async def expect_folders(self) -> None:
        """Raises BadConfiguration where the folder of the store or of the views cannot be made."""
        if not (self.over and await asyncio.to_thread(self._store.is_there)):
            await asyncio.to_thread(self._folders.make, self._store)
            self.try_again()

    def try_again(self) -> None:
        """Where the folders could not be used, they may be mended now."""
        if not self.over and self._attempt.done():
            self._attempt = self._loop.create_task(self._try())

    async def _try(self) -> None:
        look = functools.partial(self._look_around, self._board.jobs)
        try:
            known = await asyncio.wrap_future(self._publisher.ask(look))
        except (OSError, Failure) as error:
            logger.warning("The work of an earlier engine cannot be taken up: %s", outline(error))
            for job in self._board.jobs:
                self._board.wait_for_disk(job, disk_problem(error, self._store.root))
            return
        if self._board.closing:
            return
        for job in self._board.jobs:
            if job.id in known:
                tallies, planned = known[job.id]
                job.take_up(tallies, planned=planned)
                self._board.touch(job)
        self.over = True
        self._take_up()

    def _look_around(self, jobs: list[Job]) -> dict[str, tuple[list[Tally], bool]]:
        """In the publisher's thread: of each job what is known of its files, and whether it is planned."""
        self._folders.make(self._store)
        if not self._rebuilt:
            ended = [job for job in jobs if job.finished]
            instances = [info.name for info in self._accounts.instances().instances]
            rebuild(self._journal, self._store, self._folders.views, instances, [job.record for job in ended])
            self._rebuilt = True
            for job in ended:
                self._board.save(job)
        self._evictor.finish()
        with contextlib.suppress(NoSpace):  # then the next engine sees to it
            self._journal.forget_files()
        return {
            job.id: (self._journal.tallies(job.id), self._journal.plan_is_complete(job.id)) for job in jobs
        }
