"""One cloud as a file system."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import pytest

from rucio_mesh.cs3 import people
from rucio_mesh.cs3.auth import Basic, Bearer, Credential, Machine, Secret
from rucio_mesh.cs3.client import Client, HeldLock
from rucio_mesh.cs3.errors import (
    AlreadyExists,
    Conflict,
    Cs3Error,
    InvalidRequest,
    NotAContainer,
    NotFound,
    NotSignedIn,
    Unavailable,
)
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing.cs3.gateway import Gateway

from ..conftest import MakeGateway
from .conftest import EINSTEIN, ConnectTo


@pytest.fixture(params=["localfs", "eos", "opencloud"])
def gateway(request: pytest.FixtureRequest, cs3_gateway: MakeGateway) -> Gateway:
    return cs3_gateway(request.param)


@pytest.fixture
def cloud(gateway: Gateway, connect_to: ConnectTo) -> Client:
    return connect_to(gateway)


def seed(gateway: Gateway, path: str, data: bytes = b"abc") -> str:
    file = gateway.path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return path


def test_signing_in_works_in_every_way(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = cs3_gateway("eos")
    token = tmp_path / "token"
    token.write_text(gateway.accounts.oidc_token("einstein") + "\n")
    monkeypatch.setenv("A_TOKEN", gateway.accounts.oidc_token("einstein"))
    cloud = connect_to(gateway)
    credentials: list[Credential] = [
        Machine("einstein", Secret.of("machine-key")),
        Bearer(Secret.in_file(token)),
        Bearer(Secret.in_environment("A_TOKEN"), "oidc"),
        Bearer(Secret.of(cloud.gateway.token())),
        Bearer(Secret.of(cloud.gateway.token()), "reva"),
        Basic("einstein", people.make_app_password(cloud.gateway, "tests", seconds=60), kind="appauth"),
    ]
    for credential in credentials:
        assert connect_to(gateway, credential).who_am_i().username == "einstein", credential
    assert {"basic", "bearer"} <= set(cloud.auth_providers())


def test_a_wrong_password_is_not_signed_in(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    gateway = cs3_gateway()
    for wrong in (
        Basic("einstein", Secret.of("gravity")),
        Bearer(Secret.of("a.b.c")),
        Basic("x", Secret.of("y")),
    ):
        with pytest.raises(NotSignedIn):
            connect_to(gateway, wrong).sign_in()


def test_a_lapsed_token_is_renewed_once_from_the_file_as_it_is_now(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    gateway = cs3_gateway("eos")
    token = tmp_path / "token"
    token.write_text(gateway.accounts.oidc_token("einstein"))
    cloud = connect_to(gateway, Bearer(Secret.in_file(token)))
    home = cloud.home()
    token.write_text(gateway.accounts.oidc_token("marie"))
    assert cloud.who_am_i().username == "einstein"
    gateway.lapse_tokens()
    assert cloud.home() == home.replace("e/einstein", "m/marie")
    assert gateway.counts["Authenticate"] == 2
    token.unlink()
    gateway.lapse_tokens()
    with pytest.raises(NotSignedIn):
        cloud.home()


def test_a_token_about_to_lapse_is_renewed_before_it_is_used(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = cs3_gateway()
    cloud = connect_to(gateway)
    cloud.home()
    late = time.time() + 86_400 - 30
    monkeypatch.setattr("rucio_mesh.cs3.gateway.time.time", lambda: late)
    cloud.home()
    assert gateway.counts["Authenticate"] == 2


def test_containers_are_made_with_their_parents(gateway: Gateway, cloud: Client) -> None:
    path = f"{cloud.home()}/a/b/c"
    cloud.make_containers(path)
    cloud.make_containers(path)
    assert cloud.stat(path).kind == "container"
    with pytest.raises(AlreadyExists):
        cloud.make_container(path)
    with pytest.raises(NotFound):
        cloud.make_container(f"{cloud.home()}/x/y")
    with pytest.raises(NotFound, match="CreateContainer /nowhere:"):
        cloud.make_containers("/nowhere/x/y")
    seed(gateway, f"{path}/file")
    for below in ("", "/x", "/x/y/z"):
        with pytest.raises(NotAContainer, match=f"{path}/file is a file"):
            cloud.make_containers(f"{path}/file{below}")
    assert [each.path for each in cloud.list_container(path)] == [f"{path}/file"]


def test_what_is_below_a_file_does_not_exist(gateway: Gateway, cloud: Client) -> None:
    file = seed(gateway, f"{cloud.home()}/file")
    assert cloud.exists(file)
    assert not cloud.exists(f"{file}/below")
    assert not cloud.exists(f"{file}/far/below")
    with pytest.raises(InvalidRequest):
        cloud.list_container(file)


def test_a_container_is_not_removed_as_a_file(gateway: Gateway, cloud: Client) -> None:
    file = seed(gateway, f"{cloud.home()}/folder/file")
    with pytest.raises(InvalidRequest):
        cloud.remove_file(f"{cloud.home()}/folder")
    with pytest.raises(InvalidRequest):
        cloud.remove_container(f"{cloud.home()}/folder")
    assert cloud.exists(file)
    cloud.remove_file(file)
    with pytest.raises(NotFound):
        cloud.remove_file(file)
    cloud.remove_container(f"{cloud.home()}/folder")
    assert not cloud.exists(f"{cloud.home()}/folder")


def test_a_move_tells_what_is_missing_and_overwrites_nothing(gateway: Gateway, cloud: Client) -> None:
    home = cloud.home()
    one, other = seed(gateway, f"{home}/one", b"1"), seed(gateway, f"{home}/other", b"2")
    with pytest.raises(AlreadyExists):
        cloud.move(one, other)
    with pytest.raises(NotFound, match="source"):
        cloud.move(f"{home}/none", f"{home}/new")
    with pytest.raises(NotFound, match="container"):
        cloud.move(one, f"{home}/none/new")
    cloud.move(one, f"{home}/new")
    assert gateway.path(f"{home}/new").read_bytes() == b"1"


def test_metadata_is_kept_with_a_file(gateway: Gateway, cloud: Client) -> None:
    file = seed(gateway, f"{cloud.home()}/file")
    cloud.set_metadata(file, {"rucio.did": "user.alice:run 1", "rucio.md5": "0" * 32})
    assert cloud.stat(file).metadata["rucio.did"] == "user.alice:run 1"
    cloud.unset_metadata(file, ["rucio.did"])
    assert "rucio.did" not in cloud.stat(file).metadata


def test_a_lock_keeps_others_out(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    gateway = cs3_gateway("eos")
    cloud = connect_to(gateway)
    file = seed(gateway, f"{cloud.home()}/file")
    ours = HeldLock("lock-1", "rucio")
    cloud.lock(file, ours, seconds=60)
    assert cloud.held_lock(file) == ours
    with pytest.raises(Conflict):
        cloud.lock(file, HeldLock("lock-2", "other"), seconds=60)
    sent = memoryview(b"new")
    for lock, refused in ((None, True), (HeldLock("lock-1", "other"), True), (ours, False)):
        endpoint = cloud.initiate_upload(file, len(sent), lock=lock)
        with pytest.raises(Conflict) if refused else nullcontext():
            cloud.data.put(endpoint, "PUT file", len(sent), lambda wire: wire(sent))
    assert gateway.path(file).read_bytes() == b"new"
    with pytest.raises(Conflict):
        cloud.remove_file(file)
    cloud.refresh_lock(file, ours, seconds=120)
    cloud.unlock(file, ours)
    assert cloud.held_lock(file) is None


def test_ranges_are_read_even_where_the_gateway_has_none(gateway: Gateway, cloud: Client) -> None:
    file = seed(gateway, f"{cloud.home()}/file", b"0123456789")
    with cloud.read(file, start=4, length=3) as reader:
        buffer = memoryview(bytearray(3))
        assert reader.readinto(buffer) == 3 and bytes(buffer) == b"456"
    with cloud.read(file) as reader:
        assert reader.length == 10


def test_a_quota_is_told(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    cloud = connect_to(cs3_gateway("eos", quota_bytes=1_000_000))
    quota = cloud.quota(cloud.home())
    assert quota.total == 1_000_000 and 0 <= quota.used < 1_000_000


@pytest.mark.parametrize(
    ("told", "understood"),
    [
        ("short", {"adler32": "00030002"}),
        ("absent", {}),
        ("sha1", {"sha1": hashlib.sha1(b"\0\1").hexdigest()}),
    ],
)
def test_checksums_are_told_in_full_or_not_at_all(
    cs3_gateway: MakeGateway,
    connect_to: ConnectTo,
    told: Literal["short", "absent", "sha1"],
    understood: dict[str, str],
) -> None:
    gateway = cs3_gateway("eos")
    cloud = connect_to(gateway)
    file = seed(gateway, f"{cloud.home()}/file", b"\0\1")
    gateway.faults.checksum = told
    assert cloud.stat(file).checksums == understood


def test_a_gateway_that_is_down_is_told_soon_and_found_again(
    cs3_gateway: MakeGateway, connect_to: ConnectTo
) -> None:
    gateway = cs3_gateway()
    cloud = connect_to(gateway)
    cloud.sign_in()
    gateway.stop()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        cloud.home()
    assert time.monotonic() - began < 10
    gateway.start()
    deadline = time.monotonic() + 10
    while not answers(cloud):
        assert time.monotonic() < deadline, "it does not find the gateway again"


def answers(cloud: Client) -> bool:
    try:
        cloud.home()
    except Unavailable:
        time.sleep(0.1)
        return False
    return True


def test_a_path_that_is_none_is_refused_before_it_is_sent(cloud: Client) -> None:
    for path in ("relative", "/\ud800"):
        with pytest.raises(InvalidRequest):
            cloud.stat(path)


def test_a_large_listing_comes_whole(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    gateway = cs3_gateway()
    cloud = connect_to(gateway)
    folder = gateway.path("/home/many")
    folder.mkdir(parents=True)
    for number in range(500):
        (folder / f"{number:04}-{'n' * 200}").touch()
    assert len(cloud.list_container("/home/many")) == 500


def test_a_started_process_has_connections_of_its_own(gateway: Gateway, cloud: Client) -> None:
    cloud.sign_in()
    program = (
        "import sys; from rucio_mesh.cs3.auth import Basic, Secret; from rucio_mesh.cs3.client import Client;"
        "from rucio_mesh.cs3.settings import Settings;"
        "print(Client(Settings('127.0.0.1', int(sys.argv[1])),"
        " Basic('einstein', Secret.in_environment('PASSWORD'))).home())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(gateway.grpc_port)],
        env=os.environ | {"PASSWORD": "relativity", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == cloud.home()


def test_nobody_listens_means_unavailable() -> None:
    with Client(Settings("127.0.0.1", 1, call_seconds=3), EINSTEIN) as cloud, pytest.raises(Cs3Error):
        cloud.home()
