"""The gateway in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rucio_mesh.testing.certificates import Authority
from rucio_mesh.testing.cs3.accounts import Account
from rucio_mesh.testing.cs3.cloud import Cloud
from rucio_mesh.testing.cs3.profiles import PROFILES
from rucio_mesh.testing.service import ServiceFailed
from tests.client.cs3.target import Target

CONTENT = bytes(range(256)) * 8000


def test_a_cloud_speaks_tls_and_keeps_files_and_ports_when_it_starts_again(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    accounts = {"alice": Account("alice-secret", bearer=("token-of-alice",))}
    with Cloud("ALPHA", tmp_path / "alpha", "eos", authority=authority, accounts=accounts) as cloud:

        def signed_in() -> Target:
            address = f"localhost:{cloud.grpc_port}"
            return Target(address, PROFILES["eos"], ("bearer", "", "token-of-alice"), authority.certificate)

        target = signed_in().begin()
        assert target.folder.startswith(cloud.home("alice"))
        assert target.download("f").download_endpoint.startswith("https://")
        assert target.put("f", CONTENT).status_code == 200
        ports = cloud.grpc_port, cloud.data_port
        cloud.stop()
        cloud.start()
        assert (cloud.grpc_port, cloud.data_port) == ports
        again = signed_in()
        again.sign_in()
        again.folder = target.folder
        assert again.get("f").content == CONTENT
        assert "alice-secret" not in cloud.log.read_text()
    assert oct((tmp_path / "alpha" / "accounts.json").stat().st_mode & 0o777) == "0o600"


def test_a_cloud_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    cloud = Cloud("ALPHA", tmp_path / "alpha", "eos")
    (tmp_path / "alpha" / "data" / "homes").touch()
    with pytest.raises(ServiceFailed, match=r"The cloud ALPHA failed: .*cloud\.log"):
        cloud.start()


def test_the_command_tells_its_ports_in_one_line_and_arms_faults(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "rucio_mesh.testing.cs3",
        "--root",
        str(tmp_path),
        "--profile",
        "localfs",
    ]
    command += ["--fault", "data_unavailable=0x2", "--quota", "1000000"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        assert told["profile"] == "localfs" and told["homes"]["einstein"] == "/home"
        login = ("basic", "einstein", "relativity")
        target = Target(f"127.0.0.1:{told['grpc']}", PROFILES["localfs"], login).begin()
        assert [target.put("f", b"abc").status_code for _ in range(3)] == [503, 503, 200]
        began = time.monotonic()
        process.terminate()
        assert process.wait(10) == 0
    assert time.monotonic() - began < 5
