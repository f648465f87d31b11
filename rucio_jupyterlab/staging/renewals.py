"""Signed addresses that have lapsed: Rucio is asked for others.

Those of a job were made together, and lapse together: all files that meet that while Rucio is being asked are
asked for in the next question.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

from .doubts import Answered, Ask, Held
from .jobs import Job
from .journal import Journal
from .planner import Planner
from .rows import FileRow

RENEWED_SECONDS = 60.0
"""The addresses of a file that lapse again within so long are not asked for again."""

Place = tuple[str, str | None]
"""Instance and RSE; None: all RSEs."""


class Renewals:
    """Belongs on the engine's loop."""

    def __init__(self, planner: Planner, journal: Journal, ask: Ask, answered: Answered) -> None:
        """`answered` is told the files of each question and what came of it."""
        self._planner = planner
        self._journal = journal
        self._ask = ask
        self._answered = answered
        self._held: dict[Place, list[Held]] = {}
        """Files that wait for the next question."""
        self._asked: set[Place] = set()
        """What a question is under way about."""
        self._renewed_at: dict[int, float] = {}
        """When a file was last asked about, by its number."""

    def rest(self) -> None:
        """No file is on its way: forget which were asked about."""
        self._renewed_at.clear()

    def may_help(self, row: FileRow) -> bool:
        """Whether the file was not asked about just now."""
        at = self._renewed_at.get(row.id)
        return at is None or time.monotonic() - at >= RENEWED_SECONDS

    def hold(self, row: FileRow, jobs: list[Job]) -> None:
        """Let a file wait for other addresses."""
        self._renewed_at[row.id] = time.monotonic()
        chosen = {job.record.request.rse for job in jobs}
        place = row.instance, chosen.pop() if len(chosen) == 1 else None
        self._held.setdefault(place, []).append((row, jobs))
        if place not in self._asked:
            self._ask_about(place)

    def _ask_about(self, place: Place) -> None:
        self._asked.add(place)
        held = self._held.pop(place)
        question = functools.partial(self._renew, place, [row for row, _ in held])
        self._ask(place[0], question, functools.partial(self._settle, place, held))

    def _renew(self, place: Place, rows: Sequence[FileRow]) -> None:
        """In a thread."""
        numbers = {row.did: row.id for row in rows}
        found = self._planner.fresh_addresses(place[0], list(numbers), place[1])
        self._journal.set_pfns({numbers[file.did]: file.pfns for file in found})

    def _settle(self, place: Place, held: list[Held], error: BaseException | None) -> None:
        self._asked.remove(place)
        self._answered(held, error)
        if place in self._held:
            self._ask_about(place)
