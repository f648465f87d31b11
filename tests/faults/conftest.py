"""A dataset that is worth interrupting, and seats to stage it at."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.oracle import Dataset
from tests.faults.seat import Seat
from tests.lab.lab import Lab

MIB = 1 << 20


@pytest.fixture(scope="session")
def dataset(lab: Lab) -> Dataset:
    """Small files, an empty one, one of a single request, two of several ranges; two replicas each."""
    scope, draw = lab.scope(), random.Random(1)
    contents = {f"small{number:02}.txt": draw.randbytes(draw.randrange(1, 150_000)) for number in range(40)}
    contents |= {
        "empty.txt": b"",
        "middle.txt": draw.randbytes(5 * MIB + 1),
        "large.txt": draw.randbytes(18 * MIB + 7),
        "larger.txt": draw.randbytes(34 * MIB + 3),
    }
    lab.put_many(scope, contents, rses=["ALPHA_DISK", "BETA_DISK"], dataset="run1")
    return Dataset(lab.collection(scope, "run2", [(scope, name) for name in contents]), contents)


@pytest.fixture
def seat_at(lab: Lab, tmp_path: Path) -> Iterator[Callable[..., Seat]]:
    """`seat_at("name", option=...)` makes a seat; what runs there in the end is killed."""
    with ExitStack() as taken:

        def take(name: str = "seat", **options: object) -> Seat:
            seat = Seat(lab, tmp_path / name, **options)
            taken.callback(seat.clear_away)
            return seat

        yield take
