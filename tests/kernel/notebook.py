"""Real kernels: one on a real Jupyter server, as JupyterLab runs them, and one that has no server."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import websocket
from jupyter_client.manager import KernelManager

BASE_URL = "/user/alice/"
PATIENCE = 60.0
"""Seconds for the server to start, and for a cell to run."""


class Cell:
    """What a cell put out."""

    def __init__(self) -> None:
        self.text = ""
        self.displayed: list[dict[str, Any]] = []
        """Every display and its updates, by mime type."""
        self.result: dict[str, Any] = {}
        self.error = ""

    def take(self, message: Mapping[str, Any]) -> bool:
        """Note one of its messages; whether it was the last."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.text += content["text"]
            case "display_data" | "update_display_data":
                self.displayed.append(content["data"])
            case "execute_result":
                self.result = content["data"]
            case "error":
                self.error = "\n".join(content["traceback"])
            case "status":
                return bool(content["execution_state"] == "idle")
        return False


class Notebook:
    """Runs cells in a kernel that a server of its own started, in `folder`."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._environ = environ
        self._token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    def __enter__(self) -> Notebook:
        command = [
            *(
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip=127.0.0.1",
            ),
            *(f"--ServerApp.port={self._port}", "--ServerApp.port_retries=0"),
            *(f"--ServerApp.base_url={BASE_URL}", f"--ServerApp.root_dir={self._folder}"),
            "--ServerApp.jpserver_extensions={'rucio_jupyterlab': True}",
        ]
        environ = {
            **self._environ,
            "JUPYTER_TOKEN": self._token,
            "JUPYTER_RUNTIME_DIR": str(self._folder / "runtime"),
            "IPYTHONDIR": str(self._folder / "ipython"),
        }
        with (self._folder / "server.log").open("w") as log:
            self._process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            self._wait_until_up()
            self._kernel = self._call("POST", "api/kernels", {"name": "python3"})["id"]
            self._channel = websocket.create_connection(
                f"ws://127.0.0.1:{self._port}{BASE_URL}api/kernels/{self._kernel}/channels",
                header=[f"Authorization: token {self._token}"],
                timeout=PATIENCE,
            )
        except BaseException:  # Ctrl-C too: no server outlives this
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self._process.terminate()
        self._process.wait(PATIENCE)

    @property
    def token(self) -> str:
        return self._token

    @property
    def log(self) -> str:
        """What server and kernel wrote beside the cells."""
        return (self._folder / "server.log").read_text()

    def run(self, code: str) -> Cell:
        """Run a cell to its end."""
        request = self.start(code)
        return self.end(request)

    def start(self, code: str) -> str:
        identifier = uuid.uuid4().hex
        header = {"msg_id": identifier, "msg_type": "execute_request", "username": "", "session": "test"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {
            "channel": "shell",
            "header": {**header, "version": "5.3", "date": ""},
            "parent_header": {},
            "metadata": {},
            "content": content,
        }
        self._channel.send(json.dumps(message))
        return identifier

    def end(self, request: str) -> Cell:
        cell = Cell()
        while True:
            message = json.loads(self._channel.recv())
            if message["parent_header"].get("msg_id") == request and cell.take(message):
                return cell

    def interrupt(self) -> None:
        self._call("POST", f"api/kernels/{self._kernel}/interrupt")

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._is_up():
            assert time.monotonic() < deadline and self._process.poll() is None, "see server.log"
            time.sleep(0.1)

    def _is_up(self) -> bool:
        try:
            self._call("GET", "api/status")
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{BASE_URL}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            data = answer.read()
        return json.loads(data) if data else None


class LoneKernel:
    """Runs cells in a kernel that no Jupyter server started, as those of a console or of papermill."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = dict(environ)
        self._manager = KernelManager(connection_file=str(folder / "kernel.json"))

    def __enter__(self) -> LoneKernel:
        self._manager.start_kernel(env=self._environ, cwd=str(self._folder))
        self._client = self._manager.blocking_client()
        try:
            self._client.start_channels()
            self._client.wait_for_ready(timeout=PATIENCE)
        except BaseException:  # Ctrl-C too: no kernel outlives this
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def run(self, code: str) -> Cell:
        """Run a cell to its end."""
        return self.end(self.start(code))

    def start(self, code: str) -> str:
        return str(self._client.execute(code, store_history=False, allow_stdin=False))

    def end(self, request: str) -> Cell:
        cell = Cell()
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == request and cell.take(message):
                return cell

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def _stop(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
