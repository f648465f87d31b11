"""Storages in trouble, and replicas to choose from: what a job makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.staging import transfers
from tests.sources.faulty import Manner

from .conftest import open_desk
from .imagined import Imagined, imagined

Desks = Callable[..., Any]
BUSY = Manner(status=503)


@pytest.fixture
def rucio() -> Iterator[Imagined]:
    with imagined() as made:
        yield made


@pytest.fixture
def desk(rucio: Imagined, tmp_path: Path) -> Desks:
    """A desk at the imagined Rucio."""
    return lambda **options: open_desk([rucio.configuration()], tmp_path, password="secret", **options)


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
