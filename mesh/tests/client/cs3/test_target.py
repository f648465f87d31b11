"""The probes themselves: where their secrets go."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
import requests

from rucio_mesh.testing.certificates import Authority
from tests.client.conftest import MakeGateway
from tests.client.cs3.target import Target, is_here

LOGIN = ("basic", "einstein", "relativity")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("cernbox.example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_plain_text_is_for_this_machine_alone(host: str, here: bool) -> None:
    assert is_here(host) is here


def test_a_gateway_elsewhere_gets_no_secret_without_tls(cs3_gateway: MakeGateway) -> None:
    """Whether a certificate is named or not."""
    gateway = cs3_gateway()
    elsewhere = Target(f"0.0.0.0:{gateway.grpc_port}", gateway.profile, LOGIN)
    with pytest.raises(grpc.RpcError):
        elsewhere.sign_in()
    elsewhere.close()
    assert not gateway.counts


def test_a_data_endpoint_elsewhere_gets_no_token_without_tls(cs3_gateway: MakeGateway) -> None:
    gateway = cs3_gateway()
    target = Target.of(gateway).begin()
    gateway.faults.data_endpoint = f"http://0.0.0.0:{gateway.data_port}/data"
    with pytest.raises(requests.exceptions.InvalidURL):
        target.get("f")
    with pytest.raises(AssertionError, match="TLS"):
        target.connection(gateway.faults.data_endpoint)
    target.close()
    assert gateway.meter.requests == []


def test_a_gateway_with_tls_is_probed_by_its_authority(cs3_gateway: MakeGateway, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    gateway = cs3_gateway("eos", leaf=authority.server())
    target = Target(gateway.address, gateway.profile, LOGIN, authority.certificate).begin()
    assert target.put("f", b"abc").status_code == 200 and target.get("f").content == b"abc"
    target.connection(target.download("f").download_endpoint).connect()
    target.close()
