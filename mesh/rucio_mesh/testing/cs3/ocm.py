"""Open Cloud Mesh: invitations and shares between gateways that know each other."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

import cs3.identity.user.v1beta1.resources_pb2 as people
import cs3.ocm.invite.v1beta1.invite_api_pb2 as invitations
import cs3.ocm.invite.v1beta1.resources_pb2 as invite_resources
import cs3.ocm.provider.v1beta1.provider_api_pb2 as providers
import cs3.ocm.provider.v1beta1.resources_pb2 as provider_resources
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.sharing.ocm.v1beta1.ocm_api_pb2 as api
import cs3.sharing.ocm.v1beta1.resources_pb2 as shares
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.types.v1beta1.types_pb2 as types

from .accounts import Accounts
from .refusal import Refused, as_reva_says
from .tree import Mount, Place, Tree

INVITE_SECONDS = 86_400


class Mesh(dict[str, "Ocm"]):
    """The gateways that know each other, by domain. All are in one process."""


@dataclass
class Sent:
    """A share of ours."""

    message: Any
    owner: str
    receiver: Ocm
    place: Place


@dataclass
class Received:
    """A share that another gateway has told us of."""

    message: Any
    user: str
    mount: Mount


class Ocm:
    """Each public method but `deliver` and `withdraw` is one call of the API."""

    def __init__(self, domain: str, mesh: Mesh, tree: Tree, accounts: Accounts) -> None:
        self.domain = domain
        self._mesh, self._tree, self._accounts = mesh, tree, accounts
        self._invites: dict[str, str] = {}
        self._friends: dict[str, list[Any]] = {}
        self._sent: dict[str, Sent] = {}
        self._received: dict[str, Received] = {}
        mesh[domain] = self

    # ---- who knows whom

    def list_all_providers(self, _request: Any, _user: str) -> Any:
        told = [provider_resources.ProviderInfo(name=domain, domain=domain) for domain in sorted(self._mesh)]
        return providers.ListAllProvidersResponse(providers=told)

    def get_info_by_domain(self, request: Any, _user: str) -> Any:
        self._gateway(request.domain)
        info = provider_resources.ProviderInfo(name=request.domain, domain=request.domain)
        return providers.GetInfoByDomainResponse(provider_info=info)

    def generate_invite_token(self, request: Any, user: str) -> Any:
        token = secrets.token_urlsafe(16)
        self._invites[token] = user
        told = invite_resources.InviteToken(
            token=token,
            user_id=self._accounts.user_id(user),
            expiration=types.Timestamp(seconds=int(time.time()) + INVITE_SECONDS),
            description=request.description,
        )
        return invitations.GenerateInviteTokenResponse(invite_token=told)

    def forward_invite(self, request: Any, user: str) -> Any:
        """Take up an invitation of another gateway: from now on the two users know each other."""
        origin = self._gateway(request.origin_system_provider.domain)
        accept = invitations.AcceptInviteRequest(
            invite_token=request.invite_token, remote_user=self._introduction(user)
        )
        accepted = origin.accept_invite(accept, "")
        host = origin._introduction(accepted.user_id.opaque_id)
        self._befriend(user, host)
        return invitations.ForwardInviteResponse(
            user_id=host.id, email=accepted.email, display_name=accepted.display_name
        )

    def accept_invite(self, request: Any, _user: str) -> Any:
        host = self._invites.get(request.invite_token.token)
        if host is None:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: invite token")
        self._befriend(host, request.remote_user)
        told = self._accounts.user_message(host)
        return invitations.AcceptInviteResponse(
            user_id=told.id, email=told.mail, display_name=told.display_name
        )

    def find_accepted_users(self, request: Any, user: str) -> Any:
        found = [each for each in self._friends.get(user, ()) if request.filter in each.username + each.mail]
        return invitations.FindAcceptedUsersResponse(accepted_users=found)

    def get_accepted_user(self, request: Any, user: str) -> Any:
        return invitations.GetAcceptedUserResponse(remote_user=self._friend(request.remote_user_id, user))

    # ---- shares of ours

    def create_ocm_share(self, request: Any, user: str) -> Any:
        receiver = self._gateway(request.recipient_mesh_provider.domain)
        friend = self._friend(request.grantee.user_id, user)
        place = self._tree.place(resources.Reference(resource_id=request.resource_id), user)
        with as_reva_says(place.path):
            place.file.stat()
        now = types.Timestamp(seconds=int(time.time()))
        owner = self._introduction(user).id
        share = shares.Share(
            id=shares.ShareId(opaque_id=secrets.token_hex(8)),
            resource_id=request.resource_id,
            name=place.file.name,
            token=secrets.token_urlsafe(16),
            grantee=request.grantee,
            owner=owner,
            creator=owner,
            ctime=now,
            mtime=now,
            share_type=shares.SHARE_TYPE_USER,
            access_methods=request.access_methods,
        )
        sent = self._sent[share.id.opaque_id] = Sent(share, user, receiver, place)
        receiver.deliver(sent, self.domain, friend.id.opaque_id)
        return api.CreateOCMShareResponse(share=share, recipient_display_name=friend.display_name)

    def list_ocm_shares(self, _request: Any, user: str) -> Any:
        mine = [each.message for each in self._sent.values() if each.owner == user]
        return api.ListOCMSharesResponse(shares=mine)

    def get_ocm_share(self, request: Any, user: str) -> Any:
        return api.GetOCMShareResponse(share=self._mine(request.ref, user).message)

    def get_ocm_share_by_token(self, request: Any, _user: str) -> Any:
        found = next((each for each in self._sent.values() if each.message.token == request.token), None)
        if found is None:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: share")
        return api.GetOCMShareByTokenResponse(share=found.message)

    def remove_ocm_share(self, request: Any, user: str) -> Any:
        sent = self._mine(request.ref, user)
        sent.receiver.withdraw(sent.message.id.opaque_id)
        del self._sent[sent.message.id.opaque_id]
        return api.RemoveOCMShareResponse()

    # ---- shares of others

    def deliver(self, sent: Sent, domain: str, user: str) -> None:
        """Another gateway tells of a share. Raises Refused if the user is not here."""
        if not self._accounts.knows(user):
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: user")
        share, place = sent.message, sent.place
        identity = secrets.token_hex(8)
        folder = place.file.is_dir()
        methods = [each.webdav_options for each in share.access_methods if each.HasField("webdav_options")]
        message = shares.ReceivedShare(
            id=shares.ShareId(opaque_id=identity),
            name=share.name,
            remote_share_id=share.id.opaque_id,
            grantee=share.grantee,
            owner=share.owner,
            creator=share.creator,
            ctime=share.ctime,
            mtime=share.mtime,
            share_type=share.share_type,
            protocols=[_protocol(share, method, domain) for method in methods],
            state=shares.SHARE_STATE_PENDING,
            resource_type=resources.RESOURCE_TYPE_CONTAINER if folder else resources.RESOURCE_TYPE_FILE,
        )
        writable = any(method.permissions.initiate_file_upload for method in methods)
        mount = Mount(f"/ocm/{identity}", "ocm", place.file, share.owner.opaque_id, writable, remote=True)
        self._received[identity] = Received(message, user, mount)

    def withdraw(self, remote_share_id: str) -> None:
        """Another gateway takes a share back."""
        for identity, each in list(self._received.items()):
            if each.message.remote_share_id == remote_share_id:
                self._tree.lose(each.user, each.mount.path)
                del self._received[identity]

    def list_received_ocm_shares(self, _request: Any, user: str) -> Any:
        mine = [each.message for each in self._received.values() if each.user == user]
        return api.ListReceivedOCMSharesResponse(shares=mine)

    def get_received_ocm_share(self, request: Any, user: str) -> Any:
        return api.GetReceivedOCMShareResponse(share=self._to_me(request.ref.id, user).message)

    def update_received_ocm_share(self, request: Any, user: str) -> Any:
        """What is accepted is at /ocm/<id of the share>."""
        received = self._to_me(request.share.id, user)
        received.message.state = request.share.state
        self._tree.lose(user, received.mount.path)
        if request.share.state == shares.SHARE_STATE_ACCEPTED:
            self._tree.receive(user, received.mount)
        return api.UpdateReceivedOCMShareResponse()

    def _gateway(self, domain: str) -> Ocm:
        found = self._mesh.get(domain)
        if found is None:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: provider")
        return found

    def _introduction(self, user: str) -> Any:
        """How a user is known to other gateways."""
        told = self._accounts.user_message(user)
        told.id.CopyFrom(people.UserId(idp=self.domain, opaque_id=user, type=people.USER_TYPE_FEDERATED))
        return told

    def _befriend(self, user: str, friend: Any) -> None:
        known = self._friends.setdefault(user, [])
        if all(each.id != friend.id for each in known):
            known.append(friend)

    def _friend(self, identity: Any, user: str) -> Any:
        for each in self._friends.get(user, ()):
            if (each.id.idp, each.id.opaque_id) == (identity.idp, identity.opaque_id):
                return each
        raise Refused(codes.CODE_NOT_FOUND, "error: not found: accepted user")

    def _mine(self, reference: Any, user: str) -> Sent:
        found = self._sent.get(reference.id.opaque_id)
        if found is None or found.owner != user:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: share")
        return found

    def _to_me(self, identity: Any, user: str) -> Received:
        found = self._received.get(identity.opaque_id)
        if found is None or found.user != user:
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: share")
        return found


def _protocol(share: Any, method: Any, domain: str) -> Any:
    return shares.Protocol(
        webdav_options=shares.WebDAVProtocol(
            shared_secret=share.token,
            permissions=shares.SharePermissions(permissions=method.permissions),
            uri=f"https://{domain}/remote.php/dav/ocm/{share.id.opaque_id}",
            requirements=method.requirements,
            access_types=method.access_types,
        )
    )
