"""Users, storages and catalogue all at once: whatever happens to jobs, in the end each file is there and right."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.errors import Failure
from rucio_jupyterlab.staging import board, plans
from rucio_jupyterlab.staging.model import FINISHED, JobSnapshot
from tests.sources.faulty import Manner

from .conftest import Desk, open_desk
from .imagined import Imagined

NAMES = [f"f{number}" for number in range(12)]
DATASETS = ("one", "two", "three")
SIZES = (0, 10, 60_000, 200_000)
SLOW = Manner(slice_seconds=0.005)
TROUBLES = (
    *(Manner(status=status) for status in (401, 403, 404, 500)),
    *(Manner(status=503, times=2), Manner(flip=3), Manner(cut_after=3), Manner(stall_after=2)),
)
STEPS = 40
PASSES = 400
"""Looks at the jobs until all have to have ended."""


class Unrest:
    """Everything that may happen, drawn from one number; how it interleaves is up to the machine."""

    def __init__(self, rucio: Imagined, seed: int) -> None:
        self.draw = random.Random(seed)
        self.rucio = rucio
        for name in NAMES:
            self.make(name)
        for dataset in DATASETS:
            self.reshape(dataset)

    # The catalogue and the storage

    def make(self, name: str) -> None:
        content = self.draw.randbytes(self.draw.choice(SIZES))
        self.rucio.put("s", name, content, self.draw.choice((None, SLOW)))

    def reshape(self, dataset: str) -> None:
        members = self.draw.sample(NAMES, self.draw.randint(1, 8))
        self.rucio.dataset("s", dataset, [Did("s", name) for name in members])

    def serve(self, name: str, manner: Manner | None = None) -> None:
        self.rucio.storage.mend(f"/s/{name}", manner)

    # What happens

    async def happen(self, it: Desk) -> None:
        """One thing; that it may not be done now is an answer, too."""
        job = self.draw.choice(it.stager.jobs().jobs or [None])
        with suppress(Failure):
            if job is None or self.draw.random() < 0.2:
                await self.start(it)
            elif self.draw.random() < 0.5:
                await self.draw.choice(self.wishes(it, job))()
            else:
                self.draw.choice((self.shape_anew, self.spoil, self.spoil, self.delete, self.sign))(it)
        if self.draw.random() < 0.5:
            await asyncio.sleep(self.draw.uniform(0, 0.05))

    async def start(self, it: Desk) -> None:
        did = Did("s", self.draw.choice([*DATASETS, *NAMES[:3]]))
        first, pin = self.draw.choice((None, None, 2)), self.draw.random() < 0.2
        await it.start(did, first=first, pin=pin, confirmed=self.draw.random() < 0.7)

    def wishes(self, it: Desk, job: JobSnapshot) -> list[Callable[[], Awaitable[object]]]:
        stager, first = it.stager, self.draw.choice((None, 1))
        return [
            lambda: stager.pause(job.id),
            lambda: stager.resume(job.id),
            lambda: stager.cancel(job.id),
            lambda: stager.retry(job.id, None),
            lambda: stager.confirm(job.id, first, None),
            lambda: stager.pin(job.id, not job.pinned),
            lambda: stager.clear([job.id]),
            lambda: stager.evict("lab", job.request.dids[0]),
        ]

    def shape_anew(self, it: Desk) -> None:
        if self.draw.random() < 0.5:
            self.make(self.draw.choice(NAMES))
        else:
            self.reshape(self.draw.choice(DATASETS))

    def spoil(self, it: Desk) -> None:
        self.serve(self.draw.choice(NAMES), self.draw.choice((None, *TROUBLES)))

    def delete(self, it: Desk) -> None:
        """By hand."""
        if self.draw.random() < 0.3:
            shutil.rmtree(it.views / "s" / self.draw.choice(DATASETS), ignore_errors=True)
        for path in [*it.views.glob("s/**/f*"), *objects(it).values()]:
            if self.draw.random() < 0.2:
                path.unlink(missing_ok=True)

    def sign(self, it: Desk) -> None:
        if self.draw.random() < 0.5:
            it.accounts.sign_out("lab")
        else:
            it.accounts.sign_in(SignIn("lab", "userpass", "alice", "alice", "secret"))

    # The end

    async def calm(self, it: Desk) -> None:
        """Nothing is in the way any more, and whoever waits is told to go on, until all have ended."""
        for name in NAMES:
            self.serve(name)
        it.accounts.sign_in(SignIn("lab", "userpass", "alice", "alice", "secret"))
        for _ in range(PASSES):
            unfinished = [job for job in it.stager.jobs().jobs if job.state not in FINISHED]
            if not unfinished:
                return
            for job in unfinished:
                with suppress(Failure):
                    if job.cause == "confirm":
                        await it.stager.confirm(job.id, None, None)
                    elif job.state in ("paused", "waiting"):
                        await it.stager.resume(job.id)
            await asyncio.sleep(0.05)
        raise AssertionError(unfinished)

    async def check(self, it: Desk) -> None:
        """Each job that wants anything, tried again, has all that its DID holds now."""
        wanting = [job for job in it.stager.jobs().jobs if job.state != "cancelled"]
        for job in wanting:
            await it.stager.retry(job.id, None)
        await self.calm(it)
        for job in wanting:
            now, (did,) = it.stager.job(job.id), job.request.dids
            assert (now.state, now.files_done, now.problem) == ("done", now.files_total, None)
            for file in sorted(self.rucio.collections.get(did, [did]))[: job.request.first]:
                folder = f"s/{did.name}" if did in self.rucio.collections else "s"
                content = self.rucio.storage.content(f"/s/{file.name}")
                assert (it.views / folder / file.name).read_bytes() == content, (now, file)
        await it.until_true(lambda: it.parts() == [])
        assert not it.stager._transfers.flights
        assert not it.stager._plans._stops, "plans that have ended are remembered"


def objects(it: Desk) -> dict[str, Path]:
    return {path.name: path for path in it.views.glob(".store/objects/*/*") if ".part" not in path.name}


def check_journal(it: Desk) -> None:
    """What lies in the store is known, and no pin outlives its job."""
    with closing(sqlite3.connect(f"file:{it.folder}/state/journal.sqlite?mode=ro", uri=True)) as journal:
        known = {key for (key,) in journal.execute("SELECT key FROM files WHERE state IN ('done', 'kept')")}
        pinned = journal.execute("SELECT count(*) FROM files WHERE pinned").fetchone()[0]
    assert objects(it).keys() <= known
    assert not pinned or any(job.pinned for job in it.stager.jobs().jobs)


@pytest.mark.parametrize("seed", range(6))
async def test_all_is_right_after_any_unrest(
    seed: int, rucio: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "DISK_SECONDS", 0.2)
    monkeypatch.setattr(plans, "REFUSED_SECONDS", 0.2)
    unrest = Unrest(rucio, seed)
    for last in (False, True):
        async with open_desk(
            [rucio.configuration()], tmp_path, password="secret", stall_timeout=1.0, confirm_bytes=500_000
        ) as it:
            for _ in range(STEPS):
                await unrest.happen(it)
            if last:
                await unrest.calm(it)
                await unrest.check(it)
                check_journal(it)
        if not last and seed % 2:
            for path in (tmp_path / "state").glob("journal.sqlite*"):
                path.unlink()
