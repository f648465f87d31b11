"""An engine that is asked to end, and one that ends because a part of it failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rucio_jupyterlab.sources.part import RANGE_BYTES, RECORD_SUFFIX, read_record
from tests.faults.fronts import end_of, shell_at
from tests.faults.oracle import Dataset, Meter, assert_staged, assert_tidy, eventually, leftovers
from tests.faults.seat import Seat
from tests.lab.lab import Lab

pytestmark = pytest.mark.faults

BREAK = """
import pathlib, runpy
from {module} import {name}
whole = {name}.{method}
def breaks_once(*given):
    mark = pathlib.Path({mark!r})
    if mark.exists():
        return whole(*given)
    mark.touch()
    raise RuntimeError("nobody foresaw this; https://storage.example/a?signature=secret")
{name}.{method} = breaks_once
runpy.run_module("rucio_jupyterlab.engine", run_name="__main__")
"""
"""An engine of which one method breaks once."""


async def test_sigterm_keeps_what_came_and_the_next_engine_goes_on_from_there(
    lab: Lab, dataset: Dataset, seat_at: Callable[..., Seat]
) -> None:
    seat = seat_at(max_connections=2, bandwidth_limit=20_000_000)
    meter = Meter(lab, seat, dataset, connections=2)
    async with shell_at(seat) as shell:
        job = await shell.stage(dataset.did)
        await meter.reached(0.5, seconds=20)
        assert seat.end_engine() < 5
        with seat.killed():
            meter.after_kill()
            assert broken_ranges(seat), "a range that broke off is kept as well"
        assert (await end_of(shell, job)).state == "done"
    meter.at_end()
    assert_staged(seat, dataset)
    eventually(lambda: assert_tidy(seat))


def broken_ranges(seat: Seat) -> list[int]:
    """Lengths of recorded ranges that are shorter than a range is asked for."""
    parts = [
        str(path).removesuffix(RECORD_SUFFIX) for path in leftovers(seat) if path.suffix == RECORD_SUFFIX
    ]
    lengths = [piece.length for part in parts for piece in read_record(part)[1]]
    return [length for length in lengths if length < RANGE_BYTES]


@pytest.mark.parametrize(
    ("module", "name", "method"),
    [
        ("rucio_jupyterlab.sources.http.mover", "Mover", "_harvest"),
        ("rucio_jupyterlab.sources.http.writer", "Writer", "_end"),
        ("rucio_jupyterlab.staging.publisher", "Publisher", "_publish"),
        ("rucio_jupyterlab.staging.transfers", "Transfers", "_take_news"),
        ("rucio_jupyterlab.staging.conductor", "Conductor", "_tick"),
    ],
    ids=["byte engine", "writer", "publisher", "news", "tick"],
)
async def test_an_engine_of_which_a_part_fails_ends_and_the_next_one_goes_on(
    dataset: Dataset, seat_at: Callable[..., Seat], tmp_path: Path, module: str, name: str, method: str
) -> None:
    seat, mark = seat_at(bandwidth_limit=None), tmp_path / "broken"
    script = BREAK.format(module=module, name=name, method=method, mark=str(mark))
    with seat.run_engine(script) as first:
        async with shell_at(seat) as shell:
            assert (await end_of(shell, await shell.stage(dataset.did))).state == "done"
        assert mark.exists()
        assert first.wait(10) == 1
    assert_staged(seat, dataset)
    log = (seat.state / "engine.log").read_text()
    assert "RuntimeError at " in log
    assert "secret" not in log
