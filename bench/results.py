"""Comparisons with a peer, the machine they were made on, and the file that keeps both."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

RUNS = 5
"""How often each side is measured; the median counts."""
LOOK, PATIENCE = 0.2, 60.0
"""Seconds in which servers at rest use no processor, and after which a turn begins even so."""


class Comparison(msgspec.Struct, frozen=True):
    """One entry's result. `ratio` is what the goal speaks of; both sides are medians of the same run."""

    name: str
    ours: float
    peer: float
    unit: str
    ratio: float
    goal: str | None
    """None where nothing is asked."""
    met: bool

    @property
    def entry(self) -> str:
        """Which one found it."""
        return self.name.partition("/")[0]

    def __str__(self) -> str:
        figures = (
            f"{self.name:<33} ours {self.ours:>9.3f} {self.unit:<4} peer {self.peer:>9.3f} {self.unit:<4}"
            f" ratio {self.ratio:>7.2f}"
        )
        return f"{figures}  goal {self.goal:<24} {'met' if self.met else 'MISSED'}" if self.goal else figures


def at_least_times_as_fast(name: str, ours: float, peer: float, times: float) -> Comparison:
    """Both in seconds; the ratio is the peer's time over ours."""
    ratio = peer / ours
    return Comparison(name, ours, peer, "s", ratio, f"≥ {times:g} × as fast", ratio >= times)


def times_as_fast(name: str, ours: float, peer: float) -> Comparison:
    """The same ratio, of which nothing is asked."""
    return Comparison(name, ours, peer, "s", peer / ours, None, met=True)


def at_most_times(name: str, ours: float, peer: float, times: float, unit: str = "s") -> Comparison:
    """The ratio is our figure over the peer's."""
    ratio = ours / peer
    return Comparison(name, ours, peer, unit, ratio, f"≤ {times:g} × the peer", ratio <= times)


def at_most_above(name: str, ours: float, peer: float, margin: float, unit: str) -> Comparison:
    """Ours may exceed the peer's figure by `margin` units."""
    return Comparison(
        name, ours, peer, unit, ours / peer, f"≤ {margin:g} {unit} above", ours - peer <= margin
    )


def beside(name: str, ours: float, peer: float, unit: str) -> Comparison:
    """Two figures that explain others; nothing is asked of them."""
    return Comparison(name, ours, peer, unit, ours / peer, None, met=True)


def medians(*sides: Callable[[], float], runs: int = RUNS) -> list[float]:
    """Each side's median, the sides taking turns so that all meet the same machine."""
    measured: list[list[float]] = [[] for _ in sides]
    for _ in range(runs):
        for figures, side in zip(measured, sides, strict=True):
            settle()
            figures.append(side())
    return [statistics.median(figures) for figures in measured]


def settle() -> None:
    """What an earlier turn left to do shall not slow the next: files to write, traces that Rucio works off."""
    os.sync()
    servers = psutil.Process().children(recursive=True)
    deadline = time.monotonic() + PATIENCE
    before, now = -1.0, _processor_seconds(servers)
    while now > before and time.monotonic() < deadline:
        time.sleep(LOOK)
        before, now = now, _processor_seconds(servers)


def _processor_seconds(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def machine() -> dict[str, object]:
    """What a reader needs to know to judge the figures."""
    return {
        "system": platform.platform(),
        "processor": _first(Path("/proc/cpuinfo"), "model name"),
        "cores": os.cpu_count(),
        "memory": _first(Path("/proc/meminfo"), "MemTotal"),
        "load_before": os.getloadavg(),
        "python": platform.python_version(),
        "curl": _first_line("curl", "--version"),
        "rucio_clients": version("rucio-clients"),
        "pycurl": version("pycurl"),
    }


class Report(msgspec.Struct):
    """What was found on one machine, by one run or by several that chose different entries."""

    machine: dict[str, object]
    chosen: list[str] = []
    """The entries that were to be measured; one without a result that did not fail was interrupted."""
    failed: dict[str, str] = {}
    """Why, by entry."""
    results: list[Comparison] = []

    def only(self, entries: Collection[str]) -> Report:
        """What it tells of these."""
        return Report(
            self.machine,
            [entry for entry in self.chosen if entry in entries],
            {entry: reason for entry, reason in self.failed.items() if entry in entries},
            [comparison for comparison in self.results if comparison.entry in entries],
        )

    def save(self, path: Path) -> None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")


def kept(path: Path, facts: dict[str, object], entries: Collection[str]) -> Report:
    """What the file tells of these entries, if it is of this machine; `facts` go into the report."""
    try:
        earlier = msgspec.json.decode(path.read_bytes(), type=Report)
    except (FileNotFoundError, msgspec.DecodeError):  # none yet, or one that was cut short
        return Report(facts)
    if any(earlier.machine.get(key) != facts[key] for key in facts if key != "load_before"):
        return Report(facts)
    return msgspec.structs.replace(earlier.only(entries), machine=facts)


def _first(path: Path, key: str) -> str | None:
    if not path.exists():
        return None
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), None)


def _first_line(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    return subprocess.run(
        command, capture_output=True, text=True, timeout=10, check=True
    ).stdout.splitlines()[0]
