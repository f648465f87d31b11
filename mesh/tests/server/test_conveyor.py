"""Rules between two CS3 clouds, through Rucio's own conveyor."""

from __future__ import annotations

import pytest

from .clouds import ALPHA, BETA, Clouds


@pytest.mark.parametrize(("source", "destination"), [(ALPHA, BETA), (BETA, ALPHA)])
def test_a_rule_between_clouds_of_different_kinds_is_done(
    clouds: Clouds, source: str, destination: str
) -> None:
    files = [clouds.file_at(source, size) for size in (0, 10, 3_000_000)]
    rules = [clouds.rule(file, destination) for file, _ in files]
    clouds.conveyor()
    assert [clouds.state(rule) for rule in rules] == ["OK", "OK", "OK"]
    for file, content in files:
        assert clouds.stored(destination, file).read_bytes() == content
    assert clouds.unfinished(destination) == []
