"""Writing to CS3 clouds, in the words of this side; `rucio_mesh` does it.

Imported only where `clouds.is_installed`: it needs the extra `[cs3]`.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from rucio_mesh.cs3 import transfers
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.errors import (
    AccessDenied,
    AlreadyExists,
    Cs3Error,
    Failed,
    LocalFailure,
    Mismatch,
    NoCredential,
    NotAContainer,
    NotFound,
    NotSignedIn,
    Outlasted,
    OutOfSpace,
    TooEarly,
    Unavailable,
    Unsafe,
    Untrusted,
)
from rucio_mesh.cs3.errors import Conflict as Locked
from rucio_mesh.cs3.flow import local
from rucio_mesh.cs3.patience import Patience
from rucio_mesh.cs3.pfn import NotAPfn, Pfn, parent_of

from ..errors import (
    BadConfiguration,
    BadRequest,
    Conflict,
    Denied,
    Failure,
    NoSpace,
    RefusedByStorage,
    SourceFailure,
    StorageFault,
    StorageUnreachable,
)
from ..pauses import asked_for
from .checksum import file_adler32
from .cloud_data import WatchedData
from .clouds import Clouds
from .escort import Escort
from .failures import ReplicaFailure

logger = logging.getLogger(__name__)

STANDSTILL_SECONDS = 10.0
"""An attempt that broke off after so long is not repeated here: whoever waits for the file is to know of it."""


class Sent(msgspec.Struct, frozen=True):
    """A file that is on the cloud, verified."""

    bytes: int
    adler32: str
    found: bool = False
    """It was there already."""


class CloudWriter:
    """Sends files to one RSE; for one thread. Keeps its sign-in and its connections until it is closed."""

    def __init__(
        self,
        clouds: Clouds,
        instance: str,
        rse: str,
        escort: Escort,
        *,
        mark: str = "put",
    ) -> None:
        """`mark` is in the names of files that are not whole yet, so that `tidy` finds them again."""
        self._clouds = clouds
        self._instance = instance
        self._rse = rse
        self._escort = escort
        self._mark = mark
        self._clients: dict[tuple[str, int], Client] = {}

    def __enter__(self) -> CloudWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()

    def sign_in(self, pfn: str) -> None:
        """Where that has not been done yet, sign in to the gateway of a place. Raises as `send` does."""
        with self._failures():
            self._client(Pfn.parse(pfn)).sign_in()

    def send(self, file: Path, pfn: str, accept: Callable[[], None] = lambda: None) -> Sent:
        """Put a local file at a `cs3:` PFN: whole and verified, or not at all. Blocks.

        `accept` is called before it gets its name, and may raise.

        It is written beside the place under a name of its own, compared with what the cloud then says of it, and
        moved; what breaks is tried again a few times. What is there already, and provably the same, stays. Raises
        Conflict for a place that is taken, NoSpace, Denied, RefusedByStorage, BadConfiguration where nobody has
        configured a sign-in, BadRequest for a file that cannot be read or a PFN that is none, StorageUnreachable,
        StorageFault, SourceFailure, and what Rucio says when it is asked for the gateway.
        """
        with self._failures():
            place = Pfn.parse(pfn)
            client = self._client(place)
            with local("read"):
                size = file.stat().st_size
            if client.exists(place.path):
                return self._as_it_is(client, place.path, file, size)
            source, patience = transfers.file_source(file), _Lingering(self._rse, self._escort)
            staging = self._staging(place)
            try:
                sent = transfers.store(
                    client,
                    place.path,
                    source,
                    size,
                    patience=patience,
                    staging=staging,
                    accept=lambda _sent: accept(),
                )
            except AlreadyExists:  # somebody else was faster
                return self._as_it_is(client, place.path, file, size)
            except Failed:  # which is what some storages say where their quota is full
                if self._is_full(client, parent_of(place.path), size):
                    raise OutOfSpace(f"{place.path}: the quota has no room") from None
                raise
            return Sent(sent.size, sent.adler32)

    def tidy(self, pfn: str) -> None:
        """Remove what a process that died, of the same mark, has left half at this place. Raises as `send` does."""
        with self._failures():
            place = Pfn.parse(pfn)
            client, staging = self._client(place), self._staging(place)
            container = parent_of(place.path)
            try:
                beside = client.list_container(container)
            except NotFound:
                return
            for each in beside:
                path = f"{container.rstrip('/')}/{each.path.rpartition('/')[2]}"
                if each.kind == "file" and path.startswith(staging):
                    transfers.discard(client, path)

    def remove(self, pfn: str) -> None:
        """Take a file from the cloud again. Raises as `send` does."""
        with self._failures():
            place = Pfn.parse(pfn)
            with suppress(NotFound):
                self._client(place).remove_file(place.path)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What the client raises, as Failures."""
        try:
            yield
        except NotAPfn:
            raise BadRequest("This is no address of a file on a CS3 cloud.") from None
        except Cs3Error as error:
            logger.warning("CS3 at %s: %s", self._rse, error)
            raise _failure_of(error, self._rse) from None

    def _staging(self, place: Pfn) -> str:
        """How the names of unfinished files begin."""
        return f"{parent_of(place.path).rstrip('/')}/.rucio-{self._mark}-"

    def _as_it_is(self, client: Client, path: str, file: Path, size: int) -> Sent:
        """For a file that is stored already: an earlier attempt may have got so far. Raises AlreadyExists."""
        stored = client.stat(path)
        if stored.kind != "file" or stored.size != size:
            raise AlreadyExists(f"{path} exists")
        with local("read"), file.open("rb") as opened:
            adler32 = f"{file_adler32(opened.fileno())[0]:08x}"
        if adler32 != (stored.checksums.get("adler32") or self._sum_at(client, path)):
            raise AlreadyExists(f"{path} exists")
        return Sent(size, adler32, found=True)

    def _is_full(self, client: Client, container: str, size: int) -> bool:
        """Whether the quota has no room for so many bytes, as far as the cloud tells."""
        try:
            quota = client.quota(container)
        except Cs3Error:
            return False
        return 0 < quota.total < quota.used + size

    def _sum_at(self, client: Client, path: str) -> str:
        """The adler32 of a file of which the cloud tells none: it is read, as slowly as others are sent."""
        patience = Patience(None)
        return transfers.Download(client, path, lambda: _Passing(self._escort), patience).whole().adler32

    def _client(self, place: Pfn) -> Client:
        client = self._clients.get((place.host, place.port))
        if client is None:
            client = Client(*self._clouds.sign_in(self._instance, self._rse, place))
            client.data = WatchedData(client.settings, self._escort)
            self._clients[place.host, place.port] = client
        return client


class _Lingering(Patience):
    """Endless where something would be lost, and short where the whole file is sent anew anyway."""

    def __init__(self, rse: str, escort: Escort) -> None:
        super().__init__(None)
        self._rse = rse
        self._escort = escort
        self._since = time.monotonic()

    def check(self) -> None:
        self._escort.check()
        super().check()

    def cutting(self, cut: Callable[[], None]) -> AbstractContextManager[None]:
        return self._escort.cutting(cut)

    def wait(self, error: Cs3Error, reached: int = 0) -> None:
        if isinstance(error, Unavailable):
            stood_still = time.monotonic() - self._since > STANDSTILL_SECONDS
            if stood_still or asked_for(error.retry_after) is not None:
                raise error
        super().wait(error, reached)
        self._since = time.monotonic()

    def linger(self, error: Cs3Error, reached: int) -> None:
        try:
            self.wait(error, reached)
        except Unavailable:
            failure = _failure_of(error, self._rse)
            if not isinstance(failure, StorageUnreachable):
                raise
            self._escort.hold(failure)
            self._since = time.monotonic()


class _Passing(io.BytesIO):
    """A file that keeps nothing, with someone to watch the bytes come."""

    def __init__(self, escort: Escort) -> None:
        super().__init__()
        self._escort = escort
        self._position = 0

    def write(self, piece: Any, /) -> int:
        count = len(piece)
        self._escort.watch(self._position, count)
        self._position += count
        return count


def _failure_of(error: Cs3Error, rse: str) -> Failure:
    """What the client says, in the words of this side; the most special class that the table knows decides."""
    retry_after = asked_for(error.retry_after) if isinstance(error, Unavailable) else None
    table: dict[type[Cs3Error], Failure] = {
        NoCredential: BadConfiguration(ReplicaFailure("no-cs3-signin", rse).sentence),
        NotSignedIn: RefusedByStorage(ReplicaFailure("cs3-signin", rse).sentence),
        AccessDenied: Denied(f"{rse} does not let you write there."),
        Outlasted: SourceFailure(f"The file takes longer than {rse} lets an upload last.", do="report"),
        AlreadyExists: Conflict(f"{rse} has something at this place already.", do="choose"),
        NotAContainer: Conflict(f"{rse} has a file where a folder has to be.", do="choose"),
        Locked: StorageFault(f"{rse} has the file, or its folder, locked just now."),
        OutOfSpace: NoSpace(f"The quota or the disk of {rse} is full."),
        LocalFailure: BadRequest("The file cannot be read, or became shorter while it was sent."),
        Mismatch: SourceFailure(f"What {rse} has stored is not what was sent, twice.", do="report"),
        Untrusted: SourceFailure(ReplicaFailure("untrusted", rse).sentence, do="configure"),
        Unsafe: SourceFailure(f"{rse} points to an address that may not be followed.", do="report"),
        TooEarly: StorageUnreachable(f"{rse} is still at work on the file."),
        Failed: StorageFault(ReplicaFailure("server-error", rse).sentence),
        Unavailable: StorageUnreachable(f"{rse} does not answer, or breaks off.", retry_after=retry_after),
        Cs3Error: SourceFailure(f"{rse} does not take the file.", do="report"),
    }
    return next(table[each] for each in type(error).__mro__ if each in table)
