"""The calls about files and folders, beside those that start transfers."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.storage.provider.v1beta1.spaces_api_pb2 as spaces_api

from .faults import Faults
from .locks import Locks
from .metadata import Describer
from .profiles import Profile
from .refusal import Refused, as_reva_says
from .tree import Place, Tree, Virtual


class Storage:
    """Stat to spaces. Each method is one call of the API."""

    def __init__(
        self,
        tree: Tree,
        profile: Profile,
        faults: Faults,
        describer: Describer,
        locks: Locks,
        quota_bytes: int | None,
    ) -> None:
        self._tree, self._profile, self._faults, self._describer = tree, profile, faults, describer
        self._locks = locks
        self._quota_bytes = quota_bytes

    # ---- looking

    def stat(self, request: Any, user: str) -> Any:
        found = self._tree.find(request.ref, user)
        if isinstance(found, Virtual):
            return provider.StatResponse(info=self._describer.virtual(found))
        with as_reva_says(found.path):
            info = self._describer.of(found, request.arbitrary_metadata_keys, relative=_relative(request.ref))
        return provider.StatResponse(info=info)

    def list_container(self, request: Any, user: str) -> Any:
        found = self._tree.find(request.ref, user)
        if isinstance(found, Virtual):
            return provider.ListContainerResponse(infos=self._list_virtual(found, user))
        keys, base = request.arbitrary_metadata_keys, _relative(request.ref)
        with as_reva_says(found.path):
            infos = []
            for name in sorted(os.listdir(found.file)):  # noqa: PTH208 - the names alone, and many
                child = Place(f"{found.path}/{name}", found.file / name, found.mount)
                with contextlib.suppress(FileNotFoundError):  # it is gone since
                    infos.append(self._describer.of(child, keys, relative=f"{base}/{name}" if base else None))
        return provider.ListContainerResponse(infos=infos)

    def _list_virtual(self, folder: Virtual, user: str) -> list[Any]:
        infos = []
        for name in folder.children:
            child = self._tree.at(f"{folder.path.rstrip('/')}/{name}", user)
            if isinstance(child, Virtual):
                infos.append(self._describer.virtual(child))
            elif child.file.exists():
                infos.append(self._describer.of(child))
        return infos

    def get_path(self, request: Any, user: str) -> Any:
        place = self._tree.place(resources.Reference(resource_id=request.resource_id), user)
        with as_reva_says("resource id"):
            place.file.stat()
        return provider.GetPathResponse(path=place.path)

    def get_quota(self, request: Any, user: str) -> Any:
        self._tree.place(request.ref, user)
        total, used = self.space()
        return provider.GetQuotaResponse(total_bytes=total, used_bytes=used)

    def space(self) -> tuple[int, int]:
        """Bytes in all and bytes used; of the disk, where there is no quota."""
        if self._quota_bytes is not None:
            used = self._quota_bytes if self._faults.quota_full else self._tree.used_bytes()
            return self._quota_bytes, used
        disk = os.statvfs(self._tree.part().parent)
        total, free = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
        return total, total if self._faults.quota_full else total - free

    def list_storage_spaces(self, _request: Any, user: str) -> Any:
        if not self._profile.opencloud:
            raise Refused(codes.CODE_UNIMPLEMENTED, "error: not supported: list storage spaces")
        total, used = self.space()
        spaces = []
        for mount, kind in zip(self._tree.mounts(user), ("personal", "project"), strict=False):
            place = Place(mount.path, mount.folder, mount)
            with as_reva_says(mount.path):
                root = self._describer.identity(place, mount.folder)
            spaces.append(
                resources.StorageSpace(
                    id=resources.StorageSpaceId(opaque_id=mount.storage_id),
                    root=root,
                    name=mount.owner,
                    space_type=kind,
                    quota=resources.Quota(quota_max_bytes=total, remaining_bytes=max(0, total - used)),
                )
            )
        return spaces_api.ListStorageSpacesResponse(storage_spaces=spaces)

    # ---- changing

    def get_home(self, _request: Any, user: str) -> Any:
        return provider.GetHomeResponse(path=self._tree.home(user))

    def create_home(self, _request: Any, user: str) -> Any:
        self._tree.create_home(user)
        return provider.CreateHomeResponse()

    def create_container(self, request: Any, user: str) -> Any:
        if request.ref.path.startswith("/MyShares"):
            raise Refused(codes.CODE_PERMISSION_DENIED, "gateway: no container can be made among the shares")
        self._tree.make_folder(self._tree.place(request.ref, user))
        return provider.CreateContainerResponse()

    def touch_file(self, request: Any, user: str) -> Any:
        self._tree.touch(self._tree.place(request.ref, user))
        return provider.TouchFileResponse()

    def delete(self, request: Any, user: str) -> Any:
        place = self._tree.place(request.ref, user)
        self._locks.check(place, request.lock_id)
        self._tree.delete(place)
        return provider.DeleteResponse()

    def move(self, request: Any, user: str) -> Any:
        source, target = self._tree.place(request.source, user), self._tree.place(request.destination, user)
        self._locks.check(source, request.lock_id)
        self._tree.move(source, target)
        return provider.MoveResponse()

    def set_arbitrary_metadata(self, request: Any, user: str) -> Any:
        place = self._tree.place(request.ref, user)
        with as_reva_says(place.path):
            self._tree.records.of(place.file).metadata.update(request.arbitrary_metadata.metadata)
        return provider.SetArbitraryMetadataResponse()

    def unset_arbitrary_metadata(self, request: Any, user: str) -> Any:
        place = self._tree.place(request.ref, user)
        with as_reva_says(place.path):
            metadata = self._tree.records.of(place.file).metadata
        for key in request.arbitrary_metadata_keys:
            metadata.pop(key, None)
        return provider.UnsetArbitraryMetadataResponse()


def _relative(reference: Any) -> str | None:
    """The path as given, if the reference starts at an id."""
    return (reference.path or ".") if reference.resource_id.opaque_id else None
