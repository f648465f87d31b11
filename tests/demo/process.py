"""The demo as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import websocket

from tests.lab.lab import server_python
from tests.lab.processes import assert_nothing_left

REPOSITORY = Path(__file__).parents[2]
FIRST_START, SECOND_START = 300, 90
"""Seconds after which a start counts as hung; an idle machine takes a sixth of that."""


class RunningDemo:
    """A demo in a process of its own."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.folder = folder
        command = [
            sys.executable,
            "-m",
            "rucio_jupyterlab.demo",
            "--folder",
            str(folder),
            "--no-browser",
            *arguments,
        ]
        self.output = folder.with_name("output")
        home = folder.with_name("home")
        home.mkdir(exist_ok=True)
        environment = {
            "HOME": str(home),
            "RUCIO_CONFIG": "/nowhere/rucio.cfg",  # the user's own Rucio has no say in the demo
            "RUCIO_MESH_SERVER_PYTHON": str(server_python()),
        }
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=os.environ | environment | variables,
            )

    def wait_until_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while "Ctrl-C ends it all." not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

    @property
    def server(self) -> tuple[str, str]:
        """The Jupyter server's address and token."""
        found = re.search(r"(http://\S+?/)lab\S*token=(\S+)", self.output.read_text())
        assert found
        return found[1], found[2]

    def ask(self, route: str) -> Any:
        """What the extension answers."""
        url, token = self.server
        headers = {"Authorization": f"token {token}"}
        request = urllib.request.Request(f"{url}rucio-jupyterlab/v1/{route}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.load(reply)

    def in_a_terminal(self, line: str, seconds: float) -> str:
        """What a new terminal of the Jupyter server shows of one line, which ends its shell."""
        url, token = self.server
        headers = {"Authorization": f"token {token}"}
        request = urllib.request.Request(f"{url}api/terminals", headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=20) as reply:
            name = json.load(reply)["name"]
        address = f"{url.replace('http', 'ws', 1)}terminals/websocket/{name}"
        terminal = websocket.create_connection(address, header=headers, timeout=seconds)
        with closing(terminal):
            terminal.send(json.dumps(["stdin", f"{line}\n"]))
            shown = ""
            while (message := json.loads(terminal.recv()))[0] != "disconnect":
                shown += message[1] if message[0] == "stdout" else ""
        return shown

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def running(folder: Path) -> Iterator[RunningDemo]:
    demo = RunningDemo(folder)
    try:
        demo.wait_until_ready(SECOND_START)
        yield demo
    finally:
        demo.process.kill()
        demo.process.wait()
        assert_nothing_left(folder, seconds=20)
