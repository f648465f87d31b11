"""The demo from its start to its end."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import resources
from pathlib import Path
from shlex import quote
from typing import Any

from rucio.common.exception import RucioException

from rucio_mesh.testing.grid import CLOUD_TOKEN, PASSWORD, USER, Grid
from rucio_mesh.testing.private import write_private
from rucio_mesh.testing.service import ServiceFailed

from . import data
from .environment import server_python
from .lab import JupyterLab
from .names import SCOPE
from .telling import Program, Ready, Teller, Terminal

TOKEN_RENEWAL = 20 * 60
"""Seconds; Rucio's tokens live for an hour."""
WATCH_INTERVAL = 0.5


class Demo:
    """Everything below one folder: servers, data, JupyterLab's settings, the user's work."""

    def __init__(self, folder: Path, teller: Teller | None = None) -> None:
        """`teller` hears what is being done; without one it is said on the terminal."""
        self.folder = folder
        self._teller = teller or Terminal()
        self.work = folder / "work"
        """What JupyterLab shows: the notebook, and below `rucio` what was staged."""
        self._grid_folder = folder / "grid"
        self._token = folder / "token"
        self._cloud_token = folder / "cloud-token"
        self._token_due = 0.0

    def prepare(self) -> None:
        """Make environment and data, which later starts find. Raises ServiceFailed."""
        with self._grid():
            self._lay_out_work()

    def run(self, *, port: int, browser: bool, command: Sequence[str] = ()) -> None:
        """Start what is needed, watch it until JupyterLab ends, end it all. Raises ServiceFailed.

        `port` is JupyterLab's, or the next free one; `command` starts another Jupyter server instead.
        """
        lab = JupyterLab(self.folder, root=self.work, port=port, browser=browser, command=command)
        with ExitStack() as running:
            running.callback(self._teller.say, "Stopped.")
            grid = running.enter_context(self._grid())
            self._renew_token(grid)
            self._lay_out_work()
            with self._teller.step("JupyterLab"):
                running.enter_context(lab.serving(self._configuration(grid)))
            running.callback(self._teller.say, "", "Stopping …")
            self._tell(grid, lab)
            self._watch(grid, lab.was_shut_down)

    def serve(self, program: Program) -> None:
        """Start all but JupyterLab, tell `program` of the instance, watch it all. Raises ServiceFailed."""
        with self._grid() as grid:
            self._renew_token(grid)
            program.tell(Ready(self._instance(grid), SCOPE))
            self._watch(grid, lambda: False)

    def _watch(self, grid: Grid, ended: Callable[[], bool]) -> None:
        """Keep the user signed in until it has ended. Raises ServiceFailed where a part has."""
        while not ended():
            grid.check()
            if time.time() > self._token_due:  # the wall clock goes on while a laptop sleeps
                # Where Rucio is busy the old token is good for longer, and the next round tries.
                with suppress(OSError):
                    self._renew_token(grid)
            time.sleep(WATCH_INTERVAL)

    @contextmanager
    def _grid(self) -> Iterator[Grid]:
        """A running grid with its data."""
        _reach_loopback_directly()
        self._teller.say(f"The demo lives in {self.folder}")
        python = server_python(self.folder, self._teller)
        fresh = data.is_outdated(self._grid_folder)
        if fresh:
            self._clear()
        grid = Grid(
            self._grid_folder,
            server_python=python,
            storages=data.DISKS,
            clouds=data.CLOUDS,
            cache_seconds=300,
        )
        with ExitStack() as running:
            try:
                with self._teller.step("Rucio, two storages and a CS3 cloud"):
                    running.enter_context(grid)
                if fresh:
                    data.make(grid, self._teller.step)
            except RucioException as error:
                why = f"Rucio refused with {type(error).__name__}"
                raise ServiceFailed("Setting Rucio up", why, grid.rucio.log_paths["server"]) from error
            yield grid

    def _configuration(self, grid: Grid) -> dict[str, Any]:
        """What a site would write for `c.RucioConfig`."""
        return {
            "instances": [self._instance(grid)],
            "default_auth_type": "oidc",
            "views_dir": str(self.work / "rucio"),
        }

    def _instance(self, grid: Grid) -> dict[str, Any]:
        """The running Rucio, as a site would configure it; the token file signs the user in."""
        return {
            "name": "demo",
            "display_name": "Rucio demo",
            "mode": "download",
            "rucio_base_url": grid.rucio.url,
            "rucio_ca_cert": str(grid.authority.certificate),
            "wildcard_enabled": True,
            "oidc_auth": "file",
            "oidc_file_name": str(self._token),
            "cs3": {"127.0.0.1": {"secret_file": str(self._cloud_token)}},
        }

    def _tell(self, grid: Grid, lab: JupyterLab) -> None:
        config = grid.rucio.client_config_of(USER, username=USER, password=PASSWORD)
        beside = Path(sys.executable).with_name("rucio")
        rucio = str(beside) if beside.exists() else shutil.which("rucio") or "rucio"
        storages = ", ".join(str(part.log) for part in grid.stores)
        self._teller.say(
            "",
            f"JupyterLab  {lab.address}",
            f"Rucio       {grid.rucio.url}, signed in as {USER}; by hand: user {USER}, password {PASSWORD}",
            f"In a shell  RUCIO_CONFIG={quote(str(config))} {quote(rucio)} whoami",
            f"Logs        {lab.log}, {grid.rucio.log_paths['server']}, {storages}",
            "",
            "Ctrl-C ends it all.",
        )

    def _renew_token(self, grid: Grid) -> None:
        write_private(self._token, grid.rucio.token(USER, username=USER, password=PASSWORD))
        write_private(self._cloud_token, CLOUD_TOKEN)
        self._token_due = time.time() + TOKEN_RENEWAL

    def _lay_out_work(self) -> None:
        self.work.mkdir(exist_ok=True)
        notebook = self.work / "demo.ipynb"
        if not notebook.exists():
            write_private(notebook, resources.files(__package__).joinpath("demo.ipynb").read_bytes())

    def _clear(self) -> None:
        """Remove servers and data of an earlier version or an interrupted start, and what was staged of it."""
        views = self.work / "rucio"
        for old in (self._grid_folder, self.folder / "state", views / ".store"):
            if old.exists():
                shutil.rmtree(old)
        for place, folders, files in os.walk(views, topdown=False):  # what the user laid there stays
            for name in (*files, *folders):
                link = Path(place, name)
                if link.is_symlink() and not link.exists():
                    link.unlink()
            with suppress(OSError):  # there is something in it
                Path(place).rmdir()


def _reach_loopback_directly() -> None:
    """A proxy of the site must not be asked for what runs on this machine."""
    for variable in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(variable, "").split(",") if host]
        os.environ[variable] = ",".join([*hosts, "localhost", "127.0.0.1"])
