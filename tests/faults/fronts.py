"""The two ways in which a user meets the engine: a program with a link, and a Jupyter server."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.link import EngineLink
from rucio_jupyterlab.errors import EngineDown, Failure, Problem
from rucio_jupyterlab.staging.model import FINISHED, JobProgress, JobRequest, JobSnapshot
from tests.faults.seat import Seat

PATIENCE = 60.0
LOOK = 0.03
PREFIX = "rucio-jupyterlab/v1/"
OTHER_EXTENSIONS = ("jupyter_lsp", "jupyter_server_terminals", "jupyterlab", "notebook", "notebook_shim")
"""They take longer to load than all that is tested."""


class Front(Protocol):
    """Every question waits, and restarts what died, until there is an answer."""

    async def open(self) -> None: ...

    async def stage(self, did: Did) -> JobSnapshot: ...

    async def job(self, job_id: str) -> JobSnapshot: ...

    def kill(self) -> None:
        """-9, for what runs beside the engine; `open` starts it again."""

    def forgive(self) -> None:
        """Forget how often the engine died, lest the next start is held back."""

    async def close(self) -> None: ...


async def until(front: Front, job: JobSnapshot, reached: Callable[[JobSnapshot], bool]) -> JobSnapshot:
    """Wait until a job is as wished; fails with its last state."""
    deadline = time.monotonic() + PATIENCE
    while not reached(now := await front.job(job.id)):
        assert time.monotonic() < deadline, now
        await asyncio.sleep(LOOK)
    return now


async def end_of(front: Front, job: JobSnapshot) -> JobSnapshot:
    return await until(front, job, lambda now: now.state in FINISHED)


class Shell:
    """A program with a link of its own, as the extension, the shell and the kernel have one."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self.told: dict[str, JobProgress] = {}
        """Jobs as the link last told of them unasked."""

    async def open(self) -> None:
        seat = self._seat
        self.link = EngineLink(lambda: seat.state, seat.configuration, self._hear, lambda *_: None)

    async def ask(self, request: protocol.Request) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(EngineDown):
                return await self.link.ask(request)
            self.link.retry()
            await asyncio.sleep(LOOK)
        raise AssertionError("No engine answers.")

    async def stage(self, did: Did) -> JobSnapshot:
        job: JobSnapshot = await self.ask(protocol.StartJob(JobRequest("lab", [did], client="shell")))
        return job

    async def job(self, job_id: str) -> JobSnapshot:
        job: JobSnapshot = await self.ask(protocol.GetJob(job_id))
        return job

    def kill(self) -> None:
        """There is nothing beside the engine."""

    def forgive(self) -> None:
        self.link.retry()

    async def close(self) -> None:
        self.link.close()

    async def _hear(self, update: protocol.Update) -> None:
        self.told.update((job.id, job) for job in update.jobs)


@asynccontextmanager
async def shell_at(seat: Seat) -> AsyncIterator[Shell]:
    """One that is open."""
    shell = Shell(seat)
    await shell.open()
    try:
        yield shell
    finally:
        await shell.close()


class Panel:
    """A Jupyter server with the extension, asked over HTTP as the panel asks it."""

    def __init__(self, seat: Seat) -> None:
        folder = self._folder = seat.folder
        self._runtime = folder / "runtime"
        self._settings = folder / "settings.json"
        server = {
            "allow_root": True,
            "ip": "127.0.0.1",
            "port": 0,
            "open_browser": False,
            "root_dir": str(folder),
            "jpserver_extensions": {"rucio_jupyterlab": True} | dict.fromkeys(OTHER_EXTENSIONS, False),
        }
        self._settings.write_text(json.dumps({"ServerApp": server, "RucioConfig": seat.values}))
        self._environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "RUCIO_JUPYTERLAB_STATE": str(seat.state),
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def open(self) -> None:
        self._process = self._start()
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            assert self._process.poll() is None, "the Jupyter server ended"
            assert time.monotonic() < deadline, "the Jupyter server did not start"
            await asyncio.sleep(0.02)

    async def stage(self, did: Did) -> JobSnapshot:
        body = msgspec.json.encode(protocol.StartJob(JobRequest("lab", [did])))
        return await self._ask("POST", "jobs", body)

    async def job(self, job_id: str) -> JobSnapshot:
        return await self._ask("GET", f"jobs/{job_id}")

    def forgive(self) -> None:
        """It sees fewer deaths than it takes (`scenarios.MOST_KILLS`)."""

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    async def close(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._process.wait, PATIENCE)

    def _start(self) -> subprocess.Popen[bytes]:
        for old in self._runtime.glob("jpserver-*"):
            old.unlink()
        command = [sys.executable, "-m", "jupyter_server", f"--config={self._settings}"]
        with (self._folder / "server.log").open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def _listens(self) -> bool:
        file = next(self._runtime.glob("jpserver-*.json"), None)
        try:
            found = json.loads(file.read_text()) if file else None
        except ValueError:
            return False  # half written
        if found is None:
            return False
        self._address, self._token = urlsplit(found["url"]), found["token"]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", found["port"])) == 0

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> JobSnapshot:
        deadline = time.monotonic() + PATIENCE
        while True:
            status, content = await asyncio.to_thread(self._call, method, path, body)
            if status < 400:
                return msgspec.json.decode(content, type=JobSnapshot)
            problem = msgspec.json.decode(content, type=Problem)
            if problem.type != EngineDown.type or time.monotonic() > deadline:
                raise Failure(problem.detail)
            await asyncio.to_thread(self._call, "POST", "engine/retry", b"{}")
            await asyncio.sleep(0.01)

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._address.port, timeout=PATIENCE)
        try:
            headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
            connection.request(method, f"{self._address.path}{PREFIX}{path}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
