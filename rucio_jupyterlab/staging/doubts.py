"""Storages that refuse the user's token although it should be good: Rucio is asked whether it is.

One question serves all files that meet the refusal. Where Rucio takes the token, or gives another, each file
has its turn once more; where it does not, the jobs wait for a sign-in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..accounts.accounts import Accounts
from ..accounts.destinations import is_below
from ..catalog.model import Pfn
from ..sources.failures import ReplicaFailure
from .jobs import Job
from .rows import FileRow

GOOD_SECONDS = 5.0
"""A token that Rucio took so lately is not asked about again."""
AGAIN_SECONDS = 60.0
"""A file that is refused again within so long is refused for another reason."""

Ask = Callable[[str, Callable[[], None], Callable[[BaseException | None], None]], None]
"""(instance, question, then): put a question to Rucio in a thread, and tell its error or None on the loop."""
Held = tuple[FileRow, list[Job]]
"""A file that waits for an answer, and the jobs that want it."""
Answered = Callable[[list[Held], BaseException | None], None]


class Doubts:
    """Belongs on the engine's loop."""

    def __init__(self, accounts: Accounts, ask: Ask, answered: Answered) -> None:
        """`answered` is told the files of each question and what came of it."""
        self._accounts = accounts
        self._ask = ask
        self._answered = answered
        self._held: dict[str, list[Held]] = {}
        """Files that wait for an answer, by instance."""
        self._good_at: dict[str, float] = {}
        self._again_at: dict[int, float] = {}
        """When a file had its turn once more, by its number."""

    def rest(self) -> None:
        """No file is on its way: forget which had their turn once more."""
        self._again_at.clear()

    def arise(self, row: FileRow, failures: Iterable[ReplicaFailure]) -> bool:
        """Whether a storage that takes the user's token refused it, and the file was not tried again since."""
        refusing = {each.rse for each in failures if each.kind == "refused" and each.status == 401}
        if not any(pfn.rse in refusing and self._takes_token(row, pfn) for pfn in row.pfns):
            return False
        again_at = self._again_at.get(row.id)
        return again_at is None or time.monotonic() - again_at > AGAIN_SECONDS

    def hold(self, row: FileRow, jobs: list[Job]) -> None:
        """Let a file wait for what Rucio says."""
        self._again_at[row.id] = now = time.monotonic()
        instance = row.instance
        if instance in self._held:
            self._held[instance].append((row, jobs))
        elif now - self._good_at.get(instance, -GOOD_SECONDS) < GOOD_SECONDS:
            self._answered([(row, jobs)], None)
        else:
            self._held[instance] = [(row, jobs)]
            self._ask(instance, lambda: self._question(instance), lambda error: self._settle(instance, error))

    def _takes_token(self, row: FileRow, pfn: Pfn) -> bool:
        return pfn.takes_tokens or is_below(pfn.url, self._accounts.instance(row.instance).base_url)

    def _question(self, instance: str) -> None:
        """In a thread. Raises SignInNeeded where the token is good no longer, and there is no other."""
        self._accounts.client(instance).ask("accounts/whoami", dict[str, object])

    def _settle(self, instance: str, error: BaseException | None) -> None:
        if error is None:
            self._good_at[instance] = time.monotonic()
        self._answered(self._held.pop(instance), error)
