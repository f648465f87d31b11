"""Shares within one gateway, and between two."""

from __future__ import annotations

from typing import Any

import cs3.identity.group.v1beta1.resources_pb2 as groups
import cs3.identity.user.v1beta1.resources_pb2 as people
import cs3.ocm.invite.v1beta1.invite_api_pb2 as invitations
import cs3.ocm.provider.v1beta1.resources_pb2 as mesh_providers
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.sharing.collaboration.v1beta1.collaboration_api_pb2 as collaboration
import cs3.sharing.collaboration.v1beta1.resources_pb2 as shares
import cs3.sharing.ocm.v1beta1.ocm_api_pb2 as ocm
import cs3.sharing.ocm.v1beta1.resources_pb2 as ocm_shares
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import pytest

from rucio_mesh.testing.cs3.ocm import Mesh
from rucio_mesh.testing.cs3.profiles import PROFILES, ProfileName
from tests.client.conftest import MakeGateway
from tests.client.cs3.target import Target, ref

READ = resources.ResourcePermissions(stat=True, initiate_file_download=True, list_container=True)
WRITE = resources.ResourcePermissions(stat=True, initiate_file_download=True, initiate_file_upload=True)


def marie_at(target: Target) -> Target:
    assert target.gateway
    return Target.of(target.gateway, "marie", "radioactivity").begin()


def share_with(target: Target, grantee: Any, permissions: Any) -> Any:
    """Share the folder `d`, with one file in it."""
    target.make_folder("d")
    target.put("d/f", b"abc")
    grant = shares.ShareGrant(grantee=grantee, permissions=shares.SharePermissions(permissions=permissions))
    request = collaboration.CreateShareRequest(resource_info=target.info("d"), grant=grant)
    return target.ok("CreateShare", request).share


def accept(target: Target) -> str:
    """Accept the only share that was received; returns where it is."""
    (received,) = target.ok("ListReceivedShares", collaboration.ListReceivedSharesRequest()).shares
    received.state = shares.SHARE_STATE_ACCEPTED
    request = collaboration.UpdateReceivedShareRequest(share=received)
    target.ok("UpdateReceivedShare", request)
    return str(received.mount_point.path)


@pytest.mark.parametrize("profile", tuple(PROFILES))
def test_a_shared_folder_can_be_read_by_whom_it_was_shared_with(
    cs3_gateway: MakeGateway, profile: ProfileName
) -> None:
    einstein = Target.of(cs3_gateway(profile)).begin()
    marie = marie_at(einstein)
    to_marie = resources.Grantee(
        type=resources.GRANTEE_TYPE_USER, user_id=people.UserId(opaque_id="marie", idp="any")
    )
    share = share_with(einstein, to_marie, READ)
    marie.folder = accept(marie)
    assert marie.get("f").content == b"abc"
    make = provider.CreateContainerRequest(ref=ref(marie.path("new")))
    assert marie.code("CreateContainer", make) == codes.CODE_PERMISSION_DENIED
    reference = shares.ShareReference(id=share.id)
    einstein.ok("RemoveShare", collaboration.RemoveShareRequest(ref=reference))
    assert marie.stat_code("f") == codes.CODE_NOT_FOUND


def test_a_group_that_may_write_writes(cs3_gateway: MakeGateway) -> None:
    einstein = Target.of(cs3_gateway("localfs")).begin()
    marie = marie_at(einstein)
    lovers = resources.Grantee(
        type=resources.GRANTEE_TYPE_GROUP, group_id=groups.GroupId(opaque_id="physics-lovers")
    )
    share_with(einstein, lovers, WRITE)
    marie.folder = accept(marie)
    assert marie.put("g", b"from marie").status_code == 200
    assert einstein.get("d/g").content == b"from marie"
    assert len(einstein.ok("ListShares", collaboration.ListSharesRequest()).shares) == 1


def test_a_share_with_nobody_is_refused(cs3_gateway: MakeGateway) -> None:
    einstein = Target.of(cs3_gateway("localfs")).begin()
    einstein.make_folder("d")
    nobody = resources.Grantee(type=resources.GRANTEE_TYPE_USER, user_id=people.UserId(opaque_id="nobody"))
    request = collaboration.CreateShareRequest(
        resource_info=einstein.info("d"), grant=shares.ShareGrant(grantee=nobody)
    )
    assert einstein.code("CreateShare", request) == codes.CODE_NOT_FOUND


def test_a_share_reaches_another_cloud_after_an_invitation(cs3_gateway: MakeGateway) -> None:
    mesh = Mesh()
    here = Target.of(cs3_gateway("eos", domain="here.example.org", mesh=mesh)).begin()
    there = marie_at(Target.of(cs3_gateway("localfs", domain="there.example.org", mesh=mesh)))
    here.put("f", b"abc")
    offer = ocm.CreateOCMShareRequest(
        resource_id=here.info("f").id,
        grantee=resources.Grantee(
            type=resources.GRANTEE_TYPE_USER,
            user_id=people.UserId(opaque_id="marie", idp="there.example.org"),
        ),
        recipient_mesh_provider=mesh_providers.ProviderInfo(domain="there.example.org"),
        access_methods=[
            ocm_shares.AccessMethod(webdav_options=ocm_shares.WebDAVAccessMethod(permissions=READ))
        ],
    )
    assert here.code("CreateOCMShare", offer) == codes.CODE_NOT_FOUND

    invitation = here.ok("GenerateInviteToken", invitations.GenerateInviteTokenRequest()).invite_token
    forward = invitations.ForwardInviteRequest(
        invite_token=invitation,
        origin_system_provider=mesh_providers.ProviderInfo(domain="here.example.org"),
    )
    assert there.ok("ForwardInvite", forward).user_id.opaque_id == "einstein"
    (friend,) = here.ok("FindAcceptedUsers", invitations.FindAcceptedUsersRequest()).accepted_users
    assert (friend.username, friend.id.idp) == ("marie", "there.example.org")

    share = here.ok("CreateOCMShare", offer).share
    (received,) = there.ok("ListReceivedOCMShares", ocm.ListReceivedOCMSharesRequest()).shares
    assert received.remote_share_id == share.id.opaque_id and received.name == "f"
    assert received.protocols[0].webdav_options.shared_secret == share.token

    at = provider.StatRequest(ref=ref(f"/ocm/{received.id.opaque_id}"))
    assert there.code("Stat", at) == codes.CODE_NOT_FOUND
    received.state = ocm_shares.SHARE_STATE_ACCEPTED
    there.ok("UpdateReceivedOCMShare", ocm.UpdateReceivedOCMShareRequest(share=received))
    info = there.ok("Stat", at).info
    assert info.size == 3 and info.checksum == resources.ResourceChecksum()
    there.folder = "/ocm"
    assert there.get(received.id.opaque_id).content == b"abc"

    reference = ocm_shares.ShareReference(id=share.id)
    here.ok("RemoveOCMShare", ocm.RemoveOCMShareRequest(ref=reference))
    assert there.code("Stat", at) == codes.CODE_NOT_FOUND
