"""Staging over long wires, and over one that breaks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.staging.model import JobProgress, TransferPage
from rucio_mesh.testing.grid import Grid

from . import ours
from .data import MIB, Dataset
from .peers import rucio_download
from .proxy import Proxy
from .results import Comparison, at_least_times_as_fast, at_most_times, medians, times_as_fast
from .staging import RSE, ready, starts

GIGABIT = 1e9
FAR = "DISTANT_DISK"
DISTANT = Dataset("distant", 200, MIB)
"""Of its own, and told of nowhere else: Rucio remembers an RSE's address from the first question that touches it."""
TWINS = ("TWIN1_DISK", "TWIN2_DISK")
TWIN = Dataset("twin", 64, 16 * MIB)


def wan(grid: Grid, work: Path) -> list[Comparison]:
    """200 × 1 MiB, 50 ms there and back, 1 Gbit/s; Rucio itself is near for both sides."""
    with Proxy(ready(grid, DISTANT, work, known_at=FAR), 0.05, GIGABIT) as far:
        DISTANT.reach_by(grid, FAR, far.port)
        mine, rucio, light_rucio = medians(
            lambda: ours.stage_once(grid, work, DISTANT, FAR),
            lambda: rucio_download(grid, DISTANT, FAR, work),
            lambda: rucio_download(grid, DISTANT, FAR, work, one_authority=True),
        )
    return [
        at_least_times_as_fast("wan/rucio-download", mine, rucio, 10),
        times_as_fast("wan/rucio-one-authority", mine, light_rucio),
        starts("wan", grid, work),
    ]


def failover(grid: Grid, work: Path) -> list[Comparison]:
    """1 GiB with two replicas at 1 Gbit/s each; the one in use dies at half. The peer is a run without deaths."""
    TWIN.ensure(grid, RSE, known_at=TWINS[0])
    port = grid.storages[RSE].port
    with Proxy(port, 0.002, GIGABIT) as one, Proxy(port, 0.002, GIGABIT) as other:
        proxies = dict(zip(TWINS, (one, other), strict=True))
        for rse, proxy in proxies.items():  # once, for Rucio remembers addresses for a while
            TWIN.reach_by(grid, rse, proxy.port)
        broken, whole = medians(
            lambda: stage_with_a_death(grid, work, proxies),
            lambda: ours.stage_once(grid, work, TWIN),
        )
    return [at_most_times("failover", broken, whole, 1.1)]


def stage_with_a_death(grid: Grid, work: Path, proxies: dict[str, Proxy]) -> float:
    """Seconds. The replica that gave most so far ends when half of the bytes are here; it is back afterwards.

    Raises RuntimeError where none ended.
    """
    alive = set(proxies)

    def kill_at_half(job: JobProgress) -> None:
        if len(alive) == len(proxies) and job.bytes_done >= TWIN.total_bytes / 2:
            doomed = busiest(engine, job)
            alive.discard(doomed)
            proxies[doomed].die()

    try:
        with ours.FreshEngine(grid, work) as engine:
            took = engine.stage(TWIN, on_change=kill_at_half)
        if len(alive) == len(proxies):  # else a run without a death would count as one that survived it
            raise RuntimeError("The job ended before it was seen at half.")
        return took
    finally:
        for proxy in proxies.values():
            proxy.start()


def busiest(engine: ours.FreshEngine, job: JobProgress) -> str:
    """The RSE that most files came from."""
    page = engine.ask(protocol.ListTransfers(job.id, limit=TWIN.files))
    assert isinstance(page, TransferPage)
    [(rse, _)] = Counter(row.rse for row in page.rows if row.rse).most_common(1)
    return rse
