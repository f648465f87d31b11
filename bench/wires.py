"""Staging over long wires, and over one that breaks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.staging.model import JobSnapshot, TransferPage
from rucio_mesh.testing.grid import Grid

from . import ours
from .data import MIB, Dataset
from .peers import rucio_download
from .proxy import Proxy
from .results import Comparison, at_least_times_as_fast, at_most_times, medians, seconds
from .staging import SMALL, ready

GIGABIT = 1e9
FAR = "FAR_DISK"
TWINS = ("TWIN1_DISK", "TWIN2_DISK")
LARGE = Dataset("large", 64, 16 * MIB)


def wan(grid: Grid, work: Path) -> list[Comparison]:
    """200 × 1 MiB, 50 ms there and back, 1 Gbit/s; Rucio itself is near for both sides."""
    with Proxy(ready(grid, SMALL, work), 0.05, GIGABIT) as far:
        SMALL.reach_by(grid, FAR, far.port)
        mine, rucio = medians(
            lambda: ours.stage_once(grid, work, SMALL, FAR),
            lambda: seconds(lambda: rucio_download(grid, SMALL, FAR, work)),
        )
    return [at_least_times_as_fast("wan/rucio-download", mine, rucio, 10)]


def failover(grid: Grid, work: Path) -> list[Comparison]:
    """1 GiB with two replicas at 1 Gbit/s each; the one in use dies at half. The peer is a run without deaths."""
    port = ready(grid, LARGE, work)
    broken, whole = medians(
        lambda: stage_from_twins(grid, work, port, death=True),
        lambda: stage_from_twins(grid, work, port, death=False),
    )
    return [at_most_times("failover", broken, whole, 1.1)]


def stage_from_twins(grid: Grid, work: Path, port: int, death: bool) -> float:
    """Seconds. With `death` the replica that gave most ends when half of the bytes are here."""
    proxies = {rse: Proxy(port, 0.002, GIGABIT) for rse in TWINS}
    doomed = [death]

    def kill_at_half(job: JobSnapshot) -> None:
        if doomed[0] and job.bytes_done >= LARGE.total_bytes / 2:
            doomed[0] = False
            proxies[busiest(engine, job)].die()

    try:
        for rse, proxy in proxies.items():
            LARGE.reach_by(grid, rse, proxy.port)
        with ours.FreshEngine(grid, work) as engine:
            return engine.stage(LARGE, on_look=kill_at_half)
    finally:
        for proxy in proxies.values():
            proxy.die()


def busiest(engine: ours.FreshEngine, job: JobSnapshot) -> str:
    """The RSE that most files came from."""
    page = engine.ask(protocol.ListTransfers(job.id, limit=LARGE.files))
    assert isinstance(page, TransferPage)
    return Counter(row.rse for row in page.rows if row.rse in TWINS).most_common(1)[0][0] or TWINS[0]
