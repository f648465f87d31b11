"""The byte engine as the transfers use it: begun when it is first needed, for it costs memory, and ended at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..config import Options
from ..importing import one_at_a_time
from ..sources.clouds import Clouds, is_installed
from ..sources.cs3 import Cs3Resolver
from ..sources.model import Cancelled, Outcome, Progress, Work
from ..sources.showing import credentials_of
from .store import Store

if TYPE_CHECKING:
    from ..sources.http.mover import Mover


class Carrier:
    """Belongs on the engine's loop."""

    def __init__(
        self,
        accounts: Accounts,
        catalog: Catalog,
        store: Store,
        options: Options,
        deliver: Callable[[Outcome | Cancelled], None],
    ) -> None:
        """`deliver` is called from a thread of the byte engine's."""
        self._accounts = accounts
        self._catalog = catalog
        self._store = store
        self._options = options
        self._deliver = deliver
        self._mover: Mover | None = None
        self._prepared = False
        self.resolver: Cs3Resolver | None = None
        """Asks the gateways of CS3 clouds; None where they cannot be read, or while the byte engine rests."""

    def adopt(self, options: Options) -> None:
        """Take these limits over; a byte engine that runs already, that of the bandwidth alone."""
        self._options = options
        if self._mover is not None:
            self._mover.limit_bandwidth(options.bandwidth_limit)

    def prepare(self) -> None:
        """Load the byte engine's code, which takes a tenth of a second: in a thread, while Rucio is asked."""
        if not self._prepared:
            self._prepared = True
            asyncio.get_running_loop().run_in_executor(None, _load_code)

    def carry(self, work: Work) -> None:
        """Bring a file, or continue it. Raises ImportError where pycurl is missing."""
        self._moving().submit(work)

    def take_back(self, number: int) -> bool:
        """Break a file off; False where nothing is delivered for it, since no byte engine runs."""
        if self._mover is None:
            return False
        self._mover.cancel(number)
        return True

    def progress(self) -> dict[int, Progress]:
        """Where every file stands, by its number."""
        return self._mover.progress() if self._mover is not None else {}

    def retry_now(self) -> None:
        """Forget which hosts were down and which clouds refused the sign-in."""
        if self.resolver is not None:
            self.resolver.forget_refusals()
        if self._mover is not None:
            self._mover.retry_now()

    def rest(self) -> Callable[[], None]:
        """Let go of the byte engine, which has nothing to do; the call returned ends it, off the loop."""
        resting = self._mover, self.resolver
        self._mover = self.resolver = None
        return lambda: _end(*resting)

    def close(self) -> None:
        """Keep what has arrived; blocks until all is on disk."""
        _end(self._mover, self.resolver)

    def _moving(self) -> Mover:
        if self._mover is None:
            with one_at_a_time:
                from ..sources.http.limits import Limits
                from ..sources.http.mover import Mover

            limits = Limits(
                connections=self._options.max_connections,
                connections_per_host=self._options.max_connections_per_host,
                stall_seconds=self._options.stall_timeout,
                bandwidth=self._options.bandwidth_limit,
                preallocate=self._store.preallocates,
            )
            if is_installed():
                clouds = Clouds(self._accounts, self._catalog, self._options.stall_timeout / 2)
                self.resolver = Cs3Resolver(clouds)
            resolve = self.resolver.resolve if self.resolver else None
            self._mover = Mover(credentials_of(self._accounts), self._deliver, limits, resolve=resolve)
            self._mover.start()
        return self._mover


def _end(mover: Mover | None, resolver: Cs3Resolver | None) -> None:
    if resolver is not None:
        resolver.close()  # first: it tells the byte engine what it finds
    if mover is not None:
        mover.close()


def _load_code() -> None:
    if find_spec("pycurl") is not None:
        with one_at_a_time:
            import_module("rucio_jupyterlab.sources.http.mover")
