"""Which secret goes where, as a table; and addresses in every disguise."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.accounts.clouds import sign_in_at
from rucio_jupyterlab.accounts.destinations import (
    GatewaySecret,
    Holdings,
    Secret,
    is_below,
    is_forbidden,
    is_signed,
    secret_for,
)
from rucio_jupyterlab.config import Instance
from rucio_jupyterlab.config.reading import read_instance
from rucio_jupyterlab.errors import SourceFailure

RUCIO = "https://rucio.example.org/prefix"
HOSTS = ("dav.example.org:443", "dav.example.org:1094")
PASSWORD = Holdings(RUCIO, rucio_token=True)
OIDC = Holdings(RUCIO, rucio_token=True, oidc=True)
PROXY = Holdings(RUCIO, rucio_token=True, certificate=True)
BOTH = Holdings(RUCIO, rucio_token=True, oidc=True, certificate=True)
NOBODY = Holdings(RUCIO)

TABLE: list[tuple[str, Holdings, bool, Secret]] = [
    # below that Rucio's own base URL
    (f"{RUCIO}/mesh/v1/data/a/b", PASSWORD, False, "rucio-token"),
    (f"{RUCIO}/mesh/v1/data/a/b", OIDC, True, "rucio-token"),
    (f"{RUCIO}/mesh/v1/data/a/b", NOBODY, False, "nothing"),
    ("https://RUCIO.example.org:443/prefix/x", PASSWORD, False, "rucio-token"),
    # not quite below it
    ("https://rucio.example.org/prefixed/x", PASSWORD, False, "nothing"),
    ("https://rucio.example.org/other", PASSWORD, False, "nothing"),
    ("https://rucio.example.org:8443/prefix/x", PASSWORD, False, "nothing"),
    ("http://rucio.example.org/prefix/x", PASSWORD, False, "nothing"),
    ("https://rucio.example.org.evil.org/prefix/x", PASSWORD, False, "nothing"),
    (f"{RUCIO}/../x", PASSWORD, False, "nothing"),
    (f"{RUCIO}/%2e%2e/x", PASSWORD, False, "nothing"),
    (f"{RUCIO}/%252e%252e/x", PASSWORD, False, "nothing"),
    # storage
    ("https://dav.example.org/f", PASSWORD, False, "nothing"),
    ("https://dav.example.org/f", PASSWORD, True, "nothing"),
    ("https://dav.example.org/f", OIDC, True, "bearer"),
    ("davs://dav.example.org/f", OIDC, True, "bearer"),
    ("davs://dav.example.org:1094/f", OIDC, True, "bearer"),
    ("https://dav.example.org/f", OIDC, False, "nothing"),
    ("https://dav.example.org/f", PROXY, False, "certificate"),
    ("https://dav.example.org/f", PROXY, True, "certificate"),
    ("https://dav.example.org/f", BOTH, True, "bearer"),
    ("https://dav.example.org/f", BOTH, False, "certificate"),
    # a host that is not the RSE's, or not that port of it
    ("https://other.example.org/f", BOTH, True, "nothing"),
    ("https://dav.example.org:9999/f", BOTH, True, "nothing"),
    ("https://xdav.example.org/f", BOTH, True, "nothing"),
    # signed: as it is
    ("https://dav.example.org/f?X-Amz-Signature=abc", BOTH, True, "nothing"),
    ("https://dav.example.org/f?AWSAccessKeyId=a&Signature=b&Expires=1", BOTH, True, "nothing"),
    ("https://dav.example.org/f?x-goog-signature=1", BOTH, True, "nothing"),
    (f"{RUCIO}/x?temp_url_sig=1", BOTH, True, "nothing"),
    # plain text
    ("http://dav.example.org:443/f", BOTH, True, "nothing"),
    ("dav://dav.example.org:443/f", BOTH, True, "nothing"),
]


@pytest.mark.parametrize(("url", "holdings", "takes_tokens", "secret"), TABLE)
def test_the_table(url: str, holdings: Holdings, takes_tokens: bool, secret: Secret) -> None:
    assert secret_for(url, holdings, HOSTS, takes_tokens) == secret


DATA = "https://data.example.org/data/1"
PERMITS: list[tuple[str, str, str | None, Secret]] = [
    # (where the permit is for, where a request goes, what redirected there, what it carries)
    (DATA, DATA, None, "permit"),
    (DATA, "https://DATA.example.org:443/data/1?part=2", None, "permit"),
    (DATA, "https://data.example.org/data/2", DATA, "permit"),
    # another host, port or scheme, by whatever way
    (DATA, "https://other.example.org/data/1", DATA, "nothing"),
    (DATA, "https://other.example.org/data/1", None, "nothing"),
    (DATA, "https://data.example.org:8443/data/1", DATA, "nothing"),
    (DATA, "http://data.example.org/data/1", DATA, "nothing"),
    (DATA, DATA, "https://other.example.org/data/1", "nothing"),
    # no other secret takes its place
    (DATA, f"{RUCIO}/mesh/v1/data/a/b", DATA, "nothing"),
    (DATA, "https://dav.example.org/f", DATA, "nothing"),
    # plain text, except on this machine
    ("http://data.example.org/1", "http://data.example.org/1", None, "nothing"),
    ("http://127.0.0.1:8080/1", "http://127.0.0.1:8080/1", None, "permit"),
    ("http://127.0.0.1:8080/1", "http://127.0.0.1:8081/1", "http://127.0.0.1:8080/1", "nothing"),
]


@pytest.mark.parametrize(("permit_for", "url", "redirected_from", "secret"), PERMITS)
def test_what_a_gateway_hands_out_goes_to_the_address_it_is_for(
    permit_for: str, url: str, redirected_from: str | None, secret: Secret
) -> None:
    found = secret_for(url, BOTH, HOSTS, True, redirected_from, permit_for)
    assert found == secret


def test_a_data_endpoint_on_the_machines_own_network_is_not_asked() -> None:
    with pytest.raises(SourceFailure):
        secret_for("http://169.254.169.254/1", BOTH, HOSTS, permit_for="http://169.254.169.254/1")


OWN = {"cs3": {"cloud.example.org": {"secret_file": "/t"}, "other.example.org:9142": {"secret_env": "T"}}}
NARROW: dict[str, Any] = {"cs3": {"cloud.example.org": {"data_hosts": [], "data_endpoint_rewrite": {}}}}
SECTION = "[cs3:cloud.example.org]\nsecret_env = THERE\n"
GATEWAYS: list[tuple[str, dict[str, Any], str, str, bool, GatewaySecret]] = [
    # (host, instance's keys, rucio.cfg, RUCIO_CS3_HOSTS, takes Rucio's tokens, what it gets)
    ("cloud.example.org", OWN, SECTION, "cloud.example.org", True, "own"),
    ("other.example.org", OWN, "", "", False, "own"),
    ("third.example.org", OWN, SECTION, "cloud.example.org", False, "nothing"),
    ("cloud.example.org", {}, SECTION, "cloud.example.org", True, "section"),
    ("cloud.example.org", {}, "", "a.example.org, Cloud.example.org", True, "variables"),
    ("cloud.example.org", {}, "", "a.example.org", True, "rucio-token"),
    ("cloud.example.org", {}, "", "", False, "nothing"),
    ("evil-cloud.example.org", OWN, SECTION, "cloud.example.org", False, "nothing"),
    # what says where the gateway's tokens go, and not how to sign in, leaves that to the others
    ("cloud.example.org", NARROW, SECTION, "", False, "section"),
    ("cloud.example.org", NARROW, "", "cloud.example.org", False, "variables"),
    ("cloud.example.org", {}, "[cs3:cloud.example.org]\ndata_hosts =\n", "", True, "rucio-token"),
]


@pytest.mark.parametrize(("host", "keys", "rucio_cfg", "hosts", "takes_tokens", "secret"), GATEWAYS)
def test_the_table_of_gateways(
    tmp_path: Path,
    host: str,
    keys: dict[str, Any],
    rucio_cfg: str,
    hosts: str,
    takes_tokens: bool,
    secret: GatewaySecret,
) -> None:
    (tmp_path / "rucio.cfg").write_text(rucio_cfg)
    environ = {"RUCIO_CONFIG": str(tmp_path / "rucio.cfg"), "RUCIO_CS3_HOSTS": hosts}
    plain = {"name": "one", "rucio_base_url": RUCIO} | keys
    instance = read_instance(plain, source="jupyter")
    assert instance.problem is None

    def sign_in(instance: Instance) -> GatewaySecret:
        found = sign_in_at(
            instance, host, 9142, environ, takes_rucio_tokens=takes_tokens, has_oidc=lambda: True
        )
        return found.secret

    assert sign_in(instance) == secret
    added = sign_in(read_instance(plain, source="user"))
    assert added == secret or (secret in ("section", "variables") and added in ("nothing", "rucio-token"))


@pytest.mark.parametrize("rucio_cfg", ["", SECTION, "[cs3:cloud.example.org]\ndata_hosts = a.example.org\n"])
def test_an_instances_own_word_on_data_endpoints_holds_whatever_signs_in(
    tmp_path: Path, rucio_cfg: str
) -> None:
    (tmp_path / "rucio.cfg").write_text(rucio_cfg)
    environ = {"RUCIO_CONFIG": str(tmp_path / "rucio.cfg"), "RUCIO_CS3_HOSTS": "cloud.example.org"}
    for source in ("jupyter", "user"):
        instance = read_instance({"name": "one", "rucio_base_url": RUCIO} | NARROW, source=source)
        found = sign_in_at(
            instance, "cloud.example.org", 443, environ, takes_rucio_tokens=True, has_oidc=lambda: True
        )
        assert (found.section["data_hosts"], found.section["data_endpoint_rewrite"]) == ("", "")


def test_plain_text_is_for_this_machine_alone() -> None:
    here = Holdings("http://127.0.0.1:8080", rucio_token=True, oidc=True)

    assert secret_for("http://127.0.0.1:8080/x", here, ()) == "rucio-token"
    assert secret_for("http://localhost:9000/x", here, ("localhost:9000",), takes_tokens=True) == "bearer"
    assert (
        secret_for("http://127.0.0.1.example.org/x", here, ("127.0.0.1.example.org:80",), True) == "nothing"
    )


@pytest.mark.parametrize(
    ("source", "target", "secret"),
    [
        ("https://dav.example.org/f", "https://dav.example.org/g", "bearer"),
        ("davs://dav.example.org/f", "https://dav.example.org:443/g", "bearer"),
        ("https://dav.example.org/f", "https://dav.example.org:1094/g", "nothing"),
        ("https://head.example.org/f", "https://dav.example.org/g", "nothing"),
        (f"{RUCIO}/x", "https://dav.example.org/g", "nothing"),
        ("https://dav.example.org/f", f"{RUCIO}/x", "nothing"),
    ],
)
def test_no_secret_crosses_a_redirect_to_another_server(source: str, target: str, secret: Secret) -> None:
    assert secret_for(target, OIDC, HOSTS, takes_tokens=True, redirected_from=source) == secret


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "2852039166",
        "0xA9FEA9FE",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[fd00:ec2::254]",
        "169.254.169.254.",
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http", "davs"])
def test_a_link_local_address_is_not_fetched_however_it_is_written(scheme: str, host: str) -> None:
    with pytest.raises(SourceFailure):
        secret_for(f"{scheme}://{host}/latest/meta-data", NOBODY, ())


@given(st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_every_link_local_address_is_seen_in_every_writing(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    last_two = number & 0xFFFF
    for text in (
        str(address),
        str(number),
        hex(number),
        f"169.254.{last_two}",
        f"169.{number & 0xFFFFFF}",
        f"::ffff:{address}",
        f"64:ff9b::{address}",
    ):
        assert is_forbidden(text), text


@given(st.ip_addresses())
def test_other_addresses_are_not_taken_for_link_local(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    usual = isinstance(address, ipaddress.IPv4Address) and not address.is_link_local
    assert not (usual and is_forbidden(str(address)))


@pytest.mark.parametrize(
    "url",
    [
        "https://good.example.org\\@evil.example.org/",
        "https://user@dav.example.org/f",
        "https://dav.example.org /f",
        "https://dav.example.org/f\r\nHost: evil",
        "https://%31%36%39.254.169.254/",
        "https://１６９.254.169.254/",
        "https://[fe80::1%25eth0]/",
        "https:///nowhere",
        "https://dav.example.org:port/f",
        "https://[half/f",
    ],
)
def test_an_address_that_two_programs_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(SourceFailure) as refusal:
        secret_for(url, BOTH, HOSTS, takes_tokens=True)

    assert url not in str(refusal.value)


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_the_address_a_secret_goes_to_known_servers_alone(host: str, path: str) -> None:
    url = f"https://{host}/{path}"
    try:
        secret = secret_for(url, BOTH, HOSTS, takes_tokens=True)
    except SourceFailure:
        return
    assert secret == "nothing" or host.lower().rstrip(".").split(":")[0] in (
        "dav.example.org",
        "rucio.example.org",
    )


@given(st.sampled_from("/?#"), st.text(st.sampled_from("abz:/?#@%[]&;.") | st.characters(min_codepoint=0x80)))
def test_what_stands_behind_a_server_changes_nothing_about_whose_it_is(mark: str, rest: str) -> None:
    behind = mark + rest
    assert secret_for(f"https://dav.example.org{behind}", PROXY, HOSTS) == "certificate"
    assert secret_for(f"https://evil.example.org{behind}://dav.example.org/f", BOTH, HOSTS, True) == "nothing"


def test_a_signature_is_known_by_its_name() -> None:
    assert is_signed("https://h/f?a=1&X-Amz-Signature=2")
    assert not is_signed("https://h/f?design=1")


def test_below_needs_a_whole_segment() -> None:
    assert is_below("https://h/a/b", "https://h/a")
    assert is_below("https://h/a/b", "https://h/a/")
    assert not is_below("https://h/ab", "https://h/a")
    assert not is_below("https://h/a", "https://h/a")
