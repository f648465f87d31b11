"""What earlier attempts left of a file: read and checked in a thread of its own before the file goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ..model import Work
from ..part import RANGE_BYTES, RECORD_SUFFIX, Heading, Range, verified_ranges


def has_earlier_ranges(work: Work) -> bool:
    """Whether a part with a record lies there; small files have none."""
    resumable = work.bytes is not None and work.bytes > RANGE_BYTES
    return resumable and os.path.exists(work.part + RECORD_SUFFIX)


class EarlierRanges:
    """Belongs to the byte engine's loop."""

    def __init__(
        self, tell: Callable[[Callable[[], None]], None], admit: Callable[[Work, list[Range]], None]
    ) -> None:
        """`tell` has something called in the loop; `admit` is told there what of a file is right."""
        self._tell = tell
        self._admit = admit
        self._examined: dict[int, Work] = {}
        self._reader = ThreadPoolExecutor(1, "part-reader")

    def examine(self, work: Work) -> None:
        """Find out what the part holds; `admit` follows, unless the work is taken back before."""
        self._examined[work.id] = work
        self._reader.submit(self._read, work)

    def take_back(self, work_id: int) -> bool:
        """False where the work is not being examined."""
        return self._examined.pop(work_id, None) is not None

    def close(self) -> None:
        self._reader.shutdown(cancel_futures=True)

    def _read(self, work: Work) -> None:
        """In the reader's thread."""
        if self._examined.get(work.id) is not work:
            return  # it was taken back before its turn came
        try:
            done = verified_ranges(work.part, Heading(work.instance, work.did, work.bytes or 0))
        except OSError:
            done = []  # unreadable: the file is fetched anew, and a broken disk shows itself on the first write
        self._tell(lambda: self._examined_now(work, done))

    def _examined_now(self, work: Work, done: list[Range]) -> None:
        if self._examined.get(work.id) is work:  # else it was taken back meanwhile
            del self._examined[work.id]
            self._admit(work, done)
