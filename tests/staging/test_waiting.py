"""What a job waits for, and that it goes on by itself when the cause is gone."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.accounts import holders
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import SetLimits, SignIn
from rucio_jupyterlab.errors import BadRequest, BrokenDisk, Conflict, NotFound
from rucio_jupyterlab.sources.part import RANGE_BYTES
from rucio_jupyterlab.staging import obstacles, plans, stager
from rucio_jupyterlab.staging.carrier import Carrier
from rucio_jupyterlab.staging.journal import Journal
from rucio_jupyterlab.staging.layout import object_key, object_path
from rucio_jupyterlab.staging.model import JobRequest
from rucio_jupyterlab.staging.obstacles import Obstacles
from rucio_jupyterlab.staging.store import Store
from tests.accounts.test_credentials import jwt
from tests.accounts.wayward import Request
from tests.lab.lab import Lab
from tests.sources.faulty import Manner

from .conftest import Desk, gated, open_desk
from .disks import MIB, SmallDisk
from .imagined import Imagined, imagined

SMALL = os.urandom(256 << 10)
Desks = Callable[..., Any]


def sign_in(lab: Lab) -> SignIn:
    return SignIn("lab", "userpass", "alice", "alice", lab.password)


# Sign-in


async def test_signed_out_a_job_waits_and_goes_on_after_signing_in(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    did = lab.put(scope, "a", b"abc")
    async with desk(signed_in=False) as it:
        job = await it.until(await it.start(did), lambda now: now.cause == "signin")
        assert job.problem is not None and job.problem.do == "signin" and not job.goes_on_by_itself
        it.accounts.sign_in(sign_in(lab))
        assert (await it.end_of(job)).state == "done"


async def test_signing_out_in_the_middle_loses_nothing(rucio: Imagined, imagined_desk: Desks) -> None:
    content = os.urandom(2 * MIB)
    files = [rucio.put("s", f"f{n}", content, Manner(slice_seconds=0.002)) for n in range(6)]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk(max_connections=1) as it:
        job = await it.until(await it.start(dataset), lambda now: now.files_done >= 2)
        it.accounts.sign_out("lab")
        for did in files:
            rucio.storage.mend(f"/s/{did.name}", Manner(status=401))
        waiting = await it.until(job, lambda now: now.cause == "signin")
        assert waiting.files_failed == 0 and waiting.files_done >= 2
        for did in files:
            rucio.storage.mend(f"/s/{did.name}")
        done_before = set(it.files())
        it.accounts.sign_in(SignIn("lab", "userpass", "alice", "alice", "secret"))
        assert (await it.end_of(job)).state == "done"
        assert len(it.files()) == 6 and done_before <= set(it.files())


async def test_a_token_that_lapses_in_its_file_is_waited_for_until_it_is_renewed_there(
    rucio: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "LOOK_SECONDS", 0.05)
    rucio.token = None
    token = tmp_path / "token"
    token.write_text(jwt(3600))
    files = [rucio.put("s", f"f{n}", SMALL, Manner(slice_seconds=0.01)) for n in range(6)]
    dataset = rucio.dataset("s", "run", files)
    site = rucio.configuration(oidc_auth="file", oidc_file_name=str(token))
    async with open_desk([site], tmp_path, password="", signed_in=False, max_connections=1) as it:
        job = await it.until(await it.start(dataset), lambda now: now.files_done >= 2)
        token.write_text(jwt(-10))
        for did in files:
            rucio.storage.mend(f"/s/{did.name}", Manner(status=401))
        waiting = await it.until(job, lambda now: now.cause == "signin")
        assert waiting.files_failed == 0
        another = await it.until(await it.start(files[0]), lambda now: now.cause == "signin")
        for did in files:
            rucio.storage.mend(f"/s/{did.name}")
        token.write_text(jwt(3600))
        assert [(await it.end_of(one)).state for one in (job, another)] == ["done", "done"]


async def test_a_job_that_is_refused_although_somebody_is_signed_in_tries_again(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the sign-in comes between the refusal and the wait for it."""
    monkeypatch.setattr(plans, "REFUSED_SECONDS", 0.05)
    did = rucio.put("s", "a", b"abc")

    def refuse(request: Request) -> None:
        rucio.reply = None
        request.answer(500, ExceptionClass="CannotAuthenticate")

    rucio.reply = refuse
    async with imagined_desk() as it:
        job = await it.stage(did)
        assert job.state == "done"
        assert "signin" in [one.cause for update in it.updates for one in update.jobs]


async def test_a_job_whose_token_is_refused_although_somebody_is_signed_in_tries_again(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where a storage has refused it first."""
    monkeypatch.setattr(obstacles, "REFUSED_SECONDS", 0.05)
    did = rucio.put("s", "a", b"abc", Manner(status=401))

    def refuse(request: Request) -> None:
        if request.path.endswith("/accounts/whoami"):
            rucio.storage.mend("/s/a")
            rucio.reply = None
            request.answer(500, ExceptionClass="CannotAuthenticate")
        else:
            rucio.usual(request)

    async with imagined_desk(instance={"token_rses": ["RSE"]}) as it:
        rucio.reply = refuse
        job = await it.stage(did)
        assert job.state == "done"
        assert "signin" in [one.cause for update in it.updates for one in update.jobs]


async def test_what_comes_to_light_while_the_engine_ends_begins_nothing(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, told, troubles = threading.Event(), threading.Event(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda loop, trouble: troubles.append(trouble))
    close, gave_up = Carrier.close, Obstacles.gave_up

    def refuse(request: Request) -> None:
        if request.path.startswith("/data/"):
            assert ends.wait(20)
            request.answer(401)
        else:
            rucio.usual(request)

    def close_late(carrier: Carrier) -> None:
        ends.set()
        assert told.wait(20)
        close(carrier)

    def tell(*values: Any) -> None:
        told.set()
        gave_up(*values)

    monkeypatch.setattr(Carrier, "close", close_late)
    monkeypatch.setattr(Obstacles, "gave_up", tell)
    assert rucio.server is not None
    rucio.reply = refuse
    did = rucio.put("s", "a", b"abc", pfns={f"{rucio.server.url}/data/s/a": ("DISK", "wan")})
    async with imagined_desk() as it:
        await it.start(did)
        await it.until_true(lambda: "/data/s/a" in rucio.server.paths)
    assert told.is_set() and troubles == []


async def test_a_job_that_waits_for_a_sign_in_can_be_cancelled(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    did = lab.put(scope, "a", b"abc")
    async with desk(signed_in=False) as it:
        job = await it.until(await it.start(did), lambda now: now.cause == "signin")
        assert (await it.stager.cancel(job.id)).state == "cancelled"
        it.accounts.sign_in(sign_in(lab))
        assert it.stager.job(job.id).state == "cancelled"


async def test_an_instance_that_is_taken_away_disturbs_nobody(lab: Lab, desk: Desks) -> None:
    did = lab.put(lab.scope(), "a", b"abc")
    async with desk(signed_in=False) as it:
        await it.until(await it.start(did), lambda now: now.cause == "signin")
        it.stager.account_changed("gone")
        with pytest.raises(NotFound):
            await it.stager.start(JobRequest("gone", [did]))


# A Rucio that hangs


async def test_a_rucio_that_hangs_holds_up_no_job_at_another(rucio: Imagined, tmp_path: Path) -> None:
    did, go_on = rucio.put("s", "a", b"abc"), threading.Event()
    with imagined() as hanging:

        def hang(request: Request) -> None:
            go_on.wait(120)
            request.answer(404)

        hanging.reply = hang
        sites = [rucio.configuration(), hanging.configuration(name="slow")]
        async with open_desk(sites, tmp_path, password="secret") as it:
            it.accounts.sign_in(SignIn("slow", "userpass", "alice", "alice", "secret"))
            for n in range(2 * plans.THREADS_EACH):
                await it.stager.start(JobRequest("slow", [Did("s", f"f{n}")]))
            assert hanging.server is not None
            asked = hanging.server.requests
            await it.until_true(lambda: len(asked) > plans.THREADS_EACH)  # the first has signed in
            try:
                assert (await it.stage(did)).state == "done"
                assert all(
                    job.state == "planning" for job in it.stager.jobs().jobs if job.request.instance == "slow"
                )
            finally:
                go_on.set()


# Space


async def test_a_full_store_makes_the_job_wait_until_there_is_room(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk
) -> None:
    contents = {f"f{n}": os.urandom(2 * MIB) for n in range(3)}
    dataset = rucio.dataset("s", "run", [rucio.put("s", name, each) for name, each in contents.items()])
    disk.leave(5 * MIB)
    async with imagined_desk(views_dir=str(disk.path / "views")) as it:
        job = await it.until(await it.start(dataset), lambda now: now.cause == "space")
        assert job.state == "waiting" and job.free_bytes is not None and job.free_bytes <= 5 * MIB
        assert job.problem is not None and job.problem.do == "free-space"
        disk.clear()
        done = await it.end_of(job)
        assert (done.state, done.files_failed) == ("done", 0)
        assert {name: (disk.path / "views/s/run" / name).read_bytes() for name in contents} == contents


async def test_a_file_of_unknown_size_that_fills_the_disk_waits_too(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk
) -> None:
    content = os.urandom(3 * MIB)
    did = rucio.put("s", "a", content, bytes=None)
    disk.leave(2 * MIB)
    async with imagined_desk(views_dir=str(disk.path / "views")) as it:
        job = await it.until(await it.start(did), lambda now: now.cause == "space")
        assert job.files_failed == 0
        disk.clear()
        assert (await it.end_of(job)).state == "done"
        assert (disk.path / "views/s/a").read_bytes() == content


async def test_a_disk_that_turns_read_only_is_named_and_costs_no_bytes(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk(views_dir=str(disk.path / "views")) as it:
        await it.stage(rucio.put("s", "first", b"first"))
        disk.protect(True)
        try:
            job = await it.until(
                await it.start(did), lambda now: now.problem and "Read-only" in now.problem.detail
            )
            assert job.cause == "disk" and job.problem is not None
            assert job.problem.do == "configure" and str(disk.path) in job.problem.detail
            asked, told = len(rucio.storage.requests()), len(it.updates)
            await it.until_true(lambda: len(it.updates) >= told + 5)
            assert len(rucio.storage.requests()) == asked
        finally:
            disk.protect(False)
        assert (await it.end_of(job)).state == "done"
        assert (disk.path / "views/s/a").read_bytes() == b"abc"


@asynccontextmanager
async def out_of_reach(it: Desk, did: Did) -> AsyncIterator[None]:
    """Whoever looks for a file in the store meets an error that is not that of a missing file."""
    await it.stager.evict("lab", Did("s", "nothing"))  # until then something earlier may look there
    folder = Path(object_path(f"{it.views}/.store", object_key("lab", did))).parent
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.symlink_to(folder)
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


async def test_a_store_that_cannot_be_looked_into_is_waited_for_by_the_plan(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        await it.stage(did)
        async with out_of_reach(it, did):
            job = await it.until(await it.start(did), lambda now: now.cause == "disk")
            assert job.problem is not None and f"{it.views}/.store" in job.problem.detail
        done = await it.end_of(job)
        assert (done.state, done.files_here) == ("done", 1)


async def test_a_store_that_cannot_tell_what_a_file_lacks_is_waited_for(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    large = os.urandom(RANGE_BYTES + 1)
    did = rucio.put("s", "large", large)
    async with imagined_desk() as it:
        async with out_of_reach(it, did):
            job = await it.until(await it.start(did), lambda now: now.cause == "disk")
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {"s/large": large}


async def test_a_store_that_cannot_tell_what_an_earlier_engine_left_is_waited_for(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    did, other = rucio.put("s", "a", b"abc", Manner(status=404)), rucio.put("s", "other", b"abc")
    async with imagined_desk() as it:
        failed = await it.stage(did)
    rucio.storage.mend("/s/a")
    async with imagined_desk() as it:
        await it.stage(other)  # so that the byte engine runs
        async with out_of_reach(it, did):
            job = await it.until(await it.stager.retry(failed.id, None), lambda now: now.cause == "disk")
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {"s/a": b"abc", "s/other": b"abc"}


@pytest.mark.parametrize("removed", ["", ".store", ".store/objects/{prefix}"])
async def test_folders_that_somebody_removed_are_made_again(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch, removed: str
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        await it.stage(did)
        shutil.rmtree(it.views / removed.format(prefix=object_key("lab", did)[:2]))
        assert (await it.stage(did)).state == "done"
        assert it.files() == {"s/a": b"abc"}
        assert (await it.stager.store()).files == 1


async def test_a_job_goes_on_whose_folders_somebody_removes(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    first, second = rucio.put("s", "first", b"1"), rucio.put("s", "second", b"2", Manner(stall_after=0))
    async with imagined_desk() as it:
        job = await it.start(rucio.dataset("s", "run", [first, second]))
        await it.until(job, lambda now: now.files_done == 1)
        await it.stager.pause(job.id)
        shutil.rmtree(it.views)
        rucio.storage.mend("/s/second")
        await it.stager.resume(job.id)
        assert (await it.end_of(job)).state == "done"
        assert it.files()["s/run/second"] == b"2"


async def test_a_job_that_asks_first_waits_for_a_store_that_cannot_tell_its_room(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    async with imagined_desk(confirm_bytes=1) as it:
        with monkeypatch.context() as broken:
            broken.setattr(os, "statvfs", fails)
            job = await it.until(await it.start(rucio.put("s", "a", b"abc")), lambda now: now.cause == "disk")
        asks = await it.until(job, lambda now: now.cause == "confirm")
        assert (asks.files_total, asks.bytes_total) == (1, 3) and asks.free_bytes


async def test_what_the_disk_refuses_at_the_store_is_told_and_can_be_tried_again(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        await it.stage(did)
        store = re.escape(f"{it.views}/.store cannot be written: Input/output error")
        with monkeypatch.context() as broken:
            broken.setattr(os, "statvfs", fails)
            with pytest.raises(BrokenDisk, match=store):
                await it.stager.store()
        with monkeypatch.context() as broken:
            broken.setattr(Store, "remove", lambda store, key: fails(store.path(key)))
            with pytest.raises(BrokenDisk, match=store):
                await it.stager.evict("lab", did)
        assert (await it.stager.store()).files == 1
        assert (await it.stager.evict("lab", did)).bytes == 3
        assert (await it.stager.store()).files == 0 and it.files() == {}


async def test_a_disk_quota_that_is_full_is_waited_for_like_a_full_disk(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over_quota(*_: object) -> int:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        with monkeypatch.context() as full:
            full.setattr(os, "pwritev", over_quota)
            job = await it.until(await it.start(did), lambda now: now.cause == "space")
            assert job.problem is not None and "quota" in job.problem.detail
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {"s/a": b"abc"}


async def test_while_nothing_can_be_published_each_plan_is_read_once(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over_quota(*_: object) -> set[str]:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    monkeypatch.setattr("rucio_jupyterlab.staging.publisher.SECONDS_BETWEEN_TRIES", 0.05)
    first, second = rucio.put("s", "first", b"abc"), rucio.put("s", "second", b"abc")
    assert rucio.server is not None
    async with imagined_desk() as it:
        with monkeypatch.context() as full:
            full.setattr(Store, "publish", over_quota)
            one = await it.until(await it.start(first), lambda now: now.cause == "space")
            other = await it.start(second)
            refused = len(it.updates)
            await it.until_true(lambda: len(it.updates) > refused + 50)
            assert rucio.server.paths.count("/replicas/list") == 2
        assert [(await it.end_of(job)).state for job in (one, other)] == ["done", "done"]
        assert it.files() == {"s/first": b"abc", "s/second": b"abc"}


async def test_an_object_of_an_earlier_engine_is_read_again_when_the_disk_is_well(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.05)
    content = os.urandom(MIB)
    did = rucio.put("s", "a", content, Manner(slice_seconds=0.01))
    async with imagined_desk() as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 0)
        await it.stager.pause(job.id)
    lay(it.views, did, content)  # that engine died before it noted that the file is here
    asked = len(rucio.storage.requests())
    async with imagined_desk() as it:
        with monkeypatch.context() as broken:
            broken.setattr("rucio_jupyterlab.staging.publisher.file_adler32", fails)
            await it.until(await it.stager.resume(job.id), lambda now: now.cause == "disk")
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {"s/a": content}
    assert len(rucio.storage.requests()) == asked


def lay(views: Path, did: Did, content: bytes) -> None:
    """Put an object into the store behind the engine's back."""
    Path(object_path(f"{views}/.store", object_key("lab", did))).write_bytes(content)


async def test_the_rest_of_a_file_needs_only_the_room_of_the_rest(
    rucio: Imagined, imagined_desk: Desks, tmp_path: Path
) -> None:
    content = os.urandom(40 * MIB)
    did = rucio.put("s", "a", content, Manner(slice_seconds=0.003))
    async with imagined_desk(quota_bytes=45 * MIB) as it:
        job = await it.until(await it.start(did), lambda now: now.bytes_done > 10 * MIB)
        await it.stager.pause(job.id)
        await it.until_true(lambda: it.stager.job(job.id).bytes_per_second == 0)
        rucio.storage.mend("/s/a")
        assert (await it.end_of(await it.stager.resume(job.id))).state == "done"


async def test_a_full_disk_of_the_state_folder_is_waited_for(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk
) -> None:
    files = [rucio.put("s", f"f{n}", f"{n}".encode()) for n in range(400)]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk(state=disk.path / "state") as it:
        await it.stage(rucio.put("s", "first", b"first"))
        disk.leave(0)
        job = await it.until(await it.start(dataset), lambda now: now.cause == "space")
        assert job.problem is not None and "state folder" in job.problem.detail
        disk.clear()
        done = await it.end_of(job)
        assert (done.state, done.files_done) == ("done", 400)
        assert len(it.files()) == 401


async def test_a_retry_that_meets_a_full_disk_of_the_state_folder_waits_for_it(
    rucio: Imagined, imagined_desk: Desks, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.board.DISK_SECONDS", 0.5)
    files = [rucio.put("s", f"f{n}", f"{n}".encode(), Manner(status=404)) for n in range(100)]
    async with imagined_desk(state=disk.path / "state") as it:
        job = await it.stage(rucio.dataset("s", "run", files))
        for n in range(100):
            rucio.storage.mend(f"/s/f{n}")
        disk.leave(0)
        job = await it.until(await it.stager.retry(job.id, None), lambda now: now.cause == "space")
        assert job.problem is not None and "state folder" in job.problem.detail
        disk.clear()
        done = await it.end_of(job)
        assert (done.state, done.files_done) == ("done", 100)


async def test_the_quota_is_kept_by_taking_the_least_recently_used(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    dids = [rucio.put("s", f"f{n}", os.urandom(100_000)) for n in range(4)]
    async with imagined_desk(quota_bytes=250_000) as it:
        for did in dids[:3]:
            assert (await it.stage(did)).state == "done"
        assert sorted(it.files()) == ["s/f1", "s/f2"]
        await it.stage(dids[1])
        assert (await it.stage(dids[3])).state == "done"
        assert sorted(it.files()) == ["s/f1", "s/f3"]
        assert (await it.stager.store()).used_bytes == 200_000


async def test_the_quota_counts_what_is_on_its_way(rucio: Imagined, imagined_desk: Desks) -> None:
    slow = Manner(slice_seconds=0.05)
    first, second = (rucio.put("s", name, os.urandom(400_000), slow) for name in ("first", "second"))
    async with imagined_desk(quota_bytes=600_000) as it:
        one = await it.until(await it.start(first), lambda now: now.bytes_done > 250_000)
        two = await it.until(await it.start(second), lambda now: now.cause == "space")
        assert two.problem is not None and "quota" in two.problem.detail
        assert (await it.end_of(one)).state == "done"
        assert (await it.end_of(two)).state == "done"
        assert sorted(it.files()) == ["s/second"]


async def test_a_pin_holds_its_files_and_a_job_waits_for_the_quota(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    first, second = (rucio.put("s", name, os.urandom(100_000)) for name in ("first", "second"))
    async with imagined_desk(quota_bytes=150_000) as it:
        pinned = await it.stage(first, pin=True)
        assert pinned.pinned and (await it.stager.store()).pinned_files == 1
        job = await it.until(await it.start(second), lambda now: now.cause == "space")
        assert job.problem is not None and "quota" in job.problem.detail
        with pytest.raises(Conflict):
            await it.stager.evict("lab", first)
        await it.stager.pin(pinned.id, False)
        assert (await it.end_of(job)).state == "done"
        assert sorted(it.files()) == ["s/second"]


async def test_a_file_in_two_pinned_jobs_stays_pinned_by_the_other(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    did = rucio.put("s", "a", b"abc")
    dataset = rucio.dataset("s", "run", [did])
    async with imagined_desk() as it:
        one, two = await it.stage(did, pin=True), await it.stage(dataset, pin=True)
        await it.stager.pin(one.id, False)
        with pytest.raises(Conflict):
            await it.stager.evict("lab", did)
        await it.stager.pin(two.id, False)
        freed = await it.stager.evict("lab", did)
        assert (freed.files, freed.bytes) == (1, 3)
        assert it.files() == {}


async def test_a_running_job_holds_its_files(rucio: Imagined, imagined_desk: Desks) -> None:
    here = rucio.put("s", "here", b"abc")
    slow = rucio.put("s", "slow", os.urandom(3 * MIB), Manner(slice_seconds=0.01))
    dataset = rucio.dataset("s", "run", [here, slow])
    async with imagined_desk() as it:
        job = await it.until(await it.start(dataset), lambda now: now.files_done == 1)
        with pytest.raises(Conflict):
            await it.stager.evict("lab", here)
        await it.stager.cancel(job.id)
        assert (await it.stager.evict("lab", here)).files == 1


async def test_what_was_evicted_is_fetched_again(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        await it.stage(did)
        assert await it.stager.local_state("lab", [did]) == {did: (1, f"{it.views}/s/a")}
        await it.stager.evict("lab", did)
        assert await it.stager.local_state("lab", [did]) == {}
        assert (await it.stage(did)).state == "done"
        assert it.files() == {"s/a": b"abc"} and len(rucio.storage.requests()) == 2


async def test_a_retry_waits_for_nothing_that_was_evicted_and_is_named_no_longer(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    files = [rucio.put("s", name, b"abc") for name in ("detached", "kept")]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk() as it:
        job = await it.stage(dataset)
        await it.stager.evict("lab", dataset)
        rucio.dataset("s", "run", files[1:])
        done = await it.end_of(await it.stager.retry(job.id, None))
        assert (done.state, done.files_total, done.files_done) == ("done", 1, 1)
        assert it.files() == {"s/run/kept": b"abc"}


async def test_a_retry_gives_up_what_failed_and_is_named_no_longer(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = rucio.put("s", "bad", b"abc", Manner(status=404)), rucio.put("s", "good", b"abc")
    async with imagined_desk() as it:
        job = await it.stage(rucio.dataset("s", "run", [bad, good]))
        assert (job.state, job.files_failed) == ("partial", 1)
        rucio.dataset("s", "run", [good])
        rucio.storage.mend("/s/bad", Manner(stall_after=1))
        planned = threading.Event()
        gated(monkeypatch, Journal, "finish_plan", planned)
        await it.stager.retry(job.id, None)
        flights = it.stager._transfers.flights
        await it.until_true(lambda: len(flights) == 1)
        planned.set()
        done = await it.end_of(job)
        assert (done.state, done.problem, done.files_total, done.files_done) == ("done", None, 1, 1)
        assert not flights


async def test_what_was_deleted_by_hand_is_fetched_again(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        await it.stage(did)
        for path in it.views.glob(".store/objects/*/*"):
            path.unlink()
        assert (await it.stage(did)).state == "done"
        assert it.files() == {"s/a": b"abc"}


async def test_what_was_deleted_by_hand_comes_again_with_a_retry_too(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    good, bad = rucio.put("s", "good", b"abc"), rucio.put("s", "bad", b"abc", Manner(status=404))
    async with imagined_desk() as it:
        job = await it.stage(rucio.dataset("s", "run", [good, bad]))
        assert job.state == "partial"
        for path in it.views.glob(".store/objects/*/*"):
            path.unlink()
        rucio.storage.mend("/s/bad")
        done = await it.end_of(await it.stager.retry(job.id, None))
        assert (done.state, done.files_done) == ("done", 2)
        assert it.files() == {"s/run/good": b"abc", "s/run/bad": b"abc"}


async def test_links_that_were_deleted_by_hand_are_made_again_by_a_retry(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    files = [rucio.put("s", name, b"abc") for name in ("a", "b")]
    async with imagined_desk() as it:
        job = await it.stage(rucio.dataset("s", "run", files))
        (it.views / "s/run/a").unlink()
        done = await it.end_of(await it.stager.retry(job.id, None))
        assert (done.state, done.files_done) == ("done", 2)
        assert it.files() == {"s/run/a": b"abc", "s/run/b": b"abc"}
        assert len(rucio.storage.requests()) == 2


# Limits and questions that make no sense


async def test_the_bandwidth_limit_is_changed_while_a_job_runs(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", os.urandom(4 * MIB))
    async with imagined_desk(bandwidth_limit=1000) as it:
        job = await it.start(did)
        await it.until_true(lambda: bool(rucio.storage.requests()))
        assert it.stager.job(job.id).state in ("planning", "running")
        status = await it.stager.set_limits(SetLimits(bandwidth_limit=0))
        assert status.bandwidth_limit is None
        assert (await it.end_of(job)).state == "done"
        with pytest.raises(BadRequest):
            await it.stager.set_limits(SetLimits(bandwidth_limit=-1))
        with pytest.raises(BadRequest, match="bytes per second"):
            await it.stager.set_limits(SetLimits(bandwidth_limit=2**64))


async def test_connections_to_one_host_stay_within_the_limit(rucio: Imagined, imagined_desk: Desks) -> None:
    slow = Manner(slice_seconds=0.005)
    files = [rucio.put("s", f"f{n}", os.urandom(100_000), slow) for n in range(12)]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk(max_connections=8, max_connections_per_host=2) as it:
        assert (await it.stage(dataset)).state == "done"
        assert rucio.storage.most_at_once <= 2


async def test_what_makes_no_sense_is_refused(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk(confirm_bytes=1) as it:
        with pytest.raises(BadRequest):
            await it.start()
        with pytest.raises(BadRequest):
            await it.start(did, first=0)
        job = await it.until(await it.start(did), lambda now: now.cause == "confirm")
        for wrong in (0, -1):
            with pytest.raises(BadRequest):
                await it.stager.confirm(job.id, wrong, None)
        with pytest.raises(Conflict):
            await it.stager.resume(job.id)
        await it.stager.confirm(job.id, None, None)
        done = await it.end_of(job)
        assert done.state == "done"
        for call in (it.stager.pause, it.stager.resume):
            with pytest.raises(Conflict):
                await call(job.id)
        with pytest.raises(Conflict):
            await it.stager.confirm(job.id, None, None)
        for call in (it.stager.pause, it.stager.resume, it.stager.cancel):
            with pytest.raises(NotFound):
                await call("unknown")


async def test_finished_jobs_are_cleared_and_their_files_stay(rucio: Imagined, imagined_desk: Desks) -> None:
    slow = rucio.put("s", "slow", os.urandom(3 * MIB), Manner(slice_seconds=0.01))
    async with imagined_desk() as it:
        done = await it.stage(rucio.put("s", "a", b"abc"))
        running = await it.start(slow)
        await it.stager.clear(None)
        assert [job.id for job in it.stager.jobs().jobs] == [running.id]
        assert it.updates[-1].gone == [done.id] or any(update.gone == [done.id] for update in it.updates)
        assert it.files() == {"s/a": b"abc"}
        await it.stager.cancel(running.id)
    async with imagined_desk() as it:
        assert [job.id for job in it.stager.jobs().jobs] == [running.id]


async def test_a_pinned_job_is_cleared_by_name_alone_and_takes_its_pin_along(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    did, other = rucio.put("s", "a", b"abc"), rucio.put("s", "b", b"b")
    async with imagined_desk() as it:
        pinned, plain = await it.stage(did, pin=True), await it.stage(rucio.dataset("s", "run", [did, other]))
        await asyncio.gather(it.stager.clear(None), it.stager.clear(None))
        assert [job.id for job in it.stager.jobs().jobs] == [pinned.id]
        assert any(update.gone == [plain.id] for update in it.updates)
        assert (await it.stager.store()).pinned_files == 1
        await it.stager.clear([pinned.id])
        assert it.stager.jobs().jobs == [] and (await it.stager.store()).pinned_files == 0
        assert (await it.stager.evict("lab", did)).files == 1


async def test_the_oldest_jobs_that_have_ended_are_cleared_when_another_begins(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stager, "MOST_ENDED", 2)
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        pinned, *jobs = [await it.stage(did, pin=number == 0) for number in range(5)]
        assert [job.id for job in it.stager.jobs().jobs] == [job.id for job in (*jobs[:-4:-1], pinned)]
        assert it.files() == {"s/a": b"abc"}


async def test_an_open_dataset_is_still_growing(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    lab.put(scope, "a", b"abc", dataset="run")
    async with desk() as it:
        job = await it.stage(Did(scope, "run"))
        assert (job.state, job.growing) == ("done", True)
        lab.put(scope, "b", b"more", dataset="run")
        again = await it.stage(Did(scope, "run"))
        assert (again.files_total, again.files_here) == (2, 1)
        assert it.files() == {f"{scope}/run/a": b"abc", f"{scope}/run/b": b"more"}


async def test_traces_reach_a_real_rucio_only_where_they_are_wanted(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    did = lab.put(scope, "a", b"abc")

    def told() -> int:
        return sum(
            (method, status) == ("POST", 201) and "/traces" in path for method, path, status in lab.requests()
        )

    before = told()
    async with desk(send_traces=True) as it:
        await it.stage(did)
        await it.until_true(lambda: told() > before)
        await it.stager.set_limits(SetLimits(send_traces=False))
        await it.stage(lab.put(scope, "b", b"abc"))
    assert told() == before + 1
