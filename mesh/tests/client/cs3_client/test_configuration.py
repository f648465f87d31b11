"""What the RSE, this machine's section and the environment say of a gateway, and who has the last word."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from typing import Any

import pytest

from rucio_mesh.cs3 import configuration
from rucio_mesh.cs3.auth import Basic, Bearer, Secret
from rucio_mesh.cs3.errors import InvalidRequest, NoCredential, Unsafe

HOST = "cernbox.example.org"
ELSEWHERE = {
    "data_hosts": ["evil.example.org"],
    "data_endpoint_rewrite": {f"https://{HOST}/": "https://evil.example.org/"},
}
"""An RSE that wants the gateway's token at a host of its own."""


def rse(port: object = 443, cs3: object = None) -> dict[str, Any]:
    return {"hostname": HOST, "port": port, "extended_attributes": {"cs3": cs3}}


def section(text: str) -> dict[str, str]:
    """As `rucio.cfg` has it."""
    parser = configparser.ConfigParser()
    parser.read_string(f"[cs3:{HOST}]\n{text}")
    return configuration.section_of(parser, HOST, 443)


@pytest.mark.parametrize(
    "text",
    [
        "data_hosts = data.example.org",
        "data_hosts =",
        f"data_endpoint_rewrite = https://{HOST}/ https://{HOST}:8443/",
        "data_endpoint_rewrite =",
    ],
)
def test_a_machine_has_the_last_word_on_where_the_gateways_token_goes(text: str) -> None:
    """However the RSE is edited: a token goes to the gateway's own host, or to nobody."""
    found = configuration.settings(rse(cs3=ELSEWHERE), section(text))
    try:
        assert found.data_endpoint(f"https://{HOST}/data").startswith(f"https://{HOST}")
    except Unsafe:
        assert "data_endpoint_rewrite" not in text


def test_a_machine_names_data_endpoints_that_the_rse_does_not() -> None:
    text = """
data_hosts = data.example.org, [::2]
data_endpoint_rewrite =
    http://0.0.0.0:19001/ https://data.example.org/
    http://10.0.0.1/  https://[::2]:8443/
"""
    found = configuration.settings(rse(), section(text))
    assert found.data_endpoint("http://0.0.0.0:19001/x?y") == "https://data.example.org/x?y"
    assert found.data_endpoint("http://10.0.0.1/x") == "https://[::2]:8443/x"


def test_how_long_an_endpoint_may_be_silent_is_said_in_seconds() -> None:
    assert configuration.settings(rse(), {}).stall_seconds == 60
    assert configuration.settings(rse(), section("stall_seconds = 300")).stall_seconds == 300
    for wrong in ("0", "5m", "", "-1"):
        with pytest.raises(InvalidRequest, match="stall_seconds has to be a number of seconds"):
            configuration.settings(rse(), section(f"stall_seconds = {wrong}"))


@pytest.mark.parametrize("option", ["data_hosts", "insecure_hosts"])
@pytest.mark.parametrize(
    "wrong", ["https://data.example.org/", "data.example.org:443", "10.0.0.1:443", "[::1]:443", "a b"]
)
def test_an_address_that_stands_for_a_host_is_told(option: str, wrong: str) -> None:
    """It would never be that of a data endpoint, whose host alone is compared."""
    for right in ("data.example.org", "10.0.0.1", "[::1]", "2001:db8::1", "Data.Example.ORG"):
        configuration.settings(rse(), section(f"{option} = x, {right}"))
    with pytest.raises(InvalidRequest, match=f"{option}: .* is no host"):
        configuration.settings(rse(), section(f"{option} = x, {wrong}"))


def test_a_kind_of_token_that_is_none_is_told_with_its_place() -> None:
    with pytest.raises(InvalidRequest, match=rf"\[cs3:{HOST}\] token_kind = jwt"):
        configuration.credential(rse(), section("secret = s\ntoken_kind = jwt"), {}, None)
    with pytest.raises(InvalidRequest, match="RUCIO_CS3_TOKEN_KIND = jwt"):
        configuration.credential(rse(), {}, VARIABLES | {"RUCIO_CS3_TOKEN_KIND": "jwt"}, None)


def test_a_rewrite_that_is_no_pair_is_told() -> None:
    with pytest.raises(InvalidRequest, match="data_endpoint_rewrite"):
        configuration.settings(rse(), section("data_endpoint_rewrite = http://0.0.0.0:19001/"))


@pytest.mark.parametrize(
    ("cs3", "told"),
    [
        (["x"], "cs3 has to be a table"),
        ("tls", "cs3 has to be a table"),
        ({"tls": "false"}, "tls has to be true or false"),
        ({"tls": 0}, "tls"),
        ({"data_hosts": "data.example.org"}, "data_hosts has to be a list of host names"),
        ({"data_hosts": [1]}, "data_hosts"),
        ({"data_hosts": [""]}, "data_hosts"),
        ({"data_hosts": ["https://data.example.org/"]}, "data_hosts"),
        ({"uploads": 5}, "uploads has to be a list of simple and tus"),
        ({"uploads": []}, "uploads"),
        ({"uploads": "tus"}, "uploads"),
        ({"uploads": [["tus"]]}, "uploads"),
        ({"data_endpoint_rewrite": ["a"]}, "data_endpoint_rewrite has to be a table"),
        ({"data_endpoint_rewrite": {"http://10.0.0.1/": None}}, "data_endpoint_rewrite"),
        ({"data_endpoint_rewrite": {"": "https://data.example.org/"}}, "data_endpoint_rewrite"),
        ({"takes_rucio_tokens": "yes"}, "takes_rucio_tokens has to be true or false"),
    ],
)
def test_what_the_rse_says_wrongly_is_told(cs3: object, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        configuration.settings(rse(cs3=cs3), {})


def test_extended_attributes_that_are_no_table_are_told() -> None:
    with pytest.raises(InvalidRequest, match="cs3 has to be a table"):
        configuration.settings({"hostname": HOST, "port": 443, "extended_attributes": "{cs3: {}}"}, {})


@pytest.mark.parametrize("port", [None, 0, -1, 65536, "443"])
def test_a_protocol_without_a_port_is_told(port: object) -> None:
    with pytest.raises(InvalidRequest, match="lacks the port"):
        configuration.settings(rse(port), {})


def test_an_empty_option_for_authorities_is_told() -> None:
    with pytest.raises(InvalidRequest, match="ca_file is empty"):
        configuration.settings(rse(), section("ca_file ="))


@pytest.mark.parametrize("by", ["the RSE", "the section"])
def test_of_two_rewrites_that_fit_the_longer_counts(by: str) -> None:
    pairs = {
        "http://10.0.0.1/": f"https://{HOST}/",
        "http://10.0.0.1/data/": f"https://{HOST}:8443/",
        "http://10.0.0.1/data/a/": f"https://{HOST}:8444/",
    }
    lines = "".join(f"\n  {beginning} {replacement}" for beginning, replacement in pairs.items())
    found = (
        configuration.settings(rse(cs3={"data_endpoint_rewrite": pairs}), {})
        if by == "the RSE"
        else configuration.settings(rse(), section(f"data_endpoint_rewrite ={lines}"))
    )
    assert found.data_endpoint("http://10.0.0.1/data/x") == f"https://{HOST}:8443/x"
    assert found.data_endpoint("http://10.0.0.1/data/a/x") == f"https://{HOST}:8444/x"
    assert found.data_endpoint("http://10.0.0.1/x") == f"https://{HOST}/x"


VARIABLES = {"RUCIO_CS3_HOSTS": HOST, "RUCIO_CS3_TOKEN_FILE": "/token"}


@pytest.mark.parametrize(
    ("text", "environment", "found"),
    [
        ("auth = basic\nuser = alice\nsecret_env = S", VARIABLES, Basic("alice", Secret.in_environment("S"))),
        ("secret_env = S\ndata_hosts = d.example.org", {}, Bearer(Secret.in_environment("S"))),
        ("data_hosts = d.example.org", {}, Bearer(Secret.of("rucio"), "oidc")),
        ("ca_file = /ca.pem", {}, Bearer(Secret.of("rucio"), "oidc")),
    ],
)
def test_a_section_that_tells_no_sign_in_leaves_it_to_others(
    text: str, environment: Mapping[str, str], found: object
) -> None:
    attributes = rse(cs3={"takes_rucio_tokens": True})
    assert configuration.credential(attributes, section(text), environment, "rucio") == found


def test_a_sign_in_that_lacks_its_secret_is_not_made_up_for_by_another() -> None:
    for text in ("token_kind = oidc", "auth = machine\nuser = alice"):
        with pytest.raises(NoCredential):
            configuration.credential(rse(cs3={"takes_rucio_tokens": True}), section(text), VARIABLES, "rucio")
