"""Private files: whole or not at all, and never readable by others, not even for a moment."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TypeVar

import msgspec

_T = TypeVar("_T")

_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}", re.DOTALL)


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` by `content` at once, mode 0600 from the first byte; its folder is made 0700."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:  # Ctrl-C too: no draft stays, it may hold a secret
        draft.unlink(missing_ok=True)
        raise


def discard_drafts(folder: Path) -> None:
    """Remove what `write_private` was writing when its process was killed; nobody may be writing there now."""
    for draft in folder.glob(".*"):
        if _DRAFT.fullmatch(draft.name) and draft.is_file():
            draft.unlink(missing_ok=True)


def read_private(path: Path, kind: type[_T]) -> _T | None:
    """What `write_private` wrote, as JSON of that kind; None if it is absent or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def version_of(path: Path) -> tuple[int, ...] | None:
    """Another value once a file is another one, or written anew; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def is_own_file(path: Path) -> bool:
    """Whether it is a file of this user: in a folder that all may write to, anybody could lay one for him."""
    try:
        return path.is_file() and path.stat().st_uid == os.geteuid()
    except OSError:
        return False
