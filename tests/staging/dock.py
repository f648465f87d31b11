"""Uploads in this process, with the real Rucio of the lab and CS3 clouds behind them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.config import Options, configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.sources import sending
from rucio_jupyterlab.staging import hindrances, retries, upload
from rucio_jupyterlab.staging.model import UploadRequest, UploadSnapshot
from rucio_jupyterlab.staging.uploads import Uploads
from rucio_mesh.cs3 import patience
from tests.cli.waiting import until
from tests.lab.cloud import Cloud
from tests.lab.lab import Lab

SLOWLY = 300_000
"""Bytes per second."""
ENDED = ("done", "failed", "cancelled")


class Dock:
    """What a test says to the uploads of one engine, in which alice is signed in."""

    def __init__(self, lab: Lab, folder: Path, keys: Mapping[str, Any], *, signed_in: bool = True) -> None:
        self.folder, self._lab = folder, lab
        self.options = Options(stall_timeout=4.0, connect_timeout=2.0)
        configuration = configuration_from({"instances": [lab.configuration(**keys)]}, {})
        self.accounts = Accounts(configuration, folder / "state", self._account_changed)
        self.catalog = Catalog(self.accounts, folder / "state" / "spool")
        self.uploads = Uploads(folder / "state", self.accounts, self.catalog, lambda: self.options)
        if signed_in:
            self.sign_in()

    def sign_in(self) -> None:
        self.accounts.sign_in(SignIn("lab", "userpass", "alice", "alice", self._lab.password))

    def limit(self, bytes_per_second: int | None) -> None:
        self.options = msgspec.structs.replace(self.options, bandwidth_limit=bytes_per_second)

    def put(
        self, there: Cloud, scope: str, contents: Mapping[str, bytes], dataset: str | None = None
    ) -> UploadSnapshot:
        """Begin to store these files."""
        paths = [str(self.folder / name) for name in contents]
        for path, content in zip(paths, contents.values(), strict=True):
            if not Path(path).exists():
                Path(path).write_bytes(content)
        return self.uploads.start(
            UploadRequest("lab", paths, there.rse, scope, Did(scope, dataset) if dataset else None)
        )

    def now(self, upload: UploadSnapshot) -> UploadSnapshot:
        return self.uploads.get(upload.id)

    def waits(self, upload: UploadSnapshot, cause: str) -> UploadSnapshot:
        """Until it waits for that; how it stands then."""
        until(lambda: self.now(upload).cause == cause or self.now(upload).state in ENDED, 60)
        found = self.now(upload)
        assert (found.state, found.cause) == ("waiting", cause), found.problem
        return found

    def sends(self, upload: UploadSnapshot, least: int = 1) -> None:
        """Until so many bytes are on their way."""
        until(lambda: self.now(upload).bytes_done >= least or self.now(upload).state in ENDED, 60)
        assert self.now(upload).state == "running", self.now(upload).problem

    def ends(self, upload: UploadSnapshot) -> UploadSnapshot:
        until(lambda: self.now(upload).state in ENDED, 60)
        return self.now(upload)

    def unfinished(self) -> list[str]:
        """Records that the next engine would take up."""
        return [path.stem for path in (self.folder / "state" / "uploads").glob("*.json")]

    def _account_changed(self, name: str) -> None:
        if hasattr(self, "uploads"):
            self.uploads.account_changed(name)


@contextmanager
def dock(lab: Lab, folder: Path, keys: Mapping[str, Any], *, signed_in: bool = True) -> Iterator[Dock]:
    """One engine's; it takes up what the one before in the same folder has left."""
    opened = Dock(lab, folder, keys, signed_in=signed_in)
    opened.uploads.take_up()
    try:
        yield opened
    finally:
        opened.uploads.close()
        opened.catalog.close()
        opened.accounts.close()


def check_stored(lab: Lab, there: Cloud, scope: str, contents: Mapping[str, bytes]) -> None:
    """Each file is there once, whole, and Rucio knows it once; nothing else is there."""
    assert {name: there.path(scope, name).read_bytes() for name in contents} == contents
    assert there.partials() == []
    known = list(lab.client().list_replicas([{"scope": scope, "name": name} for name in contents]))
    assert {each["name"]: each["adler32"] for each in known} == {
        name: f"{zlib.adler32(content):08x}" for name, content in contents.items()
    }
    for each in known:
        assert {rse: len(pfns) for rse, pfns in each["rses"].items()} == {there.rse: 1}


def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits looks again at once."""
    monkeypatch.setattr(sending, "STANDSTILL_SECONDS", 0.0)
    monkeypatch.setattr(patience, "LONGEST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(hindrances, "FIRST_SPACE", 0.1)
    monkeypatch.setattr(hindrances, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(upload, "BEHIND_SECONDS", 0.02)
