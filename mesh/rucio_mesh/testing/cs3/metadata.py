"""What a gateway tells of files and folders: the `ResourceInfo` of each profile."""

from __future__ import annotations

import fnmatch
import functools
import mimetypes
import os
import posixpath
import secrets
import stat as stats
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cs3.identity.user.v1beta1.resources_pb2 as people
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.types.v1beta1.types_pb2 as types

from .faults import Faults
from .profiles import Algorithm, Profile
from .records import Record, tree_size
from .tree import Place, Tree, Virtual

CHECKSUM_KEY = "http://owncloud.org/ns/checksums"
CHECKSUM_TYPES: dict[Algorithm, int] = {
    "adler32": resources.RESOURCE_CHECKSUM_TYPE_ADLER32,
    "md5": resources.RESOURCE_CHECKSUM_TYPE_MD5,
    "sha1": resources.RESOURCE_CHECKSUM_TYPE_SHA1,
}
READ_PERMISSIONS = (
    "get_path",
    "get_quota",
    "initiate_file_download",
    "list_container",
    "list_file_versions",
    "stat",
)


class Describer:
    """Makes `ResourceInfo`s."""

    def __init__(self, tree: Tree, profile: Profile, faults: Faults) -> None:
        self._tree, self._profile, self._faults = tree, profile, faults

    def virtual(self, folder: Virtual) -> Any:
        """A folder above the mounts: no permissions, no time, and another id each time."""
        return resources.ResourceInfo(
            type=resources.RESOURCE_TYPE_CONTAINER,
            id=resources.ResourceId(storage_id="/", opaque_id=secrets.token_hex(16)),
            path=folder.path,
            name=posixpath.basename(folder.path),
            mime_type="httpd/unix-directory",
            etag=f'"{secrets.token_hex(8)}"',
        )

    def of(self, place: Place, keys: Iterable[str] = (), *, relative: str | None = None) -> Any:
        """What Stat says; `relative` is the path of a reference that starts at an id. Raises OSError."""
        stat, record = place.file.stat(), self._tree.records.of(place.file)
        folder = stats.S_ISDIR(stat.st_mode)
        kind = resources.RESOURCE_TYPE_CONTAINER if folder else resources.RESOURCE_TYPE_FILE
        info = resources.ResourceInfo(
            type=kind,
            id=self.identity(place, place.file),
            etag=etag(stat),
            mime_type="httpd/unix-directory" if folder else _mime_type(place.path),
            path=place.path if relative is None or not self._profile.opencloud else relative,
            size=tree_size(place.file) if folder and self._profile.tree_sizes else stat.st_size,
            owner=people.UserId(opaque_id=place.mount.owner, type=people.USER_TYPE_PRIMARY),
            permission_set=_permissions(writable=place.mount.writable),
            lock=record.lock,
            name=posixpath.basename(place.path),
        )
        info.mtime.seconds, info.mtime.nanos = divmod(stat.st_mtime_ns, 10**9)
        if not place.at_mount:
            info.parent_id.CopyFrom(self.identity(place, place.file.parent))
        _add_metadata(info, record, keys)
        if not folder and not place.mount.remote:
            self._add_checksums(info, place.file, keys)
        return info

    def identity(self, place: Place, file: Path) -> Any:
        """The `ResourceId` of a file of the place's mount. Raises OSError."""
        storage_id = place.mount.storage_id
        opaque_id = self._tree.identity(Place(place.path, file, place.mount))
        space_id = storage_id if self._profile.opencloud else ""
        return resources.ResourceId(storage_id=storage_id, opaque_id=opaque_id, space_id=space_id)

    def _add_checksums(self, info: Any, file: Path, keys: Iterable[str]) -> None:
        """As the storage keeps them, or as a fault has it."""
        profile, override = self._profile, self._faults.checksum
        if override == "absent" or (not profile.checksums and not override):
            return
        if profile.opencloud and not _asked(CHECKSUM_KEY, keys):
            return
        algorithms: tuple[Algorithm, ...] = profile.checksums
        if override:
            algorithms = ("sha1",) if override == "sha1" else ("adler32",)
        first, *others = algorithms
        trims = override == "short" or (profile.trims_checksums and not override)
        if trims and not info.size:
            info.checksum.type = resources.RESOURCE_CHECKSUM_TYPE_INVALID
            return
        sums = self._tree.records.sums(file, algorithms)
        info.checksum.type = CHECKSUM_TYPES[first]
        info.checksum.sum = sums[first].lstrip("0") if trims else sums[first]
        for other in others:
            info.opaque.map[other].CopyFrom(types.OpaqueEntry(decoder="plain", value=sums[other].encode()))


def etag(stat: os.stat_result) -> str:
    """A quoted string that changes with the content."""
    return f'"{stat.st_ino:x}{stat.st_mtime_ns:x}{stat.st_size:x}"'


def _add_metadata(info: Any, record: Record, keys: Iterable[str]) -> None:
    for key, value in record.metadata.items():
        sayable = value.encode(errors="ignore").decode() == value  # else it came by another way, as bytes
        if sayable and _asked(key, keys):
            info.arbitrary_metadata.metadata[key] = value


def _asked(key: str, keys: Iterable[str]) -> bool:
    """Whether the key is among those asked for; none asked for means all."""
    asked = tuple(keys)
    return not asked or any(fnmatch.fnmatchcase(key, each) for each in asked)


def _mime_type(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


@functools.cache
def _permissions(*, writable: bool) -> Any:
    names = [field.name for field in resources.ResourcePermissions.DESCRIPTOR.fields]
    return resources.ResourcePermissions(
        **{name: writable or name in READ_PERMISSIONS for name in names if name != "deny_grant"}
    )
