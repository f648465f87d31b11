"""Locks of files: the four calls, and who must hold one."""

from __future__ import annotations

import time
from email.message import Message
from typing import Any

import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources

from .profiles import Profile
from .records import Record
from .refusal import Refused, as_reva_says
from .tree import Place, Tree


class Locks:
    """Locks expire by themselves. Each public method but two is one call of the API."""

    def __init__(self, tree: Tree, profile: Profile) -> None:
        self._tree, self._profile = tree, profile

    def set_lock(self, request: Any, user: str) -> Any:
        record = self._record(request, user)
        if request.lock.type == resources.LOCK_TYPE_SHARED and not self._profile.opencloud:
            raise Refused(codes.CODE_UNIMPLEMENTED, "error: not supported: shared locks")
        if _held(record):
            code = codes.CODE_LOCKED if self._profile.opencloud else codes.CODE_FAILED_PRECONDITION
            raise Refused(code, "error: the file is locked already")
        record.lock = request.lock
        return provider.SetLockResponse()

    def get_lock(self, request: Any, user: str) -> Any:
        lock = _held(self._record(request, user))
        if lock is None:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: lock")
        return provider.GetLockResponse(lock=lock)

    def refresh_lock(self, request: Any, user: str) -> Any:
        record = self._record(request, user)
        lock = _held(record)
        known = request.existing_lock_id or request.lock.lock_id
        if lock is None or lock.lock_id != known or lock.app_name != request.lock.app_name:
            raise Refused(codes.CODE_FAILED_PRECONDITION, "error: precondition failed: lock mismatch")
        record.lock = request.lock
        return provider.RefreshLockResponse()

    def unlock(self, request: Any, user: str) -> Any:
        record = self._record(request, user)
        lock = _held(record)
        if lock is None or (lock.lock_id, lock.app_name) != (request.lock.lock_id, request.lock.app_name):
            raise Refused(codes.CODE_FAILED_PRECONDITION, "error: precondition failed: lock mismatch")
        record.lock = None
        return provider.UnlockResponse()

    def check(self, place: Place, lock_id: str) -> None:
        """Raises Refused where somebody else holds a lock."""
        lock = self._lock(place)
        if lock and lock.lock_id != lock_id:
            raise Refused(codes.CODE_LOCKED, "error: the file is locked")

    def opens(self, place: Place, headers: Message) -> bool:
        """Whether a PUT with these headers may write: the lock's id and its holder must both be told."""
        lock = self._lock(place)
        told = (headers.get("X-Lock-Id"), headers.get("X-Lock-Holder"))
        return lock is None or told == (lock.lock_id, lock.app_name)

    def _lock(self, place: Place) -> Any:
        return _held(self._tree.records.of(place.file)) if place.file.exists() else None

    def _record(self, request: Any, user: str) -> Record:
        place = self._tree.place(request.ref, user)
        with as_reva_says(place.path):
            record = self._tree.records.of(place.file)
        if not self._profile.locks:
            raise Refused(codes.CODE_INTERNAL, "error handling lock: not supported")
        return record


def _held(record: Record) -> Any:
    """The record's lock, unless it has expired."""
    lock = record.lock
    return lock if lock and lock.expiration.seconds > time.time() else None
