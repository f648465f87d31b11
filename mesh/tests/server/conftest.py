"""Fixtures for tests of what runs beside a Rucio server. `clouds.py` tells what they offer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rucio_mesh.testing.cs3.faults import Faults

from .clouds import Clouds


@pytest.fixture(scope="session")
def all_clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with Clouds(tmp_path_factory.mktemp("clouds")) as running:
        yield running


@pytest.fixture
def clouds(all_clouds: Clouds) -> Iterator[Clouds]:
    """Without the faults of other tests."""
    yield all_clouds
    for cloud in all_clouds.clouds.values():
        vars(cloud.faults).update(vars(Faults()))
