"""The contract of the sources: what staging orders, and what comes back.

A source turns a replica's PFN into an `Endpoint` that the byte engine reads, or into a path on a mount.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from ..did import Did
from .failures import ReplicaFailure


class Endpoint(msgspec.Struct, frozen=True):
    """Where one replica can be read over HTTP."""

    rse: str
    url: str
    """Never shown or logged: it may be signed."""
    hosts: tuple[str, ...] = ()
    """The `host:port` of the RSE's protocols; a secret goes to no other."""
    takes_tokens: bool = False
    """The RSE takes the user's OIDC token."""


class Credential(Protocol):
    """What may be shown to one address (`accounts.destinations` decides)."""

    @property
    def headers(self) -> tuple[str, ...]: ...
    @property
    def certificate(self) -> str | None: ...
    @property
    def key(self) -> str | None: ...
    @property
    def ca_file(self) -> str | None: ...
    @property
    def ca_path(self) -> str | None: ...


CredentialFor = Callable[[str, Endpoint, str, str | None], Credential]
"""(instance, endpoint, URL, URL that redirected here) -> credential; asked anew for each hop.

Must not wait for a network. Raises a Failure for an address that may not be asked.
"""


class Work(msgspec.Struct, frozen=True):
    """One file to bring: an order to the byte engine."""

    id: int
    instance: str
    did: Did
    part: str
    """Absolute path of the file under assembly."""
    bytes: int | None
    adler32: int | None
    md5: str | None
    endpoints: tuple[Endpoint, ...]
    """In the order in which they are tried."""

    @property
    def verifiable(self) -> bool:
        return self.adler32 is not None or self.md5 is not None


class Fetched(msgspec.Struct, frozen=True):
    """Every byte is in the part file, and size and checksum hold."""

    work_id: int
    rse: str
    """Where most of it came from."""
    bytes: int
    adler32: int
    verified: bool
    """False where the catalogue knows no checksum."""
    passed_over: tuple[ReplicaFailure, ...] = ()
    """Replicas that failed on the way."""


class GaveUp(msgspec.Struct, frozen=True):
    """No replica gave the file. The part keeps what is good of it."""

    work_id: int
    failures: tuple[ReplicaFailure, ...]
    """At least one; the last is the reason for giving up."""


Outcome = Fetched | GaveUp


class Cancelled(msgspec.Struct, frozen=True):
    """The work was taken back and its part is closed."""

    work_id: int


class Progress(msgspec.Struct, frozen=True):
    """One work as it stands."""

    bytes_received: int
    rse: str | None
    """Where a request is running now; None while none is."""
    blocked: ReplicaFailure | None
    """Why no request is running."""
