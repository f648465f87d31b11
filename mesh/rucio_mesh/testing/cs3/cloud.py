"""A CS3 cloud on this machine, in a process of its own, for as long as this one lives."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..local_server import LocalServer
from ..private import write_private
from .accounts import EINSTEIN_AND_FRIENDS, Account
from .profiles import PROFILES, ProfileName

if TYPE_CHECKING:
    from ..certificates import Authority


class Cloud(LocalServer):
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
        super().__init__(f"The cloud {name}", folder, "cloud.log", ports=2)
        self.name, self.profile = name, profile
        self._authority, self._accounts = authority, accounts

    @property
    def grpc_port(self) -> int:
        return self.ports[0]

    @property
    def data_port(self) -> int:
        return self.ports[1]

    def home(self, user: str) -> str:
        """The user's folder, as the gateway names it."""
        return PROFILES[self.profile].home.format(user=user, initial=user[0])

    def path(self, user: str, path: str) -> Path:
        """The file behind a path below the user's folder."""
        return self.root / "homes" / user / path

    def _command(self, ports: tuple[int, ...]) -> list[str | Path]:
        secrets = self.folder / "accounts.json"
        write_private(
            secrets, json.dumps({user: asdict(account) for user, account in self._accounts.items()})
        )
        command: list[str | Path] = [
            *(sys.executable, "-m", "rucio_mesh.testing.cs3"),
            *("--root", self.root, "--profile", self.profile, "--accounts", secrets),
            *("--ports", *map(str, ports)),
        ]
        if self._authority:
            leaf = self._authority.server()
            command += ["--tls", leaf.certificate, leaf.key]
        return command

    def _ports_told(self, log: bytes) -> tuple[int, ...] | None:
        lines = [line for line in log.splitlines(keepends=True) if line.startswith(b"{")]
        if not lines or not lines[-1].endswith(b"}\n"):
            return None
        told = json.loads(lines[-1])
        return told["grpc"], told["data"]
