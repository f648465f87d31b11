"""A server program on this machine that tells its ports in its log, and keeps them when it starts again."""

from __future__ import annotations

import json
import socket
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from .service import Service

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

START_SECONDS = 30.0


class LocalServer(ABC):
    """A program that serves what is below `root`, for as long as this process lives."""

    def __init__(self, title: str, folder: Path, log_name: str, *, ports: int) -> None:
        """`title` begins the texts of errors; the program listens at so many `ports` of 127.0.0.1."""
        self.folder = folder.resolve()
        self.root = self.folder / "data"
        self.root.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / log_name
        self.ports = (0,) * ports
        """Known from `start` on; those of the last time are taken again if they are free."""
        self._title = title
        self._service: Service | None = None

    @abstractmethod
    def _command(self, ports: tuple[int, ...]) -> list[str | Path]:
        """What to run, when all that it needs has been made; 0 lets the kernel choose a port."""

    @abstractmethod
    def _ports_told(self, log: bytes) -> tuple[int, ...] | None:
        """The ports, from what the program has written since it was started; None until it listens."""

    def start(self) -> Self:
        """Serve; returns when it answers. Raises ServiceFailed, which tells why and where the log is."""
        last = self.folder / "ports.json"
        wanted = remembered(last, len(self.ports))
        command = self._command(tuple(port if is_free(port) else 0 for port in wanted))
        started = self.log.stat().st_size if self.log.exists() else 0
        self._service = Service(self._title, command, log=self.log, folder=self.folder, grace_seconds=2)
        self._service.wait_until(lambda: self._listens(started), seconds=START_SECONDS)
        last.write_text(json.dumps(self.ports))
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

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listens(self, offset: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(offset)
            told = self._ports_told(log.read())
        self.ports = told or self.ports
        return told is not None


def remembered(file: Path, count: int) -> list[int]:
    """The ports of the last time; zeros where there was none, or the file was cut by a kill or a full disk."""
    try:
        ports = json.loads(file.read_text())
    except (OSError, ValueError):
        return [0] * count
    return ports if isinstance(ports, list) and len(ports) == count else [0] * count


def is_free(port: int) -> bool:
    """Whether a server may listen there; 0 always is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
