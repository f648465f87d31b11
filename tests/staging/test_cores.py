"""Threads that gather on one core, and are let go again."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from rucio_jupyterlab.staging import cores
from rucio_jupyterlab.staging.cores import Cores

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread choose its cores")


@pytest.fixture
def thread() -> Iterator[int]:
    """Another thread of this process, by the system's number."""
    end = threading.Event()
    made = threading.Thread(target=end.wait)
    made.start()
    assert made.native_id is not None
    yield made.native_id
    end.set()
    made.join()


def test_all_threads_gather_on_one_core_and_spread_again(thread: int) -> None:
    before = os.sched_getaffinity(0)
    placed = Cores()
    placed.gather()
    assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(thread) == os.sched_getaffinity(0) <= before
    placed.spread()
    assert os.sched_getaffinity(thread) == os.sched_getaffinity(0) == before


def test_the_system_may_choose_the_core_anew_now_and_then(
    thread: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.sched_getaffinity(0)
    placed = Cores()
    placed.gather()
    monkeypatch.setattr(cores, "AGAIN_SECONDS", -1.0)
    placed.gather()
    assert os.sched_getaffinity(thread) == os.sched_getaffinity(0) == before
    placed.gather()
    assert len(os.sched_getaffinity(thread)) == 1
    placed.spread()


def test_a_process_that_may_use_some_cores_alone_gets_no_others_back(thread: int) -> None:
    before = os.sched_getaffinity(0)
    allowed = {min(before)}
    for each in (0, thread):
        os.sched_setaffinity(each, allowed)
    try:
        placed = Cores()
        placed.gather()
        placed.spread()
        assert os.sched_getaffinity(0) == os.sched_getaffinity(thread) == allowed
    finally:
        for each in (0, thread):
            os.sched_setaffinity(each, before)
