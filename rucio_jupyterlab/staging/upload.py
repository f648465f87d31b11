"""An upload as the engine holds it, and what of it outlives the engine: `STATE/uploads/ID.json`.

Its files are sent by a `Shipment`, and by another one where the first had to wait for a sign-in, or the engine ended.
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
from ..errors import BadRequest, Failure, Problem, SignInNeeded, outline
from .model import Stored, UploadRequest, UploadSnapshot
from .records import Records
from .shipment import Means, Outgoing, Shipment, Stopped

logger = logging.getLogger(__name__)

End = Literal["done", "failed", "cancelled"]

SIGN_IN = SignInNeeded(
    "Your sign-in has lapsed. Sign in, then the upload goes on; put the same files again to watch it."
).problem()
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
    """`cancelled` from the moment on at which the user says so."""
    stored: list[Stored] = []
    """In the order in which they arrived."""
    problem: Problem | None = None

    def left(self) -> list[Outgoing]:
        """The files that are not stored yet."""
        stored = {file.did for file in self.stored}
        scope = self.request.scope
        named = [(Path(path), file) for path, file in zip(self.request.paths, self.before, strict=False)]
        files = [Outgoing(path, Did(scope, path.name), file.bytes, file.modified_ns) for path, file in named]
        return [file for file in files if file.did not in stored]


class Upload:
    """`run` blocks until it has ended; everything else may be called from any thread."""

    def __init__(
        self, record: UploadRecord, files: Records[UploadRecord], means: Means, *, taken_up: bool
    ) -> None:
        """`files` keeps its record; `taken_up`: an earlier engine has begun it."""
        self._record = record
        self._files = files
        self._means = means
        self._again = taken_up
        self._lock = threading.Lock()
        self._shipment: Shipment | None = None
        self._halted = self._engine_ends = False
        self._waiting = self._over = self._ended = False
        self._woken = threading.Event()
        self._began = time.monotonic()
        self._bytes_before = 0
        """Of what was stored before the shipment began."""

    @property
    def record(self) -> UploadRecord:
        return self._record

    @property
    def waiting(self) -> bool:
        """It can only go on after a sign-in."""
        return self._waiting

    @property
    def ended(self) -> bool:
        """And everybody may know."""
        return self._ended

    def wake(self) -> None:
        """If it waits for a sign-in: there is one."""
        self._woken.set()

    def cancel(self) -> None:
        """Send no more bytes, now or later; what has arrived is registered still."""
        self._change(lambda record: replace(record, state="cancelled"))
        self._halt()

    def leave_to_the_next_engine(self) -> None:
        """Send no more bytes; the next engine goes on."""
        self._engine_ends = True
        self._halt()

    def snapshot(self, known: int = 0) -> UploadSnapshot:
        """How it stands; of the stored files those after the first `known`."""
        told, shipment = snapshot_of(self._record, known), self._shipment
        if self._ended:
            return told
        if shipment is None:
            state, problem = ("waiting", SIGN_IN) if self._waiting else ("running", None)
            return replace(told, state=state, problem=problem)
        sent = shipment.bytes_sent
        rate = sent / max(time.monotonic() - self._began, 0.001)
        return replace(told, state="running", bytes_done=self._bytes_before + sent, bytes_per_second=rate)

    def run(self) -> UploadRecord | None:
        """How it ended, which nobody is told before `settle`; None where the next engine is to go on."""
        try:
            last = self._run()
        except Exception as error:  # noqa: BLE001 -- else it would end this engine, and every one after it
            logger.error("Upload %s failed: %s", self._record.id, outline(error))
            last = replace(self._record, state="failed", problem=INTERNAL)
        with self._lock:
            self._over = last.state != "running" and not (last.state == "failed" and self._engine_ends)
        return last if self._over else None

    def settle(self, last: UploadRecord) -> None:
        """From now on tell how it ended."""
        self._record, self._ended = last, True

    def _run(self) -> UploadRecord:
        while not self._halted:
            self._woken.clear()
            try:
                self._ship()
                return replace(self._record, state="done")
            except Stopped:
                break
            except Failure as failure:
                if not isinstance(failure, SignInNeeded) or failure.remedy != "signin":
                    return replace(self._record, state="failed", problem=failure.problem())
            self._wait()
        return self._record

    def _ship(self) -> None:
        """Raises Failure, Stopped."""
        again, self._again = self._again, True
        self._bytes_before, self._began = sum(file.bytes for file in self._record.stored), time.monotonic()
        files = self._record.left()
        if not files:  # the engine before died when all was done
            return
        shipment = Shipment(self._record.request, files, self._means, self._keep, again=again)
        self._shipment = shipment
        if self._halted:
            raise Stopped
        shipment.run()

    def _wait(self) -> None:
        """Until somebody has signed in."""
        self._shipment, self._waiting = None, True
        logger.info("Upload %s waits for a sign-in.", self._record.id)
        if not self._halted:
            self._woken.wait()
        self._waiting = False

    def _halt(self) -> None:
        self._halted = True
        if self._shipment is not None:
            self._shipment.stop()
        self._woken.set()

    def _keep(self, stored: list[Stored]) -> None:
        self._change(lambda record: replace(record, stored=[*record.stored, *stored]))

    def _change(self, changed: Callable[[UploadRecord], UploadRecord]) -> None:
        """On the disk first: what anybody was told, the next engine tells in the same order."""
        with self._lock:
            if self._over:
                return
            record = changed(self._record)
            save(self._files, record)
            self._record = record


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
