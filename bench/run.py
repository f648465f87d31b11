"""Measure ourselves against `rucio download`, CERN's `cs3client` and curl, all sides in one run.

    python -m bench.run [PREFIX]

Prints each comparison and writes `bench/results.json`. The data is made once and kept in `bench/grid`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rucio_mesh.testing.grid import Grid

from . import cs3
from .latency import latency
from .peers import have_curl
from .results import Comparison, machine, save
from .search import search
from .staging import memory, scaling, staging_big, staging_many, staging_small
from .wires import failover, wan

HERE = Path(__file__).resolve().parent
SERVER_PYTHON = HERE.parent / ".venv-rucio/bin/python"
ENTRIES: dict[str, Callable[[Grid, Path], list[Comparison]]] = {
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


@contextmanager
def saving(comparisons: list[Comparison], facts: dict[str, object]) -> Iterator[None]:
    """Keep what was measured at the end, also where an entry fails, after hours perhaps."""
    try:
        yield
    finally:
        save(HERE / "results.json", comparisons, facts)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure against `rucio download`, `cs3client` and curl.")
    parser.add_argument(
        "prefix", nargs="?", default="", help=f"only entries that begin so: {', '.join(ENTRIES)}"
    )
    prefix = parser.parse_args().prefix
    chosen = {name: entry for name, entry in ENTRIES.items() if name.startswith(prefix)}
    if not chosen:
        parser.error(f"no entry begins with “{prefix}”; there are {', '.join(ENTRIES)}")
    have_curl()
    facts = machine()
    comparisons: list[Comparison] = []
    with (
        saving(comparisons, facts),
        tempfile.TemporaryDirectory(prefix="work-", dir=HERE) as work,
        Grid(
            HERE / "grid",
            server_python=SERVER_PYTHON,
            storages=["ALPHA_DISK"],
            clouds=[cs3.CLOUD],
            cache_seconds=3600,
        ) as grid,
    ):
        for entry in chosen.values():
            for comparison in entry(grid, Path(work)):
                comparisons.append(comparison)
                print(comparison, flush=True)
    return 0 if all(comparison.met for comparison in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main())
