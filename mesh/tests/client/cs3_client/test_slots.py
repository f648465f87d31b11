"""No more jobs at once than there are slots, and an end that leaves nobody behind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rucio_mesh.cs3.slots import Job, Slots, Stopping


def test_a_job_waits_until_another_has_ended() -> None:
    slots, end = Slots(2), threading.Event()
    running: list[str] = []
    most = 0

    def work(job: Job) -> None:
        nonlocal most
        running.append(job.id)
        most = max(most, len(running))
        end.wait(10)
        running.remove(job.id)

    for name in ("one", "two"):
        slots.start(slots.take(name), work)
    with ThreadPoolExecutor() as pool:
        third = pool.submit(lambda: slots.take("three"))
        assert not third.done()
        end.set()
        slots.start(third.result(10), work)
    assert slots.wait_until_idle(10)
    assert most <= 2


def test_a_slot_is_free_again_when_its_job_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    slots, told = Slots(1), threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: told.set())

    def fail(_job: Job) -> None:
        raise ValueError

    slots.start(slots.take("one"), fail)
    assert slots.take("two").ident == 1
    assert told.wait(10)


def test_the_end_lets_jobs_finish_and_abandons_what_does_not() -> None:
    slots, begun = Slots(2), threading.Event()
    finished: list[str] = []

    def until_abandoned(job: Job) -> None:
        begun.set()
        if job.recall.wait(10):
            finished.append(job.id)

    slots.start(slots.take("endless"), until_abandoned)
    assert begun.wait(10)
    assert slots.stop(grace_seconds=0.05)
    assert finished == ["endless"]
    assert not slots.wait_for_room()
    with pytest.raises(Stopping):
        slots.take("late")


def test_whoever_waits_for_a_slot_is_told_of_the_end() -> None:
    slots = Slots(1)
    held = slots.take("one")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(slots.wait_for_room)
        stopping = pool.submit(lambda: slots.stop(grace_seconds=5))
        assert waiting.result(10) is False
        slots.give_back(held)
        assert stopping.result(10)
