"""Measure ourselves against `rucio download`, CERN's `cs3client` and curl, all sides in one run.

    python -m bench.run [PREFIX]

Prints each comparison and writes `bench/results.json`, where a PREFIX replaces its own entries alone. An entry that
fails does not end the others; the exit status tells of it. The data is made once and kept in `bench/grid`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rucio_mesh.testing.grid import Grid
from tools.environments import print_any_text

from . import cs3
from .latency import latency
from .peers import have_curl
from .results import Comparison, Report, kept, machine
from .search import search
from .staging import memory, scaling, staging_big, staging_many, staging_small
from .wires import failover, wan

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
SERVER_PYTHON = HERE.parent / ".venv-rucio/bin/python"
Entry = Callable[[Grid, Path], list[Comparison]]
ENTRIES: dict[str, Entry] = {
    "staging-small": staging_small,
    "staging-big": staging_big,
    "staging-many": staging_many,
    "scaling": scaling,
    "wan": wan,
    "failover": failover,
    "search": search,
    "latency": latency,
    "cs3-get-big": cs3.get_big,
    "cs3-get-small": cs3.get_small,
    "cs3-put-big": cs3.put_big,
    "cs3-put-small": cs3.put_small,
    "cs3-notebook-get-big": cs3.notebook_get_big,
    "cs3-notebook-get-small": cs3.notebook_get_small,
    "cs3-notebook-put-big": cs3.notebook_put_big,
    "cs3-notebook-put-small": cs3.notebook_put_small,
    "cs3-memory": cs3.memory,
    "memory": memory,  # the last, for it tells of all engines before it
}


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does: no server stays, and no gigabytes; that takes seconds, and must not be cut short."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    print_any_text()
    parser = argparse.ArgumentParser(description="Measure against `rucio download`, `cs3client` and curl.")
    parser.add_argument(
        "prefix", nargs="?", default="", help=f"only entries that begin so: {', '.join(ENTRIES)}"
    )
    prefix = parser.parse_args().prefix
    chosen = {name: entry for name, entry in ENTRIES.items() if name.startswith(prefix)}
    if not chosen:
        parser.error(f"no entry begins with “{prefix}”; there are {', '.join(ENTRIES)}")
    have_curl()
    report = kept(RESULTS, machine(), ENTRIES.keys() - chosen.keys())
    report.chosen += chosen
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    with (
        tempfile.TemporaryDirectory(prefix="work-", dir=HERE, ignore_cleanup_errors=True) as work,
        Grid(
            HERE / "grid",
            server_python=SERVER_PYTHON,
            storages=["ALPHA_DISK"],
            clouds=[cs3.CLOUD],
            cache_seconds=3600,
        ) as grid,
    ):
        measure(chosen, grid, Path(work), report, RESULTS)
    mine = report.only(chosen)
    for name, reason in mine.failed.items():
        print(f"{name} failed: {reason}")
    return 1 if mine.failed or not all(comparison.met for comparison in mine.results) else 0


def measure(entries: Mapping[str, Entry], grid: Grid, work: Path, report: Report, file: Path) -> None:
    """Add what each finds to the report, and keep that in the file; one that fails does not end the others."""
    for name, entry in entries.items():
        try:
            comparisons = entry(grid, work)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and hours may be behind or ahead
            report.failed[name] = f"{type(error).__name__}: {error}"
            print(f"{name} failed.", flush=True)
        else:
            report.results += comparisons
            print(*comparisons, sep="\n", flush=True)
        report.save(file)


if __name__ == "__main__":
    sys.exit(main())
