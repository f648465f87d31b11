"""Files of the user's on their way to a cloud, and what they are sent with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..catalog.registry import Registry
from ..did import Did
from ..errors import Conflict, NotFound
from ..sources.escort import Escort

if TYPE_CHECKING:
    from ..sources.sending import CloudWriter


class Outgoing(msgspec.Struct, frozen=True):
    """A local file on its way to a DID."""

    path: Path
    did: Did
    bytes: int
    modified_ns: int
    """With the size it tells whether the file is still the one that was to be put."""


class Arrived(msgspec.Struct, frozen=True):
    """A file that is at its place."""

    file: Outgoing
    adler32: str
    found: bool = False
    """It was there before."""


class Means(msgspec.Struct, frozen=True):
    """What an upload works with."""

    registry: Callable[[], Registry]
    """Rucio, as the user; may wait, and raise SignInNeeded."""
    check: Callable[[], None]
    """Raises BadRequest where the RSE is no cloud, and what Rucio says."""
    writer: Callable[[Escort], AbstractContextManager[CloudWriter]]
    """Makes one of its own for each thread."""
    bandwidth: Callable[[], int | None]
    """The limit in force, bytes per second."""


def check_unchanged(file: Outgoing) -> None:
    """Raises NotFound, Conflict."""
    try:
        now = file.path.stat()
    except OSError:
        raise NotFound(
            f"{file.path} is gone, or cannot be read any more, so this upload cannot be finished. Put what is left.",
            do="none",
        ) from None
    if (now.st_size, now.st_mtime_ns) != (file.bytes, file.modified_ns):
        raise Conflict(
            f"{file.path} has changed since its upload began, which therefore ends. Put the files again.",
            do="none",
        )
