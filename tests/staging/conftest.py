"""A stager in this process, with the real Rucio and storages of the lab behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.catalog.rses import Rse, Rses
from rucio_jupyterlab.config import Options, configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import ListTransfers, SignIn, Update
from rucio_jupyterlab.errors import RucioFault
from rucio_jupyterlab.staging.model import FINISHED, JobRequest, JobSnapshot, TransferRow
from rucio_jupyterlab.staging.stager import Stager
from tests.lab.lab import Lab
from tests.sources.faulty import Faulty

from .disks import SmallDisk, small_disk
from .imagined import Imagined, imagined
from .sites import Site

SECONDS = 180.0


class Desk:
    """What a test says to a stager."""

    def __init__(self, stager: Stager, accounts: Accounts, catalog: Catalog, folder: Path) -> None:
        self.stager = stager
        self.catalog = catalog
        self.accounts = accounts
        self.folder = folder
        self.updates: list[Update] = []
        stager.subscribe(self.updates.append)

    @property
    def views(self) -> Path:
        return self.folder / "views"

    async def start(self, *dids: Did, **more: Any) -> JobSnapshot:
        return await self.stager.start(JobRequest("lab", list(dids), **more))

    async def stage(self, *dids: Did, **more: Any) -> JobSnapshot:
        """Start a job and wait for its end."""
        return await self.end_of(await self.start(*dids, **more))

    async def end_of(self, job: JobSnapshot) -> JobSnapshot:
        return await self.until(job, lambda now: now.state in FINISHED)

    async def until(self, job: JobSnapshot, reached: Callable[[JobSnapshot], bool]) -> JobSnapshot:
        """Wait until a job is as wished; fails with its last state after three minutes."""
        for _ in range(int(SECONDS / 0.02)):
            now = self.stager.job(job.id)
            if reached(now):
                return now
            if now.state in FINISHED:
                break
            await asyncio.sleep(0.02)
        raise AssertionError(f"the job stays {now.state}, {now.cause}: {now.problem}")

    async def until_true(self, reached: Callable[[], bool]) -> None:
        for _ in range(int(SECONDS / 0.02)):
            if reached():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it does not come")

    async def rows(self, job: JobSnapshot) -> list[TransferRow]:
        return (await self.stager.transfers(ListTransfers(job.id, limit=1000))).rows

    def files(self) -> dict[str, bytes]:
        """Everything that can be opened in the view, by its path."""
        store = self.views / ".store"
        return {
            str(path.relative_to(self.views)): path.read_bytes()
            for path in self.views.rglob("*")
            if path.is_file() and store not in path.parents
        }

    def parts(self) -> list[Path]:
        return list(self.views.glob(".store/objects/*/*.part*"))


def gated(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, gate: threading.Event) -> threading.Event:
    """Let a method wait for a gate; the event that is returned tells that it has come there."""
    reached = threading.Event()
    original = getattr(kind, name)

    def waiting(*values: Any) -> Any:
        reached.set()
        assert gate.wait(20), f"nobody lets {name} go on"
        return original(*values)

    monkeypatch.setattr(kind, name, waiting)
    return reached


def fault_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rucio answers the next question for an RSE with an error of its own."""
    monkeypatch.setattr("rucio_jupyterlab.catalog.rses.FAULT_SECONDS", 0.1)
    ask, faults = Rses._ask, [RucioFault("The lab answered with an error (HTTP 500).")]

    def ask_later(*values: Any) -> Rse:
        if faults:
            raise faults.pop()
        return ask(*values)

    monkeypatch.setattr(Rses, "_ask", ask_later)


@asynccontextmanager
async def open_desk(
    instances: list[dict[str, Any]],
    folder: Path,
    *,
    password: str,
    signed_in: bool = True,
    state: Path | None = None,
    settled: bool = True,
    **options: Any,
) -> AsyncIterator[Desk]:
    """A stager whose views, and state unless told otherwise, are below `folder`; `settled`: it has looked around."""
    state = state or folder / "state"
    configuration = configuration_from({"instances": instances}, {"HOME": str(folder)})
    plain = Options(views_dir=str(folder / "views"), send_traces=False)
    configuration = msgspec.structs.replace(configuration, options=msgspec.structs.replace(plain, **options))
    loop = asyncio.get_running_loop()
    stager: Stager | None = None

    def changed(name: str) -> None:
        if stager is not None:
            loop.call_soon_threadsafe(stager.account_changed, name)

    accounts = Accounts(configuration, state, changed)
    catalog = Catalog(accounts, state / "spool")
    if signed_in:
        accounts.sign_in(SignIn(instances[0]["name"], "userpass", "alice", "alice", password))
    stager = Stager(state, configuration.options, accounts, catalog)
    if settled:
        await stager.settled()
    try:
        yield Desk(stager, accounts, catalog, folder)
    finally:
        await stager.close()
        catalog.close()
        accounts.close()


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Callable[..., Any]:
    """`async with desk() as it`; `instance` changes its configuration, further keywords are options."""

    def at_desk(*, instance: dict[str, Any] | None = None, folder: Path = tmp_path, **options: Any) -> Any:
        return open_desk([lab.configuration(**instance or {})], folder, password=lab.password, **options)

    return at_desk


@pytest.fixture
def rucio() -> Iterator[Imagined]:
    with imagined() as made:
        yield made


@pytest.fixture
def imagined_desk(rucio: Imagined, tmp_path: Path) -> Callable[..., Any]:
    """The same at the imagined Rucio."""

    def at_desk(*, instance: dict[str, Any] | None = None, **options: Any) -> Any:
        return open_desk([rucio.configuration(**instance or {})], tmp_path, password="secret", **options)

    return at_desk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as made:
        yield made


@pytest.fixture(scope="session")
def sites(lab: Lab) -> Iterator[tuple[Site, Site]]:
    leaf = lab.authority.server()
    with Faulty(leaf) as first, Faulty(leaf) as second:
        yield Site(lab, "FAULTY_A", first), Site(lab, "FAULTY_B", second)
