"""Shares with users and groups of the same cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as api
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as messages
from cs3.storage.provider.v1beta1 import provider_api_pb2 as sp
from cs3.storage.provider.v1beta1 import resources_pb2 as spr
from google.protobuf.field_mask_pb2 import FieldMask

from .client import Client, reference
from .people import Group, User, grantee
from .resource import ResourceId

Role = Literal["viewer", "editor"]
State = Literal["pending", "accepted", "rejected", "unknown"]

READS = ("stat", "get_path", "get_quota", "initiate_file_download", "list_container", "list_file_versions")
WRITES = (
    "create_container",
    "delete",
    "initiate_file_upload",
    "move",
    "restore_file_version",
    "list_recycle",
)
STATES: dict[int, State] = {
    messages.SHARE_STATE_PENDING: "pending",
    messages.SHARE_STATE_ACCEPTED: "accepted",
    messages.SHARE_STATE_REJECTED: "rejected",
}


@dataclass(frozen=True)
class Share:
    """A file or container that someone lets others use."""

    id: str
    resource: ResourceId
    grantee: User | Group
    role: Role

    @classmethod
    def of(cls, share: Any) -> Share:
        """From a gateway's Share."""
        return cls(
            id=share.id.opaque_id,
            resource=ResourceId.of(share.resource_id),
            grantee=grantee(share.grantee),
            role=role_of(share.permissions.permissions),
        )


@dataclass(frozen=True)
class ReceivedShare:
    """A share of someone else's with us."""

    share: Share
    state: State
    mount_point: str
    """Where the gateway shows it, below the place where it shows shares; empty before it is accepted."""


def share_with(client: Client, path: str, whom: User | Group, role: Role = "viewer") -> Share:
    """Raises NotFound, AccessDenied, AlreadyExists for a second share of the same with the same."""
    info = client.gateway.call("Stat", sp.StatRequest(ref=reference(path)), about=path).info
    grant = messages.ShareGrant(
        grantee=whom.grantee(), permissions=messages.SharePermissions(permissions=permissions(role))
    )
    request = api.CreateShareRequest(resource_info=info, grant=grant)
    return Share.of(client.gateway.call("CreateShare", request, about=path).share)


def given(client: Client, path: str | None = None) -> list[Share]:
    """Our shares with others: all, or those of one file or container."""
    filters = []
    if path is not None:
        resource = client.stat(path).id.message()
        filters.append(messages.Filter(type=messages.Filter.TYPE_RESOURCE_ID, resource_id=resource))
    reply = client.gateway.call("ListShares", api.ListSharesRequest(filters=filters), about=path or "")
    return [Share.of(share) for share in reply.shares]


def withdraw(client: Client, share_id: str) -> None:
    """Raises NotFound."""
    request = api.RemoveShareRequest(ref=messages.ShareReference(id=messages.ShareId(opaque_id=share_id)))
    client.gateway.call("RemoveShare", request, about=share_id)


def received(client: Client) -> list[ReceivedShare]:
    """What others share with us, accepted or not."""
    reply = client.gateway.call("ListReceivedShares", api.ListReceivedSharesRequest())
    return [
        ReceivedShare(Share.of(each.share), STATES.get(each.state, "unknown"), each.mount_point.path)
        for each in reply.shares
    ]


def answer(client: Client, share_id: str, state: Literal["accepted", "rejected"]) -> None:
    """Accept or reject what someone shares with us. Raises NotFound."""
    wanted = messages.SHARE_STATE_ACCEPTED if state == "accepted" else messages.SHARE_STATE_REJECTED
    share = messages.ReceivedShare(
        share=messages.Share(id=messages.ShareId(opaque_id=share_id)), state=wanted
    )
    request = api.UpdateReceivedShareRequest(share=share, update_mask=FieldMask(paths=["state"]))
    client.gateway.call("UpdateReceivedShare", request, about=share_id)


def permissions(role: Role) -> Any:
    """What a role may do; only an owner shares further."""
    return spr.ResourcePermissions(**dict.fromkeys(READS + (WRITES if role == "editor" else ()), True))


def role_of(granted: Any) -> Role:
    """The role that comes next to what is granted."""
    return "editor" if granted.initiate_file_upload else "viewer"
