"""Which secret goes where: one pure function, and what it needs to know of addresses.

| address                                        | gets                                            |
| ---------------------------------------------- | ----------------------------------------------- |
| below Rucio's own base URL                     | the Rucio token                                 |
| signed, wherever                               | nothing: it carries its own right               |
| https at a host of the RSE that takes tokens   | the user's OIDC token, if he signed in with one |
| https at a host of the RSE                     | the user's certificate, if he has one           |
| any other host, or after a redirect to another | nothing                                         |
| http, except on loopback                       | nothing                                         |
| link-local, or not plainly an address          | is not fetched at all                           |
| the data endpoint that a CS3 gateway named     | the tokens handed out for it, and nothing else  |

A CS3 gateway, over TLS or on loopback, is signed in to with the first of these that there is:

| it is                                            | it gets                                       |
| ------------------------------------------------ | --------------------------------------------- |
| named in the instance's own key `cs3`            | the secret that is named there                |
| in a section `[cs3:HOST]` of `rucio.cfg`         | the secret of that section                    |
| among the hosts of RUCIO_CS3_HOSTS               | RUCIO_CS3_TOKEN_FILE, or RUCIO_CS3_TOKEN      |
| of an RSE that takes Rucio's tokens              | the user's OIDC token, if he has one          |
| any other                                        | nothing                                       |

`rucio.cfg` and the variables are not used for instances that the user added: whoever runs these chooses the RSEs,
and so where the gateway's tokens go.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from ..config.reading import is_loopback
from ..errors import SourceFailure

Secret = Literal["nothing", "rucio-token", "bearer", "certificate", "permit"]
GatewaySecret = Literal["nothing", "own", "section", "variables", "rucio-token"]

_PORTS = {"https": 443, "davs": 443, "s3": 443, "s3s": 443, "http": 80, "dav": 80}
_ENCRYPTED = frozenset({"https", "davs"})
_PLAIN = frozenset({"http", "dav"})
_SIGNATURES = frozenset(
    {"x-amz-signature", "signature", "x-goog-signature", "temp_url_sig", "sig", "authz", "access_token"}
)
_DUBIOUS = re.compile(r"[\x00-\x20\x7f\\]")
_BEHIND_ORIGIN = re.compile(r"[/?#]")
_METADATA_SERVICES = (ipaddress.ip_address("fd00:ec2::254"),)


class Holdings(msgspec.Struct, frozen=True):
    """What the user has at one instance, and where that instance is."""

    rucio_url: str
    rucio_token: bool = False
    oidc: bool = False
    """The token is an OIDC token, which storages understand too."""
    certificate: bool = False


def secret_for(
    url: str,
    holdings: Holdings,
    rse_hosts: tuple[str, ...],
    takes_tokens: bool = False,
    redirected_from: str | None = None,
    permit_for: str | None = None,
) -> Secret:
    """The secret that may go to `url`, for one hop; call it anew for the next.

    `rse_hosts` are the `host:port` of the RSE's protocols; `permit_for` is the address that tokens were
    handed out for, and then no other secret is at stake. Raises SourceFailure for an address that
    must not be fetched at all.
    """
    scheme, host, port = _parts(url)
    if is_forbidden(host):
        raise SourceFailure("The file's address is one of this machine's network itself; it is not fetched.")
    if scheme not in _ENCRYPTED and not (scheme in _PLAIN and is_loopback(host)):
        return "nothing"
    if redirected_from is not None and _parts(redirected_from)[1:] != (host, port):
        return "nothing"
    if permit_for is not None:
        return "permit" if _parts(permit_for) == (scheme, host, port) else "nothing"
    if is_signed(url):
        return "nothing"
    if is_below(url, holdings.rucio_url):
        return "rucio-token" if holdings.rucio_token else "nothing"
    if f"{host}:{port}" not in rse_hosts:
        return "nothing"
    if takes_tokens and holdings.oidc:
        return "bearer"
    return "certificate" if holdings.certificate else "nothing"


def gateway_secret_for(*, own: bool, section: bool, variables: bool, rucio_token: bool) -> GatewaySecret:
    """The secret for one CS3 gateway, of those that are for it."""
    if own:
        return "own"
    if section:
        return "section"
    if variables:
        return "variables"
    return "rucio-token" if rucio_token else "nothing"


def host_and_port(scheme: str, host: str, port: int | None) -> str:
    """How `rse_hosts` writes a server; a protocol without a port has its scheme's."""
    return f"{host.lower().rstrip('.')}:{port or _PORTS.get(scheme, 0)}"


def is_signed(url: str) -> bool:
    """Whether the address carries its own right to be read."""
    return "?" in url and any(
        key.lower() in _SIGNATURES for key, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)
    )


def is_below(url: str, base: str) -> bool:
    """Whether `url` lies below `base`: same server, and its path inside, without steps back."""
    try:
        if _parts(url) != _parts(base):
            return False
    except SourceFailure:
        return False
    path, root = urlsplit(url).path, urlsplit(base).path.rstrip("/")
    steps = unquote(unquote(path)).replace("\\", "/").split("/")
    return path.startswith(root + "/") and not {".", ".."} & set(steps)


@lru_cache(maxsize=1024)
def is_forbidden(host: str) -> bool:
    """Whether a host is a link-local address or a cloud's metadata service, however it is written."""
    address = _address(host)
    if address is None:
        return False
    return any(one.is_link_local or one in _METADATA_SERVICES for one in (address, *_inner(address)))


def _parts(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises SourceFailure where two programs could read the address differently."""
    if _DUBIOUS.search(url):
        raise SourceFailure("The file's address cannot be read safely.")
    scheme, mark, rest = url.partition("://")
    return _parts_of_origin(scheme + mark + _BEHIND_ORIGIN.split(rest, 1)[0])


@lru_cache(maxsize=64)  # a storage's files have it in common
def _parts_of_origin(origin: str) -> tuple[str, str, int]:
    """The same of what stands before an address's path."""
    try:
        parts = urlsplit(origin)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise SourceFailure("The file's address cannot be read.") from None
    if not host or not host.isascii() or "%" in host or "@" in parts.netloc:
        raise SourceFailure("The file's address cannot be read safely.")
    return {"davs": "https", "dav": "http"}.get(scheme, scheme), host, port or _PORTS.get(scheme, 0)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, written as usual or as C libraries also read it: 0xA9FEA9FE, 2852039166."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass  # it may be one of the other ways
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _inner(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """IPv4 addresses that an IPv6 address stands for: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if int(address) >> 32 in (0, 0x64FF9B << 64):
        inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in inside if one is not None]
