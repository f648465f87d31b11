"""Files of an upload on their way: a few threads send, one tells Rucio of what has arrived.

The bytes are there, verified, before Rucio is told of them. What breaks off in between is taken up by another
shipment: it registers what has arrived and sends the rest again. Whoever meets a Rucio or a cloud that does not
answer waits for it alone; the others go on.
"""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal

from ..catalog.reach import CS3
from ..catalog.registry import Places
from ..did import Did
from ..errors import Failure
from ..sources.escort import Escort
from ..sources.http.throttle import Throttle
from .model import UploadRequest
from .outgoing import Arrived, Means, Outgoing, check_unchanged
from .registration import THIS_THREAD, Notes, Registration, check_same
from .retries import Retries, Stopped

if TYPE_CHECKING:
    from ..sources.sending import CloudWriter

SENDERS = 4
"""Files at once; small ones wait for answers more than for bytes."""
MOST_IN_A_BATCH = 200
"""Files that Rucio is told of in one question."""
BATCH_SECONDS = 1.0
"""For so long files are waited for that Rucio can be told of together; for it one costs as much as twenty."""
LONGEST_PAUSE = 0.2
"""Seconds after which it is seen that the bandwidth limit has changed."""

News = Arrived | Exception | Literal["sender ended"]


class Shipment:
    """`run` blocks until all is done; everything else may be called from any thread."""

    def __init__(
        self,
        request: UploadRequest,
        files: Sequence[Outgoing],
        means: Means,
        notes: Notes,
        *,
        arrived: Sequence[Arrived],
        again: bool,
    ) -> None:
        """`notes` are taken in the thread of `run`; `arrived` are those of the files that Rucio is to be told of alone.

        `again`: not the first shipment of these files; one before may have left something half sent.
        """
        there = {each.file for each in arrived}
        self._request = request
        self._arrived_before = arrived
        self._files = [file for file in files if file not in there]
        self._means = means
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
        self._retries = Retries()
        self._telling = Retries()
        """Rucio; what has arrived is registered whatever becomes of the other files."""
        self._places = Places([file.did for file in files], self._ask_for_places)
        self._registration = Registration(request, means, self._telling, self._places.of, notes)
        self.unfinished: set[Outgoing] = set()
        """Of these something may be left half on the cloud."""

    @property
    def bytes_sent(self) -> int:
        """Of files that have arrived, and of those on their way."""
        return self._bytes_arrived + sum(tuple(self._flying.values()))

    @property
    def moves(self) -> bool:
        """Whether bytes have got through."""
        return self.bytes_sent > 0 or self._registration.files_stored > 0

    @property
    def in_the_way(self) -> Failure | None:
        """What everything waits for; None where something goes on."""
        held = self._retries.held | self._telling.held
        waits = held and all(number in held for number in tuple(self._in_hand))
        return next(iter(held.values())) if waits else None

    def ask_again(self) -> None:
        """Whoever waits asks at once."""
        self._retries.nudge()
        self._telling.nudge()

    def stop(self) -> None:
        """Send no more bytes, and ask nobody twice; what has arrived is registered, or in the notes."""
        self._retries.stop()
        self._telling.stop()

    def run(self) -> None:
        """Send and register. Raises the first Failure, or Stopped; what arrived beside it is registered."""
        self._registration.register(self._arrived_before)  # whatever has become of the local files
        if not self._files:
            return
        if self._again:  # before anybody is asked
            for file in self._files:
                check_unchanged(file)
        if self._retries.stopped:
            raise Stopped
        self._retries.insist(THIS_THREAD, self._prepare)
        # One question; the senders would be refused each by itself.
        self._retries.insist(THIS_THREAD, lambda: self._knock(self._places.of(self._files[0].did)))
        senders = [
            threading.Thread(target=self._send, args=(number,), name=f"sender-{number}", daemon=True)
            for number in range(min(SENDERS, len(self._files)))
        ]
        for sender in senders:
            sender.start()
        try:
            self._register_as_they_come(len(senders))
        finally:
            self._retries.stop()
            for sender in senders:
                sender.join()

    def _prepare(self) -> None:
        """Where the files go is known, and Rucio knows none of them as another one."""
        self._means.check()
        request, dids = self._request, [file.did for file in self._files]
        registry = self._means.registry()
        known = registry.files(dids)
        for file in self._files:
            check_same(file.did, known.get(file.did), size=file.bytes)
        self._places.of(dids[0])  # before a dataset is made for nothing
        if request.dataset is not None:
            registry.ensure_dataset(request.dataset)
            # Before any byte is sent, for the quota may not allow it.
            registry.ensure_rule(request.dataset, request.rse)

    def _ask_for_places(self, dids: Sequence[Did]) -> dict[Did, str]:
        """In the thread of whoever needs one of them. Raises Stopped; who waited for his turn asks nobody then."""
        if self._retries.stopped:
            raise Stopped
        return self._means.registry().places(self._request.rse, dids, CS3)

    def _knock(self, place: str) -> None:
        with self._writer(THIS_THREAD) as writer:
            writer.sign_in(place)

    def _writer(self, number: int) -> AbstractContextManager[CloudWriter]:
        """For one thread."""
        return self._means.writer(
            Escort(
                hold=functools.partial(self._hold, number),
                watch=functools.partial(self._watch, number),
                check=self._retries.check,
                cutting=self._retries.cutting,
            )
        )

    # The senders' threads

    def _send(self, number: int) -> None:
        try:
            with self._writer(number) as writer:
                while not self._retries.stopped and (file := self._next(number)):
                    arrived = self._send_file(number, writer, file)
                    with self._lock:
                        self._flying.pop(number, None)
                        self._bytes_arrived += file.bytes
                        self._in_hand.pop(number)
                    self._arrived.put(arrived)
        except Exception as reason:  # noqa: BLE001 -- it is raised again by the thread that registers
            self._arrived.put(reason)
        finally:
            with self._lock:
                self._flying.pop(number, None)
                if file := self._in_hand.pop(number, None):
                    self.unfinished.add(file)
            self._retries.forget(number)
            self._arrived.put("sender ended")

    def _send_file(self, number: int, writer: CloudWriter, file: Outgoing) -> Arrived:
        """What an earlier attempt may have left half is taken away first."""
        attempts = itertools.count()

        def attempt() -> Arrived:
            check_unchanged(file)
            place = self._places.of(file.did)
            if next(attempts) or self._again:
                writer.tidy(place)
            sent = writer.send(file.path, place, lambda: check_unchanged(file))
            return Arrived(file, sent.adler32, sent.found)

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
            check_unchanged(file)

    def _watch(self, number: int, position: int, count: int) -> None:
        """Where a file stands; waits where the bandwidth is limited. Raises Stopped."""
        self._flying[number] = position
        self._retries.moves(number)
        while True:
            self._retries.check()
            with self._lock:
                if (limit := self._means.bandwidth()) != self._throttle.bytes_per_second:
                    self._throttle.limit(limit)
                if not count or self._throttle.take(count):
                    return
                pause = self._throttle.seconds_until_more()
            self._retries.sleep(min(pause, LONGEST_PAUSE))

    # This thread

    def _register_as_they_come(self, senders: int) -> None:
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
                    self._retries.stop()
            try:
                self._registration.register(batch)
            except (Failure, Stopped) as failure:
                trouble = trouble if isinstance(trouble, Failure) else failure
                self._retries.stop()
        stored = self._registration.files_stored - len(self._arrived_before)
        if trouble is None and stored < len(self._files):
            trouble = Stopped()
        if trouble is not None:
            raise trouble

    def _news(self, until: float) -> News | Literal["none"]:
        try:
            return self._arrived.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            return "none"
