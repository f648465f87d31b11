"""What leaves the store, by wish and for want of room: no more than that, and nothing in vain."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import BadConfiguration, Conflict
from rucio_jupyterlab.staging.jobs import JobFiles
from rucio_jupyterlab.staging.journal import Journal
from rucio_jupyterlab.staging.planner import Overview, Planner
from rucio_jupyterlab.staging.store import Store
from rucio_jupyterlab.staging.views import View
from tests.sources.faulty import Manner

from .conftest import Desk, gated
from .disks import MIB, SmallDisk
from .imagined import Imagined

Desks = Callable[..., Any]


def lose_journal(folder: Path) -> None:
    for each in (folder / "state").glob("journal.sqlite*"):
        each.unlink()


def names(disk: SmallDisk) -> list[str]:
    return sorted(path.name for path in (disk.path / "views/s").iterdir())


# By wish


@pytest.mark.parametrize("journal", ["kept", "lost"])
async def test_evicting_a_dataset_takes_its_files_alone(
    rucio: Imagined, imagined_desk: Desks, journal: str
) -> None:
    files = {name: rucio.put("s", name, name.encode()) for name in ("x", "b/y", "z", "alone", "ab")}
    a = rucio.dataset("s", "a", [files["x"], files["b/y"]])
    below = rucio.dataset("s", "a/b", [files["z"]])
    beside = rucio.dataset("s", "ab", [files["ab"]])
    async with imagined_desk() as it:
        for did in (a, below, beside, files["alone"]):
            assert (await it.stage(did)).state == "done"
    if journal == "lost":
        lose_journal(it.folder)
    async with imagined_desk() as it:
        expected = {a: (2, f"{it.views}/s/a"), below: (1, f"{it.views}/s/a/b")}
        assert await it.stager.local_state("lab", [a, below]) == expected
        assert (await it.stager.evict("lab", a)).files == 2
        assert it.files() == {"s/a/b/z": b"z", "s/ab/ab": b"ab", "s/alone": b"alone"}
        assert (await it.stager.evict("lab", below)).files == 1
        assert await it.stager.local_state("lab", [a, below]) == {}


async def test_what_was_linked_from_a_mount_can_be_taken_away(
    rucio: Imagined, imagined_desk: Desks, tmp_path: Path
) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "a").write_bytes(b"abc")
    did = rucio.put("s", "a", b"abc", pfns={f"file://{mount}/a": ("DISK", "wan")})
    dataset = rucio.dataset("s", "run", [did])
    async with imagined_desk(mounts=(str(mount),)) as it:
        assert (await it.stage(dataset)).files_here == 1
        assert it.files() == {"s/run/a": b"abc"}
        assert (await it.stager.evict("lab", dataset)).files == 1
        assert it.files() == {} and await it.stager.local_state("lab", [dataset]) == {}
        assert (mount / "a").read_bytes() == b"abc"
        assert (await it.stage(dataset)).files_here == 1
        assert it.files() == {"s/run/a": b"abc"}


async def test_a_retry_leads_to_the_mount_that_has_the_file_now(
    rucio: Imagined, imagined_desk: Desks, tmp_path: Path
) -> None:
    mounts = [tmp_path / "one", tmp_path / "two"]
    for mount in mounts:
        mount.mkdir()
        (mount / "a").write_bytes(b"abc")
    did = rucio.put("s", "a", b"abc", pfns={f"file://{mount}/a": ("DISK", "wan") for mount in mounts})
    bad = rucio.put("s", "b", b"b", Manner(status=404))
    async with imagined_desk(mounts=tuple(map(str, mounts))) as it:
        job = await it.stage(rucio.dataset("s", "run", [did, bad]))
        assert (job.state, it.files()) == ("partial", {"s/run/a": b"abc"})
        (it.views / "s/run/a").resolve().unlink()
        assert (await it.end_of(await it.stager.retry(job.id, None))).files_done == 1
        assert it.files() == {"s/run/a": b"abc"}


async def test_a_link_that_was_deleted_by_hand_is_not_told_as_staged(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    file = rucio.put("s", "a", b"abc")
    dataset = rucio.dataset("s", "run", [rucio.put("s", "b", b"abc")])
    async with imagined_desk() as it:
        await it.stage(file, dataset)
        assert set(await it.stager.local_state("lab", [file, dataset])) == {file, dataset}
        (it.views / "s/a").unlink()
        (it.views / "s/run/b").unlink()
        assert await it.stager.local_state("lab", [file, dataset]) == {}
        shutil.rmtree(it.views / "s/run")
        assert await it.stager.local_state("lab", [file, dataset]) == {}


# A lost journal


async def test_a_lost_journal_changes_nothing_of_a_job_that_has_ended(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    good = [rucio.put("s", f"f{n}", bytes(n)) for n in range(5)]
    bad = rucio.put("s", "bad", b"bad", Manner(status=404))
    dataset = rucio.dataset("s", "run", [*good, bad])
    async with imagined_desk() as it:
        before = [
            await it.stage(dataset, pin=True),
            await it.stage(good[3]),
            await it.stage(dataset, first=2),
            await it.stage(dataset, pattern="f[34]"),
        ]
        rows = [await it.rows(job) for job in before]
    lose_journal(it.folder)
    async with imagined_desk() as it:
        assert [it.stager.job(job.id) for job in before] == before
        for job, then in zip(before, rows, strict=True):
            now = {row.did: (row.state in ("done", "linked"), row.path) for row in await it.rows(job)}
            there = [row for row in then if row.state in ("done", "linked")]
            assert now == {row.did: (True, row.path) for row in there}
        with pytest.raises(Conflict):
            await it.stager.evict("lab", dataset)
        again = await it.end_of(await it.stager.retry(before[0].id, None))
        assert (again.state, again.files_done, again.files_failed) == ("partial", 5, 1)
    async with imagined_desk() as it:
        assert it.stager.job(again.id) == again


async def test_with_the_journal_lost_what_was_deleted_by_hand_is_not_counted(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    dataset = rucio.dataset("s", "run", [rucio.put("s", f"f{n}", b"abc") for n in range(3)])
    async with imagined_desk() as it:
        job = await it.stage(dataset)
    (it.views / "s/run/f1").unlink()
    lose_journal(it.folder)
    async with imagined_desk() as it:
        now = it.stager.job(job.id)
        assert (now.state, now.files_total, now.files_done, now.bytes_done) == ("done", 3, 2, 6)


async def test_jobs_are_told_and_begun_while_a_lost_journal_is_made_anew(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        before = await it.stage(did)
    lose_journal(it.folder)
    answered = threading.Event()
    looking = gated(monkeypatch, Store, "objects", answered)
    async with imagined_desk(settled=False) as it:
        await it.until_true(looking.is_set)
        assert it.stager.jobs().jobs == [before]
        job = await it.start(did)
        assert job.state == "planning"
        answered.set()
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {"s/a": b"abc"} and len(rucio.storage.requests()) == 1


# Folders that cannot be made


@pytest.mark.parametrize("key", ["views_dir", "store_dir"])
async def test_a_folder_that_cannot_be_made_is_named_with_its_key(
    rucio: Imagined, imagined_desk: Desks, tmp_path: Path, key: str
) -> None:
    did = rucio.put("s", "a", b"abc")
    obstacle = tmp_path / "obstacle"
    obstacle.write_bytes(b"")
    async with imagined_desk(**{key: str(obstacle / "below")}) as it:
        for ask in (it.start(did), it.stager.store()):
            with pytest.raises(BadConfiguration, match=f"{obstacle}/below.*Not a directory.*{key}"):
                await ask
        obstacle.unlink()
        assert (await it.stage(did)).state == "done"


async def test_a_job_waits_for_its_folder_and_goes_on(
    rucio: Imagined, imagined_desk: Desks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    did = rucio.put("s", "a", b"abc", Manner(stall_after=1))
    views = tmp_path / "other"
    async with imagined_desk(views_dir=str(views)) as it:
        job = await it.start(did)
        await it.until_true(lambda: bool(rucio.storage.requests()))
    rucio.storage.mend("/s/a")
    aside = views.rename(tmp_path / "aside")
    views.write_bytes(b"")
    async with imagined_desk(views_dir=str(views)) as it:
        waits = await it.until(job, lambda now: now.state == "waiting")
        assert waits.problem is not None and waits.problem.do == "configure"
        views.unlink()
        aside.rename(views)
        assert (await it.end_of(job)).state == "done"
        assert (views / "s/a").read_bytes() == b"abc"


# A full disk


async def staged_at(it: Desk, rucio: Imagined, *names: str) -> list[Did]:
    """Files of 2 MiB that are in the store, the first of them the longest ago."""
    dids = [rucio.put("s", name, os.urandom(2 * MIB)) for name in names]
    for did in dids:
        assert (await it.stage(did)).state == "done"
    return dids


async def test_on_a_full_disk_the_least_recently_used_makes_room(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk
) -> None:
    async with imagined_desk(views_dir=str(disk.path / "views")) as it:
        old, _, _ = await staged_at(it, rucio, "old", "older", "newest")
        await it.stage(old)  # used again
        content = os.urandom(3 * MIB)
        assert (await it.stage(rucio.put("s", "new", content))).state == "done"
        assert names(disk) == ["new", "newest", "old"]
        assert (disk.path / "views/s/new").read_bytes() == content


async def test_pins_and_running_jobs_keep_their_files_on_a_full_disk(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk
) -> None:
    async with imagined_desk(views_dir=str(disk.path / "views")) as it:
        (held,) = await staged_at(it, rucio, "held")
        pinned = await it.stage(rucio.put("s", "pinned", os.urandom(2 * MIB)), pin=True)
        slow = rucio.put("s", "slow", os.urandom(MIB), Manner(stall_after=10))
        running = await it.until(
            await it.start(rucio.dataset("s", "run", [held, slow])), lambda now: now.files_done == 1
        )
        big = rucio.put("s", "big", os.urandom(5 * MIB))
        job = await it.until(await it.start(big), lambda now: now.cause == "space")
        assert names(disk) == ["held", "pinned", "run"]
        await it.stager.cancel(running.id)
        assert (await it.end_of(job)).state == "done"
        assert names(disk) == ["big", "pinned"]
        assert it.stager.job(pinned.id).files_done == 1


async def test_a_disk_that_others_filled_costs_nothing_where_that_would_not_help(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk
) -> None:
    async with imagined_desk(views_dir=str(disk.path / "views")) as it:
        await staged_at(it, rucio, "one", "two")
        disk.leave(MIB)
        files = [rucio.put("s", f"f{n}", os.urandom(2 * MIB)) for n in range(3)]
        job = await it.until(
            await it.start(rucio.dataset("s", "run", files)), lambda now: now.cause == "space"
        )
        assert job.problem is not None and job.problem.do == "free-space"
        assert names(disk) == ["one", "two"]
        disk.clear()
        assert (await it.end_of(job)).state == "done"
        assert len(list((disk.path / "views/s/run").iterdir())) == 3


# The journal


async def test_what_is_not_here_and_no_job_names_is_forgotten_with_the_next_engine(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    def named(it: Desk) -> set[str]:
        with closing(sqlite3.connect(it.folder / "state/journal.sqlite")) as journal:
            return {name for (name,) in journal.execute("SELECT name FROM files")}

    here, evicted = rucio.put("s", "here", b"abc"), rucio.put("s", "evicted", b"abc")
    failed, cleared = (rucio.put("s", name, b"abc", Manner(status=404)) for name in ("failed", "cleared"))
    async with imagined_desk() as it:
        for did in (here, evicted, cleared):
            await it.stage(did)
        await it.stager.evict("lab", evicted)
        await it.stager.clear(None)
        job = await it.stage(failed)
        assert named(it) == {"here", "evicted", "failed", "cleared"}
    async with imagined_desk() as it:
        assert named(it) == {"here", "failed"}
        for did in (failed, cleared):
            rucio.storage.mend(f"/s/{did.name}")
        again = [await it.stager.retry(job.id, None), await it.start(cleared, evicted)]
        assert [(await it.end_of(each)).state for each in again] == ["done", "done"]
        assert set(it.files()) == {"s/here", "s/failed", "s/cleared", "s/evicted"}


# What happens at the same time


async def test_a_job_for_what_is_just_leaving_gets_it_again(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"f{n}" for n in range(5)]
    dataset = rucio.dataset("s", "run", [rucio.put("s", name, name.encode()) for name in names])
    async with imagined_desk() as it:
        await it.stage(dataset)
        planned = threading.Event()
        leaving = gated(monkeypatch, View, "unlink", planned)
        eviction = asyncio.create_task(it.stager.evict("lab", dataset))
        await it.until_true(leaving.is_set)
        job = await it.until(await it.start(dataset), lambda now: now.state == "running")
        planned.set()
        await eviction
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {f"s/run/{name}": name.encode() for name in names}


async def test_what_leaves_between_a_look_and_the_plan_is_planned_anew(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rucio.dataset("s", "here", [rucio.put("s", f"f{n}", os.urandom(50_000)) for n in range(4)])
    big = rucio.put("s", "big", os.urandom(150_000))
    async with imagined_desk(quota_bytes=250_000) as it:
        await it.stage(here)
        with monkeypatch.context() as patched:
            brought = threading.Event()
            looked = gated(patched, Journal, "admit", brought)
            job = await it.start(here)
            await it.until_true(looked.is_set)
            patched.undo()
            assert (await it.stage(big)).state == "done"
            brought.set()
            assert (await it.end_of(job)).state == "done"
        opened = {path for path, content in it.files().items() if len(content) == 50_000}
        assert opened == {f"s/here/f{n}" for n in range(4)}
        assert not [path for path in it.views.rglob("*") if not path.exists()]


async def test_a_retry_goes_on_where_whoever_asked_hangs_up(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = rucio.put("s", "a", b"abc", Manner(status=404))
    async with imagined_desk() as it:
        job = await it.stage(did)
        rucio.storage.mend("/s/a")
        hung_up = threading.Event()
        noting = gated(monkeypatch, Journal, "requeue", hung_up)
        retry = asyncio.create_task(it.stager.retry(job.id, None))
        await it.until_true(noting.is_set)
        retry.cancel()
        await asyncio.wait([retry])
        hung_up.set()
        assert (await it.until(job, lambda now: now.state == "done")).files_done == 1


async def test_a_job_that_is_paused_amid_its_retry_stays_so(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = rucio.put("s", "a", b"abc", Manner(status=404))
    async with imagined_desk() as it:
        job = await it.stage(did)
        rucio.storage.mend("/s/a")
        paused = threading.Event()
        noting = gated(monkeypatch, Journal, "requeue", paused)
        retry = asyncio.create_task(it.stager.retry(job.id, None))
        await it.until_true(noting.is_set)
        await it.stager.pause(job.id)
        paused.set()
        assert (await retry).state == "paused"
        assert (await it.end_of(await it.stager.resume(job.id))).state == "done"


async def test_a_job_that_is_tried_again_amid_its_cancelling_has_its_files(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = rucio.put("s", "a", os.urandom(MIB), Manner(slice_seconds=0.02))
    async with imagined_desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 0)
        begun = threading.Event()
        noting = gated(monkeypatch, Journal, "withdraw", begun)
        cancel = asyncio.create_task(it.stager.cancel(job.id))
        await it.until_true(noting.is_set)
        await it.stager.retry(job.id, None)
        begun.set()
        await cancel
        assert (await it.end_of(job)).state == "done"


async def test_a_job_that_is_cancelled_amid_its_retry_wants_nothing(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = rucio.put("s", "a", b"abc", Manner(status=404))
    async with imagined_desk() as it:
        job = await it.stage(did)
        cancelled = threading.Event()
        noting = gated(monkeypatch, Journal, "requeue", cancelled)
        retry = asyncio.create_task(it.stager.retry(job.id, None))
        await it.until_true(noting.is_set)
        await it.stager.cancel(job.id)
        cancelled.set()
        assert (await retry).state == "cancelled"
        with closing(sqlite3.connect(it.folder / "state/journal.sqlite")) as journal:
            wanted = "SELECT 1 FROM members WHERE wanted"
            await it.until_true(lambda: journal.execute(wanted).fetchone() is None)


async def test_a_job_is_planned_by_one_thread_though_it_was_cancelled_and_tried_again(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, at_once, answered = set[object](), list[int](), threading.Event()
    overview = Planner.overview

    def slow_overview(*values: Any) -> Overview:
        me = object()
        reading.add(me)
        at_once.append(len(reading))
        assert answered.wait(20)
        try:
            return overview(*values)
        finally:
            reading.remove(me)

    monkeypatch.setattr(Planner, "overview", slow_overview)
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        job = await it.start(did)
        await it.until_true(lambda: at_once == [1])
        await it.stager.cancel(job.id)
        assert (await it.stager.retry(job.id, None)).state == "planning"
        answered.set()
        assert (await it.end_of(job)).state == "done"
        assert at_once == [1, 1]


async def test_the_loop_answers_while_room_is_made(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (rucio.put("s", name, os.urandom(100_000)) for name in ("old", "new"))
    async with imagined_desk(quota_bytes=150_000) as it:
        await it.stage(old)
        answered = threading.Event()
        leaving = gated(monkeypatch, View, "unlink", answered)
        job = await it.start(new)
        await it.until_true(leaving.is_set)
        assert it.stager.job(job.id).state == "running"
        answered.set()
        assert (await it.end_of(job)).state == "done"
        assert sorted(it.files()) == ["s/new"]


async def test_the_loop_answers_while_a_record_is_written(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        answered = threading.Event()
        writing = gated(monkeypatch, JobFiles, "save", answered)
        start = asyncio.create_task(it.start(did))
        await it.until_true(writing.is_set)
        (job,) = it.stager.jobs().jobs
        await it.until(job, lambda now: now.state == "done")
        assert not start.done()
        answered.set()
        await start
    async with imagined_desk() as it:
        assert it.stager.job(job.id).state == "done"
