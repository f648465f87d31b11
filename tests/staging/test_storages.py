"""Storages in trouble, and replicas to choose from: what a job makes of them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.catalog.model import ReplicaTable, RseReplicas
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.staging import transfers
from rucio_jupyterlab.staging.planner import Planner
from tests.accounts.wayward import Request
from tests.lab.lab import Lab
from tests.sources.faulty import Manner

from .conftest import gated, open_desk
from .disks import MIB
from .imagined import Imagined
from .sites import Site

Desks = Callable[..., Any]
BUSY, GONE = Manner(status=503), Manner(status=404)
SLOW = Manner(slice_seconds=0.01)


def replicate(rucio: Imagined, content: bytes, local: str | None = None, **manners: Manner) -> Did:
    """A file with a replica at each RSE, served in its manner; one RSE may be `local`."""
    did = rucio.put("s", "a", content)
    pfns = {
        rucio.storage.put(f"/{rse}", content, manner): {
            "rse": rse,
            "type": "DISK",
            "domain": "lan" if rse == local else "wan",
        }
        for rse, manner in manners.items()
    }
    rucio.replicas[did] |= {"pfns": pfns, "states": dict.fromkeys(manners, "AVAILABLE")}
    return did


async def test_a_storage_that_is_busy_for_everybody_makes_the_job_wait(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "BUSY_SECONDS", 0.1)
    names = [f"f{n}" for n in range(30)]
    dataset = rucio.dataset("s", "run", [rucio.put("s", name, b"abc", BUSY) for name in names])
    async with imagined_desk() as it:
        job = await it.until(await it.start(dataset), lambda now: now.cause == "network")
        assert (job.state, job.files_failed) == ("waiting", 0)
        assert job.problem is not None and "RSE is busy" in job.problem.detail
        for name in names:
            rucio.storage.mend(f"/s/{name}")
        done = await it.end_of(job)
        assert (done.state, done.files_done, done.problem) == ("done", 30, None)


async def test_a_storage_that_is_busy_for_a_moment_is_not_worth_a_word(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "BUSY_SECONDS", 1000.0)
    did = rucio.put("s", "a", b"abc", Manner(status=503, times=2))
    async with imagined_desk() as it:
        job = await it.stage(did)
        assert job.state == "done"
        assert {each.cause for update in it.updates for each in update.jobs} == {None}


# The order


async def test_a_replica_of_the_own_site_comes_before_rucios_first(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    did = replicate(rucio, b"abc", local="NEAR", FAR=Manner(), NEAR=Manner())
    async with imagined_desk() as it:
        assert (await it.stage(did)).state == "done"
        assert len(rucio.storage.requests("/NEAR")) == 1 and not rucio.storage.requests("/FAR")


def measured(it: Any, did: Did, rse: str) -> float | None:
    """How fast the panel says that an RSE was."""
    place = RseReplicas(rse, 1, 1, 1, "disk", ["http"], "http", "AVAILABLE")
    (row,) = it.stager.with_speeds("lab", ReplicaTable(did, [place], 1)).rses
    assert isinstance(row, RseReplicas)
    return row.bytes_per_second


@pytest.mark.parametrize(
    ("size", "limit", "counts"),
    [(9 * MIB, None, True), (9 * MIB, 100 * MIB, False), (MIB, None, False)],
    ids=["large", "below a limit", "small"],
)
async def test_the_speed_of_an_rse_is_that_of_large_files_without_a_limit(
    rucio: Imagined, imagined_desk: Desks, size: int, limit: int | None, counts: bool
) -> None:
    did = replicate(rucio, os.urandom(size), ALPHA=Manner(slice_seconds=0.002 * 9 * MIB / size))
    async with imagined_desk(bandwidth_limit=limit) as it:
        assert (await it.stage(did)).state == "done"
        assert (measured(it, did, "ALPHA") is not None) == counts


# A choice


async def test_a_job_with_a_bad_choice_does_not_spoil_another(rucio: Imagined, imagined_desk: Desks) -> None:
    content = os.urandom(1_000_000)
    did = replicate(rucio, content, ALPHA=SLOW, BETA=GONE)
    async with imagined_desk() as it:
        first = await it.until(await it.start(did), lambda now: now.bytes_done > 0)
        await it.stager.pause(first.id)
        rucio.storage.mend("/ALPHA")
        asked = len(rucio.storage.requests("/BETA"))
        second = await it.stage(did, rse="BETA")
        assert (second.state, second.notice) == (
            "done",
            "BETA does not have the file (HTTP 404); using ALPHA instead.",
        )
        assert len(rucio.storage.requests("/BETA")) == asked + 1
        assert it.stager.job(first.id).files_failed == 0
        assert (await it.end_of(await it.stager.resume(first.id))).state == "done"


async def test_a_job_that_joins_one_with_a_bad_choice_gets_the_file_from_elsewhere(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    did = replicate(rucio, os.urandom(1_000_000), ALPHA=Manner(), BETA=SLOW)
    async with imagined_desk() as it:
        first = await it.until(await it.start(did, rse="BETA"), lambda now: now.bytes_done > 0)
        second = await it.until(await it.start(did), lambda now: now.state == "running")
        rucio.storage.mend("/BETA", GONE)
        rucio.storage.close_connections()
        for job in (first, second):
            done = await it.end_of(job)
            assert (done.state, done.files_failed) == ("done", 0)
        assert len(rucio.storage.requests("/ALPHA")) == 1


async def test_a_job_alone_takes_what_it_chose_or_nothing(rucio: Imagined, imagined_desk: Desks) -> None:
    did = replicate(rucio, b"abc", ALPHA=Manner(), BETA=GONE)
    async with imagined_desk() as it:
        job = await it.stage(did, rse="BETA")
        assert (job.state, job.files_failed) == ("failed", 1)
        assert rucio.storage.requests("/ALPHA") == []


# A token that should be good


def below_rucio(rucio: Imagined, number: int) -> Did:
    """A file whose address is below Rucio's own, which asks for the token and tells where it lies."""
    assert rucio.server is not None
    pfns = {f"{rucio.server.url}/data/s/f{number}": ("DISK", "wan")}
    return rucio.put("s", f"f{number}", os.urandom(MIB), Manner(slice_seconds=0.002), pfns=pfns)


async def test_a_token_that_a_storage_refuses_is_renewed_and_nothing_fails(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    dataset = rucio.dataset("s", "run", [below_rucio(rucio, number) for number in range(6)])
    async with imagined_desk(max_connections=1) as it:
        job = await it.until(await it.start(dataset), lambda now: now.files_done >= 2)
        rucio.token = "better"
        done = await it.end_of(job)
        assert (done.state, done.files_done) == ("done", 6)


async def test_a_storage_that_refuses_a_good_token_is_told_after_one_question_for_all_files(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    files = [rucio.put("s", f"f{number}", b"abc", Manner(status=401)) for number in range(50)]
    async with imagined_desk(instance={"token_rses": ["RSE"]}) as it:
        job = await it.stage(rucio.dataset("s", "run", files))
        assert (job.state, job.files_failed) == ("failed", 50)
        assert job.problem is not None and "refuses" in job.problem.detail
        assert rucio.server is not None
        asked = [each for each in rucio.server.requests if each.path.endswith("/accounts/whoami")]
        assert len(asked) == 1 and len(rucio.storage.requests()) == 100


async def test_a_token_that_rucio_refuses_too_makes_the_job_wait(
    lab: Lab, sites: tuple[Site, Site], tmp_path: Path
) -> None:
    site, scope, file = sites[0], lab.scope(), tmp_path / "token"
    names = [f"f{number}" for number in range(6)]
    dids = [site.put(scope, name, os.urandom(MIB), SLOW) for name in names]
    dataset = lab.collection(scope, "run", dids)

    def serve(manner: Manner) -> None:
        for did in dids:
            site.storage.mend(site.path(did), manner)

    def bring(token: str) -> None:
        file.write_text(token)

    keys = {"oidc_auth": "file", "oidc_file_name": str(file), "token_rses": [site.rse]}
    bring(lab.rucio.token("alice", username="alice", password=lab.password))
    async with open_desk(
        [lab.configuration(**keys)], tmp_path, password="", signed_in=False, max_connections=1
    ) as it:
        job = await it.until(await it.start(dataset), lambda now: now.files_done >= 2)
        bring("a-token-that-rucio-does-not-know")
        serve(Manner(status=401))
        waiting = await it.until(job, lambda now: now.cause == "signin")
        assert (waiting.state, waiting.files_failed) == ("waiting", 0)
        assert waiting.problem is not None and waiting.problem.do == "signin"
        serve(Manner())
        bring(lab.rucio.token("alice", username="alice", password=lab.password))
        it.accounts.sign_in(SignIn("lab", "token", token_file=str(file)))
        done = await it.end_of(job)
        assert (done.state, done.files_done) == ("done", 6)


# Signed addresses


async def test_addresses_that_lapsed_are_asked_for_again_in_few_questions(
    rucio: Imagined, imagined_desk: Desks
) -> None:
    """They lapse before any of them is used; each question brings others, which hold."""
    contents = {f"f{number:03}": os.urandom(100) for number in range(300)}
    lapsed = Manner(status=403)
    for name, content in contents.items():
        url = rucio.storage.put(f"/{name}?signed=before", content, lapsed)
        rucio.storage.put(f"/{name}?signed=anew", content)
        rucio.put("s", name, content, pfns={url: ("DISK", "wan")})
    questions = list[int]()

    def answer(request: Request) -> None:
        rucio.usual(request)
        if request.path.startswith("/replicas/list"):
            questions.append(len(json.loads(request.body)["dids"]))
            for told in rucio.replicas.values():
                told["pfns"] = {url.replace("before", "anew"): pfn for url, pfn in told["pfns"].items()}

    dataset = rucio.dataset("s", "run", [Did("s", name) for name in contents])
    rucio.reply = answer
    async with imagined_desk() as it:
        job = await it.stage(dataset)
        assert (job.state, job.files_done) == ("done", 300)
        assert it.files() == {f"s/run/{name}": content for name, content in contents.items()}
        assert sum(questions[1:]) == 300 and len(questions) < 30


async def test_who_comes_while_an_address_is_asked_for_gets_the_file_though_the_first_leaves(
    rucio: Imagined, imagined_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = rucio.storage.put("/a?signed", b"abc", Manner(status=403))
    did = rucio.put("s", "a", b"abc", pfns={url: ("DISK", "wan")})
    answered = threading.Event()
    asked = gated(monkeypatch, Planner, "fresh_addresses", answered)
    async with imagined_desk() as it:
        first = await it.start(did)
        await it.until_true(asked.is_set)
        second = await it.until(await it.start(did), lambda now: now.state == "running")
        await it.stager.cancel(first.id)
        rucio.storage.mend("/a?signed")
        answered.set()
        assert (await it.end_of(second)).state == "done" and it.files() == {"s/a": b"abc"}


async def test_an_address_that_lapses_again_at_once_fails(rucio: Imagined, imagined_desk: Desks) -> None:
    url = rucio.storage.put("/a?signed", b"abc", Manner(status=403))
    did = rucio.put("s", "a", b"abc", pfns={url: ("DISK", "wan")})
    async with imagined_desk() as it:
        job = await it.stage(did)
        assert job.state == "failed" and job.problem is not None and job.problem.type == "lapsed"
        assert len(rucio.storage.requests("/a?signed")) == 2
