"""The contract of the sources: what staging orders, and what comes back.

A source turns a replica's PFN into an `Endpoint` that the byte engine reads, or into a path on a mount.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from ..did import Did
from .failures import ReplicaFailure


class Permit(msgspec.Struct, frozen=True):
    """What a CS3 gateway handed out for reading one file at one address."""

    headers: tuple[str, ...]
    """Whole lines; secrets, for that address alone."""
    good_until: float | None = None
    """Seconds since 1970; None where it does not say."""
    validator: str | None = None
    """What changes when the file does, where the gateway was asked for it."""
    ca_file: str | None = None
    """Authorities to trust at that address instead of the system's."""

    def __repr__(self) -> str:
        return f"Permit({len(self.headers)} headers)"


class Endpoint(msgspec.Struct, frozen=True):
    """Where one replica can be read over HTTP, or, with `cs3:`, whom to ask where."""

    rse: str
    url: str
    """Never shown or logged: it may be signed."""
    hosts: tuple[str, ...] = ()
    """The `host:port` of the RSE's protocols; a secret goes to no other."""
    takes_tokens: bool = False
    """The RSE takes the user's OIDC token."""
    permit: Permit | None = None
    """With which it is read; None where `accounts` decides alone."""

    @property
    def is_address(self) -> bool:
        """Whether it can be read there as it is."""
        return not self.url.startswith("cs3:")


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


Resolve = Callable[[Work, Endpoint, Endpoint | None, Callable[[Endpoint | ReplicaFailure], None]], None]
"""(work, endpoint, address that was refused, tell): find out where a replica can be read. Returns at once.

`tell` is called once, from another thread.
"""


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
    blocked_since: float = 0.0
    """Since when the host gives nobody anything, where that is why; on the clock of `time.monotonic`."""
