"""One CS3 cloud as a file system: what is there, what is changed, where bytes go.

    with Client(Settings("cernbox.example.org", 443), Bearer(Secret.in_file(token_file))) as cloud:
        cloud.stat("/eos/user/a/alice/run1").size
        transfers.fetch(cloud, "/eos/user/a/alice/run1", Path("run1"))

Paths are absolute and end without a slash. Everything blocks, at most for its deadline, and raises a Cs3Error.
A Client connects when it is first used, may be shared by threads, and opens its own connections in each
process; gRPC does not work reliably in a forked child, so start processes with `spawn`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from cs3.auth.registry.v1beta1 import registry_api_pb2 as registry
from cs3.gateway.v1beta1 import gateway_api_pb2 as gw
from cs3.storage.provider.v1beta1 import provider_api_pb2 as sp
from cs3.storage.provider.v1beta1 import resources_pb2 as spr
from cs3.types.v1beta1 import types_pb2 as types

from .auth import Credential, expiry
from .data import DataEndpoint, DataServer
from .errors import (
    AlreadyExists,
    Conflict,
    Failed,
    InvalidRequest,
    NotAContainer,
    NotFound,
    NotSupported,
    SignInLapsed,
    Unavailable,
)
from .exchange import UNLIMITED, Limits, Reader
from .gateway import Gateway
from .people import User
from .pfn import parent_of
from .resource import Resource
from .settings import Settings

DOWNLOADS = ("simple", "spaces")


@dataclass(frozen=True)
class HeldLock:
    """A lock on a file. Who writes while it holds must show it."""

    id: str
    application: str


@dataclass(frozen=True)
class Quota:
    """Bytes. Of a storage without quotas it is the whole disk; it may be minutes old."""

    total: int
    used: int


class Client:
    """One cloud, as one user."""

    def __init__(self, settings: Settings, credential: Credential) -> None:
        self.settings = settings
        self.gateway = Gateway(settings, credential)
        self.data = DataServer(settings)
        self._refused: str | None = None
        """The token that a data endpoint has refused: it is renewed before it goes to one again."""

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self.gateway.close()
        self.data.close()

    def sign_in(self) -> None:
        """Raises NotSignedIn, Unsafe or Unavailable. All other calls do it by themselves."""
        self.gateway.token()

    def auth_providers(self) -> list[str]:
        """The ways to sign in that the gateway offers; needs no credential."""
        return list(
            self.gateway.call_unsigned("ListAuthProviders", registry.ListAuthProvidersRequest()).types
        )

    def who_am_i(self) -> User:
        """Whom the gateway takes us for."""
        return User.of(self.gateway.call("WhoAmI", gw.WhoAmIRequest(token=self.gateway.token())).user)

    def home(self) -> str:
        """The path of our home."""
        return str(self.gateway.call("GetHome", sp.GetHomeRequest()).path)

    # What is there

    def stat(self, path: str) -> Resource:
        """Raises NotFound, also below something that is a file; Failed where the gateway cannot tell."""
        try:
            return Resource.of(
                self.gateway.call("Stat", sp.StatRequest(ref=reference(path)), about=path).info
            )
        except Failed:
            # Some storages say "internal error" for a path below a file.
            parent = parent_of(path)
            if parent != path and self._is_no_container(parent):
                raise NotFound(f"Stat {path}: nothing can be below a file") from None
            raise

    def exists(self, path: str) -> bool:
        """Whether anything is at this path."""
        try:
            self.stat(path)
        except NotFound:
            return False
        return True

    def list_container(self, path: str) -> list[Resource]:
        """What a container holds, all in one answer. Raises NotFound or InvalidRequest for a file."""
        try:
            reply = self.gateway.call(
                "ListContainer", sp.ListContainerRequest(ref=reference(path)), about=path
            )
        except Failed:
            if self._is_no_container(path):
                raise InvalidRequest(f"ListContainer {path}: not a container") from None
            raise
        return [Resource.of(info) for info in reply.infos]

    def quota(self, path: str) -> Quota:
        """Of the space that the path belongs to."""
        reply = self.gateway.call("GetQuota", gw.GetQuotaRequest(ref=reference(path)), about=path)
        return Quota(reply.total_bytes, reply.used_bytes)

    # What is changed

    def make_container(self, path: str) -> None:
        """Raises AlreadyExists for anything at the path, NotFound without the parent."""
        self.gateway.call("CreateContainer", sp.CreateContainerRequest(ref=reference(path)), about=path)

    def make_containers(self, path: str) -> bool:
        """The container and those above it; whether it was missing. Raises NotAContainer at or below a file."""
        try:
            if self.stat(path).kind == "file":
                raise not_a_container(path)
        except NotFound:
            try:
                self._make_missing(path)
            except (Failed, NotFound, Conflict, InvalidRequest):
                # Storages differ in what they say below a file.
                self._look_for_file_above(path)
                raise
            return True
        return False

    def touch(self, path: str) -> None:
        """An empty file."""
        self.gateway.call("TouchFile", sp.TouchFileRequest(ref=reference(path)), about=path)

    def remove_file(self, path: str, *, lock: HeldLock | None = None) -> None:
        """Into the recycle bin, where it still counts against the quota. A container is never removed so.

        Raises NotFound, or InvalidRequest for a container.
        """
        if self.stat(path).kind == "container":
            raise InvalidRequest(f"Delete {path}: a container")
        self._delete(path, lock)

    def remove_container(self, path: str, *, with_content: bool = False) -> None:
        """Raises NotFound, or InvalidRequest for a file, and for what is in it unless `with_content`."""
        if self.list_container(path) and not with_content:
            raise InvalidRequest(f"Delete {path}: not empty")
        self._delete(path, None)

    def move(self, source: str, destination: str, *, lock: HeldLock | None = None) -> None:
        """Rename within one storage. Raises AlreadyExists, NotFound (its text names which), NotSupported.

        Some storages overwrite silently: we look first, and between the two someone else may put a file there.
        """
        if self.exists(destination):
            raise AlreadyExists(f"Move {source}: {destination} exists")
        request = sp.MoveRequest(
            source=reference(source), destination=reference(destination), lock_id=lock.id if lock else ""
        )
        try:
            self.gateway.call("Move", request, about=source)
        except (Unavailable, NotFound) as error:
            # The answer may be lost, and "internal error" may mean a missing source or parent.
            if not self.exists(source):
                if self.exists(destination) and not isinstance(error, NotFound | Failed):
                    return
                raise NotFound(f"Move {source}: the source does not exist") from None
            if not self.exists(parent_of(destination)):
                raise NotFound(f"Move {source}: the container of {destination} does not exist") from None
            raise

    def set_metadata(self, path: str, values: Mapping[str, str]) -> None:
        """Add to the file's arbitrary metadata; some storages drop values that are not UTF-8."""
        request = sp.SetArbitraryMetadataRequest(
            ref=reference(path), arbitrary_metadata=spr.ArbitraryMetadata(metadata=dict(values))
        )
        self.gateway.call("SetArbitraryMetadata", request, about=path)

    def unset_metadata(self, path: str, keys: list[str]) -> None:
        """Take these keys out of the file's arbitrary metadata."""
        request = sp.UnsetArbitraryMetadataRequest(ref=reference(path), arbitrary_metadata_keys=keys)
        self.gateway.call("UnsetArbitraryMetadata", request, about=path)

    # Locks

    def lock(self, path: str, lock: HeldLock, *, seconds: float) -> None:
        """Against writing by others, for so long. Raises Conflict for a file that is locked already.

        A storage without locks answers Failed.
        """
        self.gateway.call(
            "SetLock", sp.SetLockRequest(ref=reference(path), lock=wire(lock, seconds)), about=path
        )

    def refresh_lock(self, path: str, lock: HeldLock, *, seconds: float) -> None:
        """Hold a lock of ours for so long from now on."""
        request = sp.RefreshLockRequest(
            ref=reference(path), lock=wire(lock, seconds), existing_lock_id=lock.id
        )
        self.gateway.call("RefreshLock", request, about=path)

    def held_lock(self, path: str) -> HeldLock | None:
        """The lock on a file, whosever it is; None where there is none, or no file."""
        try:
            held = self.gateway.call("GetLock", sp.GetLockRequest(ref=reference(path)), about=path).lock
        except NotFound:
            return None
        return HeldLock(held.lock_id, held.app_name) if held.lock_id else None

    def unlock(self, path: str, lock: HeldLock) -> None:
        """Let go of a lock of ours."""
        self.gateway.call("Unlock", sp.UnlockRequest(ref=reference(path), lock=wire(lock, None)), about=path)

    # Where bytes go

    def initiate_download(self, path: str) -> DataEndpoint:
        """For one file, in as many requests as one likes. A missing file is noticed only by them."""
        request = sp.InitiateFileDownloadRequest(ref=reference(path))
        offers = self.gateway.call("InitiateFileDownload", request, about=path).protocols
        for offer in offers:
            if offer.protocol in DOWNLOADS:
                return self._endpoint(offer, offer.download_endpoint)
        raise NotSupported(
            f"InitiateFileDownload {path}: the gateway does not offer {' or '.join(DOWNLOADS)}"
        )

    def initiate_upload(
        self, path: str, size: int, *, lock: HeldLock | None = None, whole: bool = False
    ) -> DataEndpoint:
        """For one upload of `size` bytes: its endpoint must not be used again, whatever became of it.

        `whole` prefers a single request to pieces, whatever the settings prefer of what they allow.
        """
        length = types.OpaqueEntry(decoder="plain", value=str(size).encode())
        request = sp.InitiateFileUploadRequest(
            ref=reference(path),
            opaque=types.Opaque(map={"Upload-Length": length}),
            lock_id=lock.id if lock else "",
        )
        offers = self.gateway.call("InitiateFileUpload", request, about=path).protocols
        allowed = self.settings.uploads
        ways = sorted(allowed, key=("simple", "tus").index) if whole else allowed
        for wanted in ways:
            for offer in offers:
                if offer.protocol == wanted:
                    return self._endpoint(offer, offer.upload_endpoint, lock)
        raise NotSupported(f"InitiateFileUpload {path}: the gateway does not offer {' or '.join(allowed)}")

    @contextmanager
    def read(
        self,
        path: str,
        *,
        start: int = 0,
        length: int | None = None,
        limits: Limits = UNLIMITED,
    ) -> Iterator[Reader]:
        """The bytes of a file from `start` on; `length` is a wish. Raises NotFound, Unavailable, …"""
        endpoint = replace(self.initiate_download(path), limits=limits)
        with (
            self.noting_refusal(endpoint),
            self.data.get(endpoint, f"GET {path}", start=start, length=length) as reader,
        ):
            yield reader

    @contextmanager
    def noting_refusal(self, endpoint: DataEndpoint) -> Iterator[None]:
        """To be held while something is asked of a data endpoint: the next one gets no token that this one refuses."""
        try:
            yield
        except SignInLapsed:
            self._refused = endpoint.headers["x-access-token"]
            raise

    def renewed(self, endpoint: DataEndpoint) -> DataEndpoint:
        """The same transfer, with a token of the gateway that has not been refused. Raises NotSignedIn, …"""
        return replace(endpoint, headers={**endpoint.headers, "x-access-token": self._data_token()})

    def _data_token(self) -> str:
        token = self.gateway.token()
        return self.gateway.renew(token) if token == self._refused else token

    def _endpoint(self, offer: Any, url: str, lock: HeldLock | None = None) -> DataEndpoint:
        token = self._data_token()
        headers = {"x-access-token": token}
        if offer.token:
            headers["X-Reva-Transfer"] = offer.token
        if lock:
            headers |= {"X-Lock-Id": lock.id, "X-Lock-Holder": lock.application}
        ends = [when for when in (expiry(offer.token), expiry(token)) if when is not None]
        return DataEndpoint(
            self.settings.data_endpoint(url), headers, offer.protocol, min(ends, default=None)
        )

    def _delete(self, path: str, lock: HeldLock | None) -> None:
        request = sp.DeleteRequest(ref=reference(path), lock_id=lock.id if lock else "")
        try:
            self.gateway.call("Delete", request, about=path)
        except Unavailable:
            if self.exists(path):  # else only the answer was lost
                raise

    def _make_missing(self, path: str) -> None:
        try:
            self._ensure_container(path)
        except NotFound:
            parent = parent_of(path)
            if parent == "/":  # which is there, and where nobody can make anything
                raise
            self._make_missing(parent)
            self._ensure_container(path)

    def _ensure_container(self, path: str) -> None:
        """Raises NotFound without the parent. Whoever is faster does not matter, nor an answer that is lost."""
        with suppress(AlreadyExists):
            try:
                self.make_container(path)
            except Unavailable:
                if not self.exists(path):
                    self.make_container(path)

    def _look_for_file_above(self, path: str) -> None:
        """Raises NotAContainer if there is one."""
        while (parent := parent_of(path)) != path:
            path = parent
            with suppress(NotFound):
                if self.stat(path).kind == "file":
                    raise not_a_container(path)
                return

    def _is_no_container(self, path: str) -> bool:
        """Whether a file or nothing is there."""
        try:
            return self.stat(path).kind == "file"
        except NotFound:
            return True


def reference(path: str) -> Any:
    """Raises InvalidRequest for a path that is not absolute, or no text."""
    if not path.startswith("/"):
        raise InvalidRequest(f"{path!r} is not an absolute path")
    try:
        return spr.Reference(path=path)
    except ValueError:
        raise InvalidRequest(f"{path!r} is not Unicode text") from None


def not_a_container(path: str) -> NotAContainer:
    return NotAContainer(f"{path} is a file, where a container has to be")


def wire(lock: HeldLock, seconds: float | None) -> Any:
    """A lock as the gateway takes it, for so long from now on; None where that does not matter."""
    message = spr.Lock(lock_id=lock.id, app_name=lock.application, type=spr.LOCK_TYPE_WRITE)
    if seconds is not None:
        message.expiration.seconds = int(time.time() + seconds)
    return message
