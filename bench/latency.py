"""How long the Jupyter server takes to answer while data is staged beside it."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rucio_jupyterlab.engine import protocol
from rucio_mesh.testing.grid import Grid
from rucio_mesh.testing.service import Service

from . import ours
from .data import GIB, Dataset
from .folders import filled_once
from .peers import curl_command
from .results import Comparison, at_most_above, beside, medians
from .staging import RSE, ready

REQUESTS, RATE = 2_000, 50.0
"""How many requests, and how many a second."""
BYTES_PER_SECOND = 300_000_000
LOADED = 0.8
"""The part of that rate below which the server was not under load."""
STREAM = Dataset("stream", 8, 2 * GIB, alike=True)
"""Lasts 57 s at that rate."""
START_SECONDS = 60
MARGIN = 5.0
"""Milliseconds."""


def latency(grid: Grid, work: Path) -> list[Comparison]:
    """The slowest percent of requests while we stage, and while curl moves the same bytes at the same nice."""
    port = ready(grid, STREAM, work)
    staged: list[float] = []
    sent: list[float] = []
    mine, plain = medians(
        lambda: p99_while_staging(grid, work, staged),
        lambda: p99_while_curl(grid, work, port, sent),
    )
    return [
        at_most_above("latency", mine, plain, MARGIN, "ms"),
        beside("latency/load", statistics.median(staged), statistics.median(sent), "MB/s"),
    ]


def p99_while_staging(grid: Grid, work: Path, loads: list[float]) -> float:
    """Milliseconds; the load is added to `loads`."""
    with ours.FreshEngine(grid, work) as engine, jupyter_server(grid, engine) as ask:
        engine.ask(protocol.SetLimits(bandwidth_limit=BYTES_PER_SECOND))
        ask("/rucio-jupyterlab/v1/jobs")  # from now on the server hears of every change
        started = time.perf_counter()
        job = engine.start(STREAM, RSE)
        slow = p99(lambda: ask("/api/status"))
        still = engine.job(job.id)
        if still.state != "running":
            raise RuntimeError("The job ended before the last request.")
        loads.append(load(still.bytes_done, time.perf_counter() - started))
        engine.ask(protocol.CancelJob(job.id))
        return slow


def p99_while_curl(grid: Grid, work: Path, port: int, loads: list[float]) -> float:
    """Milliseconds; the load is added to `loads`."""
    with (
        ours.FreshEngine(grid, work) as engine,
        jupyter_server(grid, engine) as ask,
        filled_once(work) as folder,
    ):
        sequential = [option for option in curl_command(grid, STREAM, port, folder) if option != "--parallel"]
        command = ["nice", "-n", "5", *sequential, "--limit-rate", str(BYTES_PER_SECOND)]
        started = time.perf_counter()
        transfer = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            slow = p99(lambda: ask("/api/status"))
            if transfer.poll() is not None:
                raise RuntimeError("curl ended before the last request.")
            moved = sum(path.stat().st_size for path in folder.glob("*.root"))
            loads.append(load(moved, time.perf_counter() - started))
            return slow
        finally:
            transfer.kill()
            transfer.wait()


def load(moved: int, seconds: float) -> float:
    """Megabytes per second. Raises RuntimeError where it is too little beside what was asked for."""
    rate = moved / seconds
    if rate < LOADED * BYTES_PER_SECOND:
        raise RuntimeError(
            f"Only {rate / 1e6:.0f} of {BYTES_PER_SECOND / 1e6:.0f} MB/s were moved meanwhile."
        )
    return rate / 1e6


def p99(request: Callable[[], object]) -> float:
    """Milliseconds from when a request was due, so that one that waits for its turn counts as slow."""
    waits = []
    started = time.perf_counter()
    for number in range(REQUESTS):
        due = started + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        request()
        waits.append(time.perf_counter() - due)
    return sorted(waits)[REQUESTS * 99 // 100] * 1000


@contextmanager
def jupyter_server(grid: Grid, engine: ours.FreshEngine) -> Iterator[Callable[[str], bytes]]:
    """A Jupyter server with the extension, joined to the engine; yields a way to ask it."""
    config, runtime = engine.folder / "jupyter", engine.folder / "runtime"
    config.mkdir()
    settings = {"RucioConfig": ours.site(grid, engine.folder), "ServerApp": {"root_dir": str(engine.folder)}}
    (config / "jupyter_server_config.json").write_text(json.dumps(settings))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "RUCIO_JUPYTERLAB_STATE": str(engine.state),
    }
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"]
    log = engine.folder / "server.log"
    service = Service("The Jupyter server", command, log=log, environment=environment)
    try:
        service.wait_until(lambda: any(runtime.glob("jpserver-*.json")), seconds=START_SECONDS)
        told = json.loads(next(runtime.glob("jpserver-*.json")).read_text())
        address = urlsplit(told["url"])
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)

        def ask(path: str) -> bytes:
            connection.request("GET", path, headers={"Authorization": f"token {told['token']}"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{path} was answered {answer.status}; see {log}.")
            return content

        yield ask
    finally:
        service.stop()
