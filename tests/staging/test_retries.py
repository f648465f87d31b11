"""Asking again: for how long, and who is asked no more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from rucio_jupyterlab.errors import Failure, RucioFault, RucioUnreachable, StorageFault, StorageUnreachable
from rucio_jupyterlab.staging import retries
from rucio_jupyterlab.staging.retries import MOST_FAULTS, Retries, Stopped
from tests.cli.waiting import until


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 1e-5)


def failing(times: int, failure: Failure) -> Callable[[], str]:
    """A question that is answered after so many failures."""
    left = iter(range(times))

    def ask() -> str:
        if next(left, None) is not None:
            raise failure
        return "an answer"

    return ask


@pytest.mark.parametrize("failure", [RucioUnreachable("away"), StorageUnreachable("away")])
def test_who_does_not_answer_is_asked_as_long_as_it_takes(failure: Failure) -> None:
    assert Retries().insist(1, failing(5 * MOST_FAULTS, failure)) == "an answer"


@pytest.mark.parametrize("failure", [RucioFault("500"), StorageFault("500")])
def test_who_speaks_of_an_error_of_its_own_is_asked_a_few_times(failure: Failure) -> None:
    asking = Retries()
    for _ in range(2):  # an answer wipes the slate clean
        assert asking.insist(1, failing(MOST_FAULTS - 1, failure)) == "an answer"
    with pytest.raises(type(failure)):
        asking.insist(1, failing(MOST_FAULTS, failure))


def test_whoever_waits_is_told_until_it_moves_and_can_be_nudged_or_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 3600.0)
    away, asking = StorageUnreachable("away", retry_after=3600.0), Retries()
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(asking.insist, 1, failing(1, away))
        until(lambda: asking.held == {1: away})
        asking.nudge()
        assert one.result(30) == "an answer" and asking.held == {}
        other = threads.submit(asking.insist, 2, failing(9, away))
        until(lambda: asking.held == {2: away})
        asking.moves(2)
        assert asking.held == {}
        asking.stop()
        with pytest.raises(Stopped):
            other.result(30)
    with pytest.raises(Stopped):
        asking.hold(3, away)


def test_the_pause_that_was_asked_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []

    def hold(condition: object, until: object, seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr("threading.Condition.wait_for", hold)
    asking = Retries()
    for retry_after in (7.0, None, 0.0):
        asking.hold(1, RucioUnreachable("busy", retry_after=retry_after))
    assert paused[0] == 7.0 and all(0 < pause < 1 for pause in paused[1:])


def test_after_its_seconds_nothing_is_asked_again() -> None:
    asking = Retries(-1.0)
    assert asking.over
    with pytest.raises(RucioUnreachable):
        asking.insist(1, failing(1, RucioUnreachable("away")))
