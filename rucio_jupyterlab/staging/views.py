"""The readable tree of links into the store.

Everything is made beneath an open directory descriptor and never through a link, so that no name in a
catalogue and no link that somebody laid can lead outside the view's folder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import BinaryIO, Literal

from .layout import escaped_twin, folded, marked_twin, way

LinkKind = Literal["symlink", "reflink", "copy"]
ESCAPED_TWINS = 7
"""Names that are tried by escaping letters, before a hash is put into the name."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_COMPARED = 1 << 20
_FICLONE = 0x40049409
"""Linux: share another file's blocks."""


class View:
    """Links below one folder; may be used from any thread."""

    def __init__(self, root: str, kind: LinkKind) -> None:
        self.root = root
        self._kind = kind
        self._lock = threading.Lock()
        self._open_folder: tuple[str, int] | None = None

    def link(self, path: str, target: str, *, outside: bool = False, ours: Collection[str] = ()) -> str:
        """Make `path` (relative) lead to the file `target` (absolute); return the path that was free.

        What is there already and leads to `target` is kept. A name that is taken by something else gets an
        escaped twin, except one of `ours`, under which the same file appeared before: what stands there is
        replaced, unless it can be written to or is an absolute link. What is `outside` of the store is never
        copied. Raises OSError.
        """
        make = self._symlink_at if outside or self._kind == "symlink" else self._copy_at
        with self._lock:
            return self._first_free(path, target, make, ours)

    def unlink(self, paths: Iterable[str], store: str, outside: Collection[str] = ()) -> None:
        """Remove links and copies of ours and the folders that they leave empty; anything else stays.

        `outside` are files that are not in the store, to which links of ours lead.
        """
        targets = {os.path.join(_physical(os.path.dirname(each)), os.path.basename(each)) for each in outside}
        names: dict[str, list[str]] = {}
        for path in paths:
            folder, _, name = path.rpartition("/")
            names.setdefault(folder, []).append(name)
        with self._lock:
            for folder in names:
                self._close()
                try:
                    self._unlink_in(folder, names[folder], store, targets)
                except (FileNotFoundError, NotADirectoryError):
                    continue  # somebody removed the folder
                self._tidy(folder)

    def close(self) -> None:
        """Let go of the folder that is held open; the next call opens it again."""
        with self._lock:
            self._close()

    def _first_free(
        self, path: str, target: str, make: Callable[[str, str, bool], bool], ours: Collection[str]
    ) -> str:
        base = wanted = path
        twins = 0
        reopened = False
        while twins <= ESCAPED_TWINS + 1:
            try:
                if make(wanted, target, wanted in ours):
                    return wanted
            except NotADirectoryError:
                # A file has the name of one of its folders: fold the folder into the name.
                if "/" not in base:
                    raise
                base = wanted = folded(base)
                continue
            except FileNotFoundError:
                self._close()
                if reopened:
                    raise
                reopened = True  # somebody removed the folder that was held open
                continue
            twins += 1
            wanted = escaped_twin(base, twins) if twins <= ESCAPED_TWINS else marked_twin(base, target)
        raise FileExistsError(errno.EEXIST, "no free name in the view", path)

    def _symlink_at(self, path: str, target: str, replace: bool) -> bool:
        """True where the link is there now; False where the name is taken by something else."""
        folder, _, name = path.rpartition("/")
        descriptor = self._folder(folder)
        above, _, last = target.rpartition("/")
        text = f"{_way(self.root, folder, above)}/{last}"
        try:
            os.symlink(text, name, dir_fd=descriptor)
            return True
        except FileExistsError:
            if _text(descriptor, name) == text:
                return True
            if not (replace and _is_as_made(descriptor, name)):
                return False
        with _draft(descriptor, name) as draft:
            os.symlink(text, draft, dir_fd=descriptor)
        return True

    def _copy_at(self, path: str, target: str, replace: bool) -> bool:
        """Like `_symlink_at`; a copy is known again by its bytes."""
        folder, _, name = path.rpartition("/")
        descriptor = self._folder(folder)
        with open(target, "rb") as source:
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISREG(_mode(descriptor, name)) and _same_bytes(source, name, descriptor):
                    return True
                if not (replace and _is_as_made(descriptor, name)):
                    return False
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with (
                _draft(descriptor, name) as draft,
                open(os.open(draft, flags, 0o600, dir_fd=descriptor), "wb") as copy,
            ):
                os.lseek(source.fileno(), 0, os.SEEK_SET)  # it may have been read, to be compared
                self._fill(source.fileno(), copy.fileno())
                os.fchmod(copy.fileno(), 0o444)
                os.fsync(copy.fileno())
        return True

    def _fill(self, source: int, copy: int) -> None:
        if self._kind == "reflink":
            try:
                fcntl.ioctl(copy, _FICLONE, source)
                return
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY):
                    raise
        with open(source, "rb", closefd=False) as reader, open(copy, "wb", closefd=False) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)

    def _unlink_in(self, folder: str, names: Iterable[str], store: str, outside: set[str]) -> None:
        descriptor = self._folder(folder, make=False)
        for name in names:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                if self._is_ours(descriptor, folder, name, store, outside):
                    os.unlink(name, dir_fd=descriptor)

    def _is_ours(self, descriptor: int, folder: str, name: str, store: str, outside: set[str]) -> bool:
        """A copy that nobody made writable since, or a link into the store, to a file outside of it, or to none.

        Where a link leads that cannot be followed, on a mount that hangs in the air perhaps, is not known: it stays.
        """
        text = _text(descriptor, name)
        if text is None:
            return _is_as_made(descriptor, name)
        target = os.path.normpath(os.path.join(_physical(self.root), folder, text))
        in_store = target.startswith(_physical(store).rstrip("/") + "/")
        return in_store or target in outside or (not os.path.isabs(text) and _leads_nowhere(descriptor, name))

    def _tidy(self, folder: str) -> None:
        while folder:
            self._close()
            folder, _, name = folder.rpartition("/")
            try:
                os.rmdir(name, dir_fd=self._folder(folder, make=False))
            except OSError:
                return  # not empty, or gone: nothing to tidy

    def _folder(self, folder: str, *, make: bool = True) -> int:
        """A descriptor of a folder of the view, made where it is missing, reached through no link."""
        if self._open_folder and self._open_folder[0] == folder:
            return self._open_folder[1]
        self._close()
        if make:
            os.makedirs(self.root, exist_ok=True)
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for segment in folder.split("/") if folder else ():
            try:
                inner = _enter(descriptor, segment, make=make)
            finally:
                os.close(descriptor)
            descriptor = inner
        self._open_folder = (folder, descriptor)
        return descriptor

    def _close(self) -> None:
        if self._open_folder:
            os.close(self._open_folder[1])
            self._open_folder = None


def _enter(descriptor: int, segment: str, *, make: bool) -> int:
    try:
        return os.open(segment, _FOLDER, dir_fd=descriptor)
    except FileNotFoundError:
        if not make:
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(segment, 0o755, dir_fd=descriptor)
        return _enter(descriptor, segment, make=False)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link stands where a folder should
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), segment) from None
        raise


def _mode(descriptor: int, name: str) -> int:
    return os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode


def _text(descriptor: int, name: str) -> str | None:
    """What a link says; None of anything else."""
    return os.readlink(name, dir_fd=descriptor) if stat.S_ISLNK(_mode(descriptor, name)) else None


def _leads_nowhere(descriptor: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=descriptor)
    except OSError as error:
        return error.errno == errno.ENOENT
    return False


def _is_as_made(descriptor: int, name: str) -> bool:
    """Whether it may be ours: a relative link, or a copy that nobody made writable since."""
    text = _text(descriptor, name)
    if text is not None:
        return not os.path.isabs(text)
    mode = _mode(descriptor, name)
    return stat.S_ISREG(mode) and not mode & 0o222


@contextlib.contextmanager
def _draft(descriptor: int, name: str) -> Iterator[str]:
    """A free name beside another, which it gets in the end; what breaks off leaves nothing there."""
    draft = f".{hashlib.sha256(name.encode()).hexdigest()[:16]}.rucio-draft"
    _remove(descriptor, draft)  # of an engine that was killed
    try:
        yield draft
        os.rename(draft, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    except BaseException:  # an engine that is told to end, too, leaves nothing
        _remove(descriptor, draft)
        raise


def _remove(descriptor: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=descriptor)


def _same_bytes(source: BinaryIO, name: str, descriptor: int) -> bool:
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor), "rb") as there:
        if os.fstat(there.fileno()).st_size != os.fstat(source.fileno()).st_size:
            return False
        while (chunk := source.read(_COMPARED)) == there.read(_COMPARED):
            if not chunk:
                return True
    return False


@functools.lru_cache(maxsize=512)
def _physical(folder: str) -> str:
    """A folder without links in its path: `..` in a link counts from there."""
    return os.path.realpath(folder)


@functools.lru_cache(maxsize=512)
def _way(root: str, folder: str, target: str) -> str:
    """The relative path from a folder of the view to another folder."""
    return way(os.path.join(_physical(root), folder), _physical(target))
