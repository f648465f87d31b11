"""Asking the real Rucio where new files go."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog import registry
from rucio_jupyterlab.catalog.registry import Places, Registry, in_short_queries
from rucio_jupyterlab.did import Did
from tests.lab.lab import Lab

RSE = "ALPHA_DISK"


class Counting(Registry):
    """The real one, which remembers for how many files it was asked each time."""

    asked: list[int]

    def places(self, rse: str, dids: Sequence[Did], scheme: str) -> dict[Did, str]:
        self.asked.append(len(dids))
        return super().places(rse, dids, scheme)


@pytest.fixture
def rucio(accounts: Accounts) -> Counting:
    counting = Counting(accounts.client("lab"))
    counting.asked = []
    return counting


def test_long_names_are_asked_for_when_they_are_needed_and_once(lab: Lab, rucio: Counting) -> None:
    scope = lab.scope("alice")
    dids = [Did(scope, f"{number:03}-{'é' * 60}") for number in range(40)]
    places = Places(dids, lambda some: rucio.places(RSE, some, "https"))
    assert rucio.asked == []
    with ThreadPoolExecutor(8) as threads:
        first = list(threads.map(places.of, dids[:5]))
    assert len(rucio.asked) == 1 and rucio.asked[0] < len(dids)
    found = [places.of(did) for did in dids]
    assert found[:5] == first and len(set(found)) == len(dids)
    assert sum(rucio.asked) == len(dids)
    assert found == list(rucio.places(RSE, dids[:5], "https").values()) + found[5:]


@given(st.lists(st.text(min_size=1, max_size=255), max_size=60))
def test_groups_hold_all_in_order_and_fit_in_an_address(found: list[str]) -> None:
    dids = [Did("user.alice", name) for name in found]
    groups = list(in_short_queries(dids))
    assert [did for group in groups for did in group] == dids
    for group in groups:
        length = sum(len(f"&lfn={quote(str(did))}") for did in group)
        assert length <= registry.LONGEST_QUERY or len(group) == 1
