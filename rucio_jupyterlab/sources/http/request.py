"""What every request of ours has in common: HTTP alone, no redirect followed, whom to trust, where never to go."""

from __future__ import annotations

import os
import socket
import ssl
import string
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote

import certifi
import pycurl

from ...accounts.destinations import is_forbidden
from ..model import Credential

STALL_BYTES_PER_SECOND = 1000
URL_CHARACTERS = string.punctuation
"""Left as they are; blanks and what is not ASCII are percent-encoded, for libcurl takes nothing else."""
_LOOPBACK = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")
"""What no proxy is asked for: it could not reach it, and would see a token in plain text."""
DEFAULT_CA_FILE = ssl.get_default_verify_paths().cafile or certifi.where()
UNTRUSTED = frozenset(
    {
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CRL_BADFILE,
        pycurl.E_SSL_ISSUER_ERROR,
    }
)
"""libcurl's errors for a server whose certificate this machine does not trust."""


class Peer(Protocol):
    """What libcurl says of a server that it is about to connect to."""

    family: int
    socktype: int
    protocol: int
    addr: tuple[str | int, ...]


def open_socket(purpose: int, peer: Peer) -> socket.socket | int:
    """For libcurl: a socket, unless the address is one that is never fetched, whatever name stands for it.

    Behind a proxy it is the proxy's address, and the names are the proxy's matter.
    """
    host, _, _ = str(peer.addr[0]).partition("%")
    if is_forbidden(host):
        return int(pycurl.SOCKET_BAD)
    return socket.socket(peer.family, peer.socktype, peer.protocol)


def encoded(url: str) -> str:
    """An address as libcurl takes it."""
    return quote(url, URL_CHARACTERS)


def prepare(
    curl: pycurl.Curl,
    credential: Credential,
    user_agent: str,
    headers: Sequence[str] = (),
    *,
    connect_seconds: float,
    stall_seconds: int,
) -> None:
    """Set every option anew, so that nothing of an earlier credential stays; connections are kept."""
    curl.reset()
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.PATH_AS_IS, 1)
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.OPENSOCKETFUNCTION, open_socket)
    curl.setopt(pycurl.NOPROXY, _without_proxy())
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(connect_seconds * 1000))
    curl.setopt(pycurl.LOW_SPEED_LIMIT, STALL_BYTES_PER_SECOND)
    curl.setopt(pycurl.LOW_SPEED_TIME, stall_seconds)
    curl.setopt(pycurl.USERAGENT, user_agent)
    curl.setopt(pycurl.HTTPHEADER, [*headers, *credential.headers])
    for option, path in (
        (pycurl.CAINFO, credential.ca_file or DEFAULT_CA_FILE),
        (pycurl.SSLCERT, credential.certificate),
        (pycurl.SSLKEY, credential.key),
        (pycurl.CAPATH, credential.ca_path),
    ):
        if path is not None:
            curl.setopt(option, os.fsencode(path))


def _without_proxy() -> str:
    """The hosts that the environment exempts from its proxies, as libcurl reads it, and this machine."""
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return exempt if exempt.strip() == "*" else ",".join(filter(None, (exempt, *_LOOPBACK)))
