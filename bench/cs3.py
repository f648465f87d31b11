"""Rucio's protocol for CS3 clouds against CERN's `cs3client` and against curl, all at one data gateway.

The gateway is that of our tests (profile `eos`, plain text on loopback), so it takes part of the machine; `…/cpu` sets
our processor time beside the gateway's, `…/gateway` our whole time, and both tell who is the limit. All sides move one
file after the other. curl is handed its endpoints and tokens before, so it makes no call of gRPC at all. Files are in
memory where there is room, so that no disk is measured.
"""

from __future__ import annotations

import os
import secrets
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil

from rucio_jupyterlab.did import Did
from rucio_mesh.cs3.auth import Basic, Secret
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.data import DataEndpoint
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing import seeding
from rucio_mesh.testing.cs3.accounts import Account
from rucio_mesh.testing.cs3.cloud import Cloud
from rucio_mesh.testing.grid import CLOUD_FOLDER, PASSWORD, USER, Grid
from rucio_mesh.testing.storage import hashed_path

from . import ours
from .cs3_sides import Measured, Side, Task, Verb
from .data import GIB, MIB, SCOPE, Dataset, write
from .folders import empty, filled_once, recycle_memory
from .peers import complain_unless_complete, output, run
from .results import Comparison, at_least_times_as_fast, at_most_times, beside, medians, times_as_fast

T = TypeVar("T")

BIG = Dataset("cs3-big", 1, GIB)
SMALL = Dataset("cs3-small", 500, MIB)
CLOUD = "OMEGA_CLOUD"
"""The RSE that the notebook stages from."""
TIMES_CS3CLIENT = 1.5
"""So much faster than it we have to be, where the server is not the limit: then nothing is asked."""
MEMORY_LIMIT = 150 * MIB
MEMORY_DISK, ROOM_BYTES = Path("/dev/shm"), 6 * GIB
CONFIGURATION = f"""\
[client]
rucio_host = http://127.0.0.1:1
auth_host = http://127.0.0.1:1
auth_type = userpass
account = bench
[cs3:127.0.0.1]
auth = basic
user = {USER}
secret = {PASSWORD}
"""
peaks: list[int] = []
"""The most bytes of memory that each process of ours occupied, in this run."""


class Arena:
    """A cloud that holds a dataset, and what moves it."""

    def __init__(self, cloud: Cloud, dataset: Dataset, work: Path) -> None:
        """The cloud has been started."""
        self._cloud, self._dataset, self._work = cloud, dataset, work
        self._home = cloud.home(USER)
        self._server = process_of(cloud)
        self.ours: list[float] = []
        """Seconds of processor time, of each run of ours."""
        self.server: list[float] = []
        """Those of the gateway, in the same runs."""
        self._configuration = work / "rucio.cfg"
        self._configuration.write_text(CONFIGURATION)
        for name in dataset.file_names():
            file = self.source(name)
            if (
                not file.exists() or file.stat().st_size != dataset.file_bytes
            ):  # or an interrupted run cut it short
                write(file, name, dataset.file_bytes)

    def source(self, name: str) -> Path:
        """The file on this machine that is put."""
        return self._on_disk(CLOUD_FOLDER) / hashed_path(SCOPE, name)

    def rucio(self, verb: Verb) -> float:
        """Seconds that the protocol takes."""
        measured = self.noting_the_gateway(lambda: self._side("ours", verb))
        self.ours.append(measured.cpu_seconds)
        peaks.append(measured.peak_bytes)
        return measured.seconds

    def noting_the_gateway(self, run_of_ours: Callable[[], T]) -> T:
        """What it gives; how long the gateway computed meanwhile is kept in `server`."""
        before = self._server_seconds()
        given = run_of_ours()
        self.server.append(self._server_seconds() - before)
        return given

    def cs3client(self, verb: Verb) -> float:
        return self._side("cs3client", verb).seconds

    def curl(self, verb: Verb) -> float:
        with self._place(verb) as (prefix, local):
            option = "output" if verb == "get" else "upload-file"
            blocks = [
                curl_block(offer, option, local(name), self._dataset)
                for name, offer in self._offers(verb, prefix).items()
            ]
            config = self._work / "curl"
            config.write_text("next\n".join(blocks))
            return run(["curl", "--config", str(config)], dict(os.environ))

    def _side(self, side: Side, verb: Verb) -> Measured:
        with self._place(verb) as (prefix, local):
            files = {name: str(local(name)) for name in self._dataset.file_names()}
            task = Task(side, verb, self._cloud.grpc_port, prefix, files)
            told = output(
                [sys.executable, "-m", "bench.cs3_sides"],
                os.environ | {"RUCIO_CONFIG": str(self._configuration)},
                msgspec.json.encode(task),
            )
        return msgspec.json.decode(told, type=Measured)

    @contextmanager
    def received(self, folder: str) -> Iterator[None]:
        """Take away at the end what came to that new folder of the cloud. Raises RuntimeError if not all did."""
        with self._filled() as here:
            try:
                yield
            finally:
                if (target := self._on_disk(folder)).exists():
                    shutil.move(target, here)

    @contextmanager
    def _place(self, verb: Verb) -> Iterator[tuple[str, Callable[[str], Path]]]:
        """A folder on the cloud, and where each file is on this machine. Raises RuntimeError if not all arrive."""
        recycle_memory(self._work, self._dataset.total_bytes)
        if verb == "put":
            folder = f"put-{secrets.token_hex(4)}"
            with self.received(folder):
                yield f"{self._home}/{folder}", self.source
        else:
            with self._filled() as target:
                yield f"{self._home}/{CLOUD_FOLDER}", lambda name: target / name

    @contextmanager
    def _filled(self) -> Iterator[Path]:
        """A folder on this machine, whose files give their bytes back. Raises RuntimeError if not all are there."""
        with filled_once(self._work) as folder:
            try:
                yield folder
                complain_unless_complete(folder, self._dataset)
            finally:
                empty(folder)

    def _offers(self, verb: Verb, prefix: str) -> dict[str, DataEndpoint]:
        settings, credential = Settings("127.0.0.1", self._cloud.grpc_port), Basic(USER, Secret.of(PASSWORD))
        paths = {name: f"{prefix}/{hashed_path(SCOPE, name)}" for name in self._dataset.file_names()}
        with Client(settings, credential) as client:
            if verb == "get":
                return {name: client.initiate_download(path) for name, path in paths.items()}
            size = self._dataset.file_bytes
            return {name: client.initiate_upload(path, size) for name, path in paths.items()}

    def _on_disk(self, folder: str) -> Path:
        """Where the cloud keeps a folder of the user's home."""
        return self._cloud.path(USER, folder)

    def _server_seconds(self) -> float:
        times = self._server.cpu_times()
        return float(times.user + times.system)


def curl_block(offer: DataEndpoint, option: str, file: Path, dataset: Dataset) -> str:
    """One transfer in curl's configuration; its tokens are on no command line."""
    headers = dict(offer.headers)
    if option == "upload-file":
        headers |= {"Upload-Length": str(dataset.file_bytes), "Expect": ""}
    lines = [f'url = "{offer.url}"', f'{option} = "{file}"', "silent", "show-error", "fail"]
    return "\n".join(lines + [f'header = "{name}: {value}"' for name, value in headers.items()]) + "\n"


def process_of(cloud: Cloud) -> psutil.Process:
    """The one that serves, not the one that watches it."""
    for process in psutil.Process().children(recursive=True):
        try:
            command = process.cmdline()
        except psutil.NoSuchProcess:  # an engine of an earlier turn that has ended just now
            continue
        if command[1:3] == ["-m", "rucio_mesh.testing.cs3"] and str(cloud.root) in command:
            return process
    raise RuntimeError("The cloud's process is not there.")


@contextmanager
def arena(dataset: Dataset, work: Path) -> Iterator[Arena]:
    """For one dataset, which has been read once, so that no side is the first."""
    roomy = MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free > ROOM_BYTES
    with (
        tempfile.TemporaryDirectory(prefix="cs3-", dir=MEMORY_DISK if roomy else work) as folder,
        Cloud("BENCH", Path(folder) / "cloud", "eos", accounts={USER: Account(PASSWORD)}) as cloud,
    ):
        made = Arena(cloud, dataset, Path(folder))
        made.curl("get")
        yield made


def beside_both_peers(verb: Verb, dataset: Dataset, name: str, work: Path) -> list[Comparison]:
    with arena(dataset, work) as here:
        mine, cern, plain = medians(
            lambda: here.rucio(verb), lambda: here.cs3client(verb), lambda: here.curl(verb)
        )
        server = statistics.median(here.server)
        return [
            *against_both_peers(name, mine, cern, plain, server),
            beside(f"{name}/cpu", statistics.median(here.ours), server, "s"),
        ]


def against_both_peers(name: str, mine: float, cern: float, plain: float, server: float) -> list[Comparison]:
    """`server`: how long the gateway computed for us. Where that alone is longer than we may take, it is the limit."""
    limited = server > cern / TIMES_CS3CLIENT
    cs3client = f"{name}/cs3client"
    return [
        times_as_fast(cs3client, mine, cern)
        if limited
        else at_least_times_as_fast(cs3client, mine, cern, TIMES_CS3CLIENT),
        at_most_times(f"{name}/curl", mine, plain, 1.15),
    ]


def get_big(_grid: Grid, work: Path) -> list[Comparison]:
    return beside_both_peers("get", BIG, "cs3-get-big", work)


def put_big(_grid: Grid, work: Path) -> list[Comparison]:
    return beside_both_peers("put", BIG, "cs3-put-big", work)


def get_small(_grid: Grid, work: Path) -> list[Comparison]:
    return beside_both_peers("get", SMALL, "cs3-get-small", work)


def put_small(_grid: Grid, work: Path) -> list[Comparison]:
    return beside_both_peers("put", SMALL, "cs3-put-small", work)


def notebook_get_big(grid: Grid, work: Path) -> list[Comparison]:
    return staged_beside_both_peers(BIG, "cs3-notebook-get-big", grid, work)


def notebook_get_small(grid: Grid, work: Path) -> list[Comparison]:
    return staged_beside_both_peers(SMALL, "cs3-notebook-get-small", grid, work)


def staged_beside_both_peers(dataset: Dataset, name: str, grid: Grid, work: Path) -> list[Comparison]:
    """We begin with a DID, ask Rucio, and publish what is verified; the peers are told paths."""
    dataset.ensure(grid, CLOUD)
    here = Arena(grid.clouds[CLOUD], dataset, Path(tempfile.mkdtemp(prefix="cs3-", dir=work)))
    here.curl("get")
    mine, cern, plain = medians(
        lambda: here.noting_the_gateway(lambda: ours.stage_once(grid, work, dataset, CLOUD)),
        lambda: here.cs3client("get"),
        lambda: here.curl("get"),
    )
    return through_the_notebook(name, mine, cern, plain, here)


def notebook_put_big(grid: Grid, work: Path) -> list[Comparison]:
    return put_beside_both_peers(BIG, "cs3-notebook-put-big", grid, work)


def notebook_put_small(grid: Grid, work: Path) -> list[Comparison]:
    return put_beside_both_peers(SMALL, "cs3-notebook-put-small", grid, work)


def put_beside_both_peers(dataset: Dataset, name: str, grid: Grid, work: Path) -> list[Comparison]:
    """We ask Rucio for places, compare what is stored, and register it; the peers only send."""
    here = Arena(grid.clouds[CLOUD], dataset, Path(tempfile.mkdtemp(prefix="cs3-", dir=work)))
    paths = [str(here.source(file)) for file in dataset.file_names()]

    def put() -> float:
        scope = f"put{secrets.token_hex(4)}"  # what Rucio knows is not sent again
        seeding.add_scope(grid.client(), scope)
        with here.received(f"{CLOUD_FOLDER}/{scope}"):
            return ours.put_once(grid, work, paths, CLOUD, scope, Did(scope, "results"))

    mine, cern, plain = medians(
        lambda: here.noting_the_gateway(put), lambda: here.cs3client("put"), lambda: here.curl("put")
    )
    return through_the_notebook(name, mine, cern, plain, here)


def through_the_notebook(name: str, mine: float, cern: float, plain: float, here: Arena) -> list[Comparison]:
    server = statistics.median(here.server)
    return [
        *against_both_peers(name, mine, cern, plain, server),
        beside(f"{name}/gateway", mine, server, "s"),
    ]


def memory(_grid: Grid, work: Path) -> list[Comparison]:
    """The largest process of ours in this run, whatever it moved; its peer is the limit."""
    if not peaks:
        with arena(BIG, work) as here:
            here.rucio("get")
            here.rucio("put")
    return [at_most_times("cs3-memory", max(peaks) / MIB, MEMORY_LIMIT / MIB, 1.0, "MiB")]
