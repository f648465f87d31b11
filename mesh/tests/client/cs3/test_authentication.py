"""P01 to P06: who is let in, and how a refusal looks."""

from __future__ import annotations

import base64
import json
import time

import cs3.auth.applications.v1beta1.applications_api_pb2 as applications
import cs3.auth.registry.v1beta1.registry_api_pb2 as registry
import cs3.gateway.v1beta1.gateway_api_pb2 as gw
import cs3.identity.user.v1beta1.user_api_pb2 as users
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import grpc
import pytest

from rucio_mesh.testing.cs3.accounts import Account
from tests.client.conftest import MakeGateway
from tests.client.cs3.target import SECONDS, Target, ref

ROOT = provider.StatRequest(ref=ref("/"))


def refusal(target: Target, token: str | None) -> tuple[grpc.StatusCode, str]:
    metadata = [] if token is None else [("x-access-token", token)]
    with pytest.raises(grpc.RpcError) as refused:
        target.stub.Stat(ROOT, metadata=metadata, timeout=SECONDS)
    return refused.value.code(), refused.value.details()


def test_p01_a_call_without_a_token_is_a_grpc_error(cloud: Target) -> None:
    assert refusal(cloud, None) == (grpc.StatusCode.UNAUTHENTICATED, "auth: core access token not found")


def test_p02_a_token_that_is_no_token_is_denied(cloud: Target) -> None:
    denied = (grpc.StatusCode.PERMISSION_DENIED, "auth: core access token is invalid")
    assert refusal(cloud, "garbage") == denied
    head, body, signature = cloud.token.split(".")
    assert refusal(cloud, f"{head}.{body}.{signature[::-1]}") == denied


def test_p02_an_expired_token_is_denied_likewise(own_cloud: Target) -> None:
    assert own_cloud.gateway
    access = own_cloud.gateway.accounts.access
    lifetime, access.seconds = access.seconds, -1
    try:
        expired = own_cloud.authenticate(*own_cloud.login).token
    finally:
        access.seconds = lifetime
    assert refusal(own_cloud, expired)[0] == grpc.StatusCode.PERMISSION_DENIED


def test_p03_wrong_secrets_have_codes_of_their_own(cloud: Target) -> None:
    kind, user, _ = cloud.login
    if kind == "basic":
        assert cloud.authenticate("basic", user, "wrong").status.code == codes.CODE_PERMISSION_DENIED
        assert cloud.authenticate("basic", "no-such-user", "x").status.code == codes.CODE_PERMISSION_DENIED
    assert cloud.authenticate("no-such-type", user, "x").status.code == codes.CODE_INTERNAL


def test_p03_machine_keys_and_oidc_tokens(own_cloud: Target) -> None:
    assert own_cloud.gateway
    wrong_key = own_cloud.authenticate("machine", "einstein", "wrong")
    assert wrong_key.status.code == codes.CODE_PERMISSION_DENIED
    assert own_cloud.authenticate("bearer", "", "not.a.token").status.code == codes.CODE_UNAUTHENTICATED
    good = own_cloud.gateway.accounts.oidc_token("einstein")
    assert own_cloud.authenticate("bearer", "", good).user.username == "einstein"
    for claim in ("einstein", "username:einstein", "mail:einstein@example.org", "userid:einstein"):
        assert own_cloud.authenticate("machine", claim, "machine-key").user.username == "einstein"


def test_p03_a_linked_lightweight_account_is_turned_away(cs3_gateway: MakeGateway) -> None:
    target = Target.of(cs3_gateway("eos", accounts={"guest": Account("secret", linked=True)}))
    assert target.authenticate("basic", "guest", "secret").status.code == codes.CODE_ABORTED


def test_p04_the_token_tells_when_it_expires(cloud: Target) -> None:
    body = cloud.token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert {"user", "scope", "iss", "aud", "exp", "iat"} <= claims.keys()
    assert "reva" in claims["aud"] and claims["exp"] > time.time()
    told = cloud.ok("WhoAmI", gw.WhoAmIRequest(token=cloud.token))
    assert told.user.username == claims["user"]["username"]


def test_p05_whoever_signs_in_has_a_home(cloud: Target) -> None:
    home = cloud.ok("Stat", provider.StatRequest(ref=ref(cloud.home()))).info
    assert home.type == resources.RESOURCE_TYPE_CONTAINER and home.path == cloud.home()


def test_p05_signing_in_makes_the_home_but_not_by_machine(own_cloud: Target) -> None:
    assert own_cloud.gateway
    home = provider.StatRequest(ref=ref(own_cloud.gateway.home("richard")))
    own_cloud.token = own_cloud.authenticate("machine", "richard", "machine-key").token
    assert own_cloud.code("Stat", home) == codes.CODE_NOT_FOUND
    own_cloud.token = own_cloud.authenticate("basic", "richard", "superfluidity").token
    assert own_cloud.code("Stat", home) == codes.CODE_OK


def test_p06_some_calls_need_no_token(cloud: Target) -> None:
    told = cloud.stub.ListAuthProviders(registry.ListAuthProvidersRequest(), timeout=SECONDS)
    assert told.status.code == codes.CODE_OK and told.types
    claim = users.GetUserByClaimRequest(claim="username", value="no-such-user")
    assert cloud.stub.GetUserByClaim(claim, timeout=SECONDS).status.code == codes.CODE_NOT_FOUND


def test_p06_a_token_of_another_scope_cannot_stat(own_cloud: Target) -> None:
    wish = applications.GenerateAppPasswordRequest(label="probe")
    wish.token_scope["publicshare"].role = 1
    password = own_cloud.ok("GenerateAppPassword", wish).app_password.password
    narrow = own_cloud.authenticate("appauth", "einstein", password).token
    assert refusal(own_cloud, narrow)[0] == grpc.StatusCode.PERMISSION_DENIED


def test_an_app_password_signs_in_until_it_is_invalidated(own_cloud: Target) -> None:
    wish = applications.GenerateAppPasswordRequest(label="probe")
    password = own_cloud.ok("GenerateAppPassword", wish).app_password.password
    assert own_cloud.authenticate("appauth", "einstein", password).status.code == codes.CODE_OK
    own_cloud.ok("InvalidateAppPassword", applications.InvalidateAppPasswordRequest(password=password))
    refused = own_cloud.authenticate("appauth", "einstein", password)
    assert refused.status.code == codes.CODE_PERMISSION_DENIED
