"""The files of a gateway: mounts, paths, references, and what can be done to them. All lie below one folder."""

from __future__ import annotations

import itertools
import posixpath
import re
import shutil
import threading
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cs3.rpc.v1beta1.code_pb2 as codes

from .profiles import Profile
from .records import Record, Records, Version, tree_size
from .refusal import Refused, as_reva_says

CHUNK_OF_OLD = re.compile(r"-chunking-\w+-\d+-\d+$")
"""A name that ownCloud's first protocol of chunks took for a part of a file."""

KEPT = ("homes", "projects", ".trash", ".versions")
UPLOADS = ".uploads"
"""Folders below the root: of what is stored, and of what is on its way."""


@dataclass(frozen=True)
class Mount:
    """One folder, as one user sees it."""

    path: str
    storage_id: str
    folder: Path
    owner: str
    writable: bool = True
    remote: bool = False
    """Whether the bytes are on another gateway, which tells no checksums."""


@dataclass(frozen=True)
class Place:
    """A path of a user, and the file it stands for, which need not exist."""

    path: str
    file: Path
    mount: Mount

    @property
    def at_mount(self) -> bool:
        return self.path == self.mount.path


@dataclass(frozen=True)
class Virtual:
    """A folder above the mounts."""

    path: str
    children: tuple[str, ...]


@dataclass(frozen=True)
class Trashed:
    """What was deleted, and waits in the recycle bin."""

    key: str
    owner: str
    path: str
    file: Path
    deleted_at: int


class Tree:
    """Homes, projects and received shares of all users."""

    def __init__(self, root: Path, profile: Profile) -> None:
        self.profile = profile
        self.records = Records()
        self.trash: dict[str, Trashed] = {}
        self._root = root.resolve()
        self._mounts: dict[str, list[Mount]] = {}
        self._numbers = itertools.count(time.time_ns())
        self._lock = threading.RLock()
        shutil.rmtree(self._root / UPLOADS, ignore_errors=True)  # nobody knows how to go on with them
        for folder in (*KEPT, UPLOADS):
            (self._root / folder).mkdir(parents=True, exist_ok=True)

    # ---- names

    def home(self, user: str) -> str:
        return self.profile.home.format(user=user, initial=user[0])

    def mounts(self, user: str) -> list[Mount]:
        if user not in self._mounts:
            name = self.profile.name
            home = Mount(self.home(user), f"{name}-home-{user}", self._root / "homes" / user, user)
            projects = Mount(self.profile.projects, f"{name}-projects", self._root / "projects", "projects")
            self._mounts.setdefault(user, [home, projects])
        return self._mounts[user]

    def receive(self, user: str, mount: Mount) -> None:
        """Let the user see what was shared with them."""
        with self._lock:
            self._mounts[user] = [*self.mounts(user), mount]

    def lose(self, user: str, path: str) -> None:
        """Take a received share away again."""
        with self._lock:
            self._mounts[user] = [mount for mount in self.mounts(user) if mount.path != path]

    def create_home(self, user: str) -> None:
        (self._root / "homes" / user).mkdir(exist_ok=True)

    def part(self) -> Path:
        """A new name for an upload on its way, on the same disk."""
        return self._root / UPLOADS / self._next_key()

    def find(self, reference: Any, user: str) -> Place | Virtual:
        """What a reference means, which need not exist. Raises Refused."""
        identity = reference.resource_id
        if not identity.opaque_id and not identity.storage_id:
            return self.at(reference.path, user)
        mount = next((each for each in self.mounts(user) if each.storage_id == identity.storage_id), None)
        if mount is None:
            raise Refused(codes.CODE_INVALID_ARGUMENT, "gateway: storage provider not found for reference")
        base = self._with_id(identity.opaque_id, mount)
        relative = posixpath.normpath("/" + reference.path).lstrip("/")
        return self._place(mount, base / relative if relative else base)

    def at(self, path: str, user: str) -> Place | Virtual:
        """What an absolute path means. Raises Refused."""
        if not path.startswith("/"):
            raise Refused(codes.CODE_INVALID_ARGUMENT, "gateway: the path of the reference is not absolute")
        if "\0" in path:
            raise Refused(codes.CODE_INVALID_ARGUMENT, "gateway: the path of the reference is not legal")
        clean = posixpath.normpath("/" + path.lstrip("/"))
        mounts = self.mounts(user)
        for mount in sorted(mounts, key=lambda each: -len(each.path)):
            if clean == mount.path or clean.startswith(mount.path + "/"):
                return Place(clean, mount.folder / clean[len(mount.path) + 1 :], mount)
        above = clean.rstrip("/") + "/"
        children = {
            mount.path[len(above) :].split("/")[0] for mount in mounts if mount.path.startswith(above)
        }
        if not children:
            raise Refused(codes.CODE_NOT_FOUND, "gateway: could not find a storage provider for the path")
        return Virtual(clean, tuple(sorted(children)))

    def place(self, reference: Any, user: str) -> Place:
        """Likewise, where a folder above the mounts will not do. Raises Refused."""
        found = self.find(reference, user)
        if isinstance(found, Virtual):
            raise Refused(codes.CODE_INTERNAL, "gateway: the operation is not possible on a virtual folder")
        return found

    def identity(self, place: Place) -> str:
        """The opaque id of what is there. Raises OSError."""
        if self.profile.ids_from_paths:
            return "fileid-" + urllib.parse.quote(str(place.file.relative_to(place.mount.folder)), safe="")
        return self.records.of(place.file).id

    # ---- deeds

    def make_folder(self, place: Place) -> None:
        """Raises Refused."""
        if place.path.startswith("/MyShares"):
            raise Refused(codes.CODE_PERMISSION_DENIED, "gateway: no container can be made among the shares")
        must_be_writable(place)
        with as_reva_says(place.path):
            place.file.mkdir()
            self.records.forget(place.file)

    def touch(self, place: Place) -> None:
        """Make an empty file. Raises Refused."""
        must_be_writable(place)
        if not self.profile.touches:
            raise Refused(codes.CODE_INTERNAL, "error touching file: unimplemented: TouchFile")
        with as_reva_says(place.path):
            place.file.touch(exist_ok=False)
            self.records.forget(place.file)

    def delete(self, place: Place) -> None:
        """Move it, and all below it, to the recycle bin. Raises Refused."""
        must_be_writable(place)
        with as_reva_says(place.path), self._lock:
            place.file.stat()
            if place.at_mount:
                raise Refused(codes.CODE_INTERNAL, "gateway: a mount point cannot be deleted")
            key = self._next_key()
            bin_file = self._root / ".trash" / key
            place.file.rename(bin_file)
            self.trash[key] = Trashed(key, place.mount.owner, place.path, bin_file, int(time.time()))

    def purge(self, item: Trashed) -> None:
        """Remove it for good, unless it has left the recycle bin meanwhile."""
        with self._lock:
            if not self.trash.pop(item.key, None):
                return
            for path in (item.file, *item.file.rglob("*")):
                self.records.forget(path)
            if item.file.is_dir():
                shutil.rmtree(item.file)
            else:
                item.file.unlink(missing_ok=True)

    def restore(self, item: Trashed, target: Place) -> None:
        """Take it out of the recycle bin. Raises Refused."""
        with as_reva_says(target.path), self._lock:
            if target.file.exists():
                raise FileExistsError
            item.file.rename(target.file)
            del self.trash[item.key]

    def move(self, source: Place, target: Place) -> None:
        """Rename. What a careless storage does to an existing file is in the profile. Raises Refused."""
        if source.mount != target.mount:
            raise Refused(codes.CODE_UNIMPLEMENTED, "gateway: cross storage moves are not supported")
        must_be_writable(source)
        careful = self.profile.careful_moves
        with as_reva_says(source.path), self._lock:
            try:
                source.file.stat()
                if careful and target.file.exists():
                    raise FileExistsError
                source.file.rename(target.file)
            except FileNotFoundError as error:
                if careful:
                    raise
                raise Refused(codes.CODE_INTERNAL, "error moving: no such file or directory") from error

    def publish(self, part: Path, place: Place) -> Record:
        """Put a finished upload in its place; the old content becomes a version. Raises OSError."""
        with self._lock:
            record = self._keep_version(place.file) if place.file.exists() else None
            return self.records.install(part, place.file, record)

    def restore_version(self, place: Place, version: Version) -> None:
        """Make an older content the present one; the present one becomes a version. Raises OSError."""
        with self._lock:
            record = self._keep_version(place.file)
            record.versions.remove(version)
            self.records.install(version.file, place.file, record)

    def used_bytes(self) -> int:
        """Bytes of all files, those in the recycle bin and old versions among them, but no unfinished upload."""
        return sum(tree_size(self._root / folder) for folder in KEPT)

    def _keep_version(self, file: Path) -> Record:
        """Put the present content aside; a careless storage has no file of that name for a moment."""
        stat, kept = file.stat(), self._root / ".versions" / self._next_key()
        record = self.records.release(file)
        if self.profile.keeps_name:
            kept.hardlink_to(file)
        else:
            file.rename(kept)
        key = f"{kept.name}.v{len(record.versions)}"
        record.versions.append(Version(key, kept, stat.st_size, int(stat.st_mtime)))
        return record

    def _with_id(self, opaque_id: str, mount: Mount) -> Path:
        if not opaque_id:
            return mount.folder
        if opaque_id.startswith("fileid-"):
            relative = posixpath.normpath("/" + urllib.parse.unquote(opaque_id.removeprefix("fileid-")))
            return mount.folder / relative.lstrip("/")
        file = self.records.find(opaque_id, mount.folder)
        if file is None:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: resource id")
        return file

    def _place(self, mount: Mount, file: Path) -> Place:
        below = file.relative_to(mount.folder).as_posix()
        return Place(mount.path if below == "." else f"{mount.path}/{below}", file, mount)

    def _next_key(self) -> str:
        return f"{next(self._numbers):x}"


def must_be_writable(place: Place) -> None:
    """Raises Refused for what was shared for reading."""
    if not place.mount.writable:
        raise Refused(codes.CODE_PERMISSION_DENIED, "error: permission denied: shared for reading")
