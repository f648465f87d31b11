"""Where an engine keeps its state, and where it can be reached.

`STATE/lock` is held (flock) by the one engine of that folder and tells where its socket is, so that
whoever finds the folder finds the engine, whatever its own environment says of runtime folders.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ..errors import BadConfiguration

CONFIGURATION = "configuration.json"
"""In the state folder: what the site configured, as a client last told it; it holds no secret."""
SOCKET_PATH_LIMIT = 100
"""Bytes; the kernel takes 108 on Linux and 104 on macOS."""

NOTICE_SIZE = 1024
_ELSEWHERE = "Set RUCIO_JUPYTERLAB_STATE to another one."


class Notice(msgspec.Struct, frozen=True):
    """What the holder of the lock tells about itself."""

    pid: int
    host: str
    socket: str


def private_folder(path: Path) -> Path:
    """Make the folder if need be, for this user alone. Raises BadConfiguration if it is another's."""
    try:
        path = path.absolute()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Both the folder and a link to it: in a shared parent anybody may have put either there.
        if {path.lstat().st_uid, path.stat().st_uid} != {os.getuid()}:
            raise BadConfiguration(f"{path} belongs to another user. {_ELSEWHERE}")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise BadConfiguration(
            f"{path} cannot be used as a private folder: {error.strerror}. {_ELSEWHERE}"
        ) from error
    return path


def socket_paths(state: Path) -> Iterator[Path]:
    """Paths short enough for a socket, each in a private folder, the best first.

    The state folder may have too long a path, or lie on a disk that takes no sockets; the runtime folder
    may belong to a session that is over. Raises BadConfiguration where no folder is left.
    """
    path = state / "engine.sock"
    if len(os.fsencode(path)) < SOCKET_PATH_LIMIT:
        yield path
    name = hashlib.sha256(os.fsencode(f"{os.getuid()}:{state}")).hexdigest()[:16]
    folders = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")  # noqa: S108 -- each is checked
    for folder in folders:
        if folder and len(os.fsencode(folder)) <= SOCKET_PATH_LIMIT // 2:
            with suppress(BadConfiguration):
                yield private_folder(Path(folder) / f"rucio-jupyterlab-{name}") / "engine.sock"
    raise BadConfiguration(f"Neither {state} nor the folder for temporary files can hold a socket.")


def take_lock(state: Path) -> int | None:
    """Hold `STATE/lock` until the process ends; its descriptor, or None where another engine holds it.

    Raises BadConfiguration where the disk has no locks, or cannot be written.
    """
    descriptor = None
    try:
        descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise BadConfiguration(
            f"{state / 'lock'} cannot be locked: {error.strerror}. "
            "Set RUCIO_JUPYTERLAB_STATE to a folder of its own on a disk of this machine."
        ) from error
    return descriptor


def holds(lock: int, state: Path) -> bool:
    """Whether the held lock is the one that others find; no longer where the folder was removed or replaced."""
    try:
        return os.path.samestat(os.fstat(lock), (state / "lock").stat())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # a disk that fails tells nothing of it
        return True


def is_locked(state: Path) -> bool:
    """Whether an engine holds the lock now: one that begins, works or still puts its things in order."""
    try:
        with (state / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:  # any other: there is no lock yet, or the disk has none, which the engine tells
        return isinstance(error, BlockingIOError)
    return False


def announce(lock: int, path: Path) -> None:
    """Write into the held lock where this engine listens."""
    text = msgspec.json.encode(Notice(os.getpid(), socket.gethostname(), str(path)))
    # Written over and never cut short: that works on a full disk too.
    os.pwrite(lock, text.ljust(NOTICE_SIZE), 0)


def read_notice(state: Path) -> Notice | None:
    """What the last holder of the lock told; None where nothing can be read, or it is just being written."""
    try:
        return msgspec.json.decode((state / "lock").read_bytes(), type=Notice)
    except (OSError, msgspec.DecodeError):
        return None


def leads_here(state: Path) -> bool:
    """Whether who reads the notice finds a socket of this process."""
    notice = read_notice(state)
    try:
        return notice is not None and notice.pid == os.getpid() and Path(notice.socket).is_socket()
    except OSError:  # here neither
        return True
