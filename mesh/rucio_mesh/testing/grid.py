"""A small grid on this machine: Rucio, some storages, and a user who may sign in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from . import seeding
from .certificates import Authority
from .instance import Instance
from .storage import Storage

if TYPE_CHECKING:
    from types import TracebackType

    from .client import InstanceClient

USER, PASSWORD, GROUP = "alice", "alice-secret", "higgs"
"""The user's account is of her name; her identities may also act as the group."""


class Grid:
    """Rucio and storages below one folder. All start together, and none is left behind."""

    def __init__(
        self,
        folder: Path,
        *,
        server_python: Path,
        storages: Iterable[str],
        cache_seconds: int = 0,
        statistics: bool = False,
    ) -> None:
        """`storages` are names of RSEs; the first speaks https, the others davs. The rest is as in `Storage`."""
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

    def __enter__(self) -> Grid:
        try:
            _together([self.rucio.start, *(storage.start for storage in self.storages.values())])
            self._introduce()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all parts; returns when they are gone."""
        _together([self.rucio.stop, *(storage.stop for storage in self.storages.values())])

    def check(self) -> None:
        """Raises ServiceFailed if a part has ended by itself."""
        self.rucio.check()
        for storage in self.storages.values():
            storage.check()

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
        if (self.rucio.home / "introduced").exists():
            return
        seeding.add_account(root, USER, scope=f"user.{USER}")
        seeding.add_account(root, GROUP, kind="GROUP", scope=f"group.{GROUP}")
        subject = self.authority.user(USER).subject
        for account in (USER, GROUP):
            seeding.let_sign_in(root, account, username=USER, password=PASSWORD, subject=subject)
        (self.rucio.home / "introduced").touch()


def _together(calls: Iterable[Callable[[], object]]) -> None:
    """Call all of them at once; raises the first error when all have returned."""
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(call) for call in calls]
    for each in running:
        each.result()
