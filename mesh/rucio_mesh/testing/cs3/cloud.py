"""A CS3 cloud on this machine, in a process of its own, for as long as this one lives."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..private import write_private
from ..service import Service
from .accounts import EINSTEIN_AND_FRIENDS, Account
from .profiles import PROFILES, ProfileName

if TYPE_CHECKING:
    from types import TracebackType

    from ..certificates import Authority


class Cloud:
    """`python -m rucio_mesh.testing.cs3` on a folder. With an authority both endpoints speak TLS."""

    def __init__(
        self,
        name: str,
        folder: Path,
        profile: ProfileName,
        *,
        authority: Authority | None = None,
        accounts: Mapping[str, Account] = EINSTEIN_AND_FRIENDS,
    ) -> None:
        self.name, self.profile = name, profile
        self.folder = folder.resolve()
        self.root = self.folder / "data"
        self.root.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "cloud.log"
        self.grpc_port = self.data_port = 0
        """Known from `start` on; those of the last time are taken again if they are free."""
        self._authority, self._accounts = authority, accounts
        self._service: Service | None = None

    def home(self, user: str) -> str:
        """The user's folder, as the gateway names it."""
        return PROFILES[self.profile].home.format(user=user, initial=user[0])

    def start(self) -> Cloud:
        """Serve; returns when it answers. Raises ServiceFailed, which tells why and where the log is."""
        secrets = self.folder / "accounts.json"
        write_private(
            secrets, json.dumps({user: asdict(account) for user, account in self._accounts.items()})
        )
        last = self.folder / "ports.json"
        ports = json.loads(last.read_text()) if last.exists() else (0, 0)
        command: list[str | Path] = [
            *(sys.executable, "-m", "rucio_mesh.testing.cs3"),
            *("--root", self.root, "--profile", self.profile, "--accounts", secrets),
            *("--ports", *(str(port if _is_free(port) else 0) for port in ports)),
        ]
        if self._authority:
            leaf = self._authority.server()
            command += ["--tls", leaf.certificate, leaf.key]
        started = self.log.stat().st_size if self.log.exists() else 0
        self._service = Service(f"The cloud {self.name}", command, log=self.log, grace_seconds=2)
        self._service.wait_until(lambda: self._listening(started), seconds=30)
        last.write_text(json.dumps((self.grpc_port, self.data_port)))
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

    def __enter__(self) -> Cloud:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listening(self, offset: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(offset)
            lines = [line for line in log if line.startswith(b"{") and line.endswith(b"}\n")]
        if lines:
            told: dict[str, Any] = json.loads(lines[-1])
            self.grpc_port, self.data_port = told["grpc"], told["data"]
        return bool(lines)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
