"""Our side: an engine of its own for each measurement, driven over its socket."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from rucio_jupyterlab.cli.engine import Engine
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol, wire
from rucio_jupyterlab.engine.start import open_connection
from rucio_jupyterlab.staging.model import (
    FINISHED,
    JobProgress,
    JobRequest,
    JobSnapshot,
    UploadRequest,
    UploadSnapshot,
)
from rucio_mesh.testing.grid import CLOUD_TOKEN, Grid
from rucio_mesh.testing.instance import ROOT_PASSWORD, ROOT_USER

from .data import Dataset
from .folders import filled_once, recycle_memory

INSTANCE = "bench"
PATIENCE = 60.0
"""Seconds without any news after which a job counts as hung."""
SETTLE = 0.5
"""Seconds for a paused job's last transfers to end."""
LOOK = 0.005
"""Seconds between two looks at a plan that is being read."""
LOOK_AT_UPLOAD = 0.02
"""Likewise at an upload; more often would slow it down, for its bytes go through the process that is asked."""
EARLY = 0.05
"""The part of a dataset that may come before a pause."""
peaks: dict[int, int] = {}
"""The most bytes of memory that each engine of this run occupied, by its process id."""


def site(grid: Grid, folder: Path) -> dict[str, object]:
    """What a site would configure: this Rucio, and staged files below `folder`."""
    instance: dict[str, object] = {
        "name": INSTANCE,
        "display_name": "Bench",
        "mode": "download",
        "rucio_base_url": grid.rucio.url,
        "rucio_ca_cert": str(grid.authority.certificate),
    }
    if grid.clouds:
        token = folder / "cloud.token"
        token.write_text(CLOUD_TOKEN)
        instance["cs3"] = {"127.0.0.1": {"secret_file": str(token)}}
    return {
        "instances": [instance],
        "default_instance": INSTANCE,
        "views_dir": str(folder / "views"),
        "confirm_bytes": sys.maxsize,
        "confirm_files": sys.maxsize,
    }


class FreshEngine:
    """An engine with an empty store, signed in; its folder is filled once."""

    def __init__(self, grid: Grid, work: Path) -> None:
        self._grid = grid
        self._work = work

    def __enter__(self) -> FreshEngine:
        with ExitStack() as stack:
            self.folder = stack.enter_context(filled_once(self._work))
            self.state = self.folder / "state"
            self.state.mkdir(mode=0o700)
            configuration = configuration_from(site(self._grid, self.folder), os.environ).to_dict()
            self._engine = stack.enter_context(Engine(self.state, configuration))
            stack.callback(self.ask, protocol.Leave())
            self.ask_to_sign_in()
            self.ask(protocol.ClearJobs())  # there are none; answered once it has looked around
            self._ending = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._ending:
            self.note_memory()

    def ask_to_sign_in(self) -> None:
        ask = protocol.SignIn(
            INSTANCE, "userpass", account="root", username=ROOT_USER, password=ROOT_PASSWORD
        )
        self._engine.ask(ask)

    @property
    def ask(self) -> Callable[[protocol.Request], object]:
        return self._engine.ask

    def stage(
        self,
        dataset: Dataset,
        rse: str | None = None,
        on_change: Callable[[JobProgress], None] = lambda job: None,
    ) -> float:
        """Seconds from the request until every file can be opened. Raises RuntimeError if one cannot."""
        with self._changes() as changes:
            recycle_memory(self.folder, dataset.total_bytes)
            started = time.perf_counter()
            self.start(dataset, rse)
            _see_through(changes, dataset, on_change)
            return time.perf_counter() - started

    def resume(self, job_id: str, dataset: Dataset) -> float:
        """Seconds from then on until every file can be opened. Raises RuntimeError if one cannot."""
        with self._changes() as changes:
            recycle_memory(self.folder, dataset.total_bytes)
            started = time.perf_counter()
            self.ask(protocol.ResumeJob(job_id))
            _see_through(changes, dataset)
            return time.perf_counter() - started

    @contextmanager
    def _changes(self) -> Iterator[Iterator[JobProgress]]:
        """The engine's jobs, each as it changes from now on; over a connection of its own, as the panel's."""
        with open_connection(self.state, None) as connection, connection.makefile("rb") as lines:
            connection.settimeout(PATIENCE)
            connection.sendall(wire.encode_ask(0, protocol.Watch()))
            updates = (wire.decode_reply(protocol.Watch, wire.decode_answer(line)) for line in lines)
            next(updates)  # what is there already
            yield (job for update in updates for job in update.jobs)

    def put(self, paths: list[str], rse: str, scope: str, dataset: Did) -> float:
        """Seconds until all files are stored, verified and registered. Raises RuntimeError if one is not."""
        recycle_memory(self.folder, sum(Path(path).stat().st_size for path in paths))
        started = time.perf_counter()
        upload: UploadSnapshot = self._engine.ask(
            protocol.StartUpload(UploadRequest(INSTANCE, paths, rse, scope, dataset))
        )
        stored = 0
        while upload.state == "running":
            time.sleep(LOOK_AT_UPLOAD)
            stored += len(upload.stored)
            upload = self._engine.ask(protocol.GetUpload(upload.id, stored))
        if upload.state != "done":
            raise RuntimeError(f"The upload to {rse} ended {upload.state}: {upload.problem}")
        return time.perf_counter() - started

    def job(self, number: str) -> JobSnapshot:
        snapshot: JobSnapshot = self._engine.ask(protocol.GetJob(number))
        return snapshot

    def start(self, dataset: Dataset, rse: str | None = None) -> JobSnapshot:
        """Start the job and come back at once."""
        request = JobRequest(INSTANCE, [dataset.did], rse=rse, confirmed=True, client="shell")
        job: JobSnapshot = self._engine.ask(protocol.StartJob(request))
        return job

    def note_memory(self) -> None:
        """Remember the most memory that this engine occupied so far."""
        status: protocol.EngineStatus = self._engine.ask(protocol.GetEngine())
        peaks[status.pid] = peak_bytes(status.pid) or status.memory_bytes


def stage_once(grid: Grid, work: Path, dataset: Dataset, rse: str | None = None) -> float:
    """Seconds that a new engine takes for the dataset; its start and the sign-in do not count."""
    with FreshEngine(grid, work) as engine:
        return engine.stage(dataset, rse)


def start_once(grid: Grid, work: Path) -> float:
    """Seconds until a new engine is signed in and at work."""
    started = time.perf_counter()
    with FreshEngine(grid, work):
        return time.perf_counter() - started


def put_once(grid: Grid, work: Path, paths: list[str], rse: str, scope: str, dataset: Did) -> float:
    """Seconds that a new engine takes to store the files; its start and the sign-in do not count."""
    with FreshEngine(grid, work) as engine:
        return engine.put(paths, rse, scope, dataset)


def transfer_once(grid: Grid, work: Path, dataset: Dataset, rse: str) -> float:
    """Seconds that a new engine takes for the bytes alone: like curl, it has its list of addresses before.

    The job is paused at once and its plan read to the end. The few bytes that came before the pause
    do not count, and the time is that of all the others, scaled to the whole. Raises RuntimeError if they
    are not few.
    """
    with FreshEngine(grid, work) as engine:
        job = engine.start(dataset, rse)
        engine.ask(protocol.PauseJob(job.id))
        while engine.job(job.id).files_total < dataset.files:
            time.sleep(LOOK)
        time.sleep(SETTLE)
        before = engine.job(job.id).bytes_done / dataset.total_bytes
        if before > EARLY:
            raise RuntimeError(f"{before:.0%} of {dataset.did} came before the pause.")
        return engine.resume(job.id, dataset) / (1 - before)


def _see_through(
    changes: Iterator[JobProgress],
    dataset: Dataset,
    on_change: Callable[[JobProgress], None] = lambda job: None,
) -> None:
    """Until every file can be opened. Raises RuntimeError if one cannot, TimeoutError where nothing moves."""
    for job in changes:
        on_change(job)
        if job.state in FINISHED or job.state == "waiting":  # here nothing is to be waited for
            break
    if job.state != "done" or job.files_done != dataset.files or job.files_unverified:
        raise RuntimeError(f"The job for {dataset.did} ended {job.state}: {job.problem}")


def peak_bytes(pid: int) -> int | None:
    """The most memory that a process ever occupied; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else None
