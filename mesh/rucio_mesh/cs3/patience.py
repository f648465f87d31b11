"""How long a transfer may take, and how often it may fail before that is final."""

from __future__ import annotations

import time
from collections import Counter

from .digest import BUFFER_BYTES
from .errors import Cs3Error, Mismatch, Outlasted, SignInLapsed, TooEarly, TransferLapsed, Unavailable
from .exchange import Limits

ATTEMPTS = 4
"""In a row without any progress; between them we wait 0.5, 1 and 2 s."""
ATTEMPTS_OF: dict[type[Cs3Error], int] = {
    TooEarly: 12,  # the cloud still works on a file (it looks for viruses, say): 43 s in all
    Mismatch: 2,  # all bytes have gone over the wire in vain
    SignInLapsed: 2,  # the second one with a new token
    TransferLapsed: 2,
    Outlasted: 2,  # the second one as a whole, where that can be
}
PASSING = (Unavailable, SignInLapsed, TransferLapsed)
"""What another attempt may mend, whichever side is to blame."""
LONGEST_WAIT_SECONDS = 5.0


class Patience(Limits):
    """How long a transfer may take, and how often it may fail."""

    def __init__(self, seconds: float | None) -> None:
        """None: as long as there is progress."""
        self._end = None if seconds is None else time.monotonic() + seconds
        self._failures: Counter[type[Cs3Error]] = Counter()
        self._last = ""
        self._best = 0

    def check(self) -> None:
        """Raises Unavailable when the time is up; its text tells what an attempt has failed by, too."""
        if self._end is not None and time.monotonic() >= self._end:
            raise Unavailable(f"the transfer takes longer than it may{self._last}")

    def left(self, at_most: float) -> float:
        self.check()
        if self._end is None:
            return at_most
        return min(at_most, max(0.001, self._end - time.monotonic()))  # to 0 a socket does not wait at all

    def pause(self, seconds: float) -> None:
        """Let the time pass."""
        time.sleep(seconds)

    def wait(self, error: Cs3Error, reached: int = 0) -> None:
        """After a failure: return when it is time to try again, or raise it for good.

        Only bytes that no attempt has reached before count as progress.
        """
        self.check()
        self._last = f"; it has failed by {error}"
        if reached >= self._best + BUFFER_BYTES:
            self._failures.clear()
        self._best = max(self._best, reached)
        kind = type(error) if type(error) in ATTEMPTS_OF else Cs3Error
        self._failures[kind] += 1
        if self._failures[kind] >= ATTEMPTS_OF.get(kind, ATTEMPTS):
            raise error
        self.pause(self.left(min(0.25 * 2 ** self._failures[kind], LONGEST_WAIT_SECONDS)))
        self.check()

    def linger(self, error: Cs3Error, reached: int) -> None:
        """As `wait`, where what has been sent would be lost if it were given up."""
        self.wait(error, reached)
