"""An upload as the engine holds it, and what of it outlives the engine: `STATE/uploads/ID.json`.

Its files are sent by a `Shipment`, and by another one where the first met what only somebody else can mend (a sign-in,
a full cloud), or the engine ended.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from ..did import Did
from ..errors import BadRequest, Failure, Problem, RefusedByStorage, outline
from .aftermath import TIDY_SECONDS, tidy_up
from .fleet import Fleet
from .hindrances import Hindrance, no_answer, of_failure
from .model import Stored, UploadRequest, UploadSnapshot
from .outgoing import Arrived, Means, Outgoing
from .records import Records
from .registration import Notes
from .retries import Retries, Stopped
from .shipment import Shipment

logger = logging.getLogger(__name__)

End = Literal["done", "failed", "cancelled"]

CANCELLING_SECONDS = 5.0
"""For so long a cancelled upload is told as running while it puts its files down."""
BEHIND_SECONDS = 0.5
"""Between two looks whether an older upload has brought a file."""
INTERNAL = Problem("internal", "The engine failed at this upload; its log tells where.", "report", 500)


class LocalFile(msgspec.Struct, frozen=True, array_like=True):
    """What a file was when its upload began."""

    bytes: int
    modified_ns: int
    """Nanoseconds since 1970."""


class UploadRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What outlives the engine; a change is a new value."""

    id: str
    request: UploadRequest
    created_at: float
    before: list[LocalFile]
    """The files of the request, in the same order."""
    state: Literal["running"] | End = "running"
    """`cancelled` from the moment on at which the user says so, `failed` while something may be left half."""
    stored: list[Stored] = []
    """In the order in which they arrived."""
    arrived: list[Stored] = []
    """They are at their place by our doing, and Rucio may not know of them yet."""
    problem: Problem | None = None

    def left(self) -> list[Outgoing]:
        """The files that are not stored yet."""
        stored = {file.did for file in self.stored}
        scope = self.request.scope
        named = [(Path(path), file) for path, file in zip(self.request.paths, self.before, strict=False)]
        files = [Outgoing(path, Did(scope, path.name), file.bytes, file.modified_ns) for path, file in named]
        return [file for file in files if file.did not in stored]

    def unregistered(self) -> list[Arrived]:
        """Those of them that are at their place."""
        sums = {file.did: file.adler32 for file in self.arrived}
        return [Arrived(file, sums[file.did]) for file in self.left() if file.did in sums]


class Upload:
    """`run` blocks until it has ended; everything else may be called from any thread."""

    def __init__(
        self,
        record: UploadRecord,
        files: Records[UploadRecord],
        means: Means,
        fleet: Fleet,
        *,
        taken_up: bool,
    ) -> None:
        """`files` keeps its record, `fleet` knows the other uploads; `taken_up`: an earlier engine has begun it."""
        self._record = record
        self._files = files
        self._means = means
        self._notes = Notes(self._note_arrived, self._note_stored, self._note_refused)
        self._fleet = fleet
        self._taken_up = self._again = taken_up
        self._lock = threading.Lock()
        self._shipment: Shipment | None = None
        self._hindrance: Hindrance | None = None
        """What it waits for between two shipments."""
        self._behind: Upload | None = None
        """An older upload, which has every file in hand that is left of this one."""
        self._unfinished: set[Outgoing] = set()
        """Files of which a shipment may have left something half."""
        self._tidying: Retries | None = None
        self._cancelled_at = float("-inf")
        self._halted = self._engine_ends = self._over = False
        self._ended = record.state == "failed"
        self._woken = threading.Event()
        self._began = time.monotonic()
        self._bytes_before = 0
        """Of what was stored before the shipment began."""

    @property
    def record(self) -> UploadRecord:
        return self._record

    @property
    def hindrance(self) -> Hindrance | None:
        """What it waits for; told until the first bytes have got through again."""
        if (other := self._behind) is not None:
            return other.hindrance
        if (shipment := self._shipment) is None:
            return self._hindrance
        if (failure := shipment.in_the_way) is not None:
            return no_answer(failure)
        return None if shipment.moves else self._hindrance

    @property
    def asks_a_cloud(self) -> bool:
        """It waits for a cloud to take the sign-in again."""
        hindrance = self._hindrance if self._behind is None else None
        return hindrance is not None and hindrance.problem.type == RefusedByStorage.type

    @property
    def may_send(self) -> bool:
        """Its files are not yet another upload's."""
        return not self._ended and (self._record.state == "running" or self._shipment is not None)

    @property
    def goes_on_by_itself(self) -> bool:
        """Something happens, or will without anybody's help."""
        hindrance = self.hindrance
        if self._ended or (hindrance is not None and hindrance.seconds is None):
            return False
        # No engine stays for the sake of what is left half on a cloud that lets nobody in.
        return hindrance is None or self._record.state != "cancelled" or hindrance.cause != "signin"

    @property
    def ended(self) -> bool:
        """And everybody may know."""
        return self._ended

    def wake(self) -> None:
        """Whatever it waits for is to be looked at now."""
        self._woken.set()
        if (shipment := self._shipment) is not None:
            shipment.ask_again()
        if (other := self._behind) is not None:
            other.wake()

    def cancel(self) -> None:
        """Send no more bytes, now or later; what has arrived is registered still."""
        self._cancelled_at = time.monotonic()
        self._end("cancelled")
        self._halt()

    def leave_to_the_next_engine(self) -> None:
        """Send no more bytes; the next engine goes on."""
        self._engine_ends = True
        self._halt()

    def snapshot(self, known: int = 0) -> UploadSnapshot:
        """How it stands; of the stored files those after the first `known`."""
        told, shipment, hindrance = snapshot_of(self._record, known), self._shipment, self.hindrance
        if self._ended:
            return told
        if told.state == "cancelled":  # what is still to be taken away is nobody's concern
            late = time.monotonic() - self._cancelled_at > CANCELLING_SECONDS
            if shipment is None or late:
                return told
        elif hindrance is not None:
            return replace(told, state="waiting", cause=hindrance.cause, problem=hindrance.problem)
        told = replace(told, state="running")
        if shipment is None:
            return told
        sent = shipment.bytes_sent
        rate = sent / max(time.monotonic() - self._began, 0.001)
        return replace(told, bytes_done=self._bytes_before + sent, bytes_per_second=rate)

    def run(self) -> UploadRecord | None:
        """How it ended, which nobody is told of a success before `settle`; None where the next engine is to go on."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 -- else it would end this engine, and every one after it
            logger.error("Upload %s failed: %s", self._record.id, outline(error))
            self._fail(INTERNAL)
        over = self._record.state == "done"
        if self._record.state in ("cancelled", "failed"):
            over = self._tidy()
        with self._lock:
            self._over = over
        return self._record if over else None

    def settle(self) -> None:
        """From now on tell how it ended."""
        self._ended = True

    def _run(self) -> None:
        in_a_row = 0
        while not self._halted and self._record.state == "running":
            if not (files := self._record.left()):
                self._end("done")
                return
            ahead = self._fleet.ahead_of(self)
            if not (free := [file for file in files if file.did not in ahead]):
                self._wait_behind(ahead[files[0].did])
                continue
            stored = len(self._record.stored)
            try:
                self._ship(free)
            except Stopped:
                return
            except Failure as failure:
                in_a_row = 1 if len(self._record.stored) > stored else in_a_row + 1
                hindrance = of_failure(failure, in_a_row)
                if hindrance is None:
                    self._fail(failure.problem())
                    return
                self._wait(hindrance)

    def _ship(self, files: list[Outgoing]) -> None:
        """Raises Failure, Stopped."""
        again, self._again = self._again, True
        record, there = self._record, [each for each in self._record.unregistered() if each.file in files]
        self._bytes_before = sum(file.bytes for file in record.stored) + sum(
            each.file.bytes for each in there
        )
        self._began = time.monotonic()
        shipment = Shipment(record.request, files, self._means, self._notes, arrived=there, again=again)
        self._shipment, self._behind = shipment, None
        try:
            if self._halted:
                raise Stopped
            shipment.run()
        finally:
            self._unfinished |= shipment.unfinished
            self._shipment = None

    def _wait(self, hindrance: Hindrance) -> None:
        """Until it may be gone."""
        self._hindrance = hindrance
        logger.info("Upload %s waits (%s): %s", self._record.id, hindrance.cause, hindrance.problem.detail)
        while not self._woken.wait(hindrance.seconds):
            if not self.asks_a_cloud or self._fleet.asks(self):
                break
        self._woken.clear()

    def _wait_behind(self, other: Upload) -> None:
        """For a file that an older upload brings: then it is found, or this one's turn."""
        self._behind, self._hindrance = other, None
        self._woken.wait(BEHIND_SECONDS)
        self._woken.clear()

    def _tidy(self) -> bool:
        """After it was cancelled or failed: whether nothing is to be done any more; else it is the next engine's."""
        halves = self._halves()
        while (halves or self._record.unregistered()) and not self._engine_ends:
            self._behind = self._hindrance = None
            self._tidying = retries = Retries(TIDY_SECONDS)
            arrived = self._record.unregistered()
            try:
                if self._engine_ends or tidy_up(
                    self._record.request, arrived, halves, self._means, self._notes, retries
                ):
                    return True
                reason = "it takes too long"
            except Stopped:
                break
            except Failure as failure:
                hindrance = of_failure(failure, 1)
                if hindrance is not None and hindrance.cause == "signin":
                    self._wait(hindrance)
                    continue
                reason = str(failure)
            except Exception as error:  # noqa: BLE001 -- else it would end this engine
                reason = outline(error)
            logger.warning("What the upload %s has left half may stay there: %s", self._record.id, reason)
            return True
        return not ((halves or self._record.unregistered()) and self._engine_ends)

    def _halves(self) -> list[Outgoing]:
        """Files of which something may be left half on the cloud."""
        left = self._record.left()
        return left if self._taken_up else [file for file in left if file in self._unfinished]

    def _halt(self) -> None:
        self._halted = True
        for waiting in (self._shipment, self._tidying if self._engine_ends else None):
            if waiting is not None:
                waiting.stop()
        self._woken.set()

    def _note_arrived(self, files: list[Stored]) -> None:
        self._change(lambda record: replace(record, arrived=[*_without(record.arrived, files), *files]))

    def _note_stored(self, files: list[Stored]) -> None:
        self._change(
            lambda record: replace(
                record, stored=[*record.stored, *files], arrived=_without(record.arrived, files)
            )
        )

    def _note_refused(self, files: list[Stored]) -> None:
        self._change(lambda record: replace(record, arrived=_without(record.arrived, files)))

    def _fail(self, problem: Problem) -> None:
        if not self._engine_ends:  # else the next one tries again
            self._end("failed", problem)
            self._ended = self._record.state == "failed"

    def _end(self, state: End, problem: Problem | None = None) -> None:
        """Unless it has ended otherwise before."""
        self._change(
            lambda record: (
                replace(record, state=state, problem=problem) if record.state == "running" else record
            )
        )

    def _change(self, changed: Callable[[UploadRecord], UploadRecord]) -> None:
        """On the disk first: what anybody was told, the next engine tells in the same order."""
        with self._lock:
            record = changed(self._record)
            if not self._over and record != self._record:
                save(self._files, record)
                self._record = record


def _without(files: list[Stored], others: list[Stored]) -> list[Stored]:
    return [file for file in files if file not in others]


def begun(number: str, request: UploadRequest) -> UploadRecord:
    """A new upload. Raises BadRequest for a file that cannot be read."""
    before = [_looked_at(Path(path)) for path in request.paths]
    return UploadRecord(id=number, request=request, created_at=time.time(), before=before)


def snapshot_of(record: UploadRecord, known: int) -> UploadSnapshot:
    """Of an upload that has ended."""
    return UploadSnapshot(
        record.id,
        record.request,
        record.state,
        len(record.request.paths),
        len(record.stored),
        sum(file.bytes for file in record.before),
        sum(file.bytes for file in record.stored),
        0.0,
        record.stored[known:],
        record.problem,
    )


def save(files: Records[UploadRecord], record: UploadRecord) -> bool:
    """Whether that was possible; an upload goes on without its record."""
    try:
        files.save(record)
    except OSError:
        logger.warning("The state folder's disk is full or broken; upload %s could not be saved.", record.id)
        return False
    return True


def _looked_at(path: Path) -> LocalFile:
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise BadRequest(f"{path} is no file that can be read.")
    found = path.stat()
    return LocalFile(found.st_size, found.st_mtime_ns)
