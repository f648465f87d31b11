"""Storages in trouble, and replicas to choose from: what a job makes of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.catalog.model import ReplicaTable, RseReplicas
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.staging import transfers
from tests.sources.faulty import Manner

from .conftest import open_desk
from .disks import MIB
from .imagined import Imagined, imagined

Desks = Callable[..., Any]
BUSY, GONE = Manner(status=503), Manner(status=404)
SLOW = Manner(slice_seconds=0.01)


@pytest.fixture
def rucio() -> Iterator[Imagined]:
    with imagined() as made:
        yield made


@pytest.fixture
def desk(rucio: Imagined, tmp_path: Path) -> Desks:
    """A desk at the imagined Rucio."""
    return lambda **options: open_desk([rucio.configuration()], tmp_path, password="secret", **options)


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
    rucio: Imagined, desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "BUSY_SECONDS", 0.1)
    names = [f"f{n}" for n in range(30)]
    dataset = rucio.dataset("s", "run", [rucio.put("s", name, b"abc", BUSY) for name in names])
    async with desk() as it:
        job = await it.until(await it.start(dataset), lambda now: now.cause == "network")
        assert (job.state, job.files_failed) == ("waiting", 0)
        assert job.problem is not None and "RSE is busy" in job.problem.detail
        for name in names:
            rucio.storage.mend(f"/s/{name}")
        done = await it.end_of(job)
        assert (done.state, done.files_done, done.problem) == ("done", 30, None)


async def test_a_storage_that_is_busy_for_a_moment_is_not_worth_a_word(rucio: Imagined, desk: Desks) -> None:
    did = rucio.put("s", "a", b"abc", Manner(status=503, times=2))
    async with desk() as it:
        job = await it.stage(did)
        assert job.state == "done"
        assert {each.cause for update in it.updates for each in update.jobs} == {None}


# The order


async def test_a_replica_of_the_own_site_comes_before_rucios_first(rucio: Imagined, desk: Desks) -> None:
    did = replicate(rucio, b"abc", local="NEAR", FAR=Manner(), NEAR=Manner())
    async with desk() as it:
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
    rucio: Imagined, desk: Desks, size: int, limit: int | None, counts: bool
) -> None:
    did = replicate(rucio, os.urandom(size), ALPHA=Manner(slice_seconds=0.002 * 9 * MIB / size))
    async with desk(bandwidth_limit=limit) as it:
        assert (await it.stage(did)).state == "done"
        assert (measured(it, did, "ALPHA") is not None) == counts


# A choice


async def test_a_job_with_a_bad_choice_does_not_spoil_another(rucio: Imagined, desk: Desks) -> None:
    content = os.urandom(1_000_000)
    did = replicate(rucio, content, ALPHA=SLOW, BETA=GONE)
    async with desk() as it:
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
    rucio: Imagined, desk: Desks
) -> None:
    did = replicate(rucio, os.urandom(1_000_000), ALPHA=Manner(), BETA=SLOW)
    async with desk() as it:
        first = await it.until(await it.start(did, rse="BETA"), lambda now: now.bytes_done > 0)
        second = await it.until(await it.start(did), lambda now: now.state == "running")
        rucio.storage.mend("/BETA", GONE)
        rucio.storage.close_connections()
        for job in (first, second):
            done = await it.end_of(job)
            assert (done.state, done.files_failed) == ("done", 0)
        assert len(rucio.storage.requests("/ALPHA")) == 1


async def test_a_job_alone_takes_what_it_chose_or_nothing(rucio: Imagined, desk: Desks) -> None:
    did = replicate(rucio, b"abc", ALPHA=Manner(), BETA=GONE)
    async with desk() as it:
        job = await it.stage(did, rse="BETA")
        assert (job.state, job.files_failed) == ("failed", 1)
        assert rucio.storage.requests("/ALPHA") == []
