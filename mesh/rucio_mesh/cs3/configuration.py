"""What a site has configured for a CS3 gateway: from the RSE, from `rucio.cfg`, from the environment.

The RSE's protocol says, in its extended attributes below the key `cs3`, what anybody may know:

    {"cs3": {"tls": true, "data_hosts": ["data.example.org"], "uploads": ["tus", "simple"],
             "data_endpoint_rewrite": {"http://0.0.0.0:19001/": "https://data.example.org/"},
             "takes_rucio_tokens": true, "purge": true}}

The section `[cs3:HOST]` of `rucio.cfg` says what is this machine's own, secrets first. A secret goes only to the
host that its section names, so an RSE cannot ask for it:

    [cs3:cernbox.example.org]
    auth = basic
    user = alice
    secret_file = ...

`auth` is bearer, basic, appauth or machine; a bearer has no `user`, and may have a `token_kind` (auto, oidc, reva).
Instead of `secret_file` there may be `secret_env`, the name of a variable, or `secret`. `ca_file` names authorities
to trust, and `insecure_hosts` (comma-separated) hosts that get secrets in plain text although they are not loopback.
`stall_seconds` says how long a data endpoint may be silent; some copy a whole file to another place before they send.

The gateway's own token goes to data endpoints, and whoever may edit the RSE names these, unless the section does:

    data_hosts = data.example.org, more-data.example.org
    data_endpoint_rewrite = http://0.0.0.0:19001/ https://data.example.org/

Each of the two takes the place of what the RSE says. There may be several rewrites, one a line.

Where no section says how to sign in, for the hosts in RUCIO_CS3_HOSTS (comma-separated): RUCIO_CS3_TOKEN_FILE or
RUCIO_CS3_TOKEN, of the kind RUCIO_CS3_TOKEN_KIND. Without these, where the RSE takes Rucio's tokens: the OIDC token
of this Rucio user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import Any, get_args

from .auth import Basic, Bearer, Credential, Machine, Secret, TokenKind
from .errors import InvalidRequest, NoCredential
from .pfn import plain_host
from .settings import Settings, Upload

PUBLIC: dict[str, tuple[Callable[[Any], bool], str]] = {
    "tls": (lambda said: isinstance(said, bool), "true or false"),
    "data_hosts": (lambda said: isinstance(said, list) and all(map(is_host, said)), "a list of host names"),
    "uploads": (
        lambda said: isinstance(said, list) and bool(said) and all(one in get_args(Upload) for one in said),
        f"a list of {' and '.join(get_args(Upload))}, or one of them",
    ),
    "data_endpoint_rewrite": (
        lambda said: isinstance(said, dict) and all(is_text(one) for pair in said.items() for one in pair),
        "a table of beginnings of addresses, each with what to put instead",
    ),
    "takes_rucio_tokens": (lambda said: isinstance(said, bool), "true or false"),
    "purge": (lambda said: isinstance(said, bool), "true or false"),
}
"""What the RSE may say, whether that is what it has to be, and what it has to be."""
HOST = re.compile(r"[^\s/:@]+|[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*")
SIGN_IN = {"auth", "user", "secret", "secret_file", "secret_env", "token_kind"}
PRIVATE = SIGN_IN | {"ca_file", "insecure_hosts", "stall_seconds", "data_hosts", "data_endpoint_rewrite"}


def settings(attributes: Mapping[str, Any], section: Mapping[str, str]) -> Settings:
    """Of a protocol, as Rucio describes it, and this machine's section. Raises InvalidRequest."""
    host = plain_host(str(attributes["hostname"]))
    public = published(attributes)
    check_keys(section, PRIVATE, f"[cs3:{host}]")
    if section.get("ca_file") == "":
        raise InvalidRequest(f"[cs3:{host}] ca_file is empty: name a file, or remove the option")
    return Settings(
        host=host,
        port=port_of(attributes),
        tls=public.get("tls"),
        ca_file=Path(section["ca_file"]) if "ca_file" in section else None,
        insecure_hosts=hosts(section, "insecure_hosts", host),
        data_hosts=data_hosts(public, section, host),
        data_endpoint_rewrite=rewrites(public, section, host),
        uploads=tuple(public.get("uploads", get_args(Upload))),
        stall_seconds=stall_seconds(section.get("stall_seconds"), host),
    )


def stall_seconds(said: str | None, host: str) -> float:
    """Raises InvalidRequest."""
    if said is None:
        return Settings.stall_seconds
    if not said.isdecimal() or int(said) == 0:
        raise InvalidRequest(f"[cs3:{host}] stall_seconds has to be a number of seconds, without a unit")
    return float(said)


def data_hosts(public: Mapping[str, Any], section: Mapping[str, str], host: str) -> frozenset[str]:
    """The section's, else the RSE's."""
    if "data_hosts" in section:
        return hosts(section, "data_hosts", host)
    return frozenset(map(plain_host, public.get("data_hosts", ())))


def rewrites(public: Mapping[str, Any], section: Mapping[str, str], host: str) -> tuple[tuple[str, str], ...]:
    """The section's, else the RSE's; the longer of two beginnings is tried before the shorter."""
    if "data_endpoint_rewrite" not in section:
        return longest_first(public.get("data_endpoint_rewrite", {}).items())
    lines = [line.split() for line in section["data_endpoint_rewrite"].splitlines() if line.strip()]
    if any(len(words) != 2 for words in lines):
        raise InvalidRequest(
            f"[cs3:{host}] data_endpoint_rewrite: each line is the beginning of an address, a space, and what to"
            " put instead"
        )
    return longest_first((beginning, replacement) for beginning, replacement in lines)


def hosts(section: Mapping[str, str], option: str, host: str) -> frozenset[str]:
    """Those that an option of the section lists. Raises InvalidRequest for what no host is called."""
    found = hosts_of(section.get(option, ""))
    if wrong := sorted(each for each in found if not is_host(each)):
        raise InvalidRequest(f"[cs3:{host}] {option}: {wrong[0]} is no host: leave out scheme, port and path")
    return found


def longest_first(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair)))


def credential(
    attributes: Mapping[str, Any],
    section: Mapping[str, str],
    environment: Mapping[str, str],
    rucio_token: str | None,
) -> Credential:
    """The one that this machine has for the gateway. Raises NoCredential where it has none, InvalidRequest."""
    host = plain_host(str(attributes["hostname"]))
    if section.keys() & SIGN_IN:
        return configured(host, section)
    if host in hosts_of(environment.get("RUCIO_CS3_HOSTS", "")):
        kind = token_kind(environment.get("RUCIO_CS3_TOKEN_KIND", "auto"), "RUCIO_CS3_TOKEN_KIND")
        file = environment.get("RUCIO_CS3_TOKEN_FILE")
        return Bearer(Secret.in_file(Path(file)) if file else Secret.in_environment("RUCIO_CS3_TOKEN"), kind)
    if rucio_token and published(attributes).get("takes_rucio_tokens") is True:
        return Bearer(Secret.of(rucio_token), "oidc")
    raise NoCredential(f"no credential for {host}: add [cs3:{host}] to rucio.cfg, or set RUCIO_CS3_HOSTS")


def configured(host: str, section: Mapping[str, str]) -> Credential:
    """From the section of this host."""
    match section.get("auth", "bearer"):
        case "bearer":
            kind = token_kind(section.get("token_kind", "auto"), f"[cs3:{host}] token_kind")
            return Bearer(secret(host, section), kind)
        case "machine":
            return Machine(user(host, section), secret(host, section))
        case "basic" | "appauth" as kind:
            return Basic(user(host, section), secret(host, section), kind)
        case other:
            raise InvalidRequest(f"[cs3:{host}] auth = {other}: know bearer, basic, appauth and machine")


def secret(host: str, section: Mapping[str, str]) -> Secret:
    """The one that the section names, read when it is needed. Raises NoCredential."""
    if "secret_file" in section:
        return Secret.in_file(Path(section["secret_file"]))
    if "secret_env" in section:
        return Secret.in_environment(section["secret_env"])
    if "secret" in section:
        return Secret.of(section["secret"])
    raise NoCredential(f"[cs3:{host}] has neither secret_file nor secret_env nor secret")


def user(host: str, section: Mapping[str, str]) -> str:
    """The one that the section names. Raises InvalidRequest."""
    if "user" not in section:
        raise InvalidRequest(f"[cs3:{host}] lacks user")
    return section["user"]


def token_kind(text: str, where: str) -> TokenKind:
    """Raises InvalidRequest for a word that is none."""
    for kind in get_args(TokenKind):
        if kind == text:
            known: TokenKind = kind
            return known
    raise InvalidRequest(f"{where} = {text}: know {', '.join(get_args(TokenKind))}")


def published(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the RSE says of its CS3 gateway. Raises InvalidRequest for what we do not understand."""
    where = "the RSE's extended attribute cs3"
    extended = attributes.get("extended_attributes") or {}
    public = (extended.get("cs3") or {}) if isinstance(extended, dict) else None
    if not isinstance(public, dict):  # Rucio hands on the attributes as a text where they are no JSON
        raise InvalidRequest(f"{where} has to be a table")
    check_keys(public, PUBLIC.keys(), where)
    for key, said in public.items():
        is_right, wanted = PUBLIC[key]
        if not is_right(said):
            raise InvalidRequest(f"{where}: {key} has to be {wanted}")
    return public


def port_of(attributes: Mapping[str, Any]) -> int:
    """Of the gateway; Rucio takes a protocol without one, too, and calls it 0."""
    port = attributes["port"]
    if not isinstance(port, int) or not 0 < port < 65536:
        raise InvalidRequest("the RSE's cs3 protocol lacks the port of the gRPC gateway")
    return port


def is_host(said: object) -> bool:
    """A name or an address, without scheme, port and path."""
    return isinstance(said, str) and HOST.fullmatch(plain_host(said)) is not None


def is_text(said: object) -> bool:
    return isinstance(said, str) and said != ""


def check_keys(given: Mapping[str, Any], known: Set[str], where: str) -> None:
    """Raises InvalidRequest for a key that is not known: it may be a slip of the pen."""
    if unknown := sorted(given.keys() - known):
        raise InvalidRequest(f"{where} has the unknown {', '.join(unknown)}")


def hosts_of(text: str) -> frozenset[str]:
    """From a list with commas."""
    return frozenset(plain_host(host.strip()) for host in text.split(",") if host.strip())


def section_of(parser: Any, host: str, port: int) -> dict[str, str]:
    """`[cs3:host:port]`, else `[cs3:host]`, of a ConfigParser; empty where there is neither.

    Options of the section alone: a `%` in a password is a `%`, and other sections have no say.
    """
    for name in (f"cs3:{host}:{port}", f"cs3:{host}"):
        if parser.has_section(name):
            return {key: value for key, value in parser.items(name, raw=True) if key not in parser.defaults()}
    return {}
