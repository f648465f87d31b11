"""The real Rucio: starting again, signing in, and what it says when it does not start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from rucio_mesh.testing.certificates import Authority, Leaf
from rucio_mesh.testing.client import InstanceClient
from rucio_mesh.testing.instance import Instance
from rucio_mesh.testing.service import ServiceFailed
from tests.lab.lab import server_python
from tests.lab.processes import assert_nothing_left, processes_of

if TYPE_CHECKING:
    from tests.lab.lab import Lab


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance that has run once, in a folder of an awkward name."""
    home = tmp_path_factory.mktemp("built") / "what? #1 & 'Zürich'" / "rucio"
    with Instance(home, python=server_python()):
        return home


@pytest.fixture
def plain(built: Path, tmp_path: Path) -> Iterator[Instance]:
    """A running instance without TLS, whose folder has moved."""
    shutil.copytree(built, tmp_path / "rucio", symlinks=True)
    with Instance(tmp_path / "rucio", python=server_python()) as instance:
        yield instance


def test_it_starts_again_on_the_same_port_with_what_it_knew(plain: Instance) -> None:
    plain.client().add_scope("root", "kept")
    url = plain.url
    plain.stop()
    assert not plain.answers()
    assert processes_of(plain.home) == {}

    plain.start()

    assert plain.url == url and url.startswith("http://")
    assert "kept" in plain.client().list_scopes()


def test_a_port_that_was_half_written_is_chosen_anew(plain: Instance) -> None:
    for remains in ("", "999999"):
        plain.stop()
        (plain.home / "port").write_text(remains)
        plain.start()
        assert plain.answers()


def test_json_metadata_work(plain: Instance) -> None:
    client = plain.client()
    client.add_scope("root", "s")
    client.add_dataset("s", "d")
    client.set_metadata("s", "d", "colour", "blue")
    assert client.get_metadata("s", "d", plugin="ALL")["colour"] == "blue"
    assert list(client.list_dids("s", [{"colour": "blue"}])) == ["d"]


def test_secrets_are_in_files_that_nobody_else_can_read(plain: Instance) -> None:
    plain.client()
    assert plain.home.stat().st_mode & 0o077 == 0
    for secret in (plain.client_config, plain.home / "etc" / "rucio.cfg"):
        assert secret.stat().st_mode & 0o077 == 0
    assert "secret" not in plain.log_paths["access"].read_text()


def test_an_interrupted_build_is_made_again(plain: Instance) -> None:
    plain.stop()
    (plain.home / "built").unlink()
    (plain.home / "rucio.db").write_bytes(b"half")
    plain.start()
    assert plain.client().whoami()["account"] == "root"


@pytest.mark.parametrize("rest", [b"half", b"", None], ids=["rubbish", "empty", "gone"])
def test_a_damaged_database_is_named_with_what_to_do(built: Path, tmp_path: Path, rest: bytes | None) -> None:
    home = shutil.copytree(built, tmp_path / "rucio", symlinks=True)
    for file in home.glob("rucio.db*"):
        file.unlink()
    if rest is not None:
        (home / "rucio.db").write_bytes(rest)

    with pytest.raises(ServiceFailed, match=r"its database is damaged \(.+\); remove the folder") as caught:
        Instance(home, python=server_python()).start()

    assert str(home) in caught.value.sentence
    assert processes_of(home) == {}


def test_a_server_environment_without_rucio_is_named_with_its_log(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "rucio", python=Path(sys.executable))
    with pytest.raises(ServiceFailed, match=r"database failed: .* Its log: ") as caught:
        instance.start()
    assert str(instance.log_paths["build"]) in str(caught.value)
    assert "rucio" in instance.log_paths["build"].read_text()
    assert processes_of(tmp_path) == {}


def test_a_crash_after_the_start_is_noticed(plain: Instance) -> None:
    plain.check()
    worker = max(processes_of(plain.home))
    arbiter = min(pid for pid, command in processes_of(plain.home).items() if "leash.py" not in command)
    subprocess.run(["kill", "-9", str(arbiter), str(worker)], check=True)
    assert_nothing_left(plain.home, seconds=10)
    with pytest.raises(ServiceFailed, match="ended with status 137"):
        plain.check()


def test_a_users_certificate_signs_in(lab: Lab) -> None:
    alice = lab.user("alice")
    for account in ("alice", "higgs"):
        credentials = {"client_cert": str(alice.certificate), "client_key": str(alice.key)}
        assert InstanceClient(lab.rucio, account, "x509", credentials).whoami()["account"] == account


def test_a_proxy_signs_in_as_its_owner(lab: Lab) -> None:
    proxy = {"client_proxy": str(lab.proxy("alice").certificate)}
    assert InstanceClient(lab.rucio, "alice", "x509_proxy", proxy).whoami()["account"] == "alice"


def test_no_certificate_an_unknown_name_or_a_forged_header_do_not_sign_in(lab: Lab) -> None:
    forged = {"SSL-Client-S-DN": "/O=Rucio/CN=alice", "SSL_CLIENT_S_DN": "/O=Rucio/CN=alice"}
    assert sign_in(lab, None).status_code == 401
    assert sign_in(lab, None, **forged).status_code == 401
    assert sign_in(lab, lab.user("mallory")).status_code == 401
    assert sign_in(lab, lab.user("alice")).status_code == 200


def test_a_certificate_of_another_authority_is_refused(lab: Lab, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "ca").user("alice")
    with pytest.raises(requests.ConnectionError):
        sign_in(lab, stranger)


def sign_in(lab: Lab, leaf: Leaf | None, **headers: str) -> requests.Response:
    return requests.get(
        f"{lab.url}/auth/x509",
        headers={"X-Rucio-Account": "alice", **headers},
        cert=(str(leaf.certificate), str(leaf.key)) if leaf else None,
        verify=str(lab.ca),
        timeout=10,
    )
