"""Open Cloud Mesh: shares with users of other clouds, after an invitation.

One user makes an invitation and tells it to another, who accepts it at the own cloud; then either can share with the
other. What is shared stays where it is: the other cloud reads it over WebDAV.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from cs3.ocm.invite.v1beta1 import invite_api_pb2 as invites
from cs3.ocm.invite.v1beta1 import resources_pb2 as invite_messages
from cs3.ocm.provider.v1beta1 import provider_api_pb2 as providers
from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as api
from cs3.sharing.ocm.v1beta1 import resources_pb2 as messages
from google.protobuf.field_mask_pb2 import FieldMask

from .client import Client
from .people import Group, User, grantee
from .resource import ResourceId
from .shares import Role, State, permissions

STATES: dict[int, State] = {
    messages.SHARE_STATE_PENDING: "pending",
    messages.SHARE_STATE_ACCEPTED: "accepted",
    messages.SHARE_STATE_REJECTED: "rejected",
}


@dataclass(frozen=True)
class Invitation:
    """To be told to one person, on a private way: whoever has it may accept it."""

    token: str = field(repr=False)
    expires_at: float | None
    """Seconds since the epoch."""


@dataclass(frozen=True)
class OcmShare:
    """What we let a user of another cloud use."""

    id: str
    name: str
    resource: ResourceId
    grantee: User | Group

    @classmethod
    def of(cls, share: Any) -> OcmShare:
        """From a gateway's Share of Open Cloud Mesh."""
        return cls(share.id.opaque_id, share.name, ResourceId.of(share.resource_id), grantee(share.grantee))


@dataclass(frozen=True)
class ReceivedOcmShare:
    """What a user of another cloud lets us use."""

    id: str
    name: str
    """Of the file or container."""
    owner: User
    state: State
    uri: str
    """Where it is, over WebDAV; empty if it is offered by other means only. No secret."""
    shared_secret: str = field(repr=False)
    """What lets one read it there."""

    @classmethod
    def of(cls, share: Any) -> ReceivedOcmShare:
        """From a gateway's ReceivedShare of Open Cloud Mesh."""
        dav = next((each.webdav_options for each in share.protocols if each.HasField("webdav_options")), None)
        return cls(
            share.id.opaque_id,
            share.name,
            User(share.owner.opaque_id, share.owner.idp, kind=share.owner.type),
            STATES.get(share.state, "unknown"),
            dav.uri if dav else "",
            dav.shared_secret if dav else "",
        )


def invite(client: Client, description: str = "") -> Invitation:
    """A new invitation in our name."""
    request = invites.GenerateInviteTokenRequest(description=description)
    made = client.gateway.call("GenerateInviteToken", request).invite_token
    return Invitation(made.token, made.expiration.seconds or None)


def accept(client: Client, token: str, domain: str) -> User:
    """Accept an invitation made at the cloud of that domain; who made it. Raises NotFound, InvalidRequest, …"""
    request = invites.ForwardInviteRequest(
        invite_token=invite_messages.InviteToken(token=token),
        origin_system_provider=provider(client, domain),
    )
    reply = client.gateway.call("ForwardInvite", request, about=domain)
    user = reply.user_id
    return User(user.opaque_id, user.idp, display_name=reply.display_name, mail=reply.email, kind=user.type)


def partners(client: Client, part_of_name: str = "") -> list[User]:
    """Users of other clouds with whom there was an invitation."""
    request = invites.FindAcceptedUsersRequest(filter=part_of_name)
    return [User.of(user) for user in client.gateway.call("FindAcceptedUsers", request).accepted_users]


def share_with(client: Client, path: str, whom: User, domain: str, role: Role = "viewer") -> OcmShare:
    """Let a partner at the cloud of that domain use a file or container."""
    known = provider(client, domain)
    access = messages.WebDAVAccessMethod(
        permissions=permissions(role), access_types=[messages.ACCESS_TYPE_REMOTE]
    )
    request = api.CreateOCMShareRequest(
        resource_id=client.stat(path).id.message(),
        grantee=whom.grantee(),
        recipient_mesh_provider=known,
        access_methods=[messages.AccessMethod(webdav_options=access)],
    )
    return OcmShare.of(client.gateway.call("CreateOCMShare", request, about=path).share)


def given(client: Client) -> list[OcmShare]:
    """Our shares with users of other clouds."""
    reply = client.gateway.call("ListOCMShares", api.ListOCMSharesRequest())
    return [OcmShare.of(share) for share in reply.shares]


def withdraw(client: Client, share_id: str) -> None:
    """Raises NotFound."""
    request = api.RemoveOCMShareRequest(ref=messages.ShareReference(id=messages.ShareId(opaque_id=share_id)))
    client.gateway.call("RemoveOCMShare", request, about=share_id)


def received(client: Client) -> list[ReceivedOcmShare]:
    """What users of other clouds share with us, accepted or not."""
    reply = client.gateway.call("ListReceivedOCMShares", api.ListReceivedOCMSharesRequest())
    return [ReceivedOcmShare.of(share) for share in reply.shares]


def answer(client: Client, share_id: str, state: Literal["accepted", "rejected"]) -> None:
    """Accept or reject what is shared with us. Raises NotFound."""
    wanted = messages.SHARE_STATE_ACCEPTED if state == "accepted" else messages.SHARE_STATE_REJECTED
    share = messages.ReceivedShare(id=messages.ShareId(opaque_id=share_id), state=wanted)
    request = api.UpdateReceivedOCMShareRequest(share=share, update_mask=FieldMask(paths=["state"]))
    client.gateway.call("UpdateReceivedOCMShare", request, about=share_id)


def provider(client: Client, domain: str) -> Any:
    """What our gateway knows of the cloud of that domain. Raises NotFound."""
    request = providers.GetInfoByDomainRequest(domain=domain)
    return client.gateway.call("GetInfoByDomain", request, about=domain).provider_info
