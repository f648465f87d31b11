"""The storage protocol, driven by stock Rucio's `rsemanager` in client mode."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rucio.common import exception

from rucio_mesh.cs3 import errors, transfers
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import PROFILES, ProfileName
from rucio_mesh.testing.storage import hashed_path

from ..conftest import MakeGateway
from . import rse
from .conftest import SECRETS, Configure, content

LEGAL_NAMES = st.from_regex(r"[/A-Za-z0-9][/A-Za-z0-9._-]{0,60}", fullmatch=True)
SEGMENTS = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30
).filter(lambda text: text not in (".", ".."))
PATHS = st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join)
HOSTS = st.sampled_from(["cloud.example.org", "localhost", "127.0.0.1", "::1", "[::1]", "2001:db8::17"])
SCOPES = st.from_regex(r"[a-zA-Z_\-.0-9]{1,25}", fullmatch=True)


def lfn(name: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {
        "scope": "user.alice",
        "name": name,
        "filename": name,
        "filesize": len(data),
        "adler32": f"{zlib.adler32(data):08x}",
    } | more


def test_rsemanager_uploads_finds_renames_and_deletes(
    manager: Any, cloud: dict[str, Any], gateway: Gateway, tmp_path: Path
) -> None:
    data = content(300_000)
    (tmp_path / "f1").write_bytes(data)
    file = {"scope": "user.alice", "name": "f1"}
    assert manager.upload(cloud, [lfn("f1", data)], source_dir=str(tmp_path), impl=rse.IMPL)["success"]
    stored = gateway.path(f"{gateway.home()}/rucio/{hashed_path('user.alice', 'f1')}")
    assert stored.read_bytes() == data
    assert manager.exists(cloud, [file], impl=rse.IMPL) is True
    with pytest.raises(exception.FileReplicaAlreadyExists):
        manager.upload(cloud, [lfn("f1", data)], source_dir=str(tmp_path), impl=rse.IMPL)
    assert manager.rename(cloud, [file | {"new_name": "f2"}], impl=rse.IMPL) is True
    assert manager.exists(cloud, [file], impl=rse.IMPL) is False
    assert manager.delete(cloud, [file | {"name": "f2"}], impl=rse.IMPL) is True
    with pytest.raises(exception.SourceNotFound):
        manager.delete(cloud, [file | {"name": "f2"}], impl=rse.IMPL)
    assert not [path for path in stored.parents[3].rglob("*") if path.is_file()]
    ok, space = manager.get_space_usage(cloud, impl=rse.IMPL)
    assert ok and 0 <= space["unusedsize"] <= space["totalsize"]


@pytest.mark.parametrize("name", ["f 1#e.root", "f?x=1&y", "f%201", "ünïcode-名前", "a;b:c@d", "x" * 200])
def test_any_name_goes_up_and_comes_down(protocol: Any, gateway: Gateway, tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    (pfn,) = protocol.lfns2pfns({"scope": "user.alice", "name": name}).values()
    protocol.put("f", pfn, str(tmp_path))
    assert gateway.path(f"{gateway.home()}/rucio/{hashed_path('user.alice', name)}").read_bytes() == b"abc"
    assert protocol.stat(pfn) == {"filesize": 3, "adler32": "024d0127"}
    protocol.get(pfn, str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"abc"
    assert not protocol.exists(f"{pfn}.rucio.upload")


def test_folders_are_made_for_what_comes_down(protocol: Any, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    pfn = protocol.path2pfn("f")
    protocol.put("f", pfn, str(tmp_path))
    protocol.get(pfn, str(tmp_path / "down" / "run7" / "raw.part"))
    assert (tmp_path / "down" / "run7" / "raw.part").read_bytes() == b"abc"


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the manager has no state
@given(scope=SCOPES, name=LEGAL_NAMES, host=st.sampled_from(["cloud.example.org", "::1", "[::1]"]))
def test_every_legal_name_has_a_pfn_that_is_read_back_or_refused(
    manager: Any, scope: str, name: str, host: str
) -> None:
    protocol = manager.create_protocol(rse.settings(host, 9142, "//home//rucio"), "read")
    (pfn,) = protocol.lfns2pfns({"scope": scope, "name": name}).values()
    try:
        parts = protocol.parse_pfns(pfn)[pfn]
    except exception.RSEFileNameNotSupported:
        path = hashed_path(scope, name)
        assert {"", ".", ".."} & set(path.split("/")), "only what a gateway takes for another path is refused"
        return
    assert f"{parts['path']}{parts['name']}" == f"/{hashed_path(scope, name)}"
    assert (parts["scheme"], parts["port"], parts["prefix"]) == ("cs3", 9142, "/home/rucio/")
    assert protocol.path2pfn(f"{parts['path']}{parts['name']}") == pfn


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, other=PATHS, host=HOSTS, port=st.integers(1, 65535))
def test_every_path_comes_back_from_its_pfn_and_no_two_paths_share_one(
    manager: Any, path: str, other: str, host: str, port: int
) -> None:
    """Whatever a site's own policy lets names be: `#`, `?`, `%`, spaces, all of Unicode."""
    protocol = manager.create_protocol(rse.settings(host, port, "/home/rucio"), "read")
    pfn, other_pfn = protocol.path2pfn(path), protocol.path2pfn(other)
    parts = protocol.parse_pfns([pfn])[pfn]
    assert f"{parts['prefix']}{parts['path'].lstrip('/')}{parts['name']}" == f"/home/rucio/{path}"
    assert protocol.path2pfn(parts["path"] + parts["name"]) == pfn == protocol.path2pfn(pfn)
    assert "/" not in parts["name"] and parts["path"].startswith("/") and parts["path"].endswith("/")
    assert (parts["hostname"].strip("[]"), parts["port"]) == (host.strip("[]"), port)
    assert (pfn == other_pfn) == (path == other)


@pytest.mark.parametrize(
    "pfn",
    [
        "cs3://127.0.0.1:1/home/rucio/f",
        "cs3://elsewhere:9142/home/rucio/f",
        "cs3://127.0.0.1:9142/home/other/f",
        "cs3://127.0.0.1:9142/home/rucio/../other/f",
        "cs3://127.0.0.1:9142/home/rucio/",
        "davs://127.0.0.1:9142/home/rucio/f",
    ],
)
def test_a_pfn_of_another_rse_is_refused(manager: Any, pfn: str) -> None:
    with pytest.raises(exception.RSEFileNameNotSupported):
        manager.create_protocol(rse.settings(), "read").parse_pfns([pfn])


def test_what_rucio_keeps_of_an_rse_is_not_changed(manager: Any) -> None:
    settings = rse.settings("::1", prefix="home//rucio")
    manager.create_protocol(settings, "read")
    assert (
        settings["protocols"][0]["hostname"] == "::1" and settings["protocols"][0]["prefix"] == "home//rucio"
    )


def test_a_container_is_neither_read_nor_removed(protocol: Any, gateway: Gateway, tmp_path: Path) -> None:
    gateway.path(f"{gateway.home()}/rucio/folder").mkdir(parents=True)
    folder = protocol.path2pfn("folder")
    assert protocol.exists(folder)
    with pytest.raises(exception.SourceNotFound):
        protocol.stat(folder)
    with pytest.raises(exception.SourceNotFound):
        protocol.get(folder, str(tmp_path / "f"))
    with pytest.raises(exception.RucioException):
        protocol.delete(folder)
    assert gateway.path(f"{gateway.home()}/rucio/folder").is_dir()


def test_failures_are_told_in_rucios_words(protocol: Any, gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    pfn = protocol.path2pfn("f")
    with pytest.raises(exception.SourceNotFound):
        protocol.put("missing", pfn, str(tmp_path))
    with pytest.raises(exception.SourceNotFound):
        protocol.get(pfn, str(tmp_path / "copy"))
    with pytest.raises(exception.SourceNotFound):
        protocol.rename(pfn, protocol.path2pfn("g"))
    gateway.faults.quota_full = True
    with pytest.raises(exception.DestinationNotAccessible):
        protocol.put("f", pfn, str(tmp_path))
    gateway.faults.quota_full = False
    protocol.put("f", pfn, str(tmp_path))
    with pytest.raises(exception.FileReplicaAlreadyExists):
        protocol.put("f", pfn, str(tmp_path))
    with pytest.raises(exception.DestinationNotAccessible):
        protocol.get(pfn, str(tmp_path / "f" / "below-a-file"))
    gateway.stop()
    with pytest.raises(exception.ServiceUnavailable):
        protocol.delete(pfn)


@pytest.mark.usefixtures("manager")
def test_every_error_of_the_client_is_one_of_rucios() -> None:
    from rucio_mesh.cs3.protocol import ALWAYS, READING, WRITING, rucio_errors

    for base in (errors.Cs3Error, errors.AccessDenied, errors.Unavailable):
        for kind in base.__subclasses__():
            for table in (ALWAYS, READING, WRITING):
                with pytest.raises(exception.RucioException), rucio_errors(table):
                    raise kind("Stat /f")


def test_without_a_credential_access_is_denied_and_the_remedy_is_told(
    configure: Configure, manager: Any, cloud: dict[str, Any]
) -> None:
    configure("")
    with pytest.raises(exception.RSEAccessDenied, match=r"add \[cs3:127.0.0.1\] to rucio.cfg"):
        manager.create_protocol(cloud, "read").connect()
    configure(SECRETS.format(host="127.0.0.1").replace("relativity", "gravity"))
    with pytest.raises(exception.RSEAccessDenied):
        manager.create_protocol(cloud, "read").connect()


def test_a_secret_goes_only_to_the_host_it_is_for(
    configure: Configure, manager: Any, cloud: dict[str, Any], gateway: Gateway
) -> None:
    configure(SECRETS.format(host="cernbox.example.org"))
    with pytest.raises(exception.RSEAccessDenied):
        manager.create_protocol(cloud, "read").connect()
    assert gateway.counts["Authenticate"] == 0


def test_a_token_of_the_environment_serves_the_hosts_it_is_for(
    configure: Configure,
    manager: Any,
    cloud: dict[str, Any],
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    configure("")
    (tmp_path / "token").write_text(gateway.accounts.oidc_token("einstein"))
    monkeypatch.setenv("RUCIO_CS3_HOSTS", "cernbox.example.org, 127.0.0.1")
    monkeypatch.setenv("RUCIO_CS3_TOKEN_FILE", str(tmp_path / "token"))
    manager.create_protocol(cloud, "read").connect()
    assert gateway.counts["Authenticate"] == 1


def test_rucios_own_token_is_sent_only_where_the_rse_takes_it(
    configure: Configure, manager: Any, gateway: Gateway
) -> None:
    configure("")
    token = gateway.accounts.oidc_token("einstein")
    with pytest.raises(exception.RSEAccessDenied):
        manager.create_protocol(rse.settings(port=gateway.grpc_port), "read", auth_token=token).connect()
    taking = rse.settings(port=gateway.grpc_port, takes_rucio_tokens=True)
    manager.create_protocol(taking, "read", auth_token=token).connect()


@pytest.mark.parametrize("size", [3, 3_000_000, transfers.UNSEEN_BYTES + 1])
@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_goes_below_a_file(
    manager: Any, cs3_gateway: MakeGateway, tmp_path: Path, profile: ProfileName, size: int
) -> None:
    gateway = cs3_gateway(profile)
    made = manager.create_protocol(rse.settings(port=gateway.grpc_port, prefix=gateway.home()), "write")
    made.connect()
    (tmp_path / "f").write_bytes(bytes(size))
    for name in ("run1", "other"):
        made.put("f", made.path2pfn(name), str(tmp_path))
    begun = gateway.counts["InitiateFileUpload"]
    for below in ("run1/x", "run1/x/y", "run1/x/y/z"):
        with pytest.raises(exception.DestinationNotAccessible, match="run1 is a file, where a container"):
            made.put("f", made.path2pfn(below), str(tmp_path))
        with pytest.raises(exception.DestinationNotAccessible, match="run1 is a file, where a container"):
            made.rename(made.path2pfn("other"), made.path2pfn(below))
    assert gateway.counts["InitiateFileUpload"] - begun <= 3, "it was tried again"
    assert {path.name for path in gateway.path(gateway.home()).iterdir()} == {"run1", "other"}
    made.close()


def test_an_unknown_word_in_the_configuration_is_told(
    configure: Configure, manager: Any, gateway: Gateway
) -> None:
    with pytest.raises(exception.RucioException, match="data_host"):
        manager.create_protocol(rse.settings(port=gateway.grpc_port, data_host="x"), "read").connect()
    configure(SECRETS.format(host="127.0.0.1") + "usr = bob\n")
    with pytest.raises(exception.RucioException, match="usr"):
        manager.create_protocol(rse.settings(port=gateway.grpc_port), "read").connect()


@pytest.mark.parametrize("port", [None, 0])
def test_a_protocol_without_a_port_says_so_when_it_connects(manager: Any, port: Any) -> None:
    """And not before: a server lists the replicas of many RSEs at once."""
    made = manager.create_protocol(rse.settings(port=port), "read")
    assert made.lfns2pfns({"scope": "user.alice", "name": "f"})
    with pytest.raises(exception.RucioException, match="lacks the port"):
        made.connect()


def test_protocols_of_one_process_share_a_sign_in(
    manager: Any, cloud: dict[str, Any], gateway: Gateway
) -> None:
    for _ in range(3):
        made = manager.create_protocol(cloud, "read")
        made.connect()
        made.close()
    assert gateway.counts["Authenticate"] == 1
    with pytest.raises(exception.RSENotConnected):
        made.exists(made.path2pfn("f"))
