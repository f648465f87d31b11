"""Shares with people of the same cloud, and of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from rucio_mesh.cs3 import ocm, people, shares, transfers
from rucio_mesh.cs3.auth import Basic, Secret
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.errors import AccessDenied, Cs3Error, NotFound
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.ocm import Mesh

from ..conftest import MakeGateway
from .conftest import ConnectTo

MARIE = Basic("marie", Secret.of("radioactivity"))


@pytest.fixture
def gateway(cs3_gateway: MakeGateway) -> Gateway:
    return cs3_gateway("eos")


@pytest.fixture
def einstein(gateway: Gateway, connect_to: ConnectTo) -> Client:
    cloud = connect_to(gateway)
    folder = gateway.path(f"{cloud.home()}/run")
    folder.mkdir()
    (folder / "f").write_bytes(b"abc")
    return cloud


@pytest.fixture
def marie(gateway: Gateway, connect_to: ConnectTo) -> Client:
    return connect_to(gateway, MARIE)


def test_a_share_is_given_accepted_read_and_withdrawn(
    einstein: Client, marie: Client, tmp_path: Path
) -> None:
    folder = f"{einstein.home()}/run"
    given = shares.share_with(einstein, folder, people.find_user(einstein.gateway, "marie"))
    assert given.role == "viewer" and given.grantee.opaque_id == "marie"
    assert shares.given(einstein, folder) == shares.given(einstein) == [given]
    (offer,) = shares.received(marie)
    assert offer.state == "pending"
    shares.answer(marie, offer.share.id, "accepted")
    (accepted,) = shares.received(marie)
    assert accepted.state == "accepted"
    transfers.fetch(marie, f"{accepted.mount_point}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"abc"
    with pytest.raises(AccessDenied):
        marie.make_container(f"{accepted.mount_point}/new")
    shares.withdraw(einstein, given.id)
    assert shares.given(einstein) == []
    with pytest.raises(NotFound):
        marie.stat(f"{accepted.mount_point}/f")


def test_a_group_of_editors_may_write(einstein: Client, marie: Client) -> None:
    group = people.find_group(einstein.gateway, "physics-lovers")
    assert shares.share_with(einstein, f"{einstein.home()}/run", group, "editor").role == "editor"
    (offer,) = shares.received(marie)
    shares.answer(marie, offer.share.id, "accepted")
    (accepted,) = shares.received(marie)
    marie.touch(f"{accepted.mount_point}/from-marie")
    assert einstein.exists(f"{einstein.home()}/run/from-marie")


def test_nobody_is_not_found(einstein: Client) -> None:
    with pytest.raises(NotFound):
        people.find_user(einstein.gateway, "nobody")
    with pytest.raises(NotFound):
        people.find_group(einstein.gateway, "nobody")
    with pytest.raises(NotFound):
        shares.withdraw(einstein, "no-share")


def test_a_share_reaches_another_cloud_after_an_invitation(
    cs3_gateway: MakeGateway, connect_to: ConnectTo
) -> None:
    mesh = Mesh()
    here = cs3_gateway("eos", domain="here.example.org", mesh=mesh)
    there = cs3_gateway("localfs", domain="there.example.org", mesh=mesh)
    einstein, marie = connect_to(here), connect_to(there, MARIE)
    file = f"{einstein.home()}/f"
    here.path(file).write_bytes(b"abc")

    invitation = ocm.invite(einstein, "for the analysis")
    assert ocm.accept(marie, invitation.token, "here.example.org").opaque_id == "einstein"
    (friend,) = ocm.partners(einstein)
    given = ocm.share_with(einstein, file, friend, "there.example.org")
    assert ocm.given(einstein) == [given]

    (offer,) = ocm.received(marie)
    assert (offer.name, offer.owner.opaque_id, offer.state) == ("f", "einstein", "pending")
    assert offer.uri and offer.shared_secret not in repr(offer) and invitation.token not in repr(invitation)
    ocm.answer(marie, offer.id, "accepted")
    (accepted,) = ocm.received(marie)
    assert accepted.state == "accepted"
    ocm.withdraw(einstein, given.id)
    assert ocm.given(einstein) == []


def test_an_invitation_that_nobody_made_is_refused(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    mesh = Mesh()
    cs3_gateway("eos", domain="here.example.org", mesh=mesh)
    marie = connect_to(cs3_gateway("eos", domain="there.example.org", mesh=mesh), MARIE)
    for token, domain in (("made-up", "here.example.org"), ("made-up", "nowhere.example.org")):
        with pytest.raises(Cs3Error):
            ocm.accept(marie, token, domain)
