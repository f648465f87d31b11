"""A real Rucio with storages, and short words for what tests do to it. `tests/conftest.py` shows the use."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import pytest

from rucio_jupyterlab.did import Did
from rucio_mesh.testing import seeding
from rucio_mesh.testing.certificates import Leaf
from rucio_mesh.testing.client import InstanceClient
from rucio_mesh.testing.grid import PASSWORD, Grid
from rucio_mesh.testing.seeding import File

Checksum = Literal["adler32", "md5", "both"] | None
REPOSITORY = Path(__file__).parents[2]
REQUEST = re.compile(r'"(\S+) (\S+)" (\d+)')


class Lab:
    """Rucio, ALPHA_DISK and BETA_DISK run; TAPE_ONLY and XROOTD_ONLY are known to the catalogue alone."""

    password = PASSWORD

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._grid = Grid(
            folder, server_python=server_python(), storages=("ALPHA_DISK", "BETA_DISK"), statistics=True
        )
        self.authority, self.rucio, self.storages = (
            self._grid.authority,
            self._grid.rucio,
            self._grid.storages,
        )
        self.alpha, self.beta = self.storages.values()
        self._numbers = itertools.count(1)
        self._clients: dict[str, InstanceClient] = {}

    def __enter__(self) -> Lab:
        with ExitStack() as started:
            started.enter_context(self._grid)
            self._seed()
            self._stack = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return self.rucio.url

    @property
    def ca(self) -> Path:
        return self.authority.certificate

    def user(self, name: str = "alice") -> Leaf:
        """Her certificate and key."""
        return self.authority.user(name)

    def proxy(self, name: str = "alice") -> Leaf:
        """A fresh proxy of hers, all in one file."""
        return self.authority.proxy(name)

    def client(self, account: str = "root") -> InstanceClient:
        """Rucio's own client, signed in as root, alice or higgs."""
        if account not in self._clients:
            self._clients[account] = self._grid.client(account)
        return self._clients[account]

    def configuration(self, **more: Any) -> dict[str, Any]:
        """One of `c.RucioConfig.instances`: this Rucio, in mode download."""
        return {
            "name": "lab",
            "display_name": "The lab",
            "rucio_base_url": self.url,
            "rucio_ca_cert": str(self.ca),
            "mode": "download",
            "wildcard_enabled": True,
        } | more

    def requests(self) -> list[tuple[str, str, int]]:
        """What Rucio was asked since its first start: method, path, status."""
        log = self.rucio.log_paths["access"].read_text()
        return [(method, path, int(status)) for method, path, status in REQUEST.findall(log)]

    def scope(self, account: str = "root") -> str:
        """A fresh scope that belongs to `account`."""
        name = f"test{next(self._numbers):04}"
        seeding.add_scope(self.client(), name, account)
        return name

    def put(
        self,
        scope: str,
        name: str,
        content: bytes,
        *,
        rses: Sequence[str] = ("ALPHA_DISK",),
        checksum: Checksum = "adler32",
        dataset: str | None = None,
    ) -> Did:
        """A file in storage and catalogue; in `dataset` of the same scope, which is made where it is missing."""
        return self.put_many(scope, {name: content}, rses=rses, checksum=checksum, dataset=dataset)[0]

    def put_many(
        self,
        scope: str,
        contents: Mapping[str, bytes],
        *,
        rses: Sequence[str] = ("ALPHA_DISK",),
        checksum: Checksum = "adler32",
        dataset: str | None = None,
    ) -> list[Did]:
        """Like `put`, 500 files a request."""
        files = [described(scope, name, content, checksum) for name, content in contents.items()]
        for rse in rses:
            for name, content in contents.items():
                path = self.storages[rse].path(scope, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            seeding.register(self.client(), rse, files)
        if dataset:
            self.collection(scope, dataset, files, still_open=True)
        return [Did(scope, name) for name in contents]

    def register(
        self, scope: str, name: str, content: bytes, *, rse: str, checksum: Checksum = "adler32"
    ) -> Did:
        """A file that the catalogue alone knows: on TAPE_ONLY, on XROOTD_ONLY, or lost from a disk."""
        seeding.register(self.client(), rse, [described(scope, name, content, checksum)])
        return Did(scope, name)

    def collection(
        self,
        scope: str,
        name: str,
        content: Iterable[File | Did | tuple[str, str]] = (),
        *,
        kind: Literal["DATASET", "CONTAINER"] = "DATASET",
        metadata: dict[str, Any] | None = None,
        still_open: bool = False,
    ) -> Did:
        """A dataset or container of what exists already; closed unless `still_open`."""
        members = [(each.scope, each.name) if isinstance(each, Did) else each for each in content]
        seeding.add_collection(
            self.client(), scope, name, members, kind=kind, metadata=metadata, still_open=still_open
        )
        return Did(scope, name)

    def add_rse(self, rse: str, port: int, *, scheme: str = "https", prefix: str = "/") -> None:
        """An RSE whose storage the test serves itself; `register` puts files there, at `hashed_path`."""
        seeding.add_rse(self.client(), rse)
        seeding.set_protocol(
            self.client(), rse, scheme, "localhost", port, prefix=prefix, implementation="webdav.Default"
        )

    def _seed(self) -> None:
        root = self.client()
        seeding.add_rse(root, "TAPE_ONLY", tape=True)
        seeding.set_protocol(
            root,
            "TAPE_ONLY",
            "davs",
            "localhost",
            self.beta.port,
            prefix="/tape",
            implementation="webdav.Default",
        )
        seeding.add_rse(root, "XROOTD_ONLY")
        seeding.set_protocol(
            root, "XROOTD_ONLY", "root", "localhost", 1094, prefix="//data", implementation="xrootd.Default"
        )


def described(scope: str, name: str, content: bytes, checksum: Checksum) -> File:
    """What the catalogue is told of a file."""
    adler32 = f"{zlib.adler32(content):08x}" if checksum in ("adler32", "both") else None
    md5 = hashlib.md5(content).hexdigest() if checksum in ("md5", "both") else None
    return File(scope, name, len(content), adler32, md5)


def server_python() -> Path:
    """The Python of the server's environment; skips the test, or fails it where CI=true, if there is none."""
    python = Path(os.environ.get("RUCIO_MESH_SERVER_PYTHON", REPOSITORY / ".venv-rucio/bin/python"))
    if not python.exists():
        sentence = f"no server environment at {python}: run `make test`, which makes it"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return python
