"""Whole files to and from a CS3 cloud: verified on the way, resumed or begun anew when something breaks."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from .client import Client
from .data import BUFFER_BYTES, DataEndpoint, Readable, Send
from .digest import Adler32
from .errors import (
    AlreadyExists,
    Conflict,
    Cs3Error,
    LocalFailure,
    Mismatch,
    NotFound,
    NotSupported,
    TooEarly,
    TransferLapsed,
    Unavailable,
)
from .pfn import parent_of
from .resource import ADLER32_OF_NOTHING, Resource

Source = Callable[[int], AbstractContextManager[Readable]]
"""Opens what is to be sent, at an offset; asked again for each attempt."""

ATTEMPTS = 4
"""In a row without any progress; between them we wait 0.5, 1 and 2 s."""
ATTEMPTS_OF: dict[type[Cs3Error], int] = {
    TooEarly: 12,  # the cloud still works on a file (it looks for viruses, say): 43 s in all
    Mismatch: 2,  # all bytes have gone over the wire in vain
}
LONGEST_WAIT_SECONDS = 5.0
UNSEEN_BYTES = 4 * 1024 * 1024
"""So small a file is sent without a look whether its container is there: it nearly always is."""
LATE_SECONDS = 0.3
"""Some storages make a file of what came before a break, a moment after it."""
TUS_BYTES = 64 * 1024 * 1024
"""What is sent again at most when a tus upload breaks."""
LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transferred:
    """A whole file, as it went over the wire."""

    size: int
    """Bytes."""
    adler32: str


class Patience:
    """How long a transfer may take, and how often it may fail."""

    def __init__(self, seconds: float | None) -> None:
        """None: as long as there is progress."""
        self._end = None if seconds is None else time.monotonic() + seconds
        self._failures: Counter[type[Cs3Error]] = Counter()
        self._best = 0

    def check(self) -> None:
        """Raises Unavailable when the time is up."""
        if self._end is not None and time.monotonic() > self._end:
            raise Unavailable("the transfer takes longer than it may")

    def wait(self, error: Cs3Error, reached: int = 0) -> None:
        """After a failure: return when it is time to try again, or raise it for good.

        Only bytes that no attempt has reached before count as progress.
        """
        self.check()
        if reached >= self._best + BUFFER_BYTES:
            self._failures.clear()
        self._best = max(self._best, reached)
        kind = type(error) if type(error) in ATTEMPTS_OF else Cs3Error
        self._failures[kind] += 1
        if self._failures[kind] >= ATTEMPTS_OF.get(kind, ATTEMPTS):
            raise error
        time.sleep(min(0.25 * 2 ** self._failures[kind], LONGEST_WAIT_SECONDS))
        self.check()


def fetch(client: Client, path: str, destination: Path, *, seconds: float | None = None) -> Transferred:
    """Write a file of the cloud to `destination`, over what is there.

    After a break the rest is asked for; the size, and the adler32 where the storage knows it, are verified. When it
    fails, a partial file is left. Raises NotFound, also for a container; Mismatch; LocalFailure; Unavailable; …
    """
    patience = Patience(seconds)
    look = client.begin_stat(path)
    endpoint: DataEndpoint | None = None
    with suppress(Cs3Error):  # it is asked for again, and then heard
        endpoint = client.initiate_download(path)
    expected = must_be_file(look(), path)
    with created(destination) as file:
        while True:
            try:
                fetched = fetch_once(client, path, file, expected.size, patience, endpoint)
                verify(expected, fetched)
                return fetched
            except Mismatch as error:  # noqa: PERF203 - each round is a whole transfer
                patience.wait(error)
                expected = file_at(client, path)  # someone may have replaced it meanwhile
                endpoint = None
                file.seek(0)
                file.truncate()


def file_at(client: Client, path: str) -> Resource:
    """Raises NotFound for a container too."""
    return must_be_file(client.stat(path), path)


def must_be_file(found: Resource, path: str) -> Resource:
    if found.kind != "file":
        raise NotFound(f"Stat {path}: not a file")
    return found


def fetch_once(
    client: Client, path: str, file: BinaryIO, size: int, patience: Patience, endpoint: DataEndpoint | None
) -> Transferred:
    """All `size` bytes, through breaks. Raises Mismatch where the file has become longer or shorter."""
    offset, value = 0, 1
    while offset < size:
        with Adler32(size - offset, value=value, sink=partial(write, file)) as digest:
            broken: Cs3Error | None = None
            try:
                with client.read(path, start=offset, endpoint=endpoint) as reader:
                    if reader.length is not None and reader.length != size - offset:
                        raise Mismatch(f"GET {path}: {offset + reader.length} bytes, not {size}")
                    for count in receive(reader, digest, patience):
                        offset += count
            except (Unavailable, TransferLapsed) as error:
                broken = error
        value, endpoint = digest.value, None
        if broken or offset < size:
            patience.wait(broken or Unavailable(f"GET {path}: {offset} of {size} bytes"), offset)
    return Transferred(offset, f"{value:08x}")


def receive(reader: Readable, digest: Adler32, patience: Patience) -> Iterator[int]:
    """Hand over all that comes; yields the size of each piece."""
    while True:
        buffer = digest.lend()
        count = reader.readinto(buffer) or 0
        if not count:
            return
        digest.take(buffer, count)
        yield count
        patience.check()


def write(file: BinaryIO, piece: memoryview) -> None:
    with local("write"):
        file.write(piece)


def store(
    client: Client,
    path: str,
    source: Source,
    size: int,
    *,
    seconds: float | None = None,
    staging: str | None = None,
    accept: Callable[[Transferred], None] | None = None,
) -> Transferred:
    """Put `size` bytes at `path`: whole and verified, or not at all.

    They are written under a name of their own for each attempt, beside `path` or where `staging`, the beginning of
    a path, says; compared with what the storage then says (the size, and the adler32 where it knows it); and moved.
    `accept` is asked before they get their name, and may raise. Missing containers are made. Raises AlreadyExists,
    OutOfSpace, Mismatch, LocalFailure, Unavailable, …
    """
    container = parent_of(path)
    # An upload beside the path tells whether the container is there; one elsewhere does not.
    looked = size > UNSEEN_BYTES or staging is not None
    if looked:
        client.make_containers(container)
    staging = staging or f"{container.rstrip('/')}/.rucio-"
    patience = Patience(seconds)
    while True:
        temporary = f"{staging}{uuid.uuid4().hex}.part"
        try:
            try:
                sent = send(client, temporary, source, size, patience)
            except (Conflict, NotFound, Unavailable):  # all are said of a container that is missing
                if looked:
                    raise
                looked = True
                if client.make_containers(container):
                    continue
                raise
            if accept:
                accept(sent)
            publish(client, temporary, path, sent, patience)
            return sent
        except (Unavailable, TransferLapsed, Mismatch) as error:
            discard(client, temporary)
            patience.wait(error)
        except BaseException:
            discard(client, temporary)
            raise


def send(client: Client, path: str, source: Source, size: int, patience: Patience) -> Transferred:
    """One upload, in the way that the gateway and the settings prefer."""
    if size == 0:
        try:
            client.touch(path)  # some gateways refuse a PUT of nothing, others cannot touch
            return Transferred(0, ADLER32_OF_NOTHING)
        except NotSupported:
            LOGGER.debug("The gateway has no TouchFile; an empty file is sent as others are.")
    with client.renewing_token():
        endpoint = client.initiate_upload(path, size)
        if endpoint.protocol == "tus":
            try:
                return send_tus(client, endpoint, path, source, size, patience)
            except NotFound as error:  # the server has forgotten this upload, not the file
                raise Unavailable(str(error)) from None
        with Adler32(size) as digest:
            body = partial(pump, source, 0, size, digest, patience)
            client.data.put(endpoint, f"PUT {path}", size, body)
        return Transferred(size, f"{digest.value:08x}")


def send_tus(
    client: Client, endpoint: DataEndpoint, path: str, source: Source, size: int, patience: Patience
) -> Transferred:
    """In pieces, each of which goes on where the server says that the last one ended."""
    offset, value = 0, 1
    while offset < size:
        count = min(TUS_BYTES, size - offset)
        what = f"PATCH {path}"
        try:
            with Adler32(count, value=value) as digest:
                body = partial(pump, source, offset, count, digest, patience)
                reached = client.data.patch(endpoint, what, offset, count, body)
            whole = reached == offset + count
        except (Unavailable, Conflict) as error:
            patience.wait(error, offset)
            reached, whole = client.data.offset(endpoint, f"HEAD {path}"), False
        if not offset <= reached <= offset + count:
            raise Unavailable(f"{what}: the server has lost its place")
        # What a broken request has sent, and what the server has kept of it, may differ.
        value = digest.value if whole else summed(source, offset, reached - offset, value, patience)
        offset = reached
    return Transferred(size, f"{value:08x}")


def pump(source: Source, offset: int, count: int, digest: Adler32, patience: Patience, wire: Send) -> None:
    """Send exactly `count` bytes from `offset` on. Raises LocalFailure if there are fewer."""
    with local("read"):
        opening = source(offset)
    with opening as readable:
        left = count
        while left:
            buffer = digest.lend()
            with local("read"):
                got = readable.readinto(buffer[: min(left, len(buffer))]) or 0
            if not got:
                raise LocalFailure(f"the source has {offset + count - left} bytes, not {offset + count}")
            wire(buffer[:got])
            digest.take(buffer, got)
            left -= got
            patience.check()


def summed(source: Source, offset: int, count: int, value: int, patience: Patience) -> int:
    """The adler32 of what ended in `value`, `count` bytes further on."""
    with Adler32(count, value=value) as digest:
        pump(source, offset, count, digest, patience, wire=lambda _piece: None)
    return digest.value


def publish(client: Client, temporary: str, path: str, sent: Transferred, patience: Patience) -> None:
    """Compare what is stored with what was sent, and give it its name."""
    asked_to_move = False

    def check(stored: Resource) -> None:
        nonlocal asked_to_move
        verify(stored, sent)
        asked_to_move = True

    while True:
        try:
            client.move(temporary, path, check=check)
            return
        except (NotFound, AlreadyExists) as error:  # noqa: PERF203 - each round talks to a network
            if asked_to_move and client.exists(path) and not client.exists(temporary):
                verify(client.stat(path), sent)  # the move was slower than its answer
                return
            if isinstance(error, AlreadyExists):
                raise
            raise Unavailable(f"{error}; it was stored a moment ago") from None
        except Unavailable as error:
            patience.wait(error)


def discard(client: Client, temporary: str) -> None:
    """Remove what an attempt has left. Where that fails it stays, and the log has its name."""
    for pause in (0.0, LATE_SECONDS):
        time.sleep(pause)
        try:
            client.remove_file(temporary)
            return
        except NotFound:
            continue
        except Cs3Error as error:
            LOGGER.warning("A partial upload stays behind: %s", error)
            return


def verify(stored: Resource, sent: Transferred) -> None:
    """Raises Mismatch. A sum that the storage does not give is no mismatch."""
    if stored.size != sent.size:
        raise Mismatch(f"{stored.path}: {stored.size} bytes are stored, {sent.size} were transferred")
    if stored.checksums.get("adler32", sent.adler32) != sent.adler32:
        raise Mismatch(f"{stored.path}: the stored adler32 is not that of the bytes transferred")


def file_source(path: Path) -> Source:
    """A local file to send."""

    def opened_at(offset: int) -> AbstractContextManager[Readable]:
        file = path.open("rb", buffering=0)
        file.seek(offset)
        return file

    return opened_at


@contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    with local("write"):
        file = path.open("wb")
    try:
        yield file
    finally:
        with local("write"):
            file.close()


@contextmanager
def local(verb: str) -> Iterator[None]:
    """Tells trouble of this machine from trouble of the network."""
    try:
        yield
    except OSError as error:
        raise LocalFailure(f"cannot {verb} the local file: {error.strerror}") from None
