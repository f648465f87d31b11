"""What has to hold of a seat's disk, whatever happened to the processes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.sources.part import RANGE_BYTES, Heading, verified_ranges
from rucio_jupyterlab.staging.layout import PART_SUFFIX, object_key
from tests.faults.seat import Seat
from tests.lab.lab import Lab

SETTLING = 0.02
"""Seconds in which a storage notices that its reader is gone."""
PATIENCE = 30.0
LOOK = 0.02


@dataclass(frozen=True)
class Dataset:
    """A dataset of the lab and the right bytes of its files."""

    did: Did
    contents: Mapping[str, bytes]
    keys: Mapping[str, str] = field(init=False)
    """Names by their key in the store."""

    def __post_init__(self) -> None:
        keys = {object_key("lab", Did(self.did.scope, name)): name for name in self.contents}
        object.__setattr__(self, "keys", keys)

    @property
    def bytes(self) -> int:
        return sum(map(len, self.contents.values()))


def published(seat: Seat) -> dict[str, Path]:
    """Objects under their final names, by key."""
    return {path.name: path for path in seat.objects.glob("*/*") if PART_SUFFIX not in path.name}


def leftovers(seat: Seat) -> list[Path]:
    """Parts and their records."""
    return [path for path in seat.objects.glob("*/*") if PART_SUFFIX in path.name]


def links(seat: Seat) -> dict[str, Path]:
    """Every link of the view by its path there, and where it leads."""
    found = {}
    for folder, folders, names in os.walk(seat.views):
        folders[:] = [name for name in folders if name != ".store"]
        for path in (Path(folder, name) for name in names):
            found[str(path.relative_to(seat.views))] = path.parent.joinpath(path.readlink()).resolve()
    return found


def assert_nothing_is_wrong(seat: Seat, dataset: Dataset) -> None:
    """Holds at every moment: what can be opened is right, and no link dangles."""
    shown = links(seat)  # first: an engine that lives goes on publishing
    objects = published(seat)
    for key, path in objects.items():
        assert path.read_bytes() == dataset.contents[dataset.keys[key]], dataset.keys[key]
    for name, target in shown.items():
        assert target in objects.values(), name


def assert_staged(seat: Seat, dataset: Dataset) -> None:
    """Holds at the end: every file is there under its name, and nothing else."""
    assert_nothing_is_wrong(seat, dataset)
    did = dataset.did
    shown = {name: path.name for name, path in links(seat).items()}
    right = {f"{did.scope}/{did.name}/{name}": key for key, name in dataset.keys.items()}
    assert shown == right, shown.items() ^ right.items()
    for path in published(seat).values():
        assert path.stat().st_mode & 0o777 == 0o444, path


def assert_copies_are_right(seat: Seat, dataset: Dataset) -> int:
    """`assert_nothing_is_wrong` for a view without links; returns how many copies there are."""
    folder = seat.views / dataset.did.scope / dataset.did.name
    copies = [path for path in folder.glob("*") if not path.name.startswith(".")]
    for path in copies:
        assert path.read_bytes() == dataset.contents[path.name], path
    return len(copies)


def assert_journal_agrees(seat: Seat) -> None:
    """The journal tells what lies on the disk, no more and no less; the engine has ended."""
    with sqlite3.connect(f"file:{seat.journal}?mode=ro", uri=True) as journal:
        faults = journal.execute("PRAGMA integrity_check").fetchall()
        known = journal.execute("SELECT key, bytes FROM files WHERE state IN ('done', 'kept')").fetchall()
        named = journal.execute("SELECT path, key FROM links JOIN files ON files.id = file").fetchall()
    journal.close()
    assert faults == [("ok",)], faults
    there = {key: path.stat().st_size for key, path in published(seat).items()}
    assert dict(known) == there, dict(known).items() ^ there.items()
    shown = {name: target.name for name, target in links(seat).items()}
    assert dict(named) == shown, dict(named).items() ^ shown.items()


def assert_tidy(seat: Seat) -> None:
    """Nothing half-done lies about."""
    halves = leftovers(seat)
    drafts = [path for path in seat.views.rglob(".*") if path.name != ".store"]
    drafts += [path for path in (seat.state / "jobs").iterdir() if path.suffix != ".json"]
    assert not halves + drafts, halves + drafts


def safe_bytes(seat: Seat, dataset: Dataset) -> int:
    """What is published, or recorded as a finished range and really there."""
    total = 0
    for key, name in dataset.keys.items():
        path = seat.objects / key[:2] / key
        size = len(dataset.contents[name])
        if path.exists():
            total += size
        else:
            heading = Heading("lab", Did(dataset.did.scope, name), size)
            total += sum(piece.length for piece in verified_ranges(f"{path}{PART_SUFFIX}", heading))
    return total


class Meter:
    """Bytes that the storages read, held against what a stager may need."""

    def __init__(self, lab: Lab, seat: Seat, dataset: Dataset, connections: int) -> None:
        self._lab = lab
        self._seat = seat
        self._dataset = dataset
        self._most_lost = connections * RANGE_BYTES
        self._begin = self._last = self._served()
        self._safe = 0
        self._kills = 0

    @property
    def missing(self) -> int:
        """Bytes that were not safe when the engine's present life began."""
        return self._dataset.bytes - self._safe

    def read(self) -> int:
        """Bytes read in the engine's present life."""
        return self._served() - self._last

    async def reached(self, part: float | None, seconds: float) -> None:
        """Wait until a part of the missing bytes is read, but no longer than so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if part is not None and self.read() > part * self.missing:
                return
            await asyncio.sleep(LOOK)

    def after_kill(self) -> None:
        """A kill costs at most what was on its connections."""
        self._kills += 1
        served = self._settled()
        safe = safe_bytes(self._seat, self._dataset)
        lost = (served - self._last) - (safe - self._safe)
        assert safe >= self._safe, "what was safe is gone"
        assert lost <= self._most_lost, f"{lost} bytes were lost"
        self._safe, self._last = safe, served

    def at_end(self) -> None:
        """Nothing that was safe was read again."""
        served = self._settled()
        assert served - self._last <= self.missing, "what was safe was read again"
        assert served - self._begin <= self._dataset.bytes + self._kills * self._most_lost

    def _served(self) -> int:
        return self._lab.alpha.bytes_read() + self._lab.beta.bytes_read()

    def _settled(self) -> int:
        before = -1
        while (served := self._served()) != before:
            before = served
            time.sleep(SETTLING)
        return served


def eventually(holds: Callable[[], None]) -> None:
    """Wait for what the engine does after it said that a job is done."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(AssertionError):
            return holds()
        time.sleep(LOOK)
    return holds()
