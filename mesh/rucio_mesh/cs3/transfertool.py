"""A transfertool for Rucio's conveyor that relays files between CS3 clouds: `cs3-relay`.

CS3 clouds cannot be told to fetch from one another, so the bytes pass through the process that submits them
(`relay.py`). There is no service to ask how a transfer is, and so this is how submitting and polling come together:

- `submit` starts the relay in a thread of the submitter's process and returns. There are so many as RELAYS has slots;
  while all are taken no further job is handed out, and what waits stays in Rucio's queue, for whoever has room.
- A running relay has a heartbeat among those of Rucio's daemons, its payload the external id of the transfer.
- The relay itself tells Rucio how it ended, as Rucio's own receiver of FTS messages does. The poller need not be the
  process that submitted, nor on its host.
- The poller looks for submitted transfers without a heartbeat: their relays were killed. It reports them lost, and
  Rucio's finisher queues them anew.
- A rule that is deleted takes its requests with it; a relay that notices, every 20 s and before its file gets its name,
  ends and leaves nothing. (Rucio sends cancellations to FTS only, whatever the transfertool.)

Rucio has no plug-in point for transfertools: `register()` puts this one into the table of `rucio.core.transfer`, and
`conveyor.py` runs Rucio's own daemons with it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from rucio.common.exception import RucioException
from rucio.core import heartbeat
from rucio.core import request as request_core
from rucio.core import transfer as transfer_core
from rucio.db.sqla.constants import RequestState
from rucio.rse import rsemanager
from rucio.transfertool.transfertool import TransferStatusReport, Transfertool, TransferToolBuilder
from sqlalchemy.exc import SQLAlchemyError

from .errors import Cs3Error
from .pfn import SCHEME
from .protocol import Default
from .relay import WORKSHOP, Place, SourceFailed, Unwanted, relay
from .slots import Job, Slots

NAME = "cs3-relay"
"""Of the transfertool, and of its heartbeats."""
BEAT_SECONDS = 20.0
LEASE_SECONDS = 300
"""A relay whose heartbeat is older is dead."""
CLAIM_SECONDS = 60.0
"""How long a relay waits for Rucio to note that it was submitted."""
LONGEST_SECONDS, SLOWEST_BYTES_PER_SECOND = 3600.0, 100_000.0
"""A file may take an hour, and a second more for so many bytes."""
TELLING_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Between the attempts to ask Rucio whether a file is still wanted, and before each to tell it how a relay ended."""
CATALOGUE_ERRORS = (RucioException, SQLAlchemyError)
LOGGER = logging.getLogger(__name__)

RELAYS = Slots(4)
"""Those of this process."""
STATISTICS = request_core.TransferStatsManager()


def register() -> None:
    """Make the transfertool known to Rucio's daemons in this process."""
    transfer_core.TRANSFERTOOL_CLASSES_BY_NAME[NAME] = RelayTool
    heartbeat.sanity_check(executable=NAME, hostname=host_name())  # of relays that were killed here


@dataclass(frozen=True)
class Task:
    """One file to relay, as the submitter has chosen it."""

    request_id: str
    source_rse: Mapping[str, Any]
    destination_rse: Mapping[str, Any]
    source_url: str
    destination_url: str
    size: int
    adler32: str | None

    @classmethod
    def of(cls, transfer: Any) -> Task:
        """From Rucio's DirectTransfer."""
        return cls(
            transfer.rws.request_id,
            transfer.src.rse.info,
            transfer.dst.rse.info,
            transfer.source_url(transfer.src),
            transfer.dest_url,
            transfer.rws.byte_count,
            transfer.rws.adler32,
        )


class RelayTool(Transfertool):  # type: ignore[misc, unused-ignore]
    """Rucio makes one for each round of a daemon; what lasts is in RELAYS and in the database."""

    external_name = NAME
    required_rse_attrs = ()
    supported_schemes = frozenset({SCHEME})

    @classmethod
    def can_perform_transfer(cls, source_rse: Any, dest_rse: Any) -> bool:
        """Whether both give `cs3` for third-party copy; where `davs` has it, others do the transfer."""
        return (
            super().can_perform_transfer(source_rse, dest_rse)
            and cls._serves(source_rse, "third_party_copy_read")
            and cls._serves(dest_rse, "third_party_copy_write")
        )

    @classmethod
    def submission_builder_for_path(
        cls, transfer_path: list[Any], logger: Callable[..., Any] = logging.log
    ) -> tuple[list[Any], TransferToolBuilder | None]:
        """The first hop, if it goes from `cs3` to `cs3`; Rucio submits the next ones when it is done."""
        hop = transfer_path[0]
        if not hop.src.scheme == hop.dst.scheme == SCHEME:
            return [], None
        if not cls.can_perform_transfer(hop.src.rse, hop.dst.rse):
            return [], None
        # No address: with one, Rucio would try to reach an FTS there when a rule is deleted.
        return [hop], TransferToolBuilder(cls, external_host=f"{NAME}:{host_name()}")

    def group_into_submit_jobs(self, transfer_paths: Iterable[list[Any]]) -> Iterator[dict[str, Any]]:
        """One file each, and only while there is room: the rest stays in Rucio's queue."""
        for path in transfer_paths:
            if not RELAYS.wait_for_room():
                return
            yield {"transfers": path[:1], "job_params": {}}

    def submit(self, transfers: Iterable[Any], job_params: Mapping[str, str], timeout: Any = None) -> str:
        """Start to relay one file; the external id."""
        (transfer,) = transfers
        task = Task.of(transfer)
        job = RELAYS.take(uuid.uuid4().hex)
        try:
            beat(job)  # before Rucio notes the transfer, or a poller would find it lost
        except BaseException:  # a daemon told to end, too: no slot stays taken
            RELAYS.give_back(job)
            raise
        RELAYS.start(job, lambda job: carry_out(job, task))
        return job.id

    def bulk_query(
        self, requests_by_eid: Mapping[str, Mapping[str, Any]], timeout: Any = None
    ) -> dict[str, dict[str, Any] | None]:
        """Nothing new of relays that live, for they tell Rucio themselves; None for those that are lost."""
        alive = heartbeat.list_payload_counts(NAME, older_than=LEASE_SECONDS)
        return {
            external_id: None
            # A relay that has just told its end has no heartbeat any more either.
            if external_id not in alive and any(is_submitted(each, external_id) for each in known)
            else {}
            for external_id, known in requests_by_eid.items()
        }

    def cancel(self, transfer_ids: Sequence[str], timeout: Any = None) -> bool:
        """End those that run in this process. Others notice by themselves that their requests are gone."""
        RELAYS.abandon(transfer_ids)
        return True

    def update_priority(self, transfer_id: str, priority: int, timeout: Any = None) -> bool:
        """A relay that runs has no priority; those that wait are in Rucio's queue."""
        return False

    @classmethod
    def _serves(cls, rse: Any, operation: str) -> bool:
        rse.ensure_loaded(load_info=True)
        return any(
            protocol["scheme"] in cls.supported_schemes and protocol["domains"]["wan"].get(operation)
            for protocol in rse.info["protocols"]
        )


class Outcome(TransferStatusReport):  # type: ignore[misc, unused-ignore]
    """How a relay has ended."""

    supported_db_fields = ("state", "external_id", "started_at", "transferred_at", "err_msg")

    def __init__(self, job: Job, task: Task, *, started_at: datetime, reason: str | None) -> None:
        """`reason` says why it failed; None: it did not."""
        super().__init__(task.request_id)
        self.state = RequestState.FAILED if reason else RequestState.DONE
        self.external_id = job.id
        self.started_at, self.transferred_at = started_at, now()
        self.err_msg = request_core.get_transfer_error(self.state, reason) if reason else None
        self._reason, self._source_url = reason, task.source_url

    def initialize(self, session: Any, logger: Callable[..., Any] = logging.log) -> None:
        """All is known already."""

    def get_monitor_msg_fields(
        self, session: Any, logger: Callable[..., Any] = logging.log
    ) -> dict[str, Any]:
        return {
            "reason": self._reason,
            "src-url": self._source_url,
            "started_at": self.started_at,
            "transferred_at": self.transferred_at,
        }


def carry_out(job: Job, task: Task) -> None:
    """Relay the file, and tell Rucio how it ended."""
    try:
        if not wait_until_submitted(job, task):
            LOGGER.warning("The relay %s is not begun: Rucio has not noted it", job.id)
            put_back(job, task)
            return
        with kept_alive(job, task):
            started_at = now()
            try:
                reason = attempt(job, task)
            except Unwanted:
                put_back(job, task)
                return
            if reason:
                LOGGER.warning("Request %s, to %s: %s", task.request_id, task.destination_url, reason)
            tell(job, Outcome(job, task, started_at=started_at, reason=reason))
    finally:
        end_heartbeat(job)


def attempt(job: Job, task: Task) -> str | None:
    """Relay the file; why it failed, or None. Raises Unwanted."""
    try:
        with (
            connected(task.source_rse, "third_party_copy_read", "SOURCE") as source,
            connected(task.destination_rse, "third_party_copy_write", "DESTINATION") as destination,
        ):
            relay(
                Place(*source.locate(task.source_url)),
                Place(*destination.locate(task.destination_url)),
                size=task.size,
                adler32=task.adler32,
                workshop=f"{destination.attributes['prefix']}{WORKSHOP}",
                recall=job.recall,
                confirm=lambda: is_wanted(job, task),
                seconds=LONGEST_SECONDS + task.size / SLOWEST_BYTES_PER_SECOND,
            )
    except CannotConnect as error:
        return str(error)
    except SourceFailed as error:
        return f"SOURCE {error}"
    except Cs3Error as error:
        return f"DESTINATION {type(error).__name__}: {error}"
    except Unwanted:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, Rucio has to know that the relay has ended
        frame = traceback.extract_tb(error.__traceback__)[-1]
        LOGGER.error(
            "The relay %s failed: %s at %s:%s",
            *(job.id, type(error).__name__, Path(frame.filename).name, frame.lineno),
        )
        return f"RELAY {type(error).__name__}"
    return None


class CannotConnect(Exception):
    """One of the clouds does not let us in."""


@contextmanager
def connected(rse: Mapping[str, Any], operation: str, side: str) -> Iterator[Default]:
    """The RSE's protocol, signed in. Raises CannotConnect, whose text names the side."""
    try:
        protocol = rsemanager.create_protocol(rse, operation, scheme=SCHEME)
        if not isinstance(protocol, Default):
            raise CannotConnect(f"{side} {rse['rse']}: the cs3 protocol has another impl than ours")
        protocol.connect()
    except RucioException as error:
        raise CannotConnect(f"{side} {type(error).__name__}: {' '.join(str(error).split())}") from None
    with closing(protocol):
        yield protocol


def wait_until_submitted(job: Job, task: Task) -> bool:
    """Whether Rucio has noted the transfer under the job's id, after a while at most."""
    deadline = time.monotonic() + CLAIM_SECONDS
    while not job.recall.told and time.monotonic() < deadline:
        try:
            if is_submitted(task.request_id, job.id):
                return True
        except CATALOGUE_ERRORS:
            LOGGER.warning("The database does not answer to the relay %s", job.id)
        job.recall.wait(0.1)
    return False


def is_submitted(request_id: str, external_id: str) -> bool:
    """Whether Rucio still waits for this transfer. Raises CATALOGUE_ERRORS."""
    request = request_core.get_request(request_id)
    return bool(
        request and request["state"] == RequestState.SUBMITTED and request["external_id"] == external_id
    )


def is_wanted(job: Job, task: Task) -> bool:
    """Whether Rucio still waits for a file that has arrived, which a hiccup must not cost. Raises CATALOGUE_ERRORS."""
    for pause in TELLING_PAUSES:
        try:
            return is_submitted(task.request_id, job.id)
        except CATALOGUE_ERRORS:
            LOGGER.warning("The database does not answer to the relay %s", job.id)
        if job.recall.wait(pause):
            return False
    return is_submitted(task.request_id, job.id)


def tell(job: Job, outcome: Outcome) -> None:
    """Tell Rucio how the relay ended, unless it does not wait for that any more."""
    for pause in TELLING_PAUSES:
        time.sleep(pause)
        try:
            # Gives 0 or None where the database refused; the log has its reason.
            told = transfer_core.update_transfer_state(outcome, STATISTICS)
            if told or not is_submitted(outcome.request_id, job.id):
                return
        except CATALOGUE_ERRORS:
            LOGGER.warning("The database does not answer to the relay %s", job.id)
    LOGGER.error("Rucio was not told how %s ended; a poller will find it lost", job.id)


def put_back(job: Job, task: Task) -> None:
    """Into Rucio's queue, if it is wanted and only we do not go on: for another process, or for later."""
    try:
        if is_submitted(task.request_id, job.id):
            request_core.transition_request_state(task.request_id, state=RequestState.QUEUED)
    except CATALOGUE_ERRORS:
        LOGGER.warning("The relay %s was not put back; a poller will find it lost", job.id)


@contextmanager
def kept_alive(job: Job, task: Task) -> Iterator[None]:
    """Renew the job's heartbeat, and recall the job when Rucio does not wait for it any more."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(BEAT_SECONDS):
            try:
                beat(job)
                if not is_submitted(task.request_id, job.id):
                    job.recall.tell()
            except CATALOGUE_ERRORS:  # noqa: PERF203 - each round is 20 s
                LOGGER.warning("The database does not answer to the relay %s", job.id)

    keeper = threading.Thread(target=keep, name=f"{job.name}-heartbeat", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def beat(job: Job) -> None:
    """A job passes for the thread that Rucio's heartbeats are kept for: it has an `ident` and a `name`."""
    heartbeat.live(NAME, host_name(), os.getpid(), job, payload=job.id)


def end_heartbeat(job: Job) -> None:
    """From now on a poller takes the job for lost, unless it has told how it ended."""
    try:
        heartbeat.die(NAME, host_name(), os.getpid(), job)
    except CATALOGUE_ERRORS:
        LOGGER.warning("The heartbeat of the relay %s stays until it is old", job.id)


@cache
def host_name() -> str:
    """As Rucio's own heartbeats have it."""
    return socket.getfqdn()


def now() -> datetime:
    """As Rucio's database has it: in UTC, without saying so."""
    return datetime.now(timezone.utc).replace(tzinfo=None)
