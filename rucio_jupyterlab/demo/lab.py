"""JupyterLab with the extension, apart from the user's own settings."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rucio_mesh.testing.private import write_private
from rucio_mesh.testing.service import Service, ServiceFailed

START_SECONDS = 60
FOREIGN = ("RUCIO_", "SWAN_", "JUPYTER_", "JUPYTERLAB_")
"""Beginnings of variables that would mix the user's own configuration in."""


class JupyterLab:
    """One server of its own, whose settings lie below the demo's folder."""

    def __init__(
        self, folder: Path, *, root: Path, port: int, browser: bool, command: Sequence[str] = ()
    ) -> None:
        """`root` is what its file browser shows; `port` or the next free one is taken.

        `command` starts another Jupyter server than `jupyter lab`.
        """
        self.log = folder / "jupyterlab.log"
        self.address = ""
        """Where a browser goes, token included; known while it serves."""
        self._folder = folder
        self._settings = folder / "jupyter"
        self._runtime = folder / "runtime"
        self._root = root
        self._port = port
        self._browser = browser
        self._command = command or (sys.executable, "-m", "jupyterlab")
        self._service: Service | None = None

    def was_shut_down(self) -> bool:
        """Whether the user has ended it from within. Raises ServiceFailed if it crashed."""
        assert self._service
        if self._service.ended_well:
            return True
        self._service.check()
        return False

    @contextmanager
    def serving(self, rucio: dict[str, Any]) -> Iterator[None]:
        """Serve with this `c.RucioConfig`; the extension answers from here on. Raises ServiceFailed."""
        for folder in (self._settings, self._runtime):
            folder.mkdir(mode=0o700, exist_ok=True)
        for old in self._runtime.glob("jpserver-*"):
            old.unlink()
        write_private(self._settings / "jupyter_server_config.json", json.dumps(self._configuration(rucio)))
        self._decline_news()
        self._service = Service(
            "JupyterLab",
            self._command,
            log=self.log,
            environment=self._environment(),
            folder=self._folder,  # not the user's, where a file might shadow a module
            grace_seconds=8,
        )
        try:
            self._service.wait_until(self._answers, seconds=START_SECONDS)
            yield
        finally:
            self._service.stop()

    def _configuration(self, rucio: dict[str, Any]) -> dict[str, Any]:
        return {
            "ServerApp": {
                "allow_root": True,  # as in a container
                "ip": "127.0.0.1",
                "port": self._port,
                "open_browser": self._browser,
                "root_dir": str(self._root),
                "jpserver_extensions": {"jupyterlab": True, "rucio_jupyterlab": True},
                # No login shell, which would set PATH anew and find none of our commands.
                "terminado_settings": {"shell_command": [os.environ.get("SHELL") or "sh"]},
            },
            "LabApp": {"default_url": "/lab/tree/demo.ipynb"},
            "IdentityProvider": {"token": secrets.token_urlsafe(24)},
            "RucioConfig": rucio,
        }

    def _answers(self) -> bool:
        """Whether the extension answers. Raises ServiceFailed if JupyterLab does, but without it."""
        found = next(self._runtime.glob("jpserver-*.json"), None)
        try:
            server = json.loads(found.read_bytes()) if found else None
        except ValueError:
            return False  # half written
        if not server:
            return False
        address = urlsplit(server["url"])
        connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=10)
        try:
            headers = {"Authorization": f"token {server['token']}"}
            connection.request("GET", f"{address.path}rucio-jupyterlab/v1/engine", headers=headers)
            status = connection.getresponse().status
        except OSError:
            return False
        finally:
            connection.close()
        if status != 200:
            raise ServiceFailed("The Rucio extension", f"it answers with HTTP {status}", self.log)
        self.address = f"{server['url']}lab/tree/demo.ipynb?token={server['token']}"
        return True

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        return kept | {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath))),
            "JUPYTER_CONFIG_DIR": str(self._settings),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "RUCIO_JUPYTERLAB_STATE": str(self._folder / "state"),
        }

    def _decline_news(self) -> None:
        """Keep JupyterLab from asking whether it may fetch news."""
        settings = self._settings / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True, exist_ok=True)
        notification = settings / "notification.jupyterlab-settings"
        if not notification.exists():
            notification.write_text('{"fetchNews": "false", "checkForUpdates": false}')
