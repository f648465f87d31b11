"""How long to wait before somebody is asked again who did not answer, or wants to be left alone."""

from __future__ import annotations

import email.utils
import random
import re
import time

LONGEST_PAUSE = 30.0
LONGEST_PAUSE_ASKED_FOR = 300.0
"""Seconds; who asks for more is asked again all the same, or given up, and not after days."""
_NUMBER = re.compile(r"\d{1,19}", re.ASCII)


def backoff(first_pause: float, failures: int, longest: float = LONGEST_PAUSE) -> float:
    """Seconds to wait after the n-th failure in a row: doubling, with jitter so that clients spread."""
    ceiling: float = min(longest, first_pause * 2 ** min(failures - 1, 10))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret


def asked_for(retry_after: str | None) -> float | None:
    """The seconds of a header Retry-After, which gives a number or a date; at most `LONGEST_PAUSE_ASKED_FOR`."""
    if retry_after is None:
        return None
    if _NUMBER.fullmatch(retry_after):
        return min(LONGEST_PAUSE_ASKED_FOR, float(retry_after))
    try:
        pause = max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):  # what it raises for what is no date
        return None
    return min(LONGEST_PAUSE_ASKED_FOR, pause)
