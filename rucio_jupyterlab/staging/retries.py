"""Asking again: what the threads of an upload do while Rucio or a cloud does not answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..errors import Failure, NoAnswer, RucioFault, StorageFault
from ..pauses import backoff

FIRST_PAUSE = 2.0
"""Seconds before it is asked again; they grow, up to `pauses.LONGEST_PAUSE`."""
MOST_FAULTS = 6
"""Of one thing, in a row: who answers with an error of its own may do so for good."""
PASSING = (NoAnswer, RucioFault, StorageFault)
"""Failures after which it is asked again."""

T = TypeVar("T")


class Stopped(Exception):
    """The user wants no more of it, or the engine ends."""


class Retries:
    """Who asks again, known by a number each, and what is in the way. May be used by several threads."""

    def __init__(self, seconds: float | None = None) -> None:
        """After so many seconds nothing is asked again; None: as long as it takes."""
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._changed = threading.Condition()
        self._stopped = False
        self._cuts: list[Callable[[], None]] = []
        self._nudges = 0
        self._held: dict[int, Failure] = {}
        self._tries: Counter[int] = Counter()
        self._faults: Counter[int] = Counter()

    @property
    def stopped(self) -> bool:
        return self._stopped

    @property
    def over(self) -> bool:
        """Whether the seconds are up."""
        return self._ends is not None and time.monotonic() > self._ends

    @property
    def held(self) -> dict[int, Failure]:
        """What is in whose way."""
        with self._changed:
            return dict(self._held)

    def stop(self) -> None:
        """Whoever waits, or would, raises Stopped; what `cutting` guards now is cut."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            for cut in self._cuts:
                cut()

    def check(self) -> None:
        """Raises Stopped."""
        if self._stopped:
            raise Stopped

    @contextmanager
    def cutting(self, cut: Callable[[], None]) -> Iterator[None]:
        """Call `cut`, which must not block, if all is stopped while the block runs; never once that has ended."""
        with self._changed:
            self._cuts.append(cut)
        try:
            yield
        finally:
            with self._changed:
                self._cuts.remove(cut)

    def nudge(self) -> None:
        """Whoever waits asks at once."""
        with self._changed:
            self._nudges += 1
            self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Until the time is up, or all is stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)

    def insist(self, who: int, ask: Callable[[], T]) -> T:
        """The answer, however long it takes. Raises Stopped, and Failures that do not pass."""
        while True:
            try:
                answer = ask()
            except PASSING as failure:
                self.hold(who, failure)
            else:
                self._succeeded(who)
                return answer

    def hold(self, who: int, failure: Failure) -> None:
        """Return when it is time to ask again. Raises Stopped, or the failure where it is not to be asked again."""
        with self._changed:
            if self._stopped:
                raise Stopped
            self._tries[who] += 1
            self._faults[who] += not isinstance(failure, NoAnswer)
            if self._faults[who] >= MOST_FAULTS or self.over:
                raise failure
            self._held[who] = failure
            asked = failure.retry_after if isinstance(failure, NoAnswer) else None
            pause = asked or backoff(FIRST_PAUSE, self._tries[who])
            nudges = self._nudges
            self._changed.wait_for(lambda: self._stopped or self._nudges > nudges, pause)
            if self._stopped:
                raise Stopped

    def moves(self, who: int) -> None:
        """What it asked for is on its way; it counts as an answer only when it is there."""
        if who in self._held:
            with self._changed:
                self._held.pop(who, None)

    def forget(self, who: int) -> None:
        """It asks no more."""
        with self._changed:
            self._held.pop(who, None)

    def _succeeded(self, who: int) -> None:
        with self._changed:
            self._held.pop(who, None)
            del self._tries[who], self._faults[who]
