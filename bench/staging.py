"""Staging on a fast network: small files, a big one, very many, and how the time grows."""

from __future__ import annotations

from pathlib import Path

from rucio_mesh.testing.grid import Grid

from . import ours
from .data import GIB, KIB, MIB, Dataset
from .peers import curl, rucio_download, rucio_start
from .results import Comparison, at_least_times_as_fast, at_most_times, beside, medians, times_as_fast

RSE = "ALPHA_DISK"
SMALL = Dataset("small", 200, MIB)
BIG = Dataset("big", 1, 2 * GIB)
MANY = Dataset("many", 10_000, 10 * KIB)
THOUSAND = Dataset("thousand", 1_000, KIB)
HUNDRED_THOUSAND = Dataset("hundred-thousand", 100_000, KIB)
MEMORY_LIMIT = 200 * MIB


def staging_small(grid: Grid, work: Path) -> list[Comparison]:
    return beside_both_peers("staging-small", SMALL, 18, 0.9, grid, work)


def staging_big(grid: Grid, work: Path) -> list[Comparison]:
    return beside_both_peers("staging-big", BIG, 4, 0.75, grid, work)


def beside_both_peers(
    name: str, dataset: Dataset, times_rucio: float, times_curl: float, grid: Grid, work: Path
) -> list[Comparison]:
    """`rucio download` and we begin with a DID; curl is handed its addresses, so our plan is made before too."""
    port = ready(grid, dataset, work)
    mine, rucio, light_rucio, bytes_alone, plain = medians(
        lambda: ours.stage_once(grid, work, dataset, RSE),
        lambda: rucio_download(grid, dataset, RSE, work),
        lambda: rucio_download(grid, dataset, RSE, work, one_authority=True),
        lambda: ours.transfer_once(grid, work, dataset, RSE),
        lambda: curl(grid, dataset, port, work),
    )
    return [
        at_least_times_as_fast(f"{name}/rucio-download", mine, rucio, times_rucio),
        times_as_fast(f"{name}/rucio-one-authority", mine, light_rucio),
        at_most_times(f"{name}/curl", bytes_alone, plain, times_curl),
        starts(name, grid, work),
    ]


def starts(name: str, grid: Grid, work: Path) -> Comparison:
    """How long each side takes to be there: `rucio download` does so within its time, our engine before."""
    mine, rucio = medians(lambda: ours.start_once(grid, work), lambda: rucio_start(grid, work))
    return beside(f"{name}/start", mine, rucio, "s")


def staging_many(grid: Grid, work: Path) -> list[Comparison]:
    port = ready(grid, MANY, work)
    mine, plain = medians(
        lambda: ours.transfer_once(grid, work, MANY, RSE),
        lambda: curl(grid, MANY, port, work),
    )
    return [at_most_times("staging-many/curl", mine, plain, 1.0)]


def scaling(grid: Grid, work: Path) -> list[Comparison]:
    """The peer is ourselves with a hundredth of the files."""
    for dataset in (THOUSAND, HUNDRED_THOUSAND):
        ready(grid, dataset, work)
    large, small = medians(
        lambda: per_file(grid, work, HUNDRED_THOUSAND),
        lambda: per_file(grid, work, THOUSAND),
    )
    return [at_most_times("scaling", large, small, 1.2, "ms")]


def memory(grid: Grid, work: Path) -> list[Comparison]:
    """The largest engine of this run, whatever it staged; its peer is the limit."""
    if not ours.peaks:
        for dataset in (BIG, MANY):
            ready(grid, dataset, work)
            ours.stage_once(grid, work, dataset, RSE)
    largest = max(ours.peaks.values())
    return [at_most_times("memory", largest / MIB, MEMORY_LIMIT / MIB, 1.0, "MiB")]


def ready(grid: Grid, dataset: Dataset, work: Path, *, known_at: str = RSE) -> int:
    """Have the dataset, read once so that no side is the first; the storage's port."""
    dataset.ensure(grid, RSE, known_at=known_at)
    port = grid.storages[RSE].port
    curl(grid, dataset, port, work)
    return port


def per_file(grid: Grid, work: Path, dataset: Dataset) -> float:
    """Milliseconds."""
    return ours.stage_once(grid, work, dataset, RSE) / dataset.files * 1000
