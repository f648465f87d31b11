"""One upload on its way: a few threads send, one tells Rucio of what has arrived.

The bytes are there, verified, before Rucio is told of them; what breaks off in between is taken up by putting the
files again.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal

import msgspec

from ..catalog.answers import BulkLine
from ..catalog.registry import NewFile, Registry
from ..did import Did
from ..errors import BadRequest, Conflict, Denied, Failure, RucioRefused
from ..sources.checksum import normalized_adler32
from ..sources.http.throttle import Throttle
from .model import Stored, UploadRequest, UploadSnapshot

if TYPE_CHECKING:
    from ..sources.sending import CloudWriter, Sent, Watch

CS3 = "cs3"
SENDERS = 4
"""Files at once; small ones wait for answers more than for bytes."""
MOST_IN_A_BATCH = 200
"""Files that Rucio is told of in one question."""
BATCH_SECONDS = 1.0
"""For so long files are waited for that Rucio can be told of together; for it one costs as much as twenty."""
REFUSALS = (BadRequest, Conflict, Denied, RucioRefused)
"""Rucio does not want a file; what does not answer at all may want it later."""

LONGEST_PAUSE = 0.2
"""Seconds after which it is seen that the bandwidth limit has changed."""


class Stopped(Exception):
    """The user wants no more of it, or the engine ends."""


class Outgoing(msgspec.Struct, frozen=True):
    """A local file on its way to a DID."""

    path: Path
    did: Did
    bytes: int


class Arrived(msgspec.Struct, frozen=True):
    """A file that is at its place."""

    file: Outgoing
    sent: Sent


News = Arrived | Failure | Stopped | Literal["sender ended"]


class Upload:
    """`run` blocks until all is done; everything else may be called from any thread."""

    def __init__(
        self,
        number: str,
        request: UploadRequest,
        registry: Registry,
        writer: Callable[[Watch], AbstractContextManager[CloudWriter]],
        bandwidth: Callable[[], int | None],
    ) -> None:
        """`writer` makes one of its own for each thread. Raises BadRequest for a file that cannot be read."""
        self.number = number
        self._request = request
        self._registry = registry
        self._writer = writer
        self._bandwidth = bandwidth
        self._throttle = Throttle(None)
        self._files = [_outgoing(Path(path), request.scope) for path in request.paths]
        self._to_send = deque(self._files)
        self._arrived: SimpleQueue[News] = SimpleQueue()
        self._lock = threading.Lock()
        self._flying: dict[int, int] = {}
        """Bytes of the file that a thread sends just now, by the thread."""
        self._bytes_arrived = 0
        self._stored: list[Stored] = []
        self._stopping = threading.Event()
        self._began = time.monotonic()
        self._seconds: float | None = None
        self._outcome: Failure | Stopped | None = None

    @property
    def running(self) -> bool:
        return self._seconds is None

    def stop(self) -> None:
        """Send no more bytes; what has arrived is registered still."""
        self._stopping.set()

    def snapshot(self, known: int = 0) -> UploadSnapshot:
        """How it stands; of the stored files those after the first `known`."""
        seconds = self._seconds if self._seconds is not None else time.monotonic() - self._began
        done = self._bytes_arrived + sum(tuple(self._flying.values()))
        failure = self._outcome if isinstance(self._outcome, Failure) else None
        return UploadSnapshot(
            self.number,
            self._request,
            "running" if self.running else "failed" if failure else "cancelled" if self._outcome else "done",
            len(self._files),
            len(self._stored),
            sum(file.bytes for file in self._files),
            done,
            done / max(seconds, 0.001),
            self._stored[known:],
            failure.problem() if failure else None,
        )

    def run(self) -> None:
        """Send and register; how it ended is in the snapshot. Raises what is no Failure."""
        try:
            self._store_all()
        except (Failure, Stopped) as outcome:
            self._outcome = outcome
        finally:
            self._seconds = time.monotonic() - self._began

    def _store_all(self) -> None:
        request, dids = self._request, [file.did for file in self._files]
        known = self._registry.files(dids)
        for file in self._files:
            _check_same(file.did, known.get(file.did), size=file.bytes)
        places = self._registry.places(request.rse, dids, CS3)
        if request.dataset is not None:
            self._registry.ensure_dataset(request.dataset)
            # Before any byte is sent, for the quota may not allow it.
            self._registry.ensure_rule(request.dataset, request.rse)
        senders = [
            threading.Thread(target=self._send, args=(number, places), name=f"sender-{number}", daemon=True)
            for number in range(min(SENDERS, len(self._files)))
        ]
        for sender in senders:
            sender.start()
        try:
            self._register_as_they_come(len(senders), known, places)
        finally:
            self.stop()
            for sender in senders:
                sender.join()

    # The senders' threads

    def _send(self, number: int, places: dict[Did, str]) -> None:
        try:
            with self._writer(lambda position, count: self._watch(number, position, count)) as writer:
                while not self._stopping.is_set() and (file := self._next()):
                    sent = writer.send(file.path, places[file.did])
                    with self._lock:
                        self._flying.pop(number, None)
                        self._bytes_arrived += sent.bytes
                    self._arrived.put(Arrived(file, sent))
        except (Failure, Stopped) as reason:
            self._arrived.put(reason)
        finally:
            self._flying.pop(number, None)
            self._arrived.put("sender ended")

    def _next(self) -> Outgoing | None:
        with self._lock:
            return self._to_send.popleft() if self._to_send else None

    def _watch(self, number: int, position: int, count: int) -> None:
        """Where a file stands; waits where the bandwidth is limited. Raises Stopped."""
        self._flying[number] = position
        while not self._stopping.is_set():
            with self._lock:
                if (limit := self._bandwidth()) != self._throttle.bytes_per_second:
                    self._throttle.limit(limit)
                if self._throttle.take(count):
                    return
                pause = self._throttle.seconds_until_more()
            self._stopping.wait(min(pause, LONGEST_PAUSE))
        raise Stopped

    # This thread

    def _register_as_they_come(
        self, senders: int, known: dict[Did, BulkLine], places: dict[Did, str]
    ) -> None:
        """Until all senders have ended. Raises the first Failure or Stopped; what arrived beside it is registered."""
        trouble: Failure | Stopped | None = None
        while senders:
            batch: list[Arrived] = []
            until = time.monotonic() + BATCH_SECONDS
            while senders and len(batch) < MOST_IN_A_BATCH and (news := self._news(until)) != "none":
                if news == "sender ended":
                    senders -= 1
                elif isinstance(news, Arrived):
                    batch.append(news)
                else:
                    trouble = trouble or news
                    self.stop()
            try:
                self._register(batch, known, places)
            except Failure as failure:
                trouble = trouble if isinstance(trouble, Failure) else failure
                self.stop()
        if trouble is None and len(self._stored) < len(self._files):
            trouble = Stopped()
        if trouble is not None:
            raise trouble

    def _news(self, until: float) -> News | Literal["none"]:
        try:
            return self._arrived.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            return "none"

    def _register(self, batch: list[Arrived], known: dict[Did, BulkLine], places: dict[Did, str]) -> None:
        """Tell Rucio of a batch; where it refuses, of each by itself. What it does not want does not stay."""
        if not batch:
            return
        request = self._request
        try:
            for each in batch:
                _check_same(
                    each.file.did, known.get(each.file.did), size=each.sent.bytes, adler32=each.sent.adler32
                )
            files = [NewFile(each.file.did, each.sent.bytes, each.sent.adler32) for each in batch]
            self._registry.add_replicas(request.rse, files)
        except REFUSALS:
            if len(batch) == 1:
                self._take_back(batch[0], places)
                raise
            self._register_each(batch, known, places)
            return
        if request.dataset is not None:
            self._registry.attach(request.dataset, [file.did for file in files])
        else:
            for file in files:
                self._registry.ensure_rule(file.did, request.rse)
        self._stored += [Stored(file.did, request.rse, file.bytes, file.adler32) for file in files]

    def _register_each(
        self, batch: Sequence[Arrived], known: dict[Did, BulkLine], places: dict[Did, str]
    ) -> None:
        trouble = None
        for each in batch:
            try:
                self._register([each], known, places)
            except REFUSALS as refusal:
                trouble = trouble or refusal
        if trouble is not None:
            raise trouble

    def _take_back(self, refused: Arrived, places: dict[Did, str]) -> None:
        if not refused.sent.found:
            with self._writer(lambda position, count: None) as writer:
                writer.remove(places[refused.file.did])


def _outgoing(path: Path, scope: str) -> Outgoing:
    """Raises BadRequest for what is no file that can be read."""
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise BadRequest(f"{path} is no file that can be read.")
    return Outgoing(path, Did(scope, path.name), path.stat().st_size)


def _check_same(did: Did, known: BulkLine | None, *, size: int, adler32: str | None = None) -> None:
    """Raises Conflict where Rucio knows another file by this name."""
    if known is None:
        return
    sums = {normalized_adler32(known.adler32), normalized_adler32(adler32)} - {None}
    if known.bytes != size or len(sums) > 1:
        raise Conflict(f"Rucio knows {did} as another file; give yours another name.", do="choose")
