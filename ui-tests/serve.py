"""What the browser tests talk to: a real Rucio, two storages, and three Jupyter servers with the extension.

    python ui-tests/serve.py --lab PORT --lab42 PORT --notebook PORT --control PORT

JupyterLab as it is installed, JupyterLab 4.2, and Notebook 7, each with a state of its own and without
authentication; all on 127.0.0.1. `POST /rucio/stop` and `POST /rucio/start` at the control port take Rucio
away and bring it back. SIGTERM or Ctrl-C ends it all, and removes what was made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from jupyterlab import galata

from rucio_jupyterlab.demo import data
from rucio_jupyterlab.demo.environment import server_python
from rucio_jupyterlab.demo.lab import JupyterLab
from rucio_jupyterlab.demo.run import default_folder
from rucio_jupyterlab.demo.telling import Terminal
from rucio_mesh.testing.grid import CLOUD_TOKEN, PASSWORD, USER, Grid
from rucio_mesh.testing.private import write_private

OPEN = (
    "--IdentityProvider.token=",
    "--ServerApp.password=",
    "--ServerApp.disable_check_xsrf=True",
    "--ServerApp.port_retries=0",
)
"""The tests hold no token; the servers are bound to this machine."""
GALATA = f"--LabServerApp.extra_labextensions_path={Path(galata.__file__).parent}"
OLD_LAB = Path(sys.prefix) / "jupyterlab-4.2"
OLD_VERSION = "4.2.7"
terminal = Terminal()


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, interrupt)
    with ExitStack() as running:
        for port in (options.lab, options.lab42, options.notebook, options.control):
            running.enter_context(reserved(port))
        # The engines outlive their servers for a minute, and may still write.
        temporary = tempfile.TemporaryDirectory(prefix="rucio-ui-", ignore_cleanup_errors=True)
        folder = Path(running.enter_context(temporary))
        python = server_python(folder, terminal)
        prepare_demo(folder, python)
        grid = Grid(folder / "grid", server_python=python, storages=data.DISKS, clouds=data.CLOUDS)
        running.enter_context(grid)
        configuration = configure(grid, folder)
        commands = {
            "lab": (options.lab, lab_command()),
            "lab42": (options.lab42, old_lab_command()),
            "notebook": (options.notebook, notebook_command()),
        }
        for name, (port, command) in commands.items():
            work = folder / name / "work"
            work.mkdir(parents=True)
            server = JupyterLab(folder / name, root=work, port=port, browser=False, command=command)
            views = {"views_dir": str(work / "rucio")}
            running.enter_context(server.serving(configuration | views))
        running.enter_context(control(grid, options.control))
        terminal.say("Ready.")
        signal.pause()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("lab", "lab42", "notebook", "control"):
        parser.add_argument(f"--{name}", type=int, required=True, metavar="PORT")
    return parser.parse_args()


def reserved(port: int) -> socket.socket:
    """A port that nobody gets by chance while the grid is made; a server that asks for it by number does."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", port))
    return holder


def interrupt(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that every part is stopped."""
    raise KeyboardInterrupt


def prepare_demo(folder: Path, python: Path) -> None:
    """Make the demo's data, where a demo beside a Jupyter server finds them, and a grid of the same data."""
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    demo = default_folder()
    demo.mkdir(mode=0o700, parents=True)
    with Grid(demo / "grid", server_python=python, storages=data.DISKS, clouds=data.CLOUDS) as grid:
        data.make(grid, terminal.step)
    shutil.copytree(demo / "grid", folder / "grid", symlinks=True, copy_function=link_data)


def link_data(source: str, target: str) -> None:
    """Files of storages never change; those of a server do."""
    if Path(source).stat().st_size > 0 and Path(source).suffix in (".1", ".data", ".bin"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def configure(grid: Grid, folder: Path) -> dict[str, Any]:
    """One Rucio as two instances: one is signed in by a token file, one asks for a password."""
    token = folder / "token"
    write_private(token, grid.rucio.token(USER, username=USER, password=PASSWORD))
    cloud_token = folder / "cloud-token"
    write_private(cloud_token, CLOUD_TOKEN)
    rucio = {
        "rucio_base_url": grid.rucio.url,
        "rucio_ca_cert": str(grid.authority.certificate),
        "wildcard_enabled": True,
        "cs3": {"127.0.0.1": {"secret_file": str(cloud_token)}},
    }
    signed_in = {
        "name": "grid",
        "display_name": "Test grid",
        "oidc_auth": "file",
        "oidc_file_name": str(token),
        **rucio,
    }
    locked = {"name": "locked", "display_name": "Locked grid", **rucio}
    return {
        "instances": [signed_in, locked],
        "default_instance": "grid",
        "cell_templates": {".root": "files = {paths}"},
    }


def lab_command() -> list[str]:
    return [sys.executable, "-m", "jupyterlab", "--LabApp.expose_app_in_browser=True", GALATA, *OPEN]


def old_lab_command() -> list[str]:
    """JupyterLab 4.2 beside the installed one, whose other parts it shares."""
    if not OLD_LAB.exists():
        with terminal.step(f"JupyterLab {OLD_VERSION}"):
            wanted = f"jupyterlab=={OLD_VERSION}"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            making = OLD_LAB.with_suffix(".part")
            shutil.rmtree(making, ignore_errors=True)
            subprocess.run([*pip, "--target", str(making), wanted], check=True)
            making.rename(OLD_LAB)
    application = OLD_LAB / "share" / "jupyter" / "lab"
    return ["env", f"PYTHONPATH={OLD_LAB}", *lab_command(), f"--app-dir={application}"]


def notebook_command() -> list[str]:
    exposed = "--JupyterNotebookApp.expose_app_in_browser=True"
    return [sys.executable, "-m", "notebook", exposed, *OPEN]


class Control(BaseHTTPRequestHandler):
    """Takes Rucio away and brings it back."""

    grid: Grid

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        actions = {"/rucio/stop": self.grid.rucio.stop, "/rucio/start": self.grid.rucio.start}
        if action := actions.get(self.path):
            action()
        self._answer(200 if action else 404)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests tell what they do."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def control(grid: Grid, port: int) -> ExitStack:
    """Serve the control port until the stack is closed."""
    handler = type("GridControl", (Control,), {"grid": grid})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack = ExitStack()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return stack


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
