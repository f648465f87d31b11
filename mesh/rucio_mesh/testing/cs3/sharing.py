"""Shares between the users of one gateway."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

import cs3.gateway.v1beta1.gateway_api_pb2 as gw
import cs3.gateway.v1beta1.resources_pb2 as gateway_resources
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.sharing.collaboration.v1beta1.collaboration_api_pb2 as api
import cs3.sharing.collaboration.v1beta1.resources_pb2 as shares
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.types.v1beta1.types_pb2 as types

from .accounts import Accounts
from .profiles import Profile
from .refusal import Refused, as_reva_says
from .tree import Mount, Place, Tree


@dataclass
class Shared:
    """One share, and what each receiver has made of it."""

    message: Any
    place: Place
    owner: str
    receivers: tuple[str, ...]
    states: dict[str, int]


class Sharing:
    """Each public method is one call of the API. What was accepted is a mount of the receiver."""

    def __init__(self, tree: Tree, profile: Profile, accounts: Accounts) -> None:
        self._tree, self._profile, self._accounts = tree, profile, accounts
        self._shares: dict[str, Shared] = {}

    # ---- by the owner

    def create_share(self, request: Any, user: str) -> Any:
        identity, grant = request.resource_info.id, request.grant
        place = self._tree.place(resources.Reference(resource_id=identity), user)
        with as_reva_says(place.path):
            place.file.stat()
        receivers = self._receivers(grant.grantee)
        now = types.Timestamp(seconds=int(time.time()))
        owner = self._accounts.user_id(user)
        if any(
            each.message.resource_id == identity and each.message.grantee == grant.grantee
            for each in self._of(user)
        ):
            raise Refused(codes.CODE_ALREADY_EXISTS, "error: already exists: share")
        share = shares.Share(
            id=shares.ShareId(opaque_id=secrets.token_hex(8)),
            resource_id=identity,
            permissions=grant.permissions,
            grantee=grant.grantee,
            owner=owner,
            creator=owner,
            ctime=now,
            mtime=now,
            expiration=grant.expiration if grant.HasField("expiration") else None,
        )
        states = dict.fromkeys(receivers, shares.SHARE_STATE_PENDING)
        shared = self._shares[share.id.opaque_id] = Shared(share, place, user, receivers, states)
        if self._profile.shares_in_place:
            for receiver in receivers:
                self._mount(shared, receiver)
        return api.CreateShareResponse(share=share)

    def list_shares(self, request: Any, user: str) -> Any:
        return api.ListSharesResponse(shares=[each.message for each in self._filtered(request, user)])

    def list_existing_shares(self, request: Any, user: str) -> Any:
        infos = [
            gateway_resources.ShareResourceInfo(share=each.message) for each in self._filtered(request, user)
        ]
        return gw.ListExistingSharesResponse(share_infos=infos)

    def get_share(self, request: Any, user: str) -> Any:
        return api.GetShareResponse(share=self._mine(request.ref, user).message)

    def update_share(self, request: Any, user: str) -> Any:
        shared = self._mine(request.ref, user)
        if request.field.HasField("permissions"):
            shared.message.permissions.CopyFrom(request.field.permissions)
            for receiver in shared.receivers:
                if self._is_mounted(shared, receiver):
                    self._tree.lose(receiver, self._mount_path(shared))
                    self._mount(shared, receiver)
        return api.UpdateShareResponse(share=shared.message)

    def remove_share(self, request: Any, user: str) -> Any:
        shared = self._mine(request.ref, user)
        for receiver in shared.receivers:
            self._tree.lose(receiver, self._mount_path(shared))
        del self._shares[shared.message.id.opaque_id]
        return api.RemoveShareResponse()

    # ---- by the receiver

    def list_received_shares(self, _request: Any, user: str) -> Any:
        received = [self._received(each, user) for each in self._shares.values() if user in each.receivers]
        return api.ListReceivedSharesResponse(shares=received)

    def get_received_share(self, request: Any, user: str) -> Any:
        return api.GetReceivedShareResponse(share=self._received(self._to_me(request.ref, user), user))

    def update_received_share(self, request: Any, user: str) -> Any:
        shared = self._to_me(shares.ShareReference(id=request.share.share.id), user)
        shared.states[user] = request.share.state
        self._tree.lose(user, self._mount_path(shared))
        if request.share.state == shares.SHARE_STATE_ACCEPTED:
            self._mount(shared, user)
        return api.UpdateReceivedShareResponse(share=self._received(shared, user))

    def _receivers(self, grantee: Any) -> tuple[str, ...]:
        if grantee.type == resources.GRANTEE_TYPE_GROUP:
            found = tuple(self._accounts.members(grantee.group_id.opaque_id))
        else:
            found = tuple(name for name in (grantee.user_id.opaque_id,) if self._accounts.knows(name))
        if not found:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: grantee")
        return found

    def _of(self, user: str) -> list[Shared]:
        return [each for each in self._shares.values() if each.owner == user]

    def _filtered(self, request: Any, user: str) -> list[Shared]:
        """The user's shares; those of the resources asked for, where some are."""
        wanted = [each.resource_id for each in request.filters if each.WhichOneof("term") == "resource_id"]
        return [each for each in self._of(user) if not wanted or each.message.resource_id in wanted]

    def _mine(self, reference: Any, user: str) -> Shared:
        return self._found(reference, [each for each in self._shares.values() if each.owner == user])

    def _to_me(self, reference: Any, user: str) -> Shared:
        return self._found(reference, [each for each in self._shares.values() if user in each.receivers])

    def _found(self, reference: Any, candidates: list[Shared]) -> Shared:
        for each in candidates:
            share, key = each.message, reference.key
            if share.id == reference.id or (
                key.resource_id == share.resource_id and key.grantee == share.grantee
            ):
                return each
        raise Refused(codes.CODE_NOT_FOUND, "error: not found: share")

    def _received(self, shared: Shared, user: str) -> Any:
        mount_point = resources.Reference(path=self._mount_path(shared))
        return shares.ReceivedShare(share=shared.message, state=shared.states[user], mount_point=mount_point)

    def _mount_path(self, shared: Shared) -> str:
        in_place = self._profile.shares_in_place
        return shared.place.path if in_place else f"/MyShares/{shared.place.file.name}"

    def _is_mounted(self, shared: Shared, user: str) -> bool:
        return any(mount.path == self._mount_path(shared) for mount in self._tree.mounts(user))

    def _mount(self, shared: Shared, user: str) -> None:
        writable = shared.message.permissions.permissions.initiate_file_upload
        place = shared.place
        mount = Mount(self._mount_path(shared), place.mount.storage_id, place.file, shared.owner, writable)
        self._tree.receive(user, mount)
