"""The demo's data: made once, on the first start, and kept."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from rucio_mesh.testing import seeding
from rucio_mesh.testing.grid import USER, Grid
from rucio_mesh.testing.seeding import File

from . import names
from .names import SCOPE
from .zmumu import write_events

VERSION = "3"
"""Another one makes the next start begin anew."""
DISKS = (names.ALPINE, names.BALTIC)
CLOUDS = (names.CASPIAN,)
KIBIBYTE, MEBIBYTE, GIBIBYTE = 1 << 10, 1 << 20, 1 << 30
EVENTS = 24_000
"""In a file of 1 MB."""

Step = Callable[[str], AbstractContextManager[None]]


def is_outdated(grid_folder: Path) -> bool:
    """Whether there is no whole set of data, or one of another version."""
    stamp = _stamp(grid_folder)
    return not stamp.exists() or stamp.read_text() != VERSION


def make(grid: Grid, step: Step) -> None:
    """Fill a fresh grid; an interrupted call leaves `is_outdated` true."""
    maker = Maker(grid)
    with step("Z→μμ: a container of 60 ROOT files, and its corrupt, growing and private kin"):
        maker.prepare()
        maker.zmumu()
        maker.corrupt_replicas()
        maker.growing()
        maker.users_own()
    with step("5,000 small files"):
        maker.small_files()
    with step("One file of 1 GiB"):
        maker.big_file()
    with step("Files on tape, behind xrootd, in an archive, without checksum"):
        maker.out_of_reach()
        maker.archive()
        maker.unverified()
    _stamp(grid.folder).write_text(VERSION)


def _stamp(grid_folder: Path) -> Path:
    """Beside Rucio's database, so that whoever removes that removes the word that it is full."""
    return grid_folder / "rucio" / "data-version"


class Maker:
    """Writes files into the storages and tells Rucio of them."""

    def __init__(self, grid: Grid) -> None:
        self._path = grid.path
        self._client = grid.client()
        self._runs = iter(range(470_000, 480_000))

    def prepare(self) -> None:
        """The scope, the RSEs without a storage of ours, and the user's right to make rules."""
        seeding.add_scope(self._client, SCOPE)
        seeding.add_rse(self._client, names.TAPE, tape=True)
        seeding.set_protocol(
            self._client, names.TAPE, "davs", "tape.invalid", 443, implementation="webdav.Default"
        )
        seeding.add_rse(self._client, names.XROOTD)
        seeding.set_protocol(
            self._client, names.XROOTD, "root", "xrootd.invalid", 1094, implementation="xrootd.Default"
        )
        for rse in (*DISKS, *CLOUDS):
            self._client.set_local_account_limit(USER, rse, -1)

    def zmumu(self) -> None:
        """Two datasets on both disks, one on the cloud alone, with metadata and a rule of the user's."""
        for number, dataset in enumerate(names.ZMUMU_DATASETS):
            rse = names.BALTIC if number < 2 else names.CASPIAN
            files = self._root_files(rse, SCOPE, _numbered("DAOD_TOYZMUMU", 44561297 + number, 20))
            if rse == names.BALTIC:
                self._copy(files, rse, names.ALPINE)
            seeding.add_collection(
                self._client,
                SCOPE,
                dataset,
                files,
                metadata={"number_of_events": EVENTS * len(files), "task": 44561297 + number},
            )
        seeding.add_collection(
            self._client,
            SCOPE,
            names.ZMUMU,
            [(SCOPE, dataset) for dataset in names.ZMUMU_DATASETS],
            kind="CONTAINER",
            metadata={
                "process": "Z→μμ",
                "generator": "toy Monte Carlo of this demo",
                "centre_of_mass_energy_TeV": 13.6,
                "cross_section_pb": 2011.0,
                "campaign_name": "demo26a",
                "tree": "Events",
            },
        )
        self._client.add_replication_rule(
            [{"scope": SCOPE, "name": names.ZMUMU_DATASETS[0]}], 1, names.BALTIC, account=USER
        )

    def corrupt_replicas(self) -> None:
        """The same sizes on both disks, the right bytes on the second alone."""
        files = self._root_files(names.BALTIC, SCOPE, _numbered("DAOD_TOYZMUMU_CORRUPT", 44570001, 4))
        self._copy(files, names.BALTIC, names.ALPINE, damaged=True)
        seeding.add_collection(self._client, SCOPE, names.CORRUPT, files)

    def growing(self) -> None:
        """A dataset to which files may still be attached."""
        files = self._root_files(names.ALPINE, SCOPE, _numbered("DAOD_TOYZMUMU_EXPRESS", 471300, 3))
        seeding.add_collection(self._client, SCOPE, names.OPEN, files, still_open=True)

    def users_own(self) -> None:
        """A dataset in the user's own scope."""
        scope = f"user.{USER}"
        files = self._root_files(
            names.BALTIC, scope, [f"zmumu.selection.v3.{part}.root" for part in range(2)]
        )
        seeding.add_collection(self._client, scope, names.USERS_OWN, files)

    def small_files(self) -> None:
        """5,000 files of 4 KiB on the first disk."""
        content = bytearray(os.urandom(4 * KIBIBYTE))
        files = []
        for number in range(5_000):
            content[:4] = number.to_bytes(4, "big")
            files.append(
                self._put(names.ALPINE, SCOPE, f"CONDITIONS.00471234.c1503._{number:06}.bin", bytes(content))
            )
        seeding.register(self._client, names.ALPINE, files)
        seeding.add_collection(self._client, SCOPE, names.CONDITIONS, files)

    def big_file(self) -> None:
        """1 GiB on both disks and the cloud: one random block with its own number at its head, over and over."""
        path = self._path(names.ALPINE, SCOPE, names.BIG)
        path.parent.mkdir(parents=True, exist_ok=True)
        block = bytearray(os.urandom(16 * MEBIBYTE))
        adler32 = 1
        with path.open("wb") as file:
            for number in range(GIBIBYTE // len(block)):
                block[:8] = number.to_bytes(8, "big")
                adler32 = zlib.adler32(block, adler32)
                file.write(block)
        big = File(SCOPE, names.BIG, GIBIBYTE, f"{adler32:08x}")
        seeding.register(self._client, names.ALPINE, [big])
        for rse in (names.BALTIC, names.CASPIAN):
            self._copy([big], names.ALPINE, rse)
        seeding.add_collection(self._client, SCOPE, names.BIG_DATASET, [big])

    def out_of_reach(self) -> None:
        """Files that the catalogue alone knows: on tape, and behind xrootd."""
        for rse, dataset, kind in (
            (names.TAPE, names.ON_TAPE, "AOD_TAPE"),
            (names.XROOTD, names.ROOT_ONLY, "AOD_XROOTD"),
        ):
            files = [File(SCOPE, name, 2_147_483_648, "1a2b3c4d") for name in _numbered(kind, 470999, 4)]
            seeding.register(self._client, rse, files)
            seeding.add_collection(self._client, SCOPE, dataset, files)

    def archive(self) -> None:
        """A zip archive, and a dataset of what is inside."""
        logs = {f"log.44560001._{number:06}.job.txt": _log_text(number) for number in range(1, 6)}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in logs.items():
                file.writestr(name, text)
        archive = self._put(names.ALPINE, SCOPE, names.ARCHIVE, packed.getvalue())
        seeding.register(self._client, names.ALPINE, [archive])
        members = [File.of(SCOPE, name, text) for name, text in logs.items()]
        seeding.add_archive_content(self._client, archive, members)
        seeding.add_collection(self._client, SCOPE, names.IN_ARCHIVE, members)

    def unverified(self) -> None:
        """A file of which the catalogue knows no checksum."""
        content = os.urandom(MEBIBYTE)
        self._put(names.BALTIC, SCOPE, "NTUPLE.00471234._000001.bin", content)
        file = File(SCOPE, "NTUPLE.00471234._000001.bin", len(content))
        seeding.register(self._client, names.BALTIC, [file])
        seeding.add_collection(self._client, SCOPE, names.UNVERIFIED, [file])

    def _root_files(self, rse: str, scope: str, file_names: Iterable[str]) -> list[File]:
        """Write and register ROOT files with different events in each."""
        files = []
        for name in file_names:
            path = self._path(rse, scope, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            run = next(self._runs)
            write_events(path, events=EVENTS, run=run, seed=run)
            files.append(File.of(scope, name, path.read_bytes()))
        seeding.register(self._client, rse, files)
        return files

    def _put(self, rse: str, scope: str, name: str, content: bytes) -> File:
        path = self._path(rse, scope, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return File.of(scope, name, content)

    def _copy(self, files: list[File], source: str, target: str, *, damaged: bool = False) -> None:
        """Make and register further replicas; they share their blocks on disk unless they are damaged."""
        for file in files:
            original = self._path(source, file.scope, file.name)
            path = self._path(target, file.scope, file.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if damaged:
                content = bytearray(original.read_bytes())
                content[len(content) // 2] ^= 0xFF
                path.write_bytes(content)
            else:
                _link_or_copy(original, path)
        seeding.register(self._client, target, files)


def _numbered(kind: str, task: int, count: int) -> list[str]:
    return [f"{kind}.{task}._{number:06}.pool.root.1" for number in range(1, count + 1)]


def _log_text(number: int) -> bytes:
    lines = (
        f"event {event:06} done {hashlib.sha256(f'{number}:{event}'.encode()).hexdigest()}"
        for event in range(500)
    )
    return "\n".join(lines).encode()


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # not on every file system
        shutil.copyfile(source, target)
