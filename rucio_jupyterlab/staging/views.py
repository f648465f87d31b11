"""The readable tree of links into the store.

Everything is made beneath an open directory descriptor and never through a link, so that no name in a
catalogue and no link that somebody laid can lead outside the view's folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from typing import Literal

from .layout import escaped_twin, link_target

LinkKind = Literal["symlink", "reflink", "copy"]
MOST_TWINS = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE = 0x40049409
"""Linux: share another file's blocks."""


class View:
    """Links below one folder; used by one thread."""

    def __init__(self, root: str, kind: LinkKind) -> None:
        self.root = root
        self._kind = kind
        self._open_folder: tuple[str, int] | None = None

    def link(self, path: str, target: str) -> str:
        """Make `path` (relative) lead to the file `target` (absolute); return the path that was free.

        What is there already and leads to `target` is kept. A name that is taken by something else
        gets an escaped twin. Raises OSError.
        """
        wanted = path
        for attempt in range(1, MOST_TWINS + 1):
            try:
                if self._link_at(wanted, target):
                    return wanted
            except (NotADirectoryError, IsADirectoryError):
                # A file has the name of one of its folders: fold the folders into the name.
                folder, _, last = wanted.rpartition("/")
                wanted = f"{folder}%2F{last}" if folder else last
                continue
            wanted = escaped_twin(path, attempt)
        raise FileExistsError(errno.EEXIST, "no free name in the view", path)

    def unlink(self, path: str, store: str) -> None:
        """Remove a link of ours and the folders that it leaves empty; anything else stays."""
        self.close()
        absolute = os.path.join(self.root, path)
        try:
            if self._kind == "symlink":
                if not _leads_into(absolute, store):
                    return
            elif os.stat(absolute, follow_symlinks=False).st_mode & 0o222:
                return  # somebody made it writable: it is theirs now
            os.unlink(absolute)
        except (FileNotFoundError, NotADirectoryError):
            return
        folder = os.path.dirname(path)
        while folder:
            try:
                os.rmdir(os.path.join(self.root, folder))
            except OSError:
                return  # not empty, or gone: nothing to tidy
            folder = os.path.dirname(folder)

    def close(self) -> None:
        if self._open_folder:
            os.close(self._open_folder[1])
            self._open_folder = None

    def _link_at(self, path: str, target: str) -> bool:
        """True where the link is there now; False where the name is taken by something else."""
        folder, _, name = path.rpartition("/")
        descriptor = self._folder(folder)
        if self._kind != "symlink":
            return self._copy_at(descriptor, name, target)
        text = link_target(os.path.join(self.root, path), target)
        try:
            os.symlink(text, name, dir_fd=descriptor)
            return True
        except FileExistsError:
            try:
                return os.readlink(name, dir_fd=descriptor) == text
            except OSError as error:
                if error.errno == errno.EINVAL:
                    return False  # a real file or folder
                raise

    def _copy_at(self, descriptor: int, name: str, target: str) -> bool:
        temporary = f".{name[:200]}.copy"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=descriptor)
        with open(target, "rb") as source:
            try:
                there = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                here = os.fstat(source.fileno())
                return there.st_size == here.st_size and int(there.st_mtime) == int(here.st_mtime)
            except FileNotFoundError:
                pass
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            made = os.open(temporary, flags, 0o600, dir_fd=descriptor)
            with open(made, "wb") as copy:
                self._fill(source.fileno(), copy.fileno())
                stamp = os.fstat(source.fileno())
                os.utime(copy.fileno(), ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
                os.fchmod(copy.fileno(), 0o444)
                os.fsync(copy.fileno())
        os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        return True

    def _fill(self, source: int, copy: int) -> None:
        if self._kind == "reflink":
            import fcntl

            try:
                fcntl.ioctl(copy, _FICLONE, source)
                return
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY):
                    raise
        with open(source, "rb", closefd=False) as reader, open(copy, "wb", closefd=False) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)

    def _folder(self, folder: str) -> int:
        """A descriptor of a folder of the view, made where it is missing, reached through no link."""
        if self._open_folder and self._open_folder[0] == folder:
            return self._open_folder[1]
        self.close()
        os.makedirs(self.root, exist_ok=True)
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for segment in folder.split("/") if folder else ():
            try:
                inner = _enter(descriptor, segment)
            finally:
                os.close(descriptor)
            descriptor = inner
        self._open_folder = (folder, descriptor)
        return descriptor


def _enter(descriptor: int, segment: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(segment, 0o755, dir_fd=descriptor)
    try:
        return os.open(segment, _FOLDER, dir_fd=descriptor)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link stands where a folder should
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), segment) from None
        raise


def _leads_into(link: str, store: str) -> bool:
    try:
        text = os.readlink(link)
    except OSError:
        return False
    target = os.path.normpath(os.path.join(os.path.dirname(link), text))
    return target.startswith(store.rstrip("/") + "/")
