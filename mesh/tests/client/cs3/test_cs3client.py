"""CERN's `cs3client`, which knows nothing of us, works with the gateway."""

from __future__ import annotations

import configparser
import logging
import secrets
from contextlib import nullcontext
from typing import Any

import pytest

from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import PROFILES, ProfileName
from tests.client.cs3.conftest import Gateways

cs3client = pytest.importorskip("cs3client.cs3client", reason="pip install cs3client")
CONTENT = b"probe 0" * 1000


class Independent:
    """cs3client, signed in, with a folder of its own."""

    def __init__(self, gateway: Gateway) -> None:
        from cs3client.auth import Auth

        self.profile = gateway.profile
        told = configparser.ConfigParser()
        told["cs3client"] = {"host": gateway.address, "auth_login_type": "basic"}
        self.client: Any = cs3client.CS3Client(told, "cs3client", logging.getLogger(__name__))
        auth = Auth(self.client)
        auth.set_client_id("einstein")
        auth.set_client_secret("relativity")
        self.token = auth.get_token()
        self._folder = f"{gateway.home()}/{secrets.token_hex(6)}"
        self.do("make_dir", self.at(""))

    def at(self, name: str) -> Any:
        from cs3client.cs3resource import Resource

        return Resource(abs_path=f"{self._folder}/{name}")

    def do(self, method: str, *arguments: Any) -> Any:
        return getattr(self.client.file, method)(self.token, *arguments)


@pytest.fixture(params=tuple(PROFILES))
def independent(request: pytest.FixtureRequest, gateways: Gateways) -> Independent:
    profile: ProfileName = request.param
    return Independent(gateways[profile])


def test_it_writes_reads_lists_moves_and_removes(independent: Independent) -> None:
    from cs3client.exceptions import NotFoundException

    do, at = independent.do, independent.at
    do("make_dir", at("d"))
    do("write_file", at("d/f"), CONTENT, len(CONTENT))
    assert do("stat", at("d/f")).size == len(CONTENT)
    assert b"".join(do("read_file", at("d/f"))) == CONTENT
    do("rename_file", at("d/f"), at("d/g"))
    assert [info.path.rpartition("/")[2] for info in do("list_dir", at("d"))] == ["g"]
    do("remove_file", at("d/g"))
    with pytest.raises(NotFoundException):
        do("stat", at("d/g"))


def test_it_makes_an_empty_file_where_the_storage_can_touch(independent: Independent) -> None:
    from cs3client.exceptions import UnknownException

    with nullcontext() if independent.profile.touches else pytest.raises(UnknownException):
        independent.do("touch_file", independent.at("f"))
        assert independent.do("stat", independent.at("f")).size == 0


def test_it_sees_the_checksums_that_the_storage_keeps(gateways: Gateways) -> None:
    independent = Independent(gateways["eos"])
    independent.do("write_file", independent.at("f"), b"probe 0", 7)
    assert independent.do("stat", independent.at("f")).checksum.sum == "b150269"


def test_it_sets_metadata_and_reads_the_quota(independent: Independent) -> None:
    do, file = independent.do, independent.at("f")
    do("write_file", file, CONTENT, len(CONTENT))
    do("set_xattr", file, "rucio.did", "user.einstein:f")
    assert do("stat", file).arbitrary_metadata.metadata["rucio.did"] == "user.einstein:f"
    do("remove_xattr", file, "rucio.did")
    assert not do("stat", file).arbitrary_metadata.metadata
    assert do("get_quota", file).total_bytes > 0


def test_it_lists_and_restores_versions(independent: Independent) -> None:
    file = independent.at("f")
    for content in (b"first", b"second"):
        independent.do("write_file", file, content, len(content))
    checkpoint = independent.client.checkpoint
    (version,) = checkpoint.list_file_versions(independent.token, file)
    checkpoint.restore_file_version(independent.token, file, version.key)
    assert b"".join(independent.do("read_file", file)) == b"first"


def test_it_locks_where_the_storage_can(gateways: Gateways) -> None:
    from cs3client.exceptions import FileLockedException

    independent = Independent(gateways["eos"])
    file = independent.at("f")
    independent.do("write_file", file, CONTENT, len(CONTENT))
    independent.do("set_lock", file, "probe", "one")
    with pytest.raises(FileLockedException):
        independent.do("write_file", file, CONTENT, len(CONTENT))
    independent.do("write_file", file, CONTENT, len(CONTENT), "probe", "one")
    independent.do("unlock", file, "probe", "one")
