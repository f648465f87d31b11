"""Connections that break while a file comes."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from rucio_mesh.testing import seeding
from tests.faults.cutter import Cutter
from tests.faults.fronts import end_of, shell_at
from tests.faults.oracle import Dataset, assert_staged, assert_tidy, eventually
from tests.faults.seat import Seat
from tests.lab.lab import Lab, described

pytestmark = pytest.mark.faults
MIB = 1 << 20


@asynccontextmanager
async def cut_dataset(
    lab: Lab, seed: int, sizes: list[int], least: int, most: int
) -> AsyncIterator[tuple[Dataset, Cutter]]:
    """A dataset on an RSE of its own, to which every way breaks."""
    draw = random.Random(seed)
    async with Cutter(lab.alpha.port, draw, least=least, most=most) as cutter:
        scope, rse = lab.scope(), f"CUT{seed}"
        lab.add_rse(rse, cutter.port)
        contents = {f"file{number}.txt": draw.randbytes(size) for number, size in enumerate(sizes)}
        for name, content in contents.items():
            path = lab.alpha.path(scope, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        files = [described(scope, name, content, "adler32") for name, content in contents.items()]
        seeding.register(lab.client(), rse, files)
        yield Dataset(lab.collection(scope, "broken", files), contents), cutter
        assert cutter.cuts


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_large_file_comes_over_connections_that_break(
    lab: Lab, seat_at: Callable[..., Seat], seed: int
) -> None:
    seat = seat_at(bandwidth_limit=None)
    async with cut_dataset(lab, seed, [20 * MIB + seed, 24 * MIB], MIB, 6 * MIB) as (dataset, cutter):
        async with shell_at(seat) as shell:
            job = await end_of(shell, await shell.stage(dataset.did))
            assert job.state == "done", job
        assert_staged(seat, dataset)
        eventually(lambda: assert_tidy(seat))
        # What came before a cut is kept: without that every cut would cost half a range.
        assert cutter.passed < 1.5 * dataset.bytes


async def test_small_files_come_over_connections_that_break(lab: Lab, seat_at: Callable[..., Seat]) -> None:
    seat = seat_at(bandwidth_limit=None)
    async with cut_dataset(lab, 3, [50_000] * 100, 200_000, 1_000_000) as (dataset, _), shell_at(seat) as it:
        job = await end_of(it, await it.stage(dataset.did))
        assert job.state == "done", job
    assert_staged(seat, dataset)
