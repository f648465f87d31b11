"""The gateway in a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cs3.identity.user.v1beta1.resources_pb2 as people
import cs3.identity.user.v1beta1.user_api_pb2 as users
import cs3.rpc.v1beta1.code_pb2 as codes
import pytest

from rucio_mesh.testing.certificates import Authority
from rucio_mesh.testing.cs3.__main__ import main
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


def test_a_cloud_knows_all_of_an_account(tmp_path: Path) -> None:
    account = Account("s", "alice@example.org", ("higgs",), linked=True)
    with Cloud("ALPHA", tmp_path, "eos", accounts={"alice": account, "bob": Account("s")}) as cloud:
        target = Target(f"127.0.0.1:{cloud.grpc_port}", PROFILES["eos"], ("basic", "bob", "s")).begin()
        assert target.authenticate("basic", "alice", "s").status.code == codes.CODE_ABORTED
        request = users.GetUserRequest(user_id=people.UserId(opaque_id="alice"))
        assert list(target.ok("GetUser", request).user.groups) == ["higgs"]


@pytest.mark.parametrize(
    ("accounts", "sentence"),
    [
        (
            '{"alice": {"mail": "a@b"}}',
            "the account alice needs a password, and may have bearer, groups, linked, mail",
        ),
        ('{"alice": {"password": "s", "age": 7}}', "the account alice needs a password"),
        ('{"alice": "secret"}', "the account alice needs a password"),
        ('["alice"]', "accounts.json holds no accounts"),
        ("{", "accounts.json holds no accounts"),
    ],
)
def test_accounts_that_make_no_sense_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], accounts: str, sentence: str
) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(accounts)
    assert sentence in complaint(capsys, "--root", str(tmp_path), "--accounts", str(file))


def test_settings_that_make_no_sense_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ("--root", str(tmp_path))
    assert "needs --set redirect_url=ADDRESS" in complaint(capsys, *root, "--fault", "redirect")
    assert "no such setting; there are access_seconds, " in complaint(capsys, *root, "--set", "colour=blue")
    assert "'storing_seconds=long'" in complaint(capsys, *root, "--set", "storing_seconds=long")
    assert "'quota_full=perhaps'" in complaint(capsys, *root, "--set", "quota_full=perhaps")


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Of the command, which does not start."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def lifetime(token: str) -> int:
    """Seconds."""
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return int(claims["exp"] - claims["iat"])


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
    command += ["--fault", "data_unavailable=0x2", "--fault", "redirect=0x1", "--quota", "1000000"]
    command += [
        "--set",
        "retry_after=7",
        "--set",
        "redirect_url=http://127.0.0.1:1/",
        "--set",
        "access_seconds=900",
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        assert told["profile"] == "localfs" and told["homes"]["einstein"] == "/home"
        login = ("basic", "einstein", "relativity")
        target = Target(f"127.0.0.1:{told['grpc']}", PROFILES["localfs"], login).begin()
        answers = [target.put("f", b"abc") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [503, 503, 307, 200]
        assert answers[0].headers["Retry-After"] == "7"
        assert answers[2].headers["Location"] == "http://127.0.0.1:1/"
        assert lifetime(target.token) == 900
        began = time.monotonic()
        process.terminate()
        assert process.wait(10) == 0
    assert time.monotonic() - began < 5
