"""Whole files to and from a CS3 cloud: verified on the way, resumed or begun anew when something breaks."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from . import recycle
from .client import Client
from .data import DataEndpoint
from .digest import Adler32
from .errors import (
    AlreadyExists,
    Conflict,
    Cs3Error,
    Failed,
    InvalidRequest,
    Mismatch,
    NotFound,
    NotSupported,
    Outlasted,
    SignInLapsed,
    TooEarly,
    TransferLapsed,
    Unavailable,
)
from .exchange import Reader
from .flow import Readable, Source, created, pump, receive, summed, write
from .gateway import within
from .patience import PASSING, Patience
from .pfn import parent_of
from .resource import ADLER32_OF_NOTHING, Resource

UNSEEN_BYTES = 4 * 1024 * 1024
"""So small a file is sent without a look whether its container is there: it nearly always is."""
LATE_SECONDS = 0.3
"""Some storages make a file of what came before a break, a moment after it."""
TUS_BYTES = 64 * 1024 * 1024
"""What is sent again at most when a tus upload breaks."""
UNFINISHED = re.compile(r"\.rucio-.*\.part", re.DOTALL)
"""What a file is called that is not whole yet."""
LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transferred:
    """A whole file, as it went over the wire."""

    size: int
    """Bytes."""
    adler32: str


def fetch(client: Client, path: str, destination: Path, *, seconds: float | None = None) -> Transferred:
    """Write a file of the cloud to `destination`, over what is there.

    After a break the rest is asked for; the size, and the adler32 where the storage knows it, are verified. When it
    fails, a partial file is left. Raises NotFound, also for a container; Mismatch; LocalFailure; Unavailable; …
    """
    patience = Patience(seconds)
    while True:
        with within(patience), ExitStack() as opened:
            create = partial(opened.enter_context, created(destination))
            try:
                return Download(client, path, create, patience).whole()
            except Mismatch as error:
                patience.wait(error)


class Download:
    """One file on its way here."""

    def __init__(self, client: Client, path: str, create: Callable[[], BinaryIO], patience: Patience) -> None:
        """`create` makes the local file, once we know that there is one on the cloud."""
        self._client, self._path, self._create, self._patience = client, path, create, patience
        self._known: tuple[Resource, BinaryIO] | None = None
        self._offset, self._value = 0, 1
        self._final: Cs3Error | None = None

    def whole(self) -> Transferred:
        """All its bytes, through breaks. Raises Mismatch where they are not what `Stat` tells."""
        while not self._known or self._offset < self._known[0].size:
            self._go_on()
        fetched = Transferred(self._offset, f"{self._value:08x}")
        verify(self._known[0], fetched)
        return fetched

    def _go_on(self) -> None:
        broken: Cs3Error = Unavailable(f"GET {self._path}: it ended early")
        try:
            with self._asking():
                endpoint = self._client.initiate_download(self._path)
            endpoint = replace(endpoint, limits=self._patience)
            with (
                self._client.noting_refusal(endpoint),
                self._client.data.get(
                    endpoint, f"GET {self._path}", start=self._offset, meanwhile=self._look
                ) as reader,
            ):
                self._receive(reader)
        except PASSING as error:
            if error is self._final:
                raise
            broken = error
        if not self._known or self._offset < self._known[0].size:
            self._patience.wait(broken, self._offset)

    def _look(self) -> None:
        """What it is: for the first time, or still. Raises Mismatch."""
        with self._asking():
            found = file_at(self._client, self._path)
        if not self._known:
            self._known = found, self._create()
        elif (found.size, found.etag) != (self._known[0].size, self._known[0].etag):
            raise Mismatch(f"GET {self._path}: it was changed while it was read")

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """A gateway that does not answer at the very first has been asked several times: that is final."""
        try:
            yield
        except Unavailable as error:
            if not self._known and not isinstance(error, TooEarly):
                self._final = error
            raise

    def _receive(self, reader: Reader) -> None:
        assert self._known
        expected, file = self._known
        left = expected.size - self._offset
        if reader.length is not None and reader.length != left:
            length = self._offset + reader.length
            raise Mismatch(f"GET {self._path}: {length} bytes, not {expected.size}")
        digest = Adler32(left, value=self._value, sink=partial(write, file))
        try:
            with digest:
                for count in receive(reader, digest, self._patience):
                    self._offset += count
                    if self._offset > expected.size:  # where no length was told
                        raise Mismatch(f"GET {self._path}: more than {expected.size} bytes")
        finally:
            self._value = digest.value


def file_at(client: Client, path: str) -> Resource:
    """Raises NotFound for a container too."""
    found = client.stat(path)
    if found.kind != "file":
        raise NotFound(f"Stat {path}: not a file")
    return found


def store(
    client: Client,
    path: str,
    source: Source,
    size: int,
    *,
    seconds: float | None = None,
    patience: Patience | None = None,
    staging: str | None = None,
    accept: Callable[[Transferred], None] | None = None,
) -> Transferred:
    """Put `size` bytes at `path`: whole and verified, or not at all.

    They are written under a name of their own for each attempt, beside `path` or where `staging`, the beginning of
    a path, says; compared with what the storage then says (the size, and the adler32 where it knows it); and moved.
    `accept` is asked before they get their name, and may raise. `patience` takes the place of `seconds`. Missing
    containers are made. Raises AlreadyExists, OutOfSpace, Mismatch, LocalFailure, Unavailable, …
    """
    container = parent_of(path)
    staging = staging or f"{container.rstrip('/')}/.rucio-"
    # An upload beside the path tells whether the container is there; one elsewhere does not.
    looked = size > UNSEEN_BYTES or parent_of(staging) != container
    patience = patience or Patience(seconds)
    broken: list[str] = []
    whole = False

    def make_container() -> bool:
        with within(patience):
            return client.make_containers(container)

    def clear_away(temporary: str) -> None:
        discard(client, temporary)
        broken.append(temporary)

    if looked:
        make_container()
    while True:
        temporary = f"{staging}{uuid.uuid4().hex}.part"
        try:
            try:
                with within(patience):
                    sent = send(client, temporary, source, size, patience, whole=whole)
            except (Conflict, NotFound, Unavailable) as error:  # all are said of a container that is missing
                if looked:
                    raise
                was_missing, looked = make_container(), True
                if not was_missing:
                    if isinstance(error, Unavailable):
                        raise
                    clear_away(temporary)  # somebody else may have made it in between
                continue
            if accept:
                accept(sent)
            publish(client, temporary, path, sent, patience)
            for each in broken:  # by now a slow storage may have made a file of it
                discard(client, each, late=False)
            return sent
        except (*PASSING, Mismatch) as error:
            clear_away(temporary)
            patience.wait(error)
            whole = whole or isinstance(error, Outlasted)
        except BaseException:  # whatever ends it, Ctrl-C too: nothing of it stays
            discard(client, temporary)
            raise


def send(
    client: Client, path: str, source: Source, size: int, patience: Patience, *, whole: bool = False
) -> Transferred:
    """One upload, in the way that the gateway and the settings prefer; `whole`: not in pieces, if that can be."""
    if size:
        return send_bytes(client, path, source, size, patience, whole=whole)
    try:
        client.touch(path)
        return Transferred(0, ADLER32_OF_NOTHING)
    except (NotSupported, Failed) as refusal:  # storages that cannot touch call it an internal error
        try:
            return send_bytes(client, path, source, size, patience)
        except InvalidRequest:  # others refuse a PUT of nothing
            raise refusal from None


def send_bytes(
    client: Client, path: str, source: Source, size: int, patience: Patience, *, whole: bool = False
) -> Transferred:
    """Likewise, over the data endpoint even where there are none."""
    endpoint = replace(client.initiate_upload(path, size, whole=whole), limits=patience)
    if endpoint.protocol == "tus":
        try:
            return send_tus(client, endpoint, path, source, size, patience)
        except NotFound as error:  # the server has forgotten this upload, not the file
            raise Failed(str(error)) from None
    with Adler32(size) as digest, client.noting_refusal(endpoint):
        body = partial(pump, source, 0, size, digest, patience)
        client.data.put(endpoint, f"PUT {path}", size, body)
    return Transferred(size, digest.hexdigest())


def send_tus(
    client: Client, endpoint: DataEndpoint, path: str, source: Source, size: int, patience: Patience
) -> Transferred:
    """In pieces, each of which goes on where the server says that the last one ended."""
    offset, value = 0, 1
    while True:  # once even where there is nothing to send
        count = min(TUS_BYTES, size - offset)
        what = f"PATCH {path}"
        try:
            with Adler32(count, value=value) as digest, client.noting_refusal(endpoint), outlasting(offset):
                body = partial(pump, source, offset, count, digest, patience)
                reached = client.data.patch(endpoint, what, offset, count, body)
            whole = reached == offset + count
        except (Unavailable, Conflict, SignInLapsed) as error:
            with outlasting(offset):
                endpoint, reached = after(error, client, endpoint, path, offset, patience)
            whole = False
        if not offset <= reached <= offset + count:
            raise Failed(f"{what}: the server has lost its place")
        # What a broken request has sent, and what the server has kept of it, may differ.
        value = digest.value if whole else summed(source, offset, reached - offset, value, patience)
        offset = reached
        if offset == size:
            return Transferred(size, f"{value:08x}")


@contextmanager
def outlasting(offset: int) -> Iterator[None]:
    """A token that was good for the pieces before `offset` is refused for its age alone."""
    try:
        yield
    except TransferLapsed as error:
        if not offset:
            raise
        raise Outlasted(f"{error}, for the upload takes longer than its token lives") from None


def after(
    error: Cs3Error, client: Client, endpoint: DataEndpoint, path: str, offset: int, patience: Patience
) -> tuple[DataEndpoint, int]:
    """How to go on after a break, and where the server stands; asked as long as the patience lasts."""
    while True:
        patience.linger(error, offset)
        try:
            endpoint = client.renewed(endpoint)
            with client.noting_refusal(endpoint):
                return endpoint, client.data.offset(endpoint, f"HEAD {path}")
        except (Unavailable, SignInLapsed) as again:
            error = again


def publish(client: Client, temporary: str, path: str, sent: Transferred, patience: Patience) -> None:
    """Compare what is stored with what was sent, and give it its name. A move may be slower than its answer."""
    moves = 0
    while True:
        try:
            if moves and not client.exists(temporary):
                verify(file_at(client, path), sent)
                return
            verify(client.stat(temporary), sent)
            moves += 1
            client.move(temporary, path)
            return
        except NotFound as error:  # noqa: PERF203 - each round talks to a network
            gone = Failed(f"{error}; it was stored a moment ago")
            if not moves:
                raise gone from None
            patience.linger(gone, sent.size)
        except AlreadyExists:
            if moves == 1 or client.exists(temporary):
                raise
        except Unavailable as error:
            patience.linger(error, sent.size)


def discard(client: Client, temporary: str, *, late: bool = True) -> None:
    """Remove what an attempt has left, from the recycle bin too; `late`: also if it comes in a moment.

    The log tells what stays.
    """
    for pause in (0.0, LATE_SECONDS) if late else (0.0,):
        time.sleep(pause)
        try:
            client.remove_file(temporary)
        except NotFound:
            continue
        except Cs3Error as error:
            unseen = isinstance(error, Unavailable)  # there may be none
            LOGGER.warning(
                "A partial upload may stay behind: %s" if unseen else "A partial upload stays behind: %s",
                error,
            )
            return
        try:
            recycle.purge(client, temporary)
        except Cs3Error as error:
            LOGGER.info("A partial upload stays in the recycle bin: %s", error)
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
