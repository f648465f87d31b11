"""The Jupyter server of this kernel: how to find it, and how to ask it.

The token opens the whole server: it goes to the server's own address alone, follows no
redirect, passes no proxy, and stands in no message.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .failures import NoService, RucioError, Unreachable, from_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "rucio-jupyterlab/v1/"
SIGN_IN_HINT = "Use the Rucio panel in the left sidebar."
TIMEOUT = 120.0
"""Seconds without a byte after which the server counts as dead; it waits 100 for a slow Rucio."""


class Server(NamedTuple):
    """Where a Jupyter server listens, and the token that it takes."""

    url: str
    """Base URL included, with a slash at the end."""
    token: str

    def __repr__(self) -> str:  # the token never reaches a traceback
        return f"Server(url={self.url!r})"


def find_server(environ: Mapping[str, str], runtime_folders: Iterable[Path]) -> Server | None:
    """The server that `RUCIO_JUPYTERLAB_URL` names, else the one that started this kernel.

    Under a hub the server has no token of its own and takes the hub's. None where there is no
    server, or none that a token opens.
    """
    override = environ.get("RUCIO_JUPYTERLAB_URL")
    if override:
        if not override.startswith(("http://", "https://")):
            raise NoService("RUCIO_JUPYTERLAB_URL must begin with http:// or https://.", "bad-configuration")
        return Server(_with_slash(override), environ.get("RUCIO_JUPYTERLAB_TOKEN", ""))
    parent = environ.get("JPY_PARENT_PID", "")
    hub_token = environ.get("JUPYTERHUB_API_TOKEN", "")
    if parent.isdigit():
        for folder in runtime_folders:
            found = _read_server_file(folder / f"jpserver-{parent}.json", int(parent))
            if found is not None:
                server = found._replace(token=found.token or hub_token)
                return server if server.token else None
    service = environ.get("JUPYTERHUB_SERVICE_URL")
    return Server(_reachable(service), hub_token) if service and hub_token else None


def runtime_folders() -> list[Path]:
    """Where this kernel's server may have left its address: beside the kernel's own connection file."""
    folders = []
    connection_file = _connection_file()
    if connection_file:
        folders.append(Path(connection_file).parent)
    configured = os.environ.get("JUPYTER_RUNTIME_DIR")
    folders.append(Path(configured) if configured else _default_runtime_folder())
    return folders


class ServerClient:
    """Asks the extension in one Jupyter server."""

    def __init__(self, server: Server, timeout: float = TIMEOUT) -> None:
        self._server = server
        self._timeout = timeout
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def ask(self, method: str, route: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send one request to `route` below the extension's prefix; return the decoded answer.

        Raises NoService where there is no such extension, Unreachable where the server does not
        answer, and the RucioError that fits where it answers with a problem.
        """
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            f"{self._server.url}{PREFIX}{route}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": "application/json", "Content-Type": "application/json"},
        )
        if self._server.token:
            request.add_unredirected_header("Authorization", f"token {self._server.token}")
        try:
            status, data = self._exchange(request)
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(_why_unreachable(error), "server-unreachable") from None
        if status >= 300:
            raise _refusal(status, data)
        try:
            return json.loads(data) if data else None
        except ValueError:
            raise Unreachable("The Jupyter server answered garbage.", "server-unreachable") from None

    def _exchange(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _why_unreachable(error: Exception) -> str:
    """In our words: the foreign ones may name the address with its token."""
    if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
        return "The Jupyter server's certificate cannot be verified. SSL_CERT_FILE may name its authority."
    return "The Jupyter server does not answer."


def _refusal(status: int, data: bytes) -> RucioError:
    try:
        problem = json.loads(data)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and "type" in problem and "detail" in problem:
        return from_problem(problem, SIGN_IN_HINT)
    if status == 404:
        return NoService("The Jupyter server has no Rucio extension.", "no-extension")
    if status in (401, 403) or 300 <= status < 400:
        return NoService("The Jupyter server does not take this kernel's token.", "denied")
    if status in (502, 503, 504):
        return Unreachable("The Jupyter server does not answer.", "server-unreachable")
    kind = Unreachable if status >= 500 else RucioError  # under a hub it fails for a while where the hub does
    return kind(f"The Jupyter server failed with HTTP {status}.", "server-failed")


def _read_server_file(file: Path, pid: int) -> Server | None:
    """What a server wrote about itself; None where the file is not this user's, or another server's."""
    try:
        if hasattr(os, "getuid") and file.stat().st_uid != os.getuid():
            return None
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["pid"] != pid:
            return None
        return Server(_with_slash(data["url"]), data.get("token") or "")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _connection_file() -> str | None:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    try:
        return str(shell.config["IPKernelApp"]["connection_file"]) if shell else None
    except (AttributeError, KeyError):
        return None


def _default_runtime_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Jupyter" / "runtime"
    data = os.environ.get("JUPYTER_DATA_DIR")
    if data:
        return Path(data) / "runtime"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "jupyter" / "runtime"


def _with_slash(url: str) -> str:
    return url if url.endswith("/") else url + "/"


def _reachable(url: str) -> str:
    """The address to call where a server listens on every interface."""
    return _with_slash(url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:"))
