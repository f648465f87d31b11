"""The way to the engine for a program that waits: one question at a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from ..accounts.model import InstanceInfo
from ..catalog.model import DidRow, ListingPage, ListingQuery
from ..engine import protocol
from ..engine.start import ask_once, open_connection
from ..errors import BadConfiguration, BadRequest, EngineDown, NotFound
from ..staging.model import FINISHED, JobSnapshot, TransferRow

ASK_TIMEOUT = 100.0
"""Seconds for one answer: a Rucio may be slow."""
FIRST_PAUSE, ACTIVE_PAUSE, IDLE_PAUSE = 0.02, 0.2, 1.0
"""Seconds between two looks at what has just begun, at a job that moves, and at one that waits."""
PATIENCE = 60.0
"""Seconds for which an engine that died is started again while a job is watched."""


class Engine:
    """A connection that is opened when first needed, and anew after it was lost."""

    def __init__(self, state: Path, configuration: dict[str, Any] | None) -> None:
        self._state = state
        self._configuration = configuration
        self._socket: socket.socket | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Leave the engine to its work."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def ask(self, request: protocol.Request, timeout: float | None = ASK_TIMEOUT) -> Any:
        """The reply, of the type in `REPLIES`; None waits as long as it takes.

        Raises EngineDown, or the engine's failure.
        """
        connection = self._socket or open_connection(self._state, self._configuration)
        connection.settimeout(timeout)
        self._socket = connection
        try:
            return ask_once(connection, request)
        except TimeoutError as error:
            self.hang_up()
            raise EngineDown(f"The engine did not answer within {timeout:.0f} s.") from error
        except OSError as error:
            self.hang_up()
            raise EngineDown("The engine ended before it answered.") from error
        except KeyboardInterrupt:
            self.hang_up()  # half an answer may be left in the socket
            raise

    def insist(self, request: protocol.Request) -> Any:
        """Ask through deaths of the engine: a new one takes up the work where the old one left it."""
        give_up: float | None = None
        while True:
            try:
                return self.ask(request)
            except EngineDown as failure:  # noqa: PERF203 - each round talks to a process
                give_up = give_up or time.monotonic() + PATIENCE
                if failure.remedy != "retry" or time.monotonic() > give_up:
                    raise
                time.sleep(IDLE_PAUSE)

    def follow(self, job_id: str) -> Iterator[JobSnapshot]:
        """The job as it goes; the last snapshot is finished or waits for consent."""
        began = time.monotonic()
        while True:
            job: JobSnapshot = self.insist(protocol.GetJob(job_id))
            yield job
            if job.state in FINISHED or job.cause == "confirm":
                return
            time.sleep(pause_since(began) if job.state in ("planning", "running") else IDLE_PAUSE)

    def transfers(self, job_id: str) -> Iterator[TransferRow]:
        """All files of the job."""
        offset = 0
        while True:
            page = self.insist(protocol.ListTransfers(job_id, offset, protocol.PAGE_LIMIT))
            yield from page.rows
            offset += len(page.rows)
            if not page.rows or offset >= page.total:
                return

    def listing(
        self, instance: str, query: ListingQuery, limit: int
    ) -> Generator[DidRow | ListingPage, None, None]:
        """At most `limit` rows as they arrive; then a page without rows that tells how it ended."""
        page = self.ask(protocol.OpenListing(instance, query, min(limit, protocol.PAGE_LIMIT)))
        count = 0
        try:
            while True:
                yield from page.rows
                count += len(page.rows)
                ended = page.cut or (page.complete and count >= page.rows_so_far)
                if ended or count >= limit:
                    break
                if not page.rows:
                    time.sleep(ACTIVE_PAUSE)  # the rest is still on its way from Rucio
                size = min(limit - count, protocol.PAGE_LIMIT)
                page = self.ask(protocol.ReadListing(page.listing_id, count, size))
        finally:
            with suppress(EngineDown):  # then its listings are gone, too
                self.ask(protocol.CloseListing(page.listing_id))
        complete = page.complete and count >= page.rows_so_far
        yield ListingPage(page.listing_id, count, [], page.rows_so_far, complete, page.cut, page.seconds)

    def instance(self, name: str | None) -> InstanceInfo:
        """The instance of that name, or the default one. Raises NotFound, BadRequest, BadConfiguration."""
        known = self.ask(protocol.ListInstances())
        names = [info.name for info in known.instances]
        own = (self._configuration or {}).get("default_instance")
        chosen = name or own or known.default or (names[0] if len(names) == 1 else None)
        for info in known.instances:
            if info.name == chosen:
                found: InstanceInfo = info
                return found
        if name:
            raise NotFound(f"No Rucio is configured as “{name}”; there is {', '.join(names) or 'none'}.")
        if names:
            raise BadRequest(f"Say which Rucio is meant, with --instance: {', '.join(names)}.")
        raise BadConfiguration(known.problem or "No Rucio is configured; `jupyter rucio doctor` tells more.")


def pause_since(began: float) -> float:
    """Seconds until the next look at something that moves: a tenth of its time, so that what is quick ends quickly."""
    return min(ACTIVE_PAUSE, FIRST_PAUSE + (time.monotonic() - began) / 10)
