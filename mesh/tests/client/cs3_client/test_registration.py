"""Names and paths of what is registered where it is."""

from __future__ import annotations

import io
import sys

import pytest

from rucio_mesh.cli import main
from rucio_mesh.cs3 import transfers
from rucio_mesh.cs3.registration import files_at, name_of
from rucio_mesh.cs3.resource import Resource
from rucio_mesh.cs3.transfers import Transferred
from rucio_mesh.testing.cs3.gateway import Gateway

from .conftest import ConnectTo


def test_names_that_differ_in_what_rucio_lacks_alone_stay_apart() -> None:
    # 32 bits of their sums are the same.
    names = {name_of("run7", "/ocm/1", f"/ocm/1/{each}") for each in ("仦乇", "佅举", "_")}
    assert len(names) == 3 and "run7/_" in names


@pytest.mark.parametrize("below", ["é" * 300, "x" * 300, "a b/" * 100])
def test_no_name_is_longer_than_rucio_takes(below: str) -> None:
    assert len(name_of("run7", "/ocm/1", f"/ocm/1/{below}")) <= 250


def test_files_are_known_by_the_path_below_which_they_were_looked_for(
    gateway: Gateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = connect_to(gateway)
    folder = f"{gateway.home()}/share"
    gateway.path(f"{folder}/raw").mkdir(parents=True)
    gateway.path(f"{folder}/raw/f").write_bytes(b"abc")
    ask = cloud.gateway.call

    def of_its_own_space(method: str, request: object, *, about: str = "") -> object:
        reply = ask(method, request, about=about)
        for info in reply.infos if method == "ListContainer" else [reply.info]:
            info.path = f"./{info.path.rpartition('/')[2]}"
        return reply

    monkeypatch.setattr(cloud.gateway, "call", of_its_own_space)
    for path in (folder, f"{folder}/raw/f"):
        assert [file.path for file in files_at(cloud, path)] == [f"{folder}/raw/f"]


def test_files_that_are_being_uploaded_are_none_yet(
    gateway: Gateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, folder, found = connect_to(gateway), f"{gateway.home()}/share", list[str]()
    gateway.path(f"{folder}/.rucio-relay").mkdir(parents=True)
    gateway.path(f"{folder}/.rucio-relay/0123-4567").write_bytes(b"half")
    gateway.path(f"{folder}/.rucio-notes").write_bytes(b"mine")

    def look(stored: Resource, sent: Transferred) -> None:
        found.extend(file.path for file in files_at(cloud, folder))

    monkeypatch.setattr(transfers, "verify", look)
    transfers.store(cloud, f"{folder}/f", lambda _offset: io.BytesIO(b"whole"), 5)
    assert found == [f"{folder}/.rucio-notes"]


def test_what_has_to_be_installed_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rucio_mesh.cs3.errors", None)
    assert main(["register-share", "RECEIVED", "/ocm/1", "user.alice:run7"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "it needs Rucio's client, and rucio-mesh[cs3]" in told
