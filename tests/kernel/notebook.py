"""A real Jupyter server with a real kernel, as JupyterLab runs them."""

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
from pathlib import Path
from types import TracebackType
from typing import Any

import websocket

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


class Notebook:
    """Runs cells in a kernel that a server of its own started, in `folder`."""

    def __init__(self, folder: Path, *, extension: bool = True) -> None:
        self._folder = folder
        self._extension = extension
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
            f"--ServerApp.jpserver_extensions={{'rucio_jupyterlab': {self._extension}}}",
        ]
        environ = {
            **os.environ,
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
            content = message["content"]
            if message["parent_header"].get("msg_id") != request:
                continue
            match message["msg_type"]:
                case "stream":
                    cell.text += content["text"]
                case "display_data" | "update_display_data":
                    cell.displayed.append(content["data"])
                case "execute_result":
                    cell.result = content["data"]
                case "error":
                    cell.error = "\n".join(content["traceback"])
                case "status" if content["execution_state"] == "idle":
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
