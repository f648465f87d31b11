"""The bytes of one file, from where they are read to where they are written, and summed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from .digest import Adler32
from .errors import LocalFailure
from .exchange import Send
from .patience import Patience


class Readable(Protocol):
    """What bytes come from: a file, or another cloud."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the beginning of `buffer`; 0 at the end."""
        ...


Source = Callable[[int], AbstractContextManager[Readable]]
"""Opens what is to be sent, at an offset; asked again for each attempt."""


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
    """Raises LocalFailure."""
    with local("write"):
        file.write(piece)


@contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    """A new local file, in the place of what is there, with the folders above it. Raises LocalFailure."""
    with local("write"):
        path.parent.mkdir(parents=True, exist_ok=True)  # Rucio makes none for the slashes in a file's name
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
