"""The recycle bin, and older versions of files."""

from __future__ import annotations

import contextlib
from typing import Any

import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.types.v1beta1.types_pb2 as types

from .refusal import Refused, as_reva_says
from .tree import Trashed, Tree


class History:
    """Each method is one call of the API."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def list_recycle(self, request: Any, user: str) -> Any:
        owner = self._tree.place(request.ref, user).mount.owner
        items = []
        for each in list(self._tree.trash.values()):
            if each.owner == owner:
                with contextlib.suppress(FileNotFoundError):  # it was purged or restored meanwhile
                    items.append(self._item(each))
        return provider.ListRecycleResponse(recycle_items=items)

    def purge_recycle(self, request: Any, user: str) -> Any:
        """One item, or all where no key is given."""
        owner = self._tree.place(request.ref, user).mount.owner
        mine = [each for each in list(self._tree.trash.values()) if each.owner == owner]
        for item in [self._find(request, user)] if request.key else mine:
            self._tree.purge(item)
        return provider.PurgeRecycleResponse()

    def restore_recycle_item(self, request: Any, user: str) -> Any:
        item = self._find(request, user)
        told = request.restore_ref.path or request.restore_ref.resource_id.opaque_id
        target = self._tree.place(request.restore_ref if told else resources.Reference(path=item.path), user)
        self._tree.restore(item, target)
        return provider.RestoreRecycleItemResponse()

    def list_file_versions(self, request: Any, user: str) -> Any:
        place = self._tree.place(request.ref, user)
        with as_reva_says(place.path):
            versions = self._tree.records.of(place.file).versions
        told = [
            resources.FileVersion(key=each.key, size=each.size, mtime=each.mtime, etag=f'"{each.key}"')
            for each in versions
        ]
        return provider.ListFileVersionsResponse(versions=told)

    def restore_file_version(self, request: Any, user: str) -> Any:
        place = self._tree.place(request.ref, user)
        with as_reva_says(place.path):
            versions = self._tree.records.of(place.file).versions
            version = next((each for each in versions if each.key == request.key), None)
            if version is None:
                raise FileNotFoundError
            self._tree.restore_version(place, version)
        return provider.RestoreFileVersionResponse()

    def _find(self, request: Any, user: str) -> Trashed:
        owner = self._tree.place(request.ref, user).mount.owner
        item = self._tree.trash.get(request.key)
        if item is None or item.owner != owner:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: recycle item")
        return item

    def _item(self, item: Trashed) -> Any:
        folder = item.file.is_dir()
        return resources.RecycleItem(
            type=resources.RESOURCE_TYPE_CONTAINER if folder else resources.RESOURCE_TYPE_FILE,
            key=item.key,
            ref=resources.Reference(path=item.path),
            size=item.file.stat().st_size,
            deletion_time=types.Timestamp(seconds=item.deleted_at),
        )
