"""A CS3 cloud as an RSE of the lab's Rucio."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rucio_jupyterlab.did import Did
from rucio_mesh.testing import seeding
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import ProfileName
from rucio_mesh.testing.storage import hashed_path

from .lab import Lab, described

_NUMBERS = itertools.count(1)
HOST = "127.0.0.1"


class Cloud:
    """A gateway with its RSE; einstein's home holds the replicas."""

    def __init__(
        self, lab: Lab, gateway: Gateway, folder: Path, public: Mapping[str, Any], kind: str
    ) -> None:
        self.lab, self.gateway, self.folder = lab, gateway, folder
        self.rse = f"CLOUD_{next(_NUMBERS)}_{kind}"
        self.token_file = folder / "cernbox_oauth.token"
        self.renew_token()
        self._prefix = f"{gateway.home()}/rucio"
        seeding.add_cloud(lab.client(), self.rse, gateway.grpc_port, prefix=f"{self._prefix}/", public=public)

    @property
    def host(self) -> str:
        return f"{HOST}:{self.gateway.grpc_port}"

    def renew_token(self) -> None:
        """What a hub does from time to time."""
        self.token_file.write_text(self.gateway.accounts.oidc_token("einstein") + "\n")

    def keys(self, **more: Any) -> dict[str, Any]:
        """An instance's key `cs3`: the token of the file signs in."""
        return {"cs3": {self.host: {"secret_file": str(self.token_file)} | more}}

    def put(self, scope: str, name: str, content: bytes, *, dataset: str | None = None) -> Did:
        """A replica, in the cloud and in the catalogue, beside those that there are."""
        return self.put_many(scope, {name: content}, dataset=dataset)[0]

    def put_many(self, scope: str, contents: Mapping[str, bytes], *, dataset: str | None = None) -> list[Did]:
        """Like `put`, 500 files a request."""
        files = [described(scope, name, content, "adler32") for name, content in contents.items()]
        for name, content in contents.items():
            self.path(scope, name).parent.mkdir(parents=True, exist_ok=True)
            self.path(scope, name).write_bytes(content)
        seeding.register(self.lab.client(), self.rse, files)
        if dataset:
            self.lab.collection(scope, dataset, files, still_open=True)
        return [Did(scope, name) for name in contents]

    def partials(self) -> list[Path]:
        """Files that an upload has left half."""
        return [path for path in (self.folder / "files").rglob("*.part") if ".versions" not in path.parts]

    def path(self, scope: str, name: str) -> Path:
        """The file behind a replica."""
        return self.gateway.path(f"{self._prefix}/{hashed_path(scope, name)}")


@contextmanager
def cloud(
    lab: Lab,
    folder: Path,
    profile: ProfileName = "eos",
    *,
    public: Mapping[str, Any] | None = None,
    kind: str = "DATADISK",
    **more: Any,
) -> Iterator[Cloud]:
    """`kind` ends the RSE's name: Rucio's generic policy lets users register replicas on a USERDISK.

    `more` is for the gateway.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with Gateway(folder / "files", profile, **more) as gateway:
        yield Cloud(lab, gateway, folder, public or {}, kind)
