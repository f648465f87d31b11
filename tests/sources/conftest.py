"""The byte engine over storages that can be told to misbehave."""

from __future__ import annotations

import os
import queue
import time
import zlib
from collections.abc import Callable, Iterator
from hashlib import md5
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.sources.failures import ReplicaFailure
from rucio_jupyterlab.sources.http.limits import Limits
from rucio_jupyterlab.sources.http.mover import Mover
from rucio_jupyterlab.sources.model import Cancelled, Endpoint, Fetched, GaveUp, Outcome, Work
from rucio_jupyterlab.sources.part import RANGE_BYTES

from .faulty import Faulty

SECONDS = 30.0
BRISK = Limits(connect_seconds=2.0, stall_seconds=1.0, first_pause_seconds=0.02)
Checksum = Literal["adler32", "md5", "none"]


class Plain(msgspec.Struct, frozen=True):
    """A credential that holds what the test puts in."""

    headers: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    ca_file: str | None = None
    ca_path: str | None = None


class Desk:
    """Orders to one byte engine, and what comes back."""

    def __init__(self, folder: Path, limits: Limits = BRISK) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str | None]] = []
        """(URL, URL that redirected there) for which a credential was asked."""
        self.credential: Callable[[str, str | None], Plain] = lambda url, redirected_from: Plain()
        self._outcomes: queue.Queue[Outcome | Cancelled] = queue.Queue()
        self._numbers = iter(range(1, 1 << 20))
        self.mover = Mover(self._credential_for, self._outcomes.put, limits)
        self.mover.start()

    def _credential_for(
        self, instance: str, endpoint: Endpoint, url: str, redirected_from: str | None
    ) -> Plain:
        self.asked.append((url, redirected_from))
        return self.credential(url, redirected_from)

    def work(
        self,
        content: bytes,
        *urls: str,
        checksum: Checksum = "adler32",
        size: int | None = -1,
        name: str = "file",
    ) -> Work:
        """An order for `content`; the n-th URL is that of RSE n."""
        number = next(self._numbers)
        return Work(
            number,
            "lab",
            Did("test", name),
            str(self.folder / f"{name}.part"),
            len(content) if size == -1 else size,
            zlib.adler32(content) if checksum == "adler32" else None,
            md5(content).hexdigest() if checksum == "md5" else None,
            tuple(Endpoint(f"RSE{place}", url) for place, url in enumerate(urls, 1)),
        )

    def next(self) -> Outcome | Cancelled:
        return self._outcomes.get(timeout=SECONDS)

    def bring(self, work: Work) -> Outcome | Cancelled:
        self.mover.submit(work)
        return self.next()

    def fetched(self, work: Work) -> Fetched:
        """The file came; fails with what went wrong otherwise."""
        outcome = self.bring(work)
        assert isinstance(outcome, Fetched), outcome
        return outcome

    def given_up(self, work: Work) -> GaveUp:
        outcome = self.bring(work)
        assert isinstance(outcome, GaveUp), outcome
        return outcome

    def content(self, work: Work) -> bytes:
        return Path(work.part).read_bytes()

    def blocked(self, work: Work) -> ReplicaFailure | None:
        """Why no request for it is running."""
        progress = self.mover.progress().get(work.id)
        return progress.blocked if progress else None


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.005)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.mover.close()


@pytest.fixture
def storage() -> Iterator[Faulty]:
    with Faulty() as made:
        yield made


@pytest.fixture
def other() -> Iterator[Faulty]:
    """A second storage: another host as far as secrets go."""
    with Faulty(address="127.0.0.2") as made:
        yield made


@pytest.fixture(scope="session")
def large() -> bytes:
    """Two ranges and a bit."""
    return os.urandom(2 * RANGE_BYTES + 12_345)
