"""Fixtures for tests of what runs beside a Rucio client.

def test_something(cs3_gateway):
    gateway = cs3_gateway()                    # a cloud of its own, profile "localfs"
    other = cs3_gateway("eos", quota_bytes=1_000_000)   # further keywords as in `Gateway`

What such a gateway offers to tests is told in `rucio_mesh/testing/cs3/__init__.py`.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings

from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import ProfileName

settings.register_profile("untimed", deadline=None)  # on a busy machine any example may be slow
settings.load_profile("untimed")


class MakeGateway(Protocol):
    """Start one more gateway, which ends with the test."""

    def __call__(self, profile: ProfileName = "localfs", **options: Any) -> Gateway: ...


@pytest.fixture
def cs3_gateway(tmp_path: Path) -> Iterator[MakeGateway]:
    numbers = itertools.count()
    with contextlib.ExitStack() as running:

        def make(profile: ProfileName = "localfs", **options: Any) -> Gateway:
            return running.enter_context(Gateway(tmp_path / f"cloud-{next(numbers)}", profile, **options))

        yield make
