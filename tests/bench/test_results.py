"""What a run of the benchmarks keeps of earlier ones, and of entries that fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.results import (
    Comparison,
    Report,
    at_least_times_as_fast,
    at_most_times,
    beside,
    kept,
    times_as_fast,
)
from bench.run import measure

FACTS: dict[str, object] = {"cores": 2, "load_before": [0.5, 0.5, 0.5]}
NOWHERE: Any = None
"""A grid that is not asked for."""


def fails(_grid: object, _work: Path) -> list[Comparison]:
    raise RuntimeError("curl ended with status 6")


def finds(*names: str) -> list[Comparison]:
    return [beside(name, 1.0, 2.0, "s") for name in names]


def test_an_entry_that_fails_does_not_end_the_others(tmp_path: Path) -> None:
    file, report = tmp_path / "results.json", Report(FACTS, ["wan", "search"])
    measure({"wan": fails, "search": lambda *_: finds("search")}, NOWHERE, tmp_path, report, file)
    saved = kept(file, FACTS, {"wan", "search"})
    assert saved.failed == {"wan": "RuntimeError: curl ended with status 6"}
    assert [each.name for each in saved.results] == ["search"]
    assert saved.chosen == ["wan", "search"]


def test_a_run_of_some_entries_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    found = finds("wan/start", "search", "memory")
    Report(FACTS, ["wan", "search", "scaling", "memory"], {"scaling": "No."}, found).save(file)
    report = kept(file, FACTS | {"load_before": [3.0, 2.0, 1.0]}, {"wan", "scaling"})
    assert [each.name for each in report.results] == ["wan/start"]
    assert report.failed == {"scaling": "No."} and report.chosen == ["wan", "scaling"]
    assert report.machine["load_before"] == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("facts", [{"cores": 4}, {"cores": 2, "curl": "8"}])
def test_figures_of_another_machine_are_not_kept(tmp_path: Path, facts: dict[str, object]) -> None:
    file = tmp_path / "results.json"
    Report(FACTS, ["search"], {}, finds("search")).save(file)
    assert kept(file, facts, {"search"}) == Report(facts)


@pytest.mark.parametrize("content", [b"", b'{"results": []}', b'{"machine": {"cores"'])
def test_a_file_that_cannot_be_read_is_written_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "results.json"
    file.write_bytes(content)
    assert kept(file, FACTS, {"search"}) == Report(FACTS)


def test_a_comparison_names_its_entry() -> None:
    names = ("staging-small/curl", "memory")
    assert [at_most_times(name, 1, 2, 1).entry for name in names] == ["staging-small", "memory"]


def test_a_goal_is_told_where_there_is_one() -> None:
    for comparison in (beside("latency/load", 300, 299, "MB/s"), times_as_fast("wan", 1, 2)):
        assert "goal" not in str(comparison) and "met" not in str(comparison)
    assert str(at_least_times_as_fast("wan", 1, 20, 10)).split()[-6:] == ["≥", "10", "×", "as", "fast", "met"]
    assert str(at_most_times("memory", 3, 2, 1)).endswith("MISSED")
