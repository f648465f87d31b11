"""Anything after anything else, on a cloud that fails at random: what the client says is what the cloud holds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rucio_mesh.cs3 import transfers
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.errors import AlreadyExists, Cs3Error, InvalidRequest, NotFound
from rucio_mesh.cs3.settings import Upload
from rucio_mesh.testing.cs3.faults import FaultName, Faults
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import ProfileName

from ..conftest import MakeGateway
from .conftest import ConnectTo

STEPS = 50
NAMES = (
    "a",
    "run 1#2?",
    "%41",
    "é",
    "e\u0301",
    "日本",
    "new\nline",
    "x" * 200,
    ".rucio-",
    "-chunking-x-1-1.",
)
SIZES = (0, 1, 2999, 3000, 9000)
FAULTS: tuple[FaultName, ...] = (
    *("rpc_unavailable", "rpc_answer_lost", "data_unavailable", "data_answer_lost"),
    *("cut_download", "cut_upload", "wrong_length", "lapse", "lapse_access", "lapse_transfer"),
)
FLIPS: tuple[FaultName, ...] = ("flip_download", "flip_upload")
Files = dict[str, bytes]
"""By their paths below the user's folder."""


class Unrest:
    """All that happens, drawn from one number. A deed is what is asked, and the files that there are if it is done."""

    def __init__(self, gateway: Gateway, cloud: Client, seed: int, here: Path) -> None:
        self.draw = random.Random(seed)
        self._gateway, self._cloud, self._here = gateway, cloud, here
        self._folder = gateway.path(gateway.home())
        # A local file system knows no checksum, so nobody notices.
        self._faults = FAULTS if gateway.profile.name == "localfs" else (*FAULTS, *FLIPS)

    def files(self) -> Files:
        found = (path for path in self._folder.rglob("*") if path.is_file())
        return {path.relative_to(self._folder).as_posix(): path.read_bytes() for path in found}

    def trouble(self) -> None:
        vars(self._gateway.faults).update(vars(Faults()))
        for name in self.draw.sample(self._faults, self.draw.randint(0, 2)):
            self._gateway.faults.arm(name, self.draw.randrange(9000), times=self.draw.randint(1, 2))

    def deed(self, before: Files) -> tuple[Callable[[], None], Files]:
        deeds = (self._put, self._put, self._put, self._get, self._remove, self._move, self._look)
        return self.draw.choice(deeds)(before)

    def _put(self, before: Files) -> tuple[Callable[[], None], Files]:
        path, content, source = (
            self._some(before),
            self.draw.randbytes(self.draw.choice(SIZES)),
            self._here / "up",
        )

        def put() -> None:
            source.write_bytes(content)
            try:
                transfers.store(self._cloud, self._at(path), transfers.file_source(source), len(content))
            except AlreadyExists:
                assert there
                raise
            assert not there

        there = (self._folder / path).exists()
        return put, before | {path: content}

    def _get(self, before: Files) -> tuple[Callable[[], None], Files]:
        path, copy = self._known(before), self._here / "down"

        def get() -> None:
            try:
                transfers.fetch(self._cloud, self._at(path), copy)
            except NotFound:
                assert path not in before
                raise
            assert copy.read_bytes() == before[path]

        return get, before

    def _remove(self, before: Files) -> tuple[Callable[[], None], Files]:
        path = self._known(before)

        def remove() -> None:
            try:
                self._cloud.remove_file(self._at(path))
            except (NotFound, InvalidRequest):
                assert path not in before
                raise

        return remove, {each: content for each, content in before.items() if each != path}

    def _move(self, before: Files) -> tuple[Callable[[], None], Files]:
        source, destination = self._known(before), self._some(before)
        moved = {path: path.removeprefix(source) for path in before if f"{path}/".startswith(f"{source}/")}
        kept = {path: content for path, content in before.items() if path not in moved}

        def move() -> None:
            self._cloud.move(self._at(source), self._at(destination))
            assert not there

        there = (self._folder / destination).exists()
        return move, kept | {f"{destination}{below}": before[path] for path, below in moved.items()}

    def _look(self, before: Files) -> tuple[Callable[[], None], Files]:
        path = self._some(before)
        there = self._folder / path

        def look() -> None:
            assert self._cloud.exists(self._at(path)) == there.exists()
            if path in before:
                assert self._cloud.stat(self._at(path)).size == len(before[path])
            elif there.exists():
                listed = self._cloud.list_container(self._at(path))
                assert {each.path.rpartition("/")[2] for each in listed} == {
                    each.name for each in there.iterdir()
                }

        return look, before

    def _known(self, before: Files) -> str:
        """A file, mostly."""
        return self.draw.choice(list(before)) if before and self.draw.random() < 0.8 else self._some(before)

    def _some(self, before: Files) -> str:
        """A file, the folder of one, or a place beside or below it, where mostly nothing is."""
        known = self.draw.choice([*before, self.draw.choice(NAMES)])
        new = self.draw.choice(NAMES)
        beside = f"{known.rpartition('/')[0]}/{new}".lstrip("/")
        return self.draw.choice(
            (known, known, beside, beside, f"{beside}/{new}", known.rpartition("/")[0] or new)
        )

    def _at(self, path: str) -> str:
        return f"{self._cloud.home()}/{path}"


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("profile", "uploads"), [("localfs", ("simple",)), ("eos", ("simple",)), ("opencloud", ("tus",))]
)
def test_what_the_client_says_is_what_the_cloud_holds(
    cs3_gateway: MakeGateway,
    connect_to: ConnectTo,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    profile: ProfileName,
    uploads: tuple[Upload, ...],
) -> None:
    monkeypatch.setattr(transfers, "TUS_BYTES", 3000)
    monkeypatch.setattr(transfers, "UNSEEN_BYTES", 3000)
    monkeypatch.setattr(transfers, "LATE_SECONDS", 0.02)
    gateway = cs3_gateway(profile)
    cloud = connect_to(gateway, uploads=uploads)
    cloud.sign_in()
    unrest, said = Unrest(gateway, cloud, 3, tmp_path), list[str]()
    done = Counter[str]()
    for _ in range(STEPS):
        before = unrest.files()
        act, wanted = unrest.deed(before)
        unrest.trouble()
        try:
            act()
        except Cs3Error as error:
            said.append(str(error))
            assert unrest.files() in (before, wanted)
        else:
            assert unrest.files() == wanted
            done[act.__name__] += 1
    assert done.keys() == {"put", "get", "remove", "move", "look"}
    assert not [text for text in (*said, caplog.text) if "relativity" in text or "eyJ" in text]
