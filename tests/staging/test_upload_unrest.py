"""Users, Rucio and a cloud all at once: whatever happens to uploads, in the end what is stored is known, and whole."""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest

from rucio_jupyterlab.accounts.client import RucioClient
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import Failure, RucioUnreachable
from rucio_jupyterlab.staging.model import UploadRequest, UploadSnapshot
from rucio_mesh.testing.cs3.faults import FaultName
from rucio_mesh.testing.cs3.profiles import ProfileName
from tests.cli.waiting import until
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab

from .dock import ENDED, Dock, check_stored, dock, short_pauses

NAMES = [f"f{number}" for number in range(6)]
SIZES = (0, 10, 100_000, 1_500_000)
FAULTS: tuple[tuple[FaultName, int], ...] = (
    *(("data_status", status) for status in (403, 409, 423, 500)),
    *(("cut_upload", 50_000), ("data_unavailable", 0), ("rpc_unavailable", 0)),
    *(("lapse", 60_000), ("lapse_transfer", 40_000)),
)
ENGINES, STEPS = 2, 15


class Unrest:
    """Everything that may happen, drawn from one number; how it interleaves is up to the machine."""

    def __init__(self, lab: Lab, there: Cloud, folder: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.lab, self.there, self.folder = lab, there, folder
        self.scope = lab.scope("alice")
        self.uploads: dict[str, UploadRequest] = {}
        self.cloud_is_up = True
        self.rucio = "ok"

    def asked(self, ask: Any) -> Any:
        """In place of a method of the client: Rucio may not hear a question, nor be heard."""

        def asking(*values: Any, **more: Any) -> Any:
            unheard = self.rucio == "away" or (self.rucio == "flaky" and self.draw.random() < 0.3)
            answer = None if unheard else ask(*values, **more)
            if unheard or (self.rucio == "lossy" and self.draw.random() < 0.4):
                raise RucioUnreachable("The lab cannot be reached.")
            return answer

        return asking

    # What happens

    def happen(self, it: Dock) -> None:
        """One thing; that it may not be done now is an answer, too."""
        with suppress(Failure):
            users = (self.put, self.put, self.put_again, self.cancel, self.spoil, self.spoil, self.limit)
            others = (self.switch_cloud, self.break_cloud, self.mend_cloud, self.move_rucio, self.move_rucio)
            self.draw.choice((*users, *others))(it)
        if self.draw.random() < 0.5:
            time.sleep(self.draw.uniform(0, 0.2))

    def put(self, it: Dock) -> None:
        names = self.draw.sample(NAMES, self.draw.randint(1, 4))
        dataset = self.draw.choice((None, Did(self.scope, "run1"), Did(self.scope, "run2")))
        self._start(
            it,
            UploadRequest("lab", [self._file(name) for name in names], self.there.rse, self.scope, dataset),
        )

    def put_again(self, it: Dock) -> None:
        if self.uploads:
            self._start(it, self.draw.choice(list(self.uploads.values())))

    def cancel(self, it: Dock) -> None:
        if self.uploads:
            it.uploads.cancel(self.draw.choice(list(self.uploads)))

    def spoil(self, it: Dock) -> None:
        path = Path(self._file(self.draw.choice(NAMES)))
        self.draw.choice((path.unlink, lambda: path.write_bytes(b"other"), lambda: os.truncate(path, 5)))()

    def limit(self, it: Dock) -> None:
        it.limit(self.draw.choice((None, 300_000, 2_000_000)))

    def switch_cloud(self, it: Dock) -> None:
        (self.there.gateway.stop if self.cloud_is_up else self.there.gateway.start)()
        self.cloud_is_up = not self.cloud_is_up

    def break_cloud(self, it: Dock) -> None:
        faults = self.there.gateway.faults
        fault, number = self.draw.choice(FAULTS)
        faults.arm(fault, number, times=self.draw.choice((1, 2, None)))
        faults.quota_full = self.draw.random() < 0.2

    def mend_cloud(self, it: Dock) -> None:
        self.there.gateway.faults.quota_full = False
        for fault in get_args(FaultName):
            self.there.gateway.faults.disarm(fault)
        self.there.renew_token()

    def move_rucio(self, it: Dock) -> None:
        self.rucio = self.draw.choice(("away", "away", "lossy", "flaky", "ok"))

    def _file(self, name: str) -> str:
        path = self.folder / name
        if not path.exists():
            path.write_bytes(self.draw.randbytes(self.draw.choice(SIZES)))
        return str(path)

    def _start(self, it: Dock, request: UploadRequest) -> None:
        self.uploads[it.uploads.start(request).id] = request

    # The end

    def calm(self, it: Dock) -> list[UploadSnapshot]:
        """Nothing is in the way any more; how all uploads end."""
        self.mend_cloud(it)
        self.rucio = "ok"
        if not self.cloud_is_up:
            self.switch_cloud(it)
        it.limit(None)
        until(lambda: not it.unfinished() and all(each.state in ENDED for each in self.now(it)), 60)
        return self.now(it)

    def now(self, it: Dock) -> list[UploadSnapshot]:
        return [it.uploads.get(number) for number in self.uploads]

    def check(self, ended: list[UploadSnapshot]) -> None:
        """What lies in the cloud is what Rucio knows, and what was told."""
        paths = {name: self.there.path(self.scope, name) for name in NAMES}
        there = {name: path.read_bytes() for name, path in paths.items() if path.exists()}
        check_stored(self.lab, self.there, self.scope, there)
        client = self.lab.client()
        for each in ended:
            assert each.state != "done" or each.files_done == each.files_total
            dataset = self.uploads[each.id].dataset
            stored = {file.did.name for file in each.stored}
            assert stored <= there.keys()
            if stored and dataset is not None:
                assert stored <= {file["name"] for file in client.list_files(dataset.scope, dataset.name)}


@pytest.mark.parametrize(("seed", "profile"), [(0, "eos"), (11, "opencloud")])
def test_all_that_is_stored_is_known_after_any_unrest(
    seed: int, profile: ProfileName, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_pauses(monkeypatch)
    with cloud(lab, tmp_path / "cloud", profile, kind="USERDISK") as there:
        lab.client().set_local_account_limit("alice", there.rse, -1)
        unrest = Unrest(lab, there, tmp_path, seed)
        for method in ("tell", "ask", "items"):
            monkeypatch.setattr(RucioClient, method, unrest.asked(getattr(RucioClient, method)))
        for _ in range(ENGINES - 1):
            with dock(lab, tmp_path, there.keys()) as it:
                for _ in range(STEPS):
                    unrest.happen(it)
        with dock(lab, tmp_path, there.keys()) as it:
            for _ in range(STEPS):
                unrest.happen(it)
            unrest.check(unrest.calm(it))
