"""Fixtures for tests of what runs beside a Rucio server. `clouds.py` tells what they offer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .clouds import Clouds


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with Clouds(tmp_path_factory.mktemp("clouds")) as running:
        yield running
