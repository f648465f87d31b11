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
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.link import EngineLink
from rucio_jupyterlab.errors import EngineDown, Failure, Problem, Remote
from rucio_jupyterlab.staging.model import JobRequest, JobSnapshot

PATIENCE = 60.0
PREFIX = "rucio-jupyterlab/v1/"


class Front(Protocol):
    """Every question waits, and restarts what died, until there is an answer."""

    async def open(self) -> None: ...

    async def stage(self, did: Did) -> JobSnapshot: ...

    async def job(self, job_id: str) -> JobSnapshot: ...

    def kill(self) -> None:
        """-9, for what runs beside the engine; `open` starts it again."""

    async def close(self) -> None: ...


class Shell:
    """A program with a link of its own, as the extension, the shell and the kernel have one."""

    def __init__(self, state: Path, values: dict[str, Any]) -> None:
        self._state = state
        self._configuration = configuration_from(values, {"HOME": str(state)}).to_dict()
        self.told: dict[str, JobSnapshot] = {}
        """Jobs as the link last told of them unasked."""

    async def open(self) -> None:
        self.link = EngineLink(lambda: self._state, self._configuration, self._hear, lambda *_: None)

    async def ask(self, request: protocol.Request) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.link.ask(request)
            except (EngineDown, Remote) as failure:
                if failure.problem().type != EngineDown.type or time.monotonic() > deadline:
                    raise
                self.link.retry()
                await asyncio.sleep(0.01)

    async def stage(self, did: Did) -> JobSnapshot:
        job: JobSnapshot = await self.ask(protocol.StartJob(JobRequest("lab", [did], client="shell")))
        return job

    async def job(self, job_id: str) -> JobSnapshot:
        job: JobSnapshot = await self.ask(protocol.GetJob(job_id))
        return job

    def kill(self) -> None:
        """There is nothing beside the engine."""

    async def close(self) -> None:
        self.link.close()

    async def _hear(self, update: protocol.Update) -> None:
        self.told.update((job.id, job) for job in update.jobs)


class Panel:
    """A Jupyter server with the extension, asked over HTTP as the panel asks it."""

    def __init__(self, folder: Path, state: Path, values: dict[str, Any]) -> None:
        self._folder = folder
        self._runtime = folder / "runtime"
        settings = folder / "jupyter"
        settings.mkdir(parents=True, exist_ok=True)
        configuration = {
            "ServerApp": {
                "allow_root": True,
                "ip": "127.0.0.1",
                "port": 0,
                "open_browser": False,
                "root_dir": str(folder),
                "jpserver_extensions": {"rucio_jupyterlab": True},
            },
            "RucioConfig": values,
        }
        (settings / "jupyter_server_config.json").write_text(json.dumps(configuration))
        self._environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(settings),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            # No other extension of this machine, which would only cost time.
            "JUPYTER_CONFIG_PATH": str(settings),
            "JUPYTER_NO_CONFIG": "",
            "RUCIO_JUPYTERLAB_STATE": str(state),
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
        command = [sys.executable, "-m", "jupyter_server"]
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
