"""Records that outlive the engine: one small private file each, `FOLDER/ID.json`."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from ..accounts.files import read_private, write_private

logger = logging.getLogger(__name__)


class Record(Protocol):
    """A struct that can be kept; it holds no secret."""

    @property
    def id(self) -> str:
        """The file's name; letters and digits."""

    @property
    def created_at(self) -> float:
        """Seconds since 1970."""


R = TypeVar("R", bound=Record)


class Records(Generic[R]):
    """A folder of them; each is written whole or not at all."""

    def __init__(self, folder: Path, kind: type[R]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._kind = kind

    def save(self, record: R) -> None:
        """Raises OSError."""
        write_private(self._file(record.id), msgspec.json.encode(record))

    def forget(self, number: str) -> None:
        """Remove a record, if there is one. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file(number))

    def get(self, number: str) -> R | None:
        """None where there is none, or it is damaged."""
        return read_private(self._file(number), self._kind) if number.isalnum() else None

    def load(self) -> Iterator[R]:
        """All records that can be read, oldest first; what is damaged is set aside."""
        found = [self._read(path) for path in self._folder.glob("*.json")]
        yield from sorted((record for record in found if record), key=lambda record: record.created_at)

    def keep_newest(self, most: int) -> None:
        """Forget all but those that were saved last."""
        saved: list[tuple[int, Path]] = []
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):
                saved.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(saved, reverse=True)[most:]:
            path.unlink(missing_ok=True)

    def _file(self, number: str) -> Path:
        return self._folder / f"{number}.json"

    def _read(self, path: Path) -> R | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=self._kind)
        except OSError as error:
            logger.error("%s cannot be read: %s.", path, error.strerror)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            logger.error("%s is damaged; it is set aside, and what it was about is not taken up.", path)
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(".damaged"))
        return None
