"""Jobs over storages that misbehave, as the catalogue of a real Rucio knows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.staging.model import TransferRow
from rucio_jupyterlab.staging.transfers import WINDOW
from tests.lab.lab import Lab
from tests.sources.faulty import Faulty, Manner

from .sites import Site

Desks = Callable[..., Any]
SLOW = Manner(slice_seconds=0.003)


@pytest.fixture
def one(sites: tuple[Site, Site]) -> Site:
    return sites[0]


@pytest.fixture
def two(sites: tuple[Site, Site]) -> Site:
    return sites[1]


async def only_row(it: Any, job: Any) -> TransferRow:
    (row,) = await it.rows(job)
    assert isinstance(row, TransferRow)
    return row


BAD = {
    "lost": Manner(status=404),
    "corrupt": Manner(flip=0),
    "truncated": Manner(length=10),
    "stalled": Manner(stall_after=10),
    "redirecting in a circle": Manner(location="/circle"),
    "redirecting to this machine's network": Manner(location="http://169.254.169.254/"),
}


@pytest.mark.parametrize("manner", BAD.values(), ids=list(BAD))
async def test_a_bad_replica_is_left_for_a_good_one(
    lab: Lab, desk: Desks, one: Site, two: Site, manner: Manner
) -> None:
    scope = lab.scope()
    content = os.urandom(50_000)
    did = one.put(scope, "a", content, manner)
    two.put(scope, "a", content)
    one.storage.put("/circle", b"", Manner(location="/circle"))
    async with desk(stall_timeout=1.0) as it:
        job = await it.stage(did)
        assert (job.state, job.problem) == ("done", None)
        assert it.files() == {f"{scope}/a": content}
        assert it.parts() == []
        if one.storage.requests(one.path(did)):
            assert job.notice is not None and job.notice.endswith("using FAULTY_B instead.")


async def test_all_replicas_bad_is_a_failure_that_names_each_and_mends_by_retry(
    lab: Lab, desk: Desks, one: Site, two: Site
) -> None:
    scope = lab.scope()
    content = os.urandom(50_000)
    did = one.put(scope, "a", content, Manner(flip=0))
    two.put(scope, "a", content, Manner(status=404))
    async with desk() as it:
        job = await it.stage(did)
        row = await only_row(it, job)
        assert (job.state, job.files_failed, row.state) == ("failed", 1, "failed")
        for problem in (job.problem, row.problem):
            assert problem is not None
            assert "FAULTY_A" in problem.detail and "FAULTY_B" in problem.detail
            assert "http" not in problem.detail.replace("(HTTP 404)", "")
        assert it.files() == {} and it.parts() == []
        two.storage.mend(two.path(did))
        again = await it.end_of(await it.stager.retry(job.id, None))
        assert (again.state, again.files_failed, again.files_done, again.problem) == ("done", 0, 1, None)
        assert it.files() == {f"{scope}/a": content}


async def test_some_files_bad_is_partial(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    good = one.put(scope, "good", b"good")
    bad = one.put(scope, "bad", b"bad", Manner(status=403))
    dataset = lab.collection(scope, "run", [good, bad])
    async with desk() as it:
        job = await it.stage(dataset)
        assert (job.state, job.files_done, job.files_failed) == ("partial", 1, 1)
        assert job.problem is not None and "refuses" in job.problem.detail
        assert it.files() == {f"{scope}/run/good": b"good"}


async def test_a_wrong_md5_fails_and_a_right_one_holds(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    right = one.put(scope, "right", b"right", checksum="md5")
    wrong = one.put(scope, "wrong", b"wrong", Manner(flip=0), checksum="md5")
    async with desk() as it:
        job = await it.stage(right, wrong)
        assert (job.state, job.files_unverified) == ("partial", 0)
        assert it.files() == {f"{scope}/right": b"right"}


async def test_a_file_without_checksum_is_staged_as_unverified(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    did = one.put(scope, "a", b"abc", checksum=None)
    async with desk() as it:
        job = await it.stage(did)
        assert (job.state, job.files_unverified) == ("done", 1)
        assert not (await only_row(it, job)).verified


async def test_a_size_that_is_wrong_in_the_catalogue_is_told(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    did = one.put(scope, "a", b"abcdef", Manner(length=3))
    async with desk() as it:
        job = await it.stage(did)
        assert job.state == "failed"
        assert job.problem is not None and job.problem.type == "wrong-size"


async def test_empty_files_come(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    dataset = one.put_many(scope, {"a": b"", "b": b"", "c": b"c"}, "run")
    async with desk() as it:
        job = await it.stage(dataset)
        assert (job.state, job.files_done) == ("done", 3)
        assert it.files() == {f"{scope}/run/a": b"", f"{scope}/run/b": b"", f"{scope}/run/c": b"c"}


async def test_a_dead_storage_makes_the_job_wait_and_it_goes_on_by_itself(
    lab: Lab, desk: Desks, one: Site
) -> None:
    scope = lab.scope()
    with Faulty(lab.authority.server()) as short_lived:
        port = short_lived.port
        dying = Site(lab, "FAULTY_DYING", short_lived)
        did = dying.put(scope, "a", b"abc")
    async with desk() as it:
        job = await it.until(await it.start(did), lambda now: now.cause == "network")
        assert job.state == "waiting"
        assert job.problem is not None and "FAULTY_DYING does not answer" in job.problem.detail
        with Faulty(lab.authority.server(), port=port) as back:
            back.put(dying.path(did), b"abc")
            done = await it.end_of(job)
            assert (done.state, done.cause, done.problem) == ("done", None, None)


async def test_a_storage_that_dies_in_the_middle_is_replaced_for_the_rest(
    lab: Lab, desk: Desks, one: Site, two: Site
) -> None:
    scope = lab.scope()
    content = os.urandom(40_000_000)
    did = one.put(scope, "a", content, Manner(cut_after=3_000_000))
    two.put(scope, "a", content, Manner(cut_after=3_000_000))
    async with desk() as it:
        served = one.storage.served() + two.storage.served()
        job = await it.stage(did)
        assert job.state == "done"
        assert it.files() == {f"{scope}/a": content}
        assert one.storage.served() + two.storage.served() - served < 1.5 * len(content)


# Shared transfers


async def test_two_jobs_share_a_transfer_and_cancelling_one_leaves_it(
    lab: Lab, desk: Desks, one: Site
) -> None:
    scope = lab.scope()
    content = os.urandom(4_000_000)
    did = one.put(scope, "a", content, SLOW)
    dataset = lab.collection(scope, "run", [did])
    async with desk() as it:
        first = await it.until(await it.start(did), lambda now: now.bytes_done > 0)
        second = await it.until(await it.start(dataset), lambda now: now.state == "running")
        cancelled = await it.stager.cancel(first.id)
        assert cancelled.state == "cancelled"
        assert (await it.end_of(second)).state == "done"
        assert it.files() == {f"{scope}/run/a": content}
        assert len(one.storage.requests(one.path(did))) == 1


async def test_a_job_whose_turn_has_not_come_keeps_what_another_was_fetching(
    lab: Lab, desk: Desks, one: Site
) -> None:
    scope = lab.scope()
    contents = {f"f{number:03d}": os.urandom(100) for number in range(WINDOW + 50)}
    dataset = one.put_many(scope, contents, "run", Manner(slice_seconds=0.1))
    async with desk() as it:
        first = await it.until(await it.start(dataset), lambda now: now.bytes_done > 0)
        second = await it.until(await it.start(dataset), lambda now: now.state == "running")
        await it.stager.cancel(first.id)
        assert (await it.end_of(second)).state == "done"
        asked = [len(one.storage.requests(one.path(Did(scope, name)))) for name in contents]
        assert asked == [1] * len(contents)


async def test_two_jobs_that_share_a_file_both_get_it(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    content = os.urandom(2_000_000)
    did = one.put(scope, "a", content, SLOW)
    dataset = lab.collection(scope, "run", [did])
    async with desk() as it:
        jobs = [await it.start(did), await it.start(dataset), await it.start(did)]
        for job in jobs:
            assert (await it.end_of(job)).state == "done"
        assert it.files() == {f"{scope}/a": content, f"{scope}/run/a": content}
        assert len(one.storage.requests(one.path(did))) == 1


async def test_two_datasets_of_one_job_that_share_a_file_are_both_whole(
    lab: Lab, desk: Desks, one: Site
) -> None:
    scope = lab.scope()
    did = one.put(scope, "a", b"abc")
    datasets = [lab.collection(scope, name, [did]) for name in ("run1", "run2")]
    async with desk() as it:
        job = await it.stage(*datasets)
        assert job.state == "done"
        assert it.files() == {f"{scope}/run1/a": b"abc", f"{scope}/run2/a": b"abc"}


# Pause, resume, cancel


async def test_a_pause_keeps_what_has_come_and_nothing_moves(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    content = os.urandom(40_000_000)
    did = one.put(scope, "a", content, SLOW)
    async with desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 3_000_000)
        paused = await it.stager.pause(job.id)
        assert (paused.state, paused.bytes_per_second) == ("paused", 0.0)
        one.storage.mend(one.path(did))
        served = one.storage.served(one.path(did))
        done = await it.end_of(await it.stager.resume(job.id))
        assert done.state == "done" and it.files() == {f"{scope}/a": content}
        assert one.storage.served(one.path(did)) - served < len(content) - 2_000_000


async def test_a_cancelled_job_leaves_no_part_behind(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    did = one.put(scope, "a", os.urandom(40_000_000), SLOW)
    dataset = one.put_many(scope, {f"f{n}": b"x" for n in range(5)}, "run")
    async with desk() as it:
        job = await it.until(await it.start(did, dataset), lambda now: now.bytes_done > 2_000_000)
        assert it.parts()
        await it.stager.cancel(job.id)
        await it.until_true(lambda: it.parts() == [])
        assert (await it.stager.cancel(job.id)).state == "cancelled"
        states = {row.state for row in await it.rows(job)}
        assert states <= {"cancelled", "done"} and "cancelled" in states


async def test_a_cancelled_job_can_be_begun_again(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    content = os.urandom(3_000_000)
    did = one.put(scope, "a", content, SLOW)
    async with desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 0)
        await it.stager.cancel(job.id)
        done = await it.end_of(await it.stager.retry(job.id, None))
        assert done.state == "done" and it.files() == {f"{scope}/a": content}


async def test_a_job_goes_on_in_the_next_engine(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    content = os.urandom(40_000_000)
    did = one.put(scope, "a", content, SLOW)
    async with desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 3_000_000)
    one.storage.mend(one.path(did))
    served = one.storage.served(one.path(did))
    async with desk() as it:
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {f"{scope}/a": content}
        assert one.storage.served(one.path(did)) - served < len(content) - 2_000_000


@pytest.mark.parametrize("engine", ["the same", "the next"])
async def test_what_came_of_a_large_file_that_failed_is_kept_for_the_retry(
    lab: Lab, desk: Desks, one: Site, engine: str
) -> None:
    scope = lab.scope()
    content = os.urandom(40_000_000)
    did = one.put(scope, "a", content, SLOW)
    async with desk(max_connections=1) as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 20_000_000)
        one.storage.mend(one.path(did), Manner(status=404))
        one.storage.close_connections()
        failed = await it.end_of(job)
        assert failed.problem is not None and failed.problem.type == "missing"
        one.storage.mend(one.path(did))
        served = one.storage.served(one.path(did))
        if engine == "the same":
            assert (await it.end_of(await it.stager.retry(job.id, None))).state == "done"
    if engine == "the next":
        async with desk() as it:
            assert (await it.end_of(await it.stager.retry(job.id, None))).state == "done"
    assert it.files() == {f"{scope}/a": content} and it.parts() == []
    assert one.storage.served(one.path(did)) - served < len(content) - 15_000_000


async def test_a_large_file_whose_checksum_is_wrong_is_begun_anew(lab: Lab, desk: Desks, one: Site) -> None:
    scope = lab.scope()
    content = os.urandom(20_000_000)
    did = one.put(scope, "a", content, Manner(flip=17_000_000))
    async with desk() as it:
        job = await it.stage(did)
        assert job.problem is not None and job.problem.type == "corrupt"
        assert it.parts() == []
        one.storage.mend(one.path(did))
        assert (await it.end_of(await it.stager.retry(job.id, None))).state == "done"
        assert it.files() == {f"{scope}/a": content}


async def test_what_came_of_a_large_file_that_failed_goes_with_its_job(
    lab: Lab, desk: Desks, one: Site
) -> None:
    did = one.put(lab.scope(), "a", os.urandom(40_000_000), SLOW)
    async with desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 20_000_000)
        one.storage.mend(one.path(did), Manner(status=404))
        one.storage.close_connections()
        await it.end_of(job)
        assert it.parts()
        await it.stager.clear([job.id])
        await it.until_true(lambda: it.parts() == [])


@pytest.mark.parametrize("harm", ["deleted", "garbage"])
async def test_a_lost_journal_loses_nothing(lab: Lab, desk: Desks, one: Site, harm: str) -> None:
    scope = lab.scope()
    content = os.urandom(40_000_000)
    small = one.put_many(scope, {f"f{n}": b"x" * n for n in range(5)}, "run")
    did = one.put(scope, "a", content, SLOW)
    async with desk() as it:
        job = await it.until(await it.start(small, did), lambda now: now.bytes_done > 3_000_000)
        folder: Path = it.folder
    for each in (folder / "state").glob("journal.sqlite*"):
        each.unlink() if harm == "deleted" else each.write_bytes(os.urandom(5000))
    one.storage.mend(one.path(did))
    served = one.storage.served()
    async with desk() as it:
        assert (await it.end_of(job)).state == "done"
        assert len(it.files()) == 6 and it.files()[f"{scope}/a"] == content
        assert one.storage.served() - served < len(content) - 2_000_000
        assert it.parts() == []
