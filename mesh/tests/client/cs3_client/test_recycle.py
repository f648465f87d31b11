"""The recycle bin gives back what is ours, and keeps all else."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from rucio_mesh.cs3 import recycle
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.errors import NotSupported
from rucio_mesh.testing.cs3.gateway import Gateway

from . import rse
from .conftest import ConnectTo


@pytest.fixture
def cloud(gateway: Gateway, connect_to: ConnectTo) -> Client:
    return connect_to(gateway)


def deleted(gateway: Gateway, cloud: Client, path: str, content: bytes) -> None:
    gateway.path(path).parent.mkdir(exist_ok=True)
    gateway.path(path).write_bytes(content)
    cloud.remove_file(path)


def in_bin(gateway: Gateway) -> set[bytes]:
    """The content of the files there; "a folder" of others."""
    files = [item.file for item in gateway.tree.trash.values()]
    return {b"a folder" if file.is_dir() else file.read_bytes() for file in files}


def test_the_file_that_was_deleted_last_is_purged_and_no_other(
    gateway: Gateway, cloud: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = cloud.home()
    seconds = iter(range(1, 9))
    clock = SimpleNamespace(time=lambda: next(seconds), time_ns=lambda: 0)
    monkeypatch.setattr("rucio_mesh.testing.cs3.tree.time", clock)
    for path, content in (
        (f"{home}/f", b"before"),
        (f"{home}/f", b"ours"),
        (f"{home}/other", b"other"),
        (f"{home}/folder/f", b"elsewhere"),
        (f"{home}/ff", b"longer"),
    ):
        deleted(gateway, cloud, path, content)
    gateway.path(f"{home}/f").mkdir()
    cloud.remove_container(f"{home}/f")
    assert recycle.purge(cloud, f"{home}/f")
    assert in_bin(gateway) == {b"before", b"other", b"elsewhere", b"longer", b"a folder"}


def test_what_is_not_in_the_bin_is_no_reason_to_purge_anything(gateway: Gateway, cloud: Client) -> None:
    deleted(gateway, cloud, f"{cloud.home()}/f", b"one")
    assert not recycle.purge(cloud, f"{cloud.home()}/g")
    assert gateway.counts["PurgeRecycle"] == 0
    assert in_bin(gateway) == {b"one"}


@pytest.mark.parametrize(("public", "kept"), [({}, {b"before", b"ours"}), ({"purge": True}, {b"before"})])
def test_what_rucio_deletes_stays_in_the_bin_unless_the_rse_says_otherwise(
    manager: Any, gateway: Gateway, cloud: Client, public: dict[str, Any], kept: set[bytes]
) -> None:
    described = rse.settings(port=gateway.grpc_port, prefix=f"{gateway.home()}/rucio", **public)
    protocol = manager.create_protocol(described, "delete", scheme="cs3", impl=rse.IMPL)
    deleted(gateway, cloud, f"{cloud.home()}/before", b"before")
    with closing(protocol):
        protocol.connect()
        gateway.path(f"{gateway.home()}/rucio").mkdir()
        gateway.path(f"{gateway.home()}/rucio/f").write_bytes(b"ours")
        protocol.delete(protocol.path2pfn("f"))
    assert in_bin(gateway) == kept


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (False, "is not seen in the recycle bin"),
        (NotSupported("ListRecycle: CODE"), "stays in the recycle bin"),
    ],
)
def test_a_file_that_stays_in_the_bin_is_deleted_nevertheless(
    manager: Any,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    outcome: bool | Exception,
    told: str,
) -> None:
    def purge(_cloud: Client, _path: str) -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(recycle, "purge", purge)
    described = rse.settings(port=gateway.grpc_port, prefix=f"{gateway.home()}/rucio", purge=True)
    gateway.path(f"{gateway.home()}/rucio").mkdir()
    stored = gateway.path(f"{gateway.home()}/rucio/f")
    stored.write_bytes(b"ours")
    with closing(manager.create_protocol(described, "delete", scheme="cs3", impl=rse.IMPL)) as protocol:
        protocol.connect()
        protocol.delete(protocol.path2pfn("f"))
    assert not stored.exists()
    assert told in caplog.text
