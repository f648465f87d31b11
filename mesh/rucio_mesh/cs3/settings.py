"""Where a gateway is, and what may be sent where."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from .errors import Unsafe
from .pfn import bracketed, plain_host

Upload = Literal["simple", "tus"]
STORING_BYTES_PER_SECOND = 10_000_000
"""So slowly a server may store what it has received: some copy a whole file to another place before they answer."""
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[\w+/=\s]+-----END CERTIFICATE-----", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """One gateway. Equal settings and credentials may share one client."""

    host: str
    """A name or an address; IPv6 with or without brackets."""
    port: int
    """Of the gRPC gateway."""
    tls: bool | None = None
    """None: TLS unless the host is loopback."""
    ca_file: Path | None = None
    """Authorities to trust instead of the system's, in PEM; for gateway and data endpoint."""
    insecure_hosts: frozenset[str] = frozenset()
    """Hosts, loopback aside, to which secrets may go in plain text."""
    data_hosts: frozenset[str] = frozenset()
    """Hosts of data endpoints beside the gateway's own host."""
    data_endpoint_rewrite: tuple[tuple[str, str], ...] = ()
    """Beginnings of data endpoints, and what to put instead: a gateway may hand out internal addresses."""
    uploads: tuple[Upload, ...] = ("simple", "tus")
    """Ways of upload, the preferred one first."""
    call_seconds: float = 30.0
    """Deadline of a call; those that begin a transfer get twice as long."""
    stall_seconds: float = 60.0
    """How long a data connection may be silent."""

    @property
    def target(self) -> str:
        """As gRPC wants it."""
        return f"{bracketed(self.host)}:{self.port}"

    def storing_seconds(self, size: int) -> float:
        """How long a server may be silent after it has received a file of so many bytes."""
        return max(self.stall_seconds, size / STORING_BYTES_PER_SECOND)

    def speaks_tls(self) -> bool:
        """Whether to call over TLS. Raises Unsafe for plain text to a host that is not allowed by name."""
        if self.tls is None:
            return not is_loopback(self.host)
        if not self.tls and not self._may_read_secrets(self.host):
            raise Unsafe(
                f"{self.host} would get secrets in plain text: use TLS, or name it in insecure_hosts"
            )
        return self.tls

    def authorities(self) -> str | None:
        """The certificates to trust, in PEM; None for those of the system. Raises Unsafe.

        Never empty, which TLS libraries take for the system's; bundles have comments in any encoding.
        """
        if self.ca_file is None:
            return None
        try:
            bundle = self.ca_file.read_text(encoding="ascii", errors="replace")
        except OSError:
            raise Unsafe(f"the authorities in {self.ca_file} cannot be read, so nobody is trusted") from None
        certificates = CERTIFICATE.findall(bundle)
        if not certificates:
            raise Unsafe(f"{self.ca_file} holds no certificates in PEM, so nobody is trusted")
        return "\n".join(certificates) + "\n"

    def data_endpoint(self, url: str) -> str:
        """Where a transfer really goes. Raises Unsafe for a host that is not ours to send tokens to."""
        for beginning, replacement in self.data_endpoint_rewrite:
            if url.startswith(beginning):
                url = replacement + url.removeprefix(beginning)
                break
        try:
            address = urlsplit(url)
            host, _ = plain_host(address.hostname or ""), address.port
        except ValueError:
            raise Unsafe("the gateway names a data endpoint that is no address") from None
        if address.scheme not in ("http", "https") or not host or address.username is not None:
            raise Unsafe("the gateway names a data endpoint that is not http or https")
        ours = {plain_host(each) for each in (self.host, *self.data_hosts)}
        if host not in ours and not (is_loopback(host) and is_loopback(self.host)):
            raise Unsafe(f"the gateway names the data endpoint {host}, which is not in data_hosts")
        if address.scheme == "http" and not self._may_read_secrets(host):
            raise Unsafe(f"the data endpoint {host} would get tokens in plain text")
        return url

    def _may_read_secrets(self, host: str) -> bool:
        return is_loopback(host) or plain_host(host) in {plain_host(each) for each in self.insecure_hosts}


def is_link_local(host: str) -> bool:
    """Whether the services of a machine's own host answer at this address, such as a cloud's metadata."""
    try:
        address = ipaddress.ip_address(plain_host(host).partition("%")[0])
    except ValueError:  # a name
        return False
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (inner or address).is_link_local


def is_loopback(host: str) -> bool:
    """What is sent there does not leave this machine."""
    plain = plain_host(host)
    if plain == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain).is_loopback
    except ValueError:
        return False
