"""Threads for questions that block."""

from __future__ import annotations

import asyncio
import threading

from rucio_jupyterlab.engine.workers import POOLS, THREADS_EACH, Workers


async def test_names_that_are_asked_for_once_leave_no_threads_for_ever() -> None:
    workers, before = Workers(), threading.active_count()
    for number in range(5 * POOLS):
        assert await workers.run(f"instance {number}", str, number) == str(number)
    assert threading.active_count() - before <= POOLS


async def test_a_pool_that_is_at_work_is_kept() -> None:
    workers, go_on = Workers(), threading.Event()
    slow = [asyncio.create_task(workers.run("slow", go_on.wait, 10)) for _ in range(20)]
    await asyncio.sleep(0)
    for number in range(2 * POOLS):
        await workers.run(f"instance {number}", str, number)
    go_on.set()
    assert await asyncio.gather(*slow) == [True] * 20


async def test_those_who_ask_the_same_share_the_result_though_the_first_gives_up() -> None:
    workers, go_on, calls = Workers(), threading.Event(), []

    def slow(name: str) -> str:
        calls.append(name)
        go_on.wait(10)
        return name

    first, *others = [asyncio.create_task(workers.share("slow", slow, "a")) for _ in range(2 * THREADS_EACH)]
    await asyncio.sleep(0)
    first.cancel()
    go_on.set()
    assert await asyncio.gather(*others) == ["a"] * len(others)
    assert await workers.share("slow", slow, "a") == "a"
    assert calls == ["a", "a"]
