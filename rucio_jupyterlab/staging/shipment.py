"""Files of an upload on their way: a few threads send, one tells Rucio of what has arrived.

The bytes are there, verified, before Rucio is told of them; what breaks off in between is taken up by sending the
files again, for what is there already is found. Whoever meets a Rucio or a cloud that does not answer waits for it
alone; the others go on.
"""

from __future__ import annotations

import functools
import itertools
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
from ..catalog.reach import CS3
from ..catalog.registry import NewFile, Places, Registry
from ..did import Did
from ..errors import BadRequest, Conflict, Denied, Failure, NotFound, RucioFault, RucioRefused
from ..sources.checksum import normalized_adler32
from ..sources.http.throttle import Throttle
from .model import Stored, UploadRequest
from .retries import Retries, Stopped

if TYPE_CHECKING:
    from ..sources.cloud_data import Watch
    from ..sources.sending import CloudWriter, Hold, Sent

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
THIS_THREAD = -1
"""The one that registers, among those that may wait; senders have their own numbers."""


class Outgoing(msgspec.Struct, frozen=True):
    """A local file on its way to a DID."""

    path: Path
    did: Did
    bytes: int
    modified_ns: int
    """With the size it tells whether the file is still the one that was to be put."""


class Arrived(msgspec.Struct, frozen=True):
    """A file that is at its place."""

    file: Outgoing
    sent: Sent


class Means(msgspec.Struct, frozen=True):
    """What a shipment works with."""

    registry: Callable[[], Registry]
    """Rucio, as the user; may wait, and raise SignInNeeded."""
    check: Callable[[], None]
    """Raises BadRequest where the RSE is no cloud, and what Rucio says."""
    writer: Callable[[Watch, Hold], AbstractContextManager[CloudWriter]]
    """Makes one of its own for each thread."""
    bandwidth: Callable[[], int | None]
    """The limit in force, bytes per second."""


News = Arrived | Exception | Literal["sender ended"]


class Shipment:
    """`run` blocks until all is done; everything else may be called from any thread."""

    def __init__(
        self,
        request: UploadRequest,
        files: Sequence[Outgoing],
        means: Means,
        keep: Callable[[list[Stored]], None],
        *,
        again: bool,
    ) -> None:
        """`keep` is told of files that are stored and registered, in the thread of `run`.

        `again`: not the first shipment of these files; one before may have left something half sent.
        """
        self._request = request
        self._files = list(files)
        self._means = means
        self._keep = keep
        self._again = again
        self._throttle = Throttle(None)
        self._to_send = deque(self._files)
        self._arrived: SimpleQueue[News] = SimpleQueue()
        self._lock = threading.Lock()
        self._in_hand: dict[int, Outgoing] = {}
        """What a thread sends just now, by the thread."""
        self._flying: dict[int, int] = {}
        """Bytes of it that are sent."""
        self._bytes_arrived = 0
        self._files_stored = 0
        self._retries = Retries()
        self.unfinished: set[Outgoing] = set()
        """Of these something may be left half on the cloud."""

    @property
    def bytes_sent(self) -> int:
        """Of files that have arrived, and of those on their way."""
        return self._bytes_arrived + sum(tuple(self._flying.values()))

    @property
    def moves(self) -> bool:
        """Whether bytes have got through."""
        return self.bytes_sent > 0 or self._files_stored > 0

    @property
    def in_the_way(self) -> Failure | None:
        """What everything waits for; None where something goes on."""
        held = self._retries.held
        waits = held and all(number in held for number in tuple(self._in_hand))
        return next(iter(held.values())) if waits else None

    def ask_again(self) -> None:
        """Whoever waits asks at once."""
        self._retries.nudge()

    def stop(self) -> None:
        """Send no more bytes; what has arrived is registered still."""
        self._retries.stop()

    def run(self) -> None:
        """Send and register. Raises the first Failure, or Stopped; what arrived beside it is registered."""
        if self._again:  # before anybody is asked
            for file in self._files:
                _check_unchanged(file)
        if self._retries.stopped:
            raise Stopped
        places = self._retries.insist(THIS_THREAD, self._prepare)
        # One question; the senders would be refused each by itself.
        self._retries.insist(THIS_THREAD, lambda: self._knock(places.of(self._files[0].did)))
        senders = [
            threading.Thread(target=self._send, args=(number, places), name=f"sender-{number}", daemon=True)
            for number in range(min(SENDERS, len(self._files)))
        ]
        for sender in senders:
            sender.start()
        try:
            self._register_as_they_come(len(senders), places)
        finally:
            self.stop()
            for sender in senders:
                sender.join()

    def _prepare(self) -> Places:
        """Where the files go, none of which Rucio knows as another one."""
        self._means.check()
        request, dids = self._request, [file.did for file in self._files]
        registry = self._registry = self._means.registry()
        known = registry.files(dids)
        for file in self._files:
            _check_same(file.did, known.get(file.did), size=file.bytes)
        places = Places(dids, self._ask_for_places)
        places.of(dids[0])  # before a dataset is made for nothing
        if request.dataset is not None:
            registry.ensure_dataset(request.dataset)
            # Before any byte is sent, for the quota may not allow it.
            registry.ensure_rule(request.dataset, request.rse)
        return places

    def _ask_for_places(self, dids: Sequence[Did]) -> dict[Did, str]:
        """In the thread of whoever needs one of them. Raises Stopped; who waited for his turn asks nobody then."""
        if self._retries.stopped:
            raise Stopped
        return self._registry.places(self._request.rse, dids, CS3)

    def _knock(self, place: str) -> None:
        with self._writer(THIS_THREAD) as writer:
            writer.sign_in(place)

    def _writer(self, number: int) -> AbstractContextManager[CloudWriter]:
        """For one thread."""
        return self._means.writer(
            lambda position, count: self._watch(number, position, count),
            lambda failure: self._hold(number, failure),
        )

    # The senders' threads

    def _send(self, number: int, places: Places) -> None:
        try:
            with self._writer(number) as writer:
                while not self._retries.stopped and (file := self._next(number)):
                    sent = self._send_file(number, writer, file, places)
                    with self._lock:
                        self._flying.pop(number, None)
                        self._bytes_arrived += sent.bytes
                        self._in_hand.pop(number)
                    self._arrived.put(Arrived(file, sent))
        except Exception as reason:  # noqa: BLE001 -- it is raised again by the thread that registers
            self._arrived.put(reason)
        finally:
            with self._lock:
                self._flying.pop(number, None)
                if file := self._in_hand.pop(number, None):
                    self.unfinished.add(file)
            self._retries.forget(number)
            self._arrived.put("sender ended")

    def _send_file(self, number: int, writer: CloudWriter, file: Outgoing, places: Places) -> Sent:
        """What an earlier attempt may have left half is taken away first."""
        attempts = itertools.count()

        def attempt() -> Sent:
            _check_unchanged(file)
            place = places.of(file.did)
            if next(attempts) or self._again:
                writer.tidy(place)
            return writer.send(file.path, place, lambda: _check_unchanged(file))

        return self._retries.insist(number, attempt)

    def _next(self, number: int) -> Outgoing | None:
        with self._lock:
            if self._to_send:
                self._in_hand[number] = self._to_send.popleft()
            return self._in_hand.get(number)

    def _hold(self, number: int, failure: Failure) -> None:
        """Wait in the middle of a file, which is to go on from where it is. Raises Stopped, and what else ends it."""
        self._retries.hold(number, failure)
        if file := self._in_hand.get(number):
            _check_unchanged(file)

    def _watch(self, number: int, position: int, count: int) -> None:
        """Where a file stands; waits where the bandwidth is limited. Raises Stopped."""
        self._flying[number] = position
        self._retries.moves(number)
        while not self._retries.stopped:
            with self._lock:
                if (limit := self._means.bandwidth()) != self._throttle.bytes_per_second:
                    self._throttle.limit(limit)
                if not count or self._throttle.take(count):
                    return
                pause = self._throttle.seconds_until_more()
            self._retries.sleep(min(pause, LONGEST_PAUSE))
        raise Stopped

    # This thread

    def _register_as_they_come(self, senders: int, places: Places) -> None:
        """Until all senders have ended. Raises the first that went wrong; what arrived beside it is registered."""
        trouble: Exception | None = None
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
                self._register(batch, places)
            except (Failure, Stopped) as failure:
                trouble = trouble if isinstance(trouble, Failure) else failure
                self.stop()
        if trouble is None and self._files_stored < len(self._files):
            trouble = Stopped()
        if trouble is not None:
            raise trouble

    def _news(self, until: float) -> News | Literal["none"]:
        try:
            return self._arrived.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            return "none"

    def _register(self, batch: list[Arrived], places: Places) -> None:
        """Tell Rucio of a batch; where it refuses, of each by itself. What it does not want does not stay."""
        if not batch:
            return
        request = self._request
        files = [NewFile(each.file.did, each.sent.bytes, each.sent.adler32) for each in batch]
        try:
            self._check_still_free(files)
            self._tell_rucio(lambda rucio: rucio.add_replicas(request.rse, files))
        except REFUSALS as refusal:
            if not _is_about_the_file(refusal):
                raise
            if len(batch) == 1:
                self._take_back(batch[0], places)
                raise
            self._register_each(batch, places)
            return
        dids, dataset = [file.did for file in files], request.dataset
        if dataset is not None:
            self._tell_rucio(lambda rucio: rucio.attach(dataset, dids))
        else:
            for did in dids:
                self._tell_rucio(functools.partial(Registry.ensure_rule, did=did, rse=request.rse))
        self._files_stored += len(files)
        self._keep([Stored(file.did, request.rse, file.bytes, file.adler32) for file in files])

    def _check_still_free(self, files: Sequence[NewFile]) -> None:
        """Rucio takes a replica of any content for a DID that it knows, and somebody may have made one meanwhile."""
        dids = [file.did for file in files]
        known = self._retries.insist(THIS_THREAD, lambda: self._registry.files(dids))
        for file in files:
            _check_same(file.did, known.get(file.did), size=file.bytes, adler32=file.adler32)

    def _tell_rucio(self, tell: Callable[[Registry], object]) -> None:
        """Until it has heard; what it knows already it may be told again."""
        self._retries.insist(THIS_THREAD, lambda: tell(self._registry))

    def _register_each(self, batch: Sequence[Arrived], places: Places) -> None:
        trouble = None
        for each in batch:
            try:
                self._register([each], places)
            except REFUSALS as refusal:
                trouble = trouble or refusal
        if trouble is not None:
            raise trouble

    def _take_back(self, refused: Arrived, places: Places) -> None:
        def remove() -> None:
            with self._writer(THIS_THREAD) as writer:
                writer.remove(places.of(refused.file.did))

        if not refused.sent.found:
            self._retries.insist(THIS_THREAD, remove)


def _is_about_the_file(refusal: Failure) -> bool:
    """Whether Rucio refuses it by a name, or we do. What a proxy or an error page says is said of no file."""
    unnamed = refusal.exception is None and isinstance(refusal, (Denied, RucioRefused))
    return not (unnamed or isinstance(refusal, RucioFault))


def _check_unchanged(file: Outgoing) -> None:
    """Raises NotFound, Conflict."""
    try:
        now = file.path.stat()
    except OSError:
        raise NotFound(
            f"{file.path} is gone, or cannot be read any more, so this upload cannot be finished. Put what is left.",
            do="none",
        ) from None
    if (now.st_size, now.st_mtime_ns) != (file.bytes, file.modified_ns):
        raise Conflict(
            f"{file.path} has changed since its upload began, which therefore ends. Put the files again.",
            do="none",
        )


def _check_same(did: Did, known: BulkLine | None, *, size: int, adler32: str | None = None) -> None:
    """Raises Conflict where Rucio knows another file by this name."""
    if known is None:
        return
    sums = {normalized_adler32(known.adler32), normalized_adler32(adler32)} - {None}
    if known.bytes != size or len(sums) > 1:
        raise Conflict(f"Rucio knows {did} as another file; give yours another name.", do="choose")
