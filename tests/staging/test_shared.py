"""Jobs that share a file of which one had no luck, and that another has tried again: each ends when it has all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.staging.journal import Journal
from rucio_jupyterlab.staging.model import JobSnapshot
from rucio_jupyterlab.staging.planner import Planner
from tests.sources.faulty import Manner

from .conftest import Desk, gated
from .imagined import Imagined

Desks = Callable[..., Any]
GONE = Manner(status=404)
SLOW = Manner(slice_seconds=0.02)


def run(rucio: Imagined, shared: Did) -> Did:
    """A dataset of that file and of one that takes more than a second."""
    return rucio.dataset("s", "run", [shared, rucio.put("s", "slow", os.urandom(1_000_000), SLOW)])


async def without(it: Desk, rucio: Imagined, shared: Did) -> JobSnapshot:
    """A job for such a dataset that could not have the shared file, and goes on with the other."""
    return await it.until(await it.start(run(rucio, shared)), lambda now: now.files_failed == 1)


async def test_a_job_waits_for_its_other_files_though_another_brought_what_it_could_not(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    shared = rucio.put("s", "a", b"abc", GONE)
    async with imagined_desk() as it:
        job = await without(it, rucio, shared)
        rucio.storage.mend("/s/a")
        assert (await it.stage(shared)).state == "done"
        ended = await it.end_of(job)
        assert (ended.state, ended.files_done, ended.files_failed) == ("done", 2, 0)
        assert set(it.files()) == {"s/a", "s/run/a", "s/run/slow"}


async def test_a_file_that_fails_for_another_job_too_counts_once(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    shared = rucio.put("s", "a", b"abc", GONE)
    async with imagined_desk() as it:
        job = await without(it, rucio, shared)
        other = await it.stage(shared)
        again = await it.end_of(await it.stager.retry(other.id, None))
        assert (other.state, again.state) == ("failed", "failed")
        ended = await it.end_of(job)
        assert (ended.state, ended.files_done, ended.files_failed) == ("partial", 1, 1)
        assert set(it.files()) == {"s/run/slow"}


async def test_a_job_of_one_rse_waits_for_its_other_files_though_another_brought_what_that_lacks(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    shared = rucio.put("s", "a", b"abc")
    elsewhere = {url: told | {"rse": "BETA"} for url, told in rucio.replicas[shared]["pfns"].items()}
    rucio.replicas[shared] |= {"pfns": elsewhere, "states": {"BETA": "AVAILABLE"}}
    async with imagined_desk() as it:
        alone = await it.start(run(rucio, shared), rse="RSE")
        job = await it.until(alone, lambda now: now.state == "running" and now.files_unreachable == 1)
        assert (await it.stage(shared)).state == "done"
        ended = await it.end_of(job)
        assert (ended.state, ended.files_done, ended.files_unreachable) == ("done", 2, 0)


async def test_what_a_job_no_longer_fetches_goes_to_the_one_that_had_given_it_up(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    shared = rucio.put("s", "a", b"abc", GONE)
    async with imagined_desk() as it:
        job = await without(it, rucio, shared)
        rucio.storage.mend("/s/a")
        other = await it.stager.pause((await it.start(shared)).id)  # its plan is read to the end
        await it.until_true(lambda: it.stager.job(other.id).files_total == 1)
        ended = await it.end_of(job)
        assert (ended.state, ended.files_done) == ("done", 2)


async def test_a_file_that_another_job_fetches_anew_is_waited_for_and_counts_once(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    shared, lost = rucio.put("s", "a", b"before"), rucio.put("s", "lost", b"abc", GONE)
    slow = rucio.put("s", "slow", os.urandom(1_000_000), SLOW)
    dataset = rucio.dataset("s", "run", [shared, lost, slow])
    async with imagined_desk() as it:
        job = await it.until(
            await it.start(dataset), lambda now: (now.files_done, now.files_failed) == (1, 1)
        )
        rucio.put("s", "a", os.urandom(3_000_000), SLOW)
        other = await it.start(shared)
        await it.until_true(
            lambda: it.stager.job(job.id).files_done == 1 and it.stager.job(other.id).bytes_done
        )
        ended = await it.end_of(job)
        assert (ended.state, ended.files_done, ended.files_failed) == ("partial", 2, 1)
        assert it.files()["s/run/a"] == it.files()["s/a"] != b"before"


async def test_what_was_made_again_while_it_came_is_not_taken_for_the_new_one(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    before, after = os.urandom(1_000_000), os.urandom(1_000_000)
    did = rucio.put("s", "a", before, SLOW)
    async with imagined_desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 0)
        rucio.put("s", "a", after)
        other = await it.start(did)
        await it.until_true(lambda: it.stager.job(other.id).state == "running")
        assert (await it.end_of(job)).state == (await it.end_of(other)).state == "done"
        assert (await it.stage(did)).state == "done" and it.files() == {"s/a": after}


async def test_a_failure_of_what_was_made_again_meanwhile_says_nothing_of_the_new_one(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    after = os.urandom(10)
    did = rucio.put("s", "a", os.urandom(1_000_000), Manner(slice_seconds=0.02, flip=3))
    async with imagined_desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 0)
        rucio.put("s", "a", after)
        other = await it.start(did)
        ended = [await it.end_of(each) for each in (job, other)]
        assert [each.state for each in ended] == ["done", "done"] and it.files() == {"s/a": after}


async def test_what_another_job_found_gone_and_fetches_no_more_comes_again(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        job = await it.until(
            await it.start(run(rucio, shared)), lambda now: now.state == "running" and now.files_done == 1
        )
        deleted, cancelled = threading.Event(), threading.Event()
        with monkeypatch.context() as patched:
            believed = gated(patched, Journal, "finish_plan", deleted)
            other = await it.start(shared)
            await it.until_true(believed.is_set)
        again = gated(monkeypatch, Planner, "overview", cancelled)
        for path in it.views.glob(".store/objects/*/*[!.part]"):
            path.unlink()
        deleted.set()
        await it.until_true(again.is_set)
        await it.stager.cancel(other.id)
        cancelled.set()
        ended = await it.end_of(job)
        assert (ended.state, ended.files_done) == ("done", 2)
        assert it.files()["s/run/a"] == b"abc"
