"""Where secrets go, and where they are never seen."""

from __future__ import annotations

import base64
import logging
import os
import ssl
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

from rucio_mesh.cs3 import transfers
from rucio_mesh.cs3.auth import Basic, Bearer, Credential, GatewayToken, Login, Secret, expiry
from rucio_mesh.cs3.data import trusting
from rucio_mesh.cs3.errors import (
    BY_HTTP,
    Cs3Error,
    NotSignedIn,
    Unavailable,
    Unsafe,
    Untrusted,
    of_code,
    of_http,
)
from rucio_mesh.cs3.gateway import open_channel
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing.certificates import Authority
from rucio_mesh.testing.cs3.gateway import Gateway

from ..conftest import MakeGateway
from .conftest import EINSTEIN, ConnectTo

FAR = Settings("cernbox.example.org", 443)


def test_plain_text_goes_to_loopback_and_to_hosts_allowed_by_name() -> None:
    assert FAR.speaks_tls()
    assert not Settings("127.0.0.1", 1).speaks_tls() and not Settings("::1", 1).speaks_tls()
    with pytest.raises(Unsafe):
        Settings("cernbox.example.org", 9142, tls=False).speaks_tls()
    allowed = Settings("gateway.local", 9142, tls=False, insecure_hosts=frozenset({"Gateway.Local"}))
    assert not allowed.speaks_tls()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/data",
        "http://cernbox.example.org/data",
        "https://user@cernbox.example.org/data",
        "https://cernbox.example.org.evil.org/",
        "ftp://cernbox.example.org/data",
        "https://cernbox.example.org:port/",
        "http://127.0.0.1:19001/datagateway",
        "https://[::1/",
        "",
    ],
)
def test_a_data_endpoint_elsewhere_gets_nothing(url: str) -> None:
    with pytest.raises(Unsafe):
        FAR.data_endpoint(url)


def test_a_data_endpoint_is_rewritten_and_then_judged() -> None:
    settings = Settings(
        "cernbox.example.org",
        443,
        data_hosts=frozenset({"data.example.org"}),
        data_endpoint_rewrite=(("http://0.0.0.0:19001/", "https://data.example.org/"),),
    )
    assert settings.data_endpoint("http://0.0.0.0:19001/x?y") == "https://data.example.org/x?y"
    assert (
        settings.data_endpoint("https://cernbox.example.org:8443/x") == "https://cernbox.example.org:8443/x"
    )


def test_an_unsafe_data_endpoint_is_never_asked(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    gateway = cs3_gateway()
    gateway.faults.data_endpoint = "http://192.0.2.1:80/data"
    with pytest.raises(Unsafe):
        connect_to(gateway).initiate_download("/home/f")


def test_a_gateway_with_a_certificate_of_ones_own(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    gateway = cs3_gateway("eos", leaf=authority.server())
    cloud = connect_to(gateway, tls=True, ca_file=authority.certificate)
    path = f"{cloud.home()}/f"
    transfers.store(
        cloud, path, transfers.file_source(authority.certificate), authority.certificate.stat().st_size
    )
    transfers.fetch(cloud, path, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == authority.certificate.read_bytes()
    with pytest.raises(Unavailable):
        connect_to(gateway, tls=True, call_seconds=3).sign_in()


def test_a_data_endpoint_with_an_unknown_certificate_gets_nothing(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    gateway = cs3_gateway("eos", leaf=authority.server())
    cloud = connect_to(gateway, tls=True, ca_file=authority.certificate)
    endpoint = cloud.initiate_download(f"{cloud.home()}/f")
    cloud.data._context = ssl.create_default_context()
    with pytest.raises(Untrusted), cloud.data.get(endpoint, "GET f"):
        pass
    assert gateway.meter.requests == []


@pytest.mark.usefixtures("no_pauses")
def test_no_text_holds_a_secret(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = cs3_gateway("localfs")
    cloud = connect_to(gateway)
    texts = [repr(EINSTEIN), repr(EINSTEIN.present()), repr(GatewayToken("relativity")), str(cloud.settings)]
    secrets = ["relativity", cloud.gateway.token()]
    gateway.path("/home/f").write_bytes(b"abc")
    endpoint = cloud.initiate_download("/home/f")
    secrets.append(endpoint.headers["X-Reva-Transfer"])
    texts.append(repr(endpoint))
    exposed = cs3_gateway("localfs", expose_data_server=True)
    open_to_all = connect_to(exposed).initiate_download("/home/f")
    secrets.append(open_to_all.url)
    texts.append(repr(open_to_all))
    gateway.faults.arm("data_unavailable", times=None)
    for fails in (
        lambda: transfers.fetch(cloud, "/home/f", tmp_path / "f"),
        lambda: connect_to(gateway, Basic("marie", Secret.of("relativity"))).sign_in(),
        lambda: cloud.data.get(endpoint, "GET /home/f").__enter__(),
    ):
        with pytest.raises(Cs3Error) as caught:
            fails()
        texts += [str(caught.value), repr(caught.value)]
    texts.append(caplog.text)
    assert [secret for secret in secrets for text in texts if secret in text] == []


@pytest.mark.parametrize("token", ["two words", "two\nlines", "ünïcode", "\x7f", "with\0nul"])
def test_what_cannot_be_a_token_is_not_sent_and_not_told(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, token: str
) -> None:
    gateway = cs3_gateway()
    cloud = connect_to(gateway, Bearer(Secret.of(token), "reva"))
    with pytest.raises(NotSignedIn) as told:
        cloud.home()
    assert token not in f"{told.value!r} {told.value.__cause__!r} {told.value.__context__!r}"
    assert not gateway.counts


NOT_UTF8 = b"se\xffcret-value"


@pytest.mark.parametrize("place", ["variable", "file", "text", "user", "presented"])
def test_a_secret_that_is_no_text_is_not_sent_and_not_told(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path, place: str
) -> None:
    gateway = cs3_gateway()
    os.environb[b"CS3_TEST_NOT_UTF8"] = NOT_UTF8
    (tmp_path / "secret").write_bytes(NOT_UTF8)
    text = os.fsdecode(NOT_UTF8)
    credential: Credential = {
        "variable": Bearer(Secret.in_environment("CS3_TEST_NOT_UTF8"), "oidc"),
        "file": Bearer(Secret.in_file(tmp_path / "secret"), "oidc"),
        "text": Basic("einstein", Secret.of(text)),
        "user": Basic(text, Secret.of("relativity")),
        "presented": Presented(Login("bearer", "", text)),
    }[place]
    try:
        with pytest.raises(NotSignedIn) as told:
            connect_to(gateway, credential).sign_in()
    finally:
        del os.environb[b"CS3_TEST_NOT_UTF8"]
    shown = "".join(traceback.format_exception(told.value))
    assert "cret-value" not in f"{shown} {told.value!r} {told.value.__context__!r}"
    assert not gateway.counts


@dataclass(frozen=True)
class Presented:
    """What somebody else's way to sign in comes up with."""

    login: Login | GatewayToken

    def present(self) -> Login | GatewayToken:
        return self.login


BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff", b"no certificate", BROKEN])
def test_authorities_that_cannot_be_read_mean_that_nobody_is_trusted(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path, content: bytes | None
) -> None:
    authority = Authority(tmp_path / "ca")
    gateway = cs3_gateway("eos", leaf=authority.server())
    endpoint = connect_to(gateway, tls=True, ca_file=authority.certificate).initiate_download(
        f"{gateway.home()}/f"
    )
    if content is not None:
        (tmp_path / "authorities").write_bytes(content)
    cloud = connect_to(gateway, tls=True, ca_file=tmp_path / "authorities", call_seconds=3)
    with pytest.raises((Unsafe, Unavailable)):
        cloud.sign_in()
    with pytest.raises(Unsafe), cloud.data.get(endpoint, "GET /f"):
        pass
    assert gateway.meter.requests == []


@pytest.mark.parametrize("content", [b"", b" \n", b"# no certificate\n"])
def test_an_empty_bundle_does_not_stand_for_the_systems_authorities(tmp_path: Path, content: bytes) -> None:
    bundle = tmp_path / "authorities"
    bundle.write_bytes(content)
    settings = Settings("cernbox.example.org", 443, ca_file=bundle)
    for trusts in (trusting, open_channel):
        with pytest.raises(Unsafe, match="nobody is trusted"):
            trusts(settings)


def test_a_bundle_may_have_comments_in_any_encoding(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, tmp_path: Path
) -> None:
    first, second = (Authority(tmp_path / name) for name in ("first", "second"))
    pem = [authority.certificate.read_bytes() for authority in (first, second)]
    bundle = tmp_path / "authorities"
    bundle.write_bytes("# Autorité Générale\n".encode() + pem[0] + b"# Wei\xdfe Zertifikate\r\n" + pem[1])
    gateway = cs3_gateway("eos", leaf=second.server())
    cloud = connect_to(gateway, tls=True, ca_file=bundle)
    gateway.path(f"{cloud.home()}/f").write_bytes(b"abc")
    transfers.fetch(cloud, f"{cloud.home()}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"abc"


def test_a_token_is_taken_for_what_it_is(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> None:
    gateway: Gateway = cs3_gateway()
    own, foreign = connect_to(gateway).gateway.token(), gateway.accounts.oidc_token("einstein")
    assert isinstance(Bearer(Secret.of(own)).present(), GatewayToken)
    assert isinstance(Bearer(Secret.of(foreign)).present(), Login)
    assert isinstance(Bearer(Secret.of("opaque"), "reva").present(), GatewayToken)
    assert isinstance(Bearer(Secret.of(own), "oidc").present(), Login)


@pytest.mark.parametrize(
    "payload",
    ['{"exp": 9' + "9" * 400 + "}", '{"exp": NaN}', '{"exp": Infinity}', "[" * 3_000, '{"a":' * 1_000],
)
def test_a_hostile_token_is_one_that_says_nothing(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, payload: str
) -> None:
    token = f"e30.{base64.urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.x"
    assert expiry(token) is None
    assert isinstance(Bearer(Secret.of(token)).present(), Login)
    gateway = cs3_gateway()
    cloud = connect_to(gateway, Presented(GatewayToken(token)))
    with pytest.raises(NotSignedIn):
        cloud.home()


def test_every_status_has_a_meaning() -> None:
    for status in range(300, 600):
        assert isinstance(of_http(status, "GET /f"), BY_HTTP.get(status, Cs3Error))
    for code in range(30):
        assert str(of_code(code, "Stat /f")).startswith("Stat /f: CODE")
