"""A real Rucio with three CS3 clouds of different kinds, and short words for what tests do to them."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from rucio_mesh.testing import seeding
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.ocm import Mesh
from rucio_mesh.testing.cs3.profiles import ProfileName
from rucio_mesh.testing.instance import Instance
from rucio_mesh.testing.seeding import ALL_RIGHTS, File
from rucio_mesh.testing.storage import hashed_path

SCOPE = "cloud"
ALPHA, BETA, GAMMA = "ALPHA_CLOUD", "BETA_CLOUD", "GAMMA_CLOUD"
KINDS: dict[str, ProfileName] = {ALPHA: "eos", BETA: "opencloud", GAMMA: "localfs"}
CONFIGURATION = """
[conveyor]
scheme = cs3
[cs3:127.0.0.1]
auth = basic
user = einstein
secret = relativity
"""


class Clouds:
    """One of each kind; all serve cs3 to third-party copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mesh = Mesh()
        self.rucio = Instance(folder / "rucio", python=Path(sys.executable))
        self.clouds = {
            rse: Gateway(folder / rse, kind, domain=f"{kind}.example.org", mesh=mesh)
            for rse, kind in KINDS.items()
        }
        self._numbers = itertools.count(1)

    def __enter__(self) -> Clouds:
        with ExitStack() as started:
            for part in (self.rucio, *self.clouds.values()):
                started.enter_context(part)
            self.client = self.rucio.client()
            seeding.add_scope(self.client, SCOPE)
            for rse, cloud in self.clouds.items():
                seeding.add_rse(self.client, rse)
                self.add_protocol(rse, cloud)
            for source, destination in itertools.permutations(KINDS, 2):
                self.client.add_distance(source, destination, {"distance": 1})
            self.configure(CONFIGURATION)
            self._stack = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add_protocol(self, rse: str, cloud: Gateway, **changes: Any) -> None:
        """`changes` replace what an RSE's protocol says by default."""
        host, _, port = cloud.address.rpartition(":")
        protocol = {
            "scheme": "cs3",
            "hostname": host,
            "port": int(port),
            "prefix": f"{cloud.home()}/rucio",
            "impl": "rucio_mesh.cs3.protocol.Default",
            "domains": ALL_RIGHTS,
        }
        self.client.add_protocol(rse, protocol | changes)

    def configure(self, text: str) -> None:
        """Add to what Rucio's daemons are configured by."""
        with (self.rucio.home / "etc" / "rucio.cfg").open("a") as config:
            config.write(text)

    def file_at(self, rse: str, size: int) -> tuple[File, bytes]:
        """A new file of random content, on that RSE's cloud and in the catalogue."""
        number = next(self._numbers)
        content = random.Random(number).randbytes(size)
        file = File.of(SCOPE, f"file-{number}", content)
        self._place(rse, file).write_bytes(content)
        return file, content

    def zeros_at(self, rse: str, size: int) -> File:
        """A new file of zeros, which may be large: it takes no space there."""
        adler32 = size % 65521 << 16 | 1
        file = File(SCOPE, f"file-{next(self._numbers)}", size, f"{adler32:08x}")
        with self._place(rse, file).open("wb") as stored:
            stored.truncate(size)
        return file

    def _place(self, rse: str, file: File) -> Path:
        """Where to put a file of which the catalogue knows now."""
        seeding.register(self.client, rse, [file])
        stored = self.stored(rse, file)
        stored.parent.mkdir(parents=True, exist_ok=True)
        return stored

    def rule(self, file: File, destination: str) -> str:
        """Ask for a copy at the destination; the rule's id."""
        (made,) = self.client.add_replication_rule([file.did()], copies=1, rse_expression=destination)
        return str(made)

    def state(self, rule: str) -> str:
        return str(self.client.get_replication_rule(rule)["state"])

    def request(self, file: File, destination: str) -> dict[str, Any]:
        """The transfer request that there is now, with its `state`, `retry_count`, …"""
        return dict(self.client.list_request_by_did(file.name, destination, file.scope))

    def stored(self, rse: str, file: File) -> Path:
        """The file on the cloud's disk."""
        cloud = self.clouds[rse]
        return cloud.path(f"{cloud.home()}/rucio/{hashed_path(file.scope, file.name)}")

    def unfinished(self, rse: str) -> list[Path]:
        """What relays have left on the cloud's disk."""
        cloud = self.clouds[rse]
        return [path for path in cloud.path(f"{cloud.home()}/rucio").rglob("*.part") if path.is_file()]

    def conveyor(self, *arguments: str) -> str:
        """One round of `rucio-mesh conveyor`, which has to end well; what it says."""
        done = run(["conveyor", "--once", *arguments], self.environment())
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def rucio_client(self, *arguments: str) -> None:
        """`rucio …` of a user, which has to end well."""
        program = [sys.executable, str(Path(sys.executable).with_name("rucio")), *arguments]
        subprocess.run(program, env=self.user_environment(), capture_output=True, timeout=120, check=True)

    def environment(self) -> dict[str, str]:
        """As on a host of Rucio's daemons."""
        return without_rucio() | {"RUCIO_HOME": str(self.rucio.home)}

    def user_environment(self) -> dict[str, str]:
        """As where Rucio's client runs."""
        config = self.folder / "client.cfg"
        config.write_text(self.rucio.client_config.read_text() + CONFIGURATION)
        return without_rucio() | {"RUCIO_CONFIG": str(config)}


def without_rucio() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("RUCIO")}


def command(*arguments: str) -> list[str]:
    """`rucio-mesh …` of this environment."""
    return [str(Path(sys.executable).with_name("rucio-mesh")), *arguments]


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`rucio-mesh …`, to its end."""
    return subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, timeout=180, check=False
    )
