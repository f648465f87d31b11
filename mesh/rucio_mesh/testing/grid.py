"""A small grid on this machine: Rucio, some storages, and a user who may sign in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from . import seeding
from .certificates import Authority
from .instance import Instance
from .storage import Storage, hashed_path

if TYPE_CHECKING:
    from types import TracebackType

    from .client import InstanceClient
    from .cs3.cloud import Cloud

USER, PASSWORD, GROUP = "alice", "alice-secret", "higgs"
"""The user's account is of her name; her identities may also act as the group."""
CLOUD_TOKEN = "alice-token"
"""What her sign-in service has given her for the clouds."""
CLOUD_FOLDER = "rucio"
"""Of her folder on each cloud: what Rucio keeps there."""


class Grid:
    """Rucio and storages below one folder. All start together, and none is left behind."""

    def __init__(
        self,
        folder: Path,
        *,
        server_python: Path,
        storages: Iterable[str],
        clouds: Iterable[str] = (),
        cache_seconds: int = 0,
        statistics: bool = False,
    ) -> None:
        """`storages` are names of RSEs; the first speaks https, the others davs. The rest is as in `Storage`.

        So are `clouds`, of CS3 clouds with the user's folder as on CERNBox.
        """
        self.folder = folder
        self.authority = Authority(folder / "ca")
        self.rucio = Instance(folder / "rucio", python=server_python, authority=self.authority)
        self.storages = {
            name: Storage(
                name,
                folder / name.lower(),
                authority=self.authority,
                cache_seconds=cache_seconds,
                statistics=statistics,
            )
            for name in storages
        }
        self.clouds = {name: _cloud(name, folder / name.lower()) for name in clouds}

    def __enter__(self) -> Grid:
        try:
            _together([self.rucio.start, *(part.start for part in self.stores)])
            self._introduce()
        except BaseException:  # Ctrl-C too: no server outlives this
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all parts; returns when they are gone."""
        _together([self.rucio.stop, *(part.stop for part in self.stores)])

    def check(self) -> None:
        """Raises ServiceFailed if a part has ended by itself."""
        self.rucio.check()
        for part in self.stores:
            part.check()

    @property
    def stores(self) -> list[Storage | Cloud]:
        """The storages and the clouds."""
        return [*self.storages.values(), *self.clouds.values()]

    def path(self, rse: str, scope: str, name: str) -> Path:
        """Where an RSE keeps a file."""
        if rse in self.clouds:
            return self.clouds[rse].path(USER, f"{CLOUD_FOLDER}/{hashed_path(scope, name)}")
        return self.storages[rse].path(scope, name)

    def client(self, account: str = "root") -> InstanceClient:
        """Rucio's own client, signed in as root, as the user or as the group."""
        if account == "root":
            return self.rucio.client()
        return self.rucio.client(account, username=USER, password=PASSWORD)

    def _introduce(self) -> None:
        """Tell Rucio of the storages, whose ports may be new, and of the user."""
        root = self.client()
        for number, storage in enumerate(self.storages.values()):
            seeding.add_storage(root, storage, scheme="davs" if number else "https")
        for cloud in self.clouds.values():
            prefix = f"{cloud.home(USER)}/{CLOUD_FOLDER}/"
            seeding.add_cloud(root, cloud.name, cloud.grpc_port, prefix=prefix)
        if (self.rucio.home / "introduced").exists():
            return
        seeding.add_account(root, USER, scope=f"user.{USER}")
        seeding.add_account(root, GROUP, kind="GROUP", scope=f"group.{GROUP}")
        subject = self.authority.user(USER).subject
        for account in (USER, GROUP):
            seeding.let_sign_in(root, account, username=USER, password=PASSWORD, subject=subject)
        (self.rucio.home / "introduced").touch()


def _cloud(name: str, folder: Path) -> Cloud:
    from .cs3.accounts import Account  # only where there is a cloud: it needs the extra `cs3`
    from .cs3.cloud import Cloud

    user = Account(PASSWORD, f"{USER}@localhost", bearer=(CLOUD_TOKEN,))
    return Cloud(name, folder, "eos", accounts={USER: user})


def _together(calls: Iterable[Callable[[], object]]) -> None:
    """Call all of them at once; raises the first error when all have returned."""
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(call) for call in calls]
    for each in running:
        each.result()
