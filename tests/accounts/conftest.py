"""Accounts at the real Rucio, each test with a state folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.config import configuration_from
from tests.lab.lab import Lab


class Desk:
    """The accounts of one user, and what they told of changes."""

    def __init__(self, state: Path, instances: list[dict[str, Any]], options: dict[str, Any]) -> None:
        self.state = state
        self.changes: list[str] = []
        self._traits = {"instances": instances, **options}
        self.accounts = self._start()

    def restart(self) -> Accounts:
        """The same user with another engine: what was in memory is gone."""
        self.accounts.close()
        self.accounts = self._start()
        return self.accounts

    def _start(self) -> Accounts:
        return Accounts(configuration_from(self._traits, {}), self.state, self.changes.append)


@pytest.fixture
def desk(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """Make a Desk; keyword arguments are keys of its instance, the lab's."""
    monkeypatch.delenv("X509_USER_PROXY", raising=False)
    desks: list[Desk] = []

    def make(options: dict[str, Any] | None = None, **keys: Any) -> Desk:
        desks.append(Desk(tmp_path / "state", [lab.configuration(**keys)], options or {}))
        return desks[-1]

    yield make
    for one in desks:
        one.accounts.close()
