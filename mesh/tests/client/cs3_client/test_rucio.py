"""A real Rucio whose RSE is a CS3 cloud, used by Rucio's own programs: upload, download, and the reaper."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rucio_mesh.testing import seeding
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.instance import Instance
from rucio_mesh.testing.seeding import ALL_RIGHTS
from rucio_mesh.testing.storage import hashed_path

from .conftest import content

RSE, SCOPE = "CLOUD", "cloud"
IMPL = "rucio_mesh.cs3.protocol.Default"
SECRETS = "\n[cs3:127.0.0.1]\nauth = basic\nuser = einstein\nsecret = relativity\n"
SERVER_PYTHON = Path(
    os.environ.get("RUCIO_MESH_SERVER_PYTHON", Path(__file__).parents[4] / ".venv-rucio" / "bin" / "python")
)


class Site:
    """The Rucio, the cloud, and Rucio's programs."""

    def __init__(self, folder: Path, rucio: Instance, cloud: Gateway) -> None:
        self.folder, self.rucio, self.cloud = folder, rucio, cloud
        self.client = rucio.client()
        seeding.add_rse(self.client, RSE)
        seeding.add_scope(self.client, SCOPE)
        host, _, port = cloud.address.rpartition(":")
        protocol = {
            "scheme": "cs3",
            "hostname": host,
            "port": int(port),
            "prefix": f"{cloud.home()}/rucio",
            "impl": IMPL,
            "domains": ALL_RIGHTS,
            "extended_attributes": {"cs3": {"uploads": ["simple"]}},
        }
        self.client.add_protocol(RSE, protocol)
        self.config = folder / "client.cfg"
        self.config.write_text(rucio.client_config.read_text() + SECRETS)
        with (rucio.home / "etc" / "rucio.cfg").open("a") as server_config:
            server_config.write(SECRETS)

    def run_client(self, *arguments: str) -> str:
        """`rucio …` on the user's side."""
        environment = os.environ | {"RUCIO_CONFIG": str(self.config)}
        return self._run([Path(sys.executable).with_name("rucio"), *arguments], environment)

    def run_daemon(self, name: str, *options: str) -> str:
        """One round of a daemon, on the server's side."""
        environment = os.environ | {
            "RUCIO_HOME": str(self.rucio.home),
            "PYTHONPATH": str(self.rucio.home / "python"),
        }
        daemon = SERVER_PYTHON.with_name(f"rucio-{name}")
        return self._run([SERVER_PYTHON, daemon, "--run-once", *options], environment)

    def stored(self, name: str) -> Path:
        """The file on the cloud's disk."""
        return self.cloud.path(f"{self.cloud.home()}/rucio/{hashed_path(SCOPE, name)}")

    def _run(self, command: list[str | Path], environment: dict[str, str]) -> str:
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with (
        Instance(folder / "rucio", python=SERVER_PYTHON) as rucio,
        Gateway(folder / "cloud", "eos") as cloud,
    ):
        yield Site(folder, rucio, cloud)


def test_a_file_goes_up_comes_down_and_is_reaped(site: Site) -> None:
    original = content(3_000_000)
    (site.folder / "run1.root").write_bytes(original)

    site.run_client("upload", "--rse", RSE, "--scope", SCOPE, "run1.root")
    assert site.stored("run1.root").read_bytes() == original
    assert not list(site.stored("run1.root").parent.glob("*.part"))

    # The server runs our WSGI application, so the client is told of cs3 without asking for it.
    site.run_client("download", "--dir", "down", f"{SCOPE}:run1.root")
    assert (site.folder / "down" / SCOPE / "run1.root").read_bytes() == original
    site.run_client("download", "--protocol", "cs3", "--dir", "asked", f"{SCOPE}:run1.root")
    assert (site.folder / "asked" / SCOPE / "run1.root").read_bytes() == original

    (rule,) = site.client.list_did_rules(SCOPE, "run1.root")
    site.client.delete_replication_rule(rule["id"], purge_replicas=True)
    site.client.update_replication_rule(rule["id"], {"lifetime": -1})
    site.run_daemon("judge-cleaner")
    site.run_daemon("reaper", "--greedy", "--include-rses", RSE, "--scheme", "cs3")
    assert not site.stored("run1.root").exists()
