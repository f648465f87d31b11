"""Jobs on what a catalogue may say: hostile names, odd places, rubbish, or nothing."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.staging.model import JobRequest
from rucio_jupyterlab.staging.publisher import Arrived
from rucio_jupyterlab.staging.rows import FileRow
from rucio_jupyterlab.staging.traces import Traces
from tests.accounts.wayward import Request
from tests.sources.faulty import Manner

from .conftest import Desk, open_desk
from .imagined import Imagined

Desks = Callable[..., Any]


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# Names


HOSTILE = [
    "plain.root",
    "..",
    "../../../../tmp/escaped",
    "a",
    "a/b",
    "A",
    "a/B/..",
    "/absolute",
    "//",
    ".hidden",
    ".store/objects/x",
    "x" * 250,
    "é" * 255,
    "x" * 255,
    "x" * 256,
    "/".join("abcdefghij" * 5),
    "quote\"'`$(id)",
    "<img src=x onerror=alert(1)>",
    "new\nline\ttab\x1b[31m",
    "back\\slash",
    "percent%2F%00",
    "ünïcödé 漢字 🦆",
    "trailing ",
    "-rf",
    "con.txt:stream",
]


async def test_hostile_names_stay_inside_and_every_file_can_be_opened(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    files = [rucio.put("s", name, f"content {n}".encode()) for n, name in enumerate(HOSTILE)]
    dataset = rucio.dataset("s", "run/../..", files)
    async with imagined_desk() as it:
        job = await it.stage(dataset)
        assert (job.state, job.files_done) == ("done", len(HOSTILE))
        rows = {row.did: row for row in await it.rows(job)}
        found = it.files()
        for number, did in enumerate(files):
            path = (rows[did].path or "").removeprefix(f"{it.views}/")
            assert found[path] == f"content {number}".encode()
            assert not any(segment.startswith(".") for segment in path.split("/"))
        assert len({row.path for row in rows.values()}) == len(HOSTILE)
        assert sorted(each.name for each in it.folder.iterdir()) == ["state", "views"]


async def test_hostile_scopes_and_instances_stay_inside(rucio: Imagined, imagined_desk: Desks) -> None:
    scopes = ["...", "a/../b", ".store", "x" * 300, "sc ope"]
    files = [rucio.put(scope, "f", scope.encode()) for scope in scopes]
    async with imagined_desk() as it:
        job = await it.stage(*files)
        assert job.state == "done"
        assert sorted(it.files().values()) == sorted(scope.encode() for scope in scopes)
        assert sorted(each.name for each in it.folder.iterdir()) == ["state", "views"]


async def test_two_scopes_with_one_file_name_in_one_dataset(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put(f"s{n}", "same.root", f"{n}".encode()) for n in range(12)]
    dataset = rucio.dataset("s0", "run", files)
    async with imagined_desk(link="copy") as it:
        job = await it.stage(dataset)
        assert job.state == "done"
        found = it.files()
        rows = {row.did: found[(row.path or "").removeprefix(f"{it.views}/")] for row in await it.rows(job)}
        assert rows == {did: did.scope[1:].encode() for did in files}


async def test_several_instances_have_folders_of_their_own(rucio: Imagined, tmp_path: Path) -> None:
    did = rucio.put("s", "a", b"abc")
    instances = [rucio.configuration(name=".."), rucio.configuration(name="other")]
    async with open_desk(instances, tmp_path, password="secret") as it:
        job = await it.end_of(await it.stager.start(JobRequest("..", [did])))
        assert job.state == "done"
        assert it.files() == {"%2E./s/a": b"abc"}


# Places


def at(scheme: str, kind: str = "DISK", domain: str = "wan") -> dict[str, tuple[str, str]]:
    return {f"{scheme}://somewhere.example:1094/a": (kind, domain)}


NOWHERE = {
    "tape": (at("davs", "TAPE"), "tape", "on tape"),
    "root-only": (at("root"), "root-only", "only by xrootd"),
    "srm": (at("srm"), "root-only", "only by srm"),
    "archive": (at("https", "DISK", "zip"), "in-archive", "zip archive"),
    "none": ({}, "no-replica", "no available replica"),
}


@pytest.mark.parametrize(("pfns", "state", "words"), NOWHERE.values(), ids=list(NOWHERE))
async def test_what_cannot_be_had_says_why(
    rucio: Imagined, imagined_desk: Desks, pfns: dict[str, tuple[str, str]], state: str, words: str
) -> None:
    there = rucio.put("s", "there", b"abc")
    away = rucio.put("s", "away", b"abc", pfns=pfns)
    dataset = rucio.dataset("s", "run", [there, away])
    async with imagined_desk() as it:
        job = await it.stage(dataset)
        assert (job.state, job.files_done, job.files_unreachable, job.files_failed) == ("partial", 1, 1, 0)
        assert job.problem is not None and words in job.problem.detail
        rows = {row.did: row.state for row in await it.rows(job)}
        assert rows == {there: "done", away: state}


async def test_an_archive_is_never_taken_for_its_member(rucio: Imagined, imagined_desk: Desks) -> None:
    archive = rucio.storage.put("/archive.zip", b"the whole archive")
    member = rucio.put("s", "member", b"member", pfns={archive: ("DISK", "zip")})
    async with imagined_desk() as it:
        assert (await it.stage(member)).state == "failed"
        assert rucio.storage.requests("/archive.zip") == []


async def test_the_rse_that_was_chosen_alone_is_used(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        job = await it.stage(did, rse="ELSEWHERE")
        assert job.state == "failed"
        assert job.problem is not None and "at ELSEWHERE" in job.problem.detail
        assert (await it.stage(did, rse="RSE")).state == "done"


# Mounts and shared stores


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    folder = tmp_path / "mount" / "data"
    folder.mkdir(parents=True)
    return folder


async def test_a_file_on_a_mount_is_linked(rucio: Imagined, imagined_desk: Desks, mount: Path) -> None:
    (mount / "a").write_bytes(b"mounted")
    did = rucio.put("s", "a", b"mounted", pfns={f"file://localhost{mount}/a": ("DISK", "lan")})
    async with imagined_desk(mounts=(str(mount),)) as it:
        job = await it.stage(did)
        assert (job.state, job.files_here) == ("done", 1)
        assert (it.views / "s/a").is_symlink() and it.files() == {"s/a": b"mounted"}
        assert (await it.stager.store()).files == 0


async def test_a_file_of_another_size_on_a_mount_is_not_believed(
    rucio: Imagined, imagined_desk: Desks, mount: Path
) -> None:
    (mount / "a").write_bytes(b"half")
    did = rucio.put("s", "a", b"whole one")
    rucio.replicas[did]["pfns"][f"file://localhost{mount}/a"] = {
        "rse": "RSE",
        "type": "DISK",
        "domain": "lan",
    }
    async with imagined_desk(mounts=(str(mount),)) as it:
        assert (await it.stage(did)).state == "done"
        assert it.files() == {"s/a": b"whole one"}


async def test_in_mode_replica_what_is_mounted_is_linked_and_the_rest_is_offered(
    rucio: Imagined, imagined_desk: Desks, mount: Path
) -> None:
    here, away = (rucio.put("s", name, name.encode()) for name in ("here", "away"))
    path = rucio.storage.url("/s/here").partition("://")[2].partition("/")[2]
    (mount / path).parent.mkdir(parents=True, exist_ok=True)
    (mount / path).write_bytes(b"here")
    dataset = rucio.dataset("s", "run", [here, away])
    instance = {
        "mode": "replica",
        "destination_rse": "RSE",
        "rse_mount_path": str(mount),
        "path_begins_at": 0,
    }
    async with imagined_desk(instance=instance) as it:
        job = await it.stage(dataset)
        assert (job.state, job.files_here, job.files_unreachable) == ("partial", 1, 1)
        assert job.problem is not None and "not on RSE" in job.problem.detail
        assert {row.did: row.state for row in await it.rows(job)} == {here: "linked", away: "not-mounted"}
        assert rucio.storage.requests() == []
        done = await it.end_of(await it.stager.retry(job.id, download=True))
        assert (done.state, done.files_unreachable) == ("done", 0)
        assert it.files() == {"s/run/here": b"here", "s/run/away": b"away"}


async def test_in_mode_replica_a_download_is_offered_only_where_it_can_work(
    rucio: Imagined, imagined_desk: Desks, mount: Path
) -> None:
    away, nowhere = rucio.put("s", "away", b"away"), rucio.put("s", "nowhere", b"x", pfns={})
    taped = rucio.put("s", "taped", b"x", pfns={"davs://tape/f": ("TAPE", "wan")})
    behind = rucio.put("s", "behind", b"x", pfns={"root://disk//f": ("DISK", "wan")})
    dataset = rucio.dataset("s", "run", [away, taped, behind, nowhere])
    instance = {"mode": "replica", "destination_rse": "RSE", "rse_mount_path": str(mount)}
    async with imagined_desk(instance=instance) as it:
        job = await it.stage(dataset)
        assert {row.did: row.state for row in await it.rows(job)} == {
            away: "not-mounted",
            taped: "tape",
            behind: "root-only",
            nowhere: "no-replica",
        }


async def test_a_shared_store_is_used_and_never_written(
    rucio: Imagined, imagined_desk: Desks, tmp_path: Path
) -> None:
    did = rucio.put("s", "a", b"abc")
    shared = tmp_path / "shared"
    site = open_desk([rucio.configuration()], tmp_path / "site", password="secret", store_dir=str(shared))
    async with site as theirs:
        await theirs.stage(did)
    before = below(shared)
    async with imagined_desk(shared_stores=(str(shared),)) as it:
        job = await it.stage(did)
        assert (job.state, job.files_here) == ("done", 1)
        assert it.files() == {"s/a": b"abc"}
        assert (await it.stager.store()).files == 0
    assert below(shared) == before and len(rucio.storage.requests()) == 1


@pytest.mark.parametrize("link", ["symlink", "copy"])
async def test_what_a_shared_store_gives_and_takes_away_keeps_its_one_name(
    rucio: Imagined, imagined_desk: Desks, tmp_path: Path, link: str
) -> None:
    did, other = rucio.put("s", "a", b"abc"), rucio.put("s", "b", b"b")
    dataset = rucio.dataset("s", "run", [did, other])
    shared, aside = tmp_path / "shared", tmp_path / "aside"
    site = open_desk([rucio.configuration()], tmp_path / "site", password="secret", store_dir=str(shared))
    async with site as theirs:
        await theirs.stage(did)

    def names(it: Desk) -> list[str]:
        return [each for each in below(it.views) if not each.startswith(".store/")]

    async with imagined_desk(shared_stores=(str(shared),), link=link) as it:
        assert (await it.stage(dataset)).files_here == 1
        assert (await it.stager.store()).files == 1
        shared.rename(aside)
        assert (await it.stage(dataset)).state == "done"
        assert names(it) == sorted(it.files()) == ["s/run/a", "s/run/b"]
        assert (await it.stager.store()).files == 2
        aside.rename(shared)
        assert (await it.stage(dataset)).files_here == 2
        assert names(it) == sorted(it.files()) == ["s/run/a", "s/run/b"]
        assert (await it.stager.store()).files == 2
        for path in it.views.glob(".store/objects/*/*"):
            path.unlink()
        assert (await it.stage(dataset)).files_here == 1
        assert names(it) == sorted(it.files()) == ["s/run/a", "s/run/b"]
        assert (await it.stager.store()).files == 1
        assert (await it.stager.evict("lab", dataset)).files == 2
        assert names(it) == []


async def test_a_job_of_several_dids_names_the_folder_around_them(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    one = rucio.dataset("s", "run", [rucio.put("s", "a", b"abc")])
    same, another = rucio.put("s", "b", b"abc"), rucio.put("t", "c", b"abc")
    async with imagined_desk() as it:
        assert (await it.stage(one, same)).path == f"{it.views}/s"
        assert (await it.stage(one, another)).path == str(it.views)


# Several instances


@pytest.mark.parametrize("more_later", [True, False])
async def test_a_job_keeps_the_folder_that_it_began_in(
    rucio: Imagined, tmp_path: Path, more_later: bool
) -> None:
    good, bad = rucio.put("s", "good", b"abc"), rucio.put("s", "bad", b"abc", Manner(status=404))
    one, two = [rucio.configuration()], [rucio.configuration(), rucio.configuration(name="other")]
    before, later = (one, two) if more_later else (two, one)
    dataset = rucio.dataset("s", "run", [good, bad])
    folder = "s/run" if more_later else "lab/s/run"
    async with open_desk(before, tmp_path, password="secret") as it:
        job = await it.stage(dataset)
        assert (job.state, set(it.files())) == ("partial", {f"{folder}/good"})
    rucio.storage.mend("/s/bad")
    async with open_desk(later, tmp_path, password="secret") as it:
        done = await it.end_of(await it.stager.retry(job.id, None))
        assert (done.state, done.files_total) == ("done", 2)
        assert set(it.files()) == {f"{folder}/good", f"{folder}/bad"}
        assert done.path == f"{it.views}/{folder}"
        assert await it.stager.local_state("lab", [dataset]) == {dataset: (2, f"{it.views}/{folder}")}


# Part of a DID


async def test_the_first_files_by_name(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put("s", f"f{n:02}", b"x") for n in reversed(range(20))]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk() as it:
        job = await it.stage(dataset, first=3)
        assert job.files_total == 3
        assert sorted(it.files()) == ["s/run/f00", "s/run/f01", "s/run/f02"]


async def test_files_that_match_a_pattern(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put("s", name, b"x") for name in ("a.root", "b.root", "a.log")]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk() as it:
        assert (await it.stage(dataset, pattern="*.root")).files_total == 2
        assert (await it.stage(dataset, pattern="nothing")).state == "failed"


@pytest.mark.parametrize("limits", [{"confirm_bytes": 10}, {"confirm_files": 2}])
async def test_a_large_job_asks_first_and_a_part_may_be_taken(
    rucio: Imagined, imagined_desk: Desks, limits: dict[str, int]
) -> None:
    files = [rucio.put("s", f"f{n}", b"x" * 10) for n in range(5)]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk(**limits) as it:
        job = await it.until(await it.start(dataset), lambda now: now.cause == "confirm")
        assert (job.files_total, job.bytes_total) == (5, 50)
        assert job.free_bytes and job.problem is not None and "5 files" in job.problem.detail
        assert rucio.storage.requests() == []
        done = await it.end_of(await it.stager.confirm(job.id, 2, None))
        assert (done.state, done.files_total) == ("done", 2)
        assert sorted(it.files()) == ["s/run/f0", "s/run/f1"]
        assert (await it.stage(dataset, confirmed=True)).files_done == 5


async def test_a_large_job_with_a_pattern_asks_about_what_matches(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    files = [rucio.put("s", f"f{n}", b"x" * 10) for n in range(9)]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk(confirm_files=3) as it:
        job = await it.until(await it.start(dataset, pattern="f[0-3]"), lambda now: now.cause == "confirm")
        assert (job.files_total, job.bytes_total) == (4, 40)
        assert job.problem is not None and "4 files" in job.problem.detail
        assert (await it.stage(dataset, pattern="f[0-3]", first=2)).files_done == 2
        assert (await it.stage(dataset, pattern="f[6-8]")).files_done == 3


async def test_rucio_is_asked_for_the_files_while_it_still_describes_the_dataset(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    dataset = rucio.dataset("s", "run", [rucio.put("s", "a", b"abc")])
    listed = threading.Event()

    def describes_last(request: Request) -> None:
        if request.path.startswith("/replicas/list"):
            listed.set()
        elif request.path.startswith("/dids/s/run"):
            assert listed.wait(10)
        rucio.usual(request)

    async with imagined_desk() as it:
        rucio.reply = describes_last
        assert (await it.stage(dataset)).state == "done"
    assert rucio.server is not None
    assert rucio.server.paths.count("/replicas/list") == 1


async def test_files_that_nobody_has_agreed_to_are_asked_for_no_longer(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    dataset = rucio.dataset("s", "run", [rucio.put("s", "a", b"x" * 100)])
    over = threading.Event()

    def never_ends(request: Request) -> None:
        if not request.path.startswith("/replicas/list") or over.is_set():
            rucio.usual(request)
            return
        request.begin_stream()
        while not over.is_set():
            request.chunk(b"\n" * 100_000)

    assert rucio.server is not None
    async with imagined_desk(confirm_bytes=10) as it:
        rucio.reply = never_ends
        job = await it.until(await it.start(dataset), lambda now: now.cause == "confirm")
        await it.until_true(rucio.server.hung_up.is_set)
        over.set()
        assert (await it.end_of(await it.stager.confirm(job.id, None, None))).state == "done"


# A Rucio in trouble


async def test_a_rucio_that_is_down_is_waited_for(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        rucio.reply = lambda request: request.answer(503)
        job = await it.until(await it.start(did), lambda now: now.cause == "network")
        assert job.state == "waiting" and job.problem is not None and "Imagined" in job.problem.detail
        rucio.reply = None
        assert (await it.end_of(job)).state == "done"


async def test_a_rucio_that_says_when_to_come_again_is_left_alone_until_then(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.plans.FIRST_REPLAN", 0.01)
    did = rucio.put("s", "a", b"abc")
    rucio.reply = lambda request: request.answer(503, Retry_After="2")
    async with imagined_desk() as it:
        began = time.monotonic()
        job = await it.until(await it.start(did), lambda now: now.cause == "network")
        rucio.reply = None
        assert (await it.end_of(job)).state == "done"
        assert time.monotonic() - began >= 2.0


async def test_a_slow_rucio_holds_nothing_else_up(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", b"abc")

    def slow(request: Request) -> None:
        time.sleep(6 if request.path.startswith("/replicas/list") else 0.7)
        rucio.usual(request)

    async with imagined_desk() as it:
        rucio.reply = slow
        job = await it.start(did)
        assert (await it.stager.store()).files == 0
        assert it.stager.job(job.id).state == "planning"
        assert (await it.end_of(job)).state == "done"


RUBBISH = {
    "a portal": lambda request: request.answer(200, b"<html>Sign in</html>", "text/html"),
    "no JSON": lambda request: request.answer(200, b"{", "application/json"),
    "no UTF-8": lambda request: request.answer(200, b'{"scope": "\xff\xfe"}', "application/json"),
    "other JSON": lambda request: request.answer(200, b"[1, 2]", "application/json"),
    "an error": lambda request: request.answer(500),
}


@pytest.mark.parametrize("reply", RUBBISH.values(), ids=list(RUBBISH))
async def test_rubbish_fails_the_job_with_a_sentence_and_retry_mends_it(
    rucio: Imagined, imagined_desk: Desks, reply: Callable[[Request], None]
) -> None:
    did = rucio.put("s", "a", b"abc")
    async with imagined_desk() as it:
        rucio.reply = reply
        job = await it.stage(did)
        assert job.state == "failed"
        assert job.problem is not None and job.problem.type == "rucio-refused"
        rucio.reply = None
        assert (await it.end_of(await it.stager.retry(job.id, None))).state == "done"


@pytest.mark.parametrize(("faults", "state"), [(2, "done"), (3, "failed")])
async def test_an_error_of_rucios_own_does_not_end_a_job_that_it_has_told_of(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch, faults: int, state: str
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.plans.FIRST_REPLAN", 0.01)
    monkeypatch.setattr("rucio_jupyterlab.staging.plans.MOST_FAULTS", 2)
    did = rucio.put("s", "a", b"abc")
    left = [None] * faults

    def fail(request: Request) -> None:
        if request.path.startswith("/replicas/list") and left:
            left.pop()
            request.answer(500)
        else:
            rucio.usual(request)

    async with imagined_desk() as it:
        rucio.reply = fail
        assert (await it.stage(did)).state == state


async def test_a_list_that_breaks_off_loses_nothing(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put("s", f"f{n:04}", b"x") for n in range(600)]
    dataset = rucio.dataset("s", "run", files)
    left = [2]

    def cut(request: Request) -> None:
        if request.path.startswith("/replicas/list") and left[0]:
            left[0] -= 1
            request.begin_stream()
            request.chunk(b"".join(json.dumps(rucio.replicas[did]).encode() + b"\n" for did in files[:300]))
            request.close_after = True
        else:
            rucio.usual(request)

    async with imagined_desk() as it:
        rucio.reply = cut
        job = await it.until(await it.start(dataset), lambda now: now.cause == "network")
        done = await it.end_of(job)
        assert (done.state, done.files_total, done.files_done) == ("done", 600, 600)
        assert len(it.files()) == 600
        assert len(rucio.storage.requests()) == 600


async def test_a_did_that_rucio_does_not_know_fails(rucio: Imagined, imagined_desk: Desks) -> None:
    async with imagined_desk() as it:
        job = await it.stage(Did("s", "unknown"))
        assert job.state == "failed" and job.problem is not None and job.problem.type == "not-found"


async def test_bytes_that_changed_under_a_name_are_fetched_again(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    async with imagined_desk() as it:
        did = rucio.put("s", "a", b"before")
        assert (await it.stage(did)).state == "done"
        rucio.put("s", "a", b"after that")
        assert (await it.stage(did)).state == "done"
        assert it.files() == {"s/a": b"after that"}


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Storage and engine are threads of one process here, and would wait 5 ms for each other."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("quick_switches")
async def test_ten_thousand_files_come_each_once(rucio: Imagined, imagined_desk: Desks) -> None:
    contents = {f"file.{n:05}.root": f"{n}".encode() for n in range(10_000)}
    dataset = rucio.dataset("s", "run", [rucio.put("s", name, each) for name, each in contents.items()])
    async with imagined_desk() as it:
        job = await it.stage(dataset)
        assert (job.state, job.files_done) == ("done", len(contents))
        assert len(rucio.storage.requests()) == len(contents)
        assert it.files() == {f"s/run/{name}": content for name, content in contents.items()}
        assert it.parts() == []
        freed = await it.stager.evict("lab", dataset)
        assert freed.files == len(contents) and not (it.views / "s").exists()


async def test_many_dids_are_asked_for_together(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put("s", f"f{n:03}", b"x") for n in range(300)]
    folders = [rucio.dataset("s", f"run{n}", [rucio.put("s", f"g{n}", b"y")]) for n in range(3)]
    assert rucio.server is not None
    async with imagined_desk() as it:
        job = await it.stage(*files, *folders)
        assert (job.state, job.files_done, job.bytes_total) == ("done", 303, 303)
        assert sorted(it.files())[::101] == ["s/f000", "s/f101", "s/f202"]
        assert [name for name in it.files() if "run" in name] == ["s/run0/g0", "s/run1/g1", "s/run2/g2"]
    assert rucio.server.paths.count("/dids/bulkmeta") == 4
    assert rucio.server.paths.count("/replicas/list") == 4


async def test_of_many_dids_one_that_is_unknown_is_named(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put("s", f"f{n}", b"x") for n in range(3)]
    async with imagined_desk() as it:
        job = await it.stage(*files, Did("s", "nowhere"))
        assert job.state == "failed" and "s:nowhere" in job.problem.detail


async def test_copies_are_files_of_their_own(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put("s", f"f{n}", f"{n}".encode()) for n in range(50)]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk(link="copy") as it:
        assert (await it.stage(dataset)).state == "done"
        assert it.files() == {f"s/run/f{n}": f"{n}".encode() for n in range(50)}
        assert not any(path.is_symlink() for path in (it.views / "s/run").iterdir())
        await it.stager.evict("lab", dataset)
        assert it.files() == {}


# Traces


async def test_what_was_read_is_told_in_batches(rucio: Imagined, imagined_desk: Desks) -> None:
    files = [rucio.put("s", f"f{n}", b"x" * n) for n in range(30)]
    dataset = rucio.dataset("s", "run", files)
    async with imagined_desk(send_traces=True) as it:
        await it.stage(dataset)
        await it.until_true(lambda: sum(map(len, rucio.traces)) == 30)
        assert len(rucio.traces) <= 3
        trace = next(each for batch in rucio.traces for each in batch if each["filename"] == "f7")
        assert (trace["eventType"], trace["scope"], trace["filesize"]) == ("download", "s", 7)
        assert (trace["remoteSite"], trace["account"], trace["clientState"]) == ("RSE", "alice", "DONE")
        await it.stage(dataset)
        await it.stage(rucio.put("s", "last", b"x"))
        await it.until_true(lambda: sum(map(len, rucio.traces)) == 31)


async def test_traces_wait_while_somebody_needs_rucio(rucio: Imagined, imagined_desk: Desks) -> None:
    needed = [True, True, False]
    async with imagined_desk() as it:
        traces = Traces(it.accounts, True, lambda: needed.pop(0) if needed else False)
        row = FileRow(1, "key", "lab", Did("s", "a"), 1, None, None, "done", [])
        told: list[int] = []

        def take(request: Request) -> None:
            told.append(len(needed))
            request.answer(201)

        rucio.reply = take
        traces.note([Arrived(row, "RSE", 1, True)])
        traces.send_now()
        await it.until_true(lambda: bool(told))
        assert told == [0]
        traces.close()


async def test_a_rucio_that_takes_no_traces_is_no_obstacle(rucio: Imagined, imagined_desk: Desks) -> None:
    did = rucio.put("s", "a", os.urandom(100))

    def no_traces(request: Request) -> None:
        if request.path.startswith("/traces"):
            request.answer(500)
        else:
            rucio.usual(request)

    rucio.reply = no_traces
    async with imagined_desk(send_traces=True) as it:
        assert (await it.stage(did)).state == "done"


async def test_an_address_that_is_not_ascii_is_read(rucio: Imagined, imagined_desk: Desks) -> None:
    url = rucio.storage.put("/%C3%BCber", b"abc")
    did = rucio.put("s", "a", b"abc", pfns={url.replace("%C3%BC", "ü"): ("DISK", "wan")})
    async with imagined_desk() as it:
        assert (await it.stage(did)).state == "done"


async def test_a_job_whose_only_file_is_refused_names_the_rse_and_not_the_address(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    did = rucio.put("s", "a", b"abc", Manner(status=403))
    async with imagined_desk() as it:
        job = await it.stage(did)
        assert job.problem is not None
        assert job.problem.detail.startswith("RSE refuses to give the file (HTTP 403).")
        assert "127.0.0.1" not in str(job)
