"""What crosses the wire, as the kernel sees it: the fields it shows, immutable.

Unknown fields are passed over, so that a kernel may be older than the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FINISHED = frozenset({"done", "partial", "failed", "cancelled"})
AVAILABLE = frozenset({"done", "linked"})


def did_text(value: Any) -> str:
    """`scope:name` of a DID on the wire."""
    return f"{value['scope']}:{value['name']}"


class Job(NamedTuple):
    """A job as it stands."""

    id: str
    dids: tuple[str, ...]
    instance: str
    state: str
    cause: str | None
    """Why it waits: `signin`, `space`, `disk`, `network`, `confirm`."""
    problem: str | None
    """What stands in the way, as a sentence."""
    remedy: str | None
    """What the user can do about that: `signin`, `retry`, …"""
    notice: str | None
    files_total: int
    files_done: int
    files_failed: int
    files_unreachable: int
    files_unverified: int
    bytes_total: int
    bytes_done: int
    bytes_per_second: float
    seconds_left: float | None
    free_bytes: int | None
    growing: bool
    path: str | None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Job:
        request = data["request"]
        problem = data.get("problem")
        return cls(
            id=data["id"],
            dids=tuple(did_text(did) for did in request["dids"]),
            instance=request["instance"],
            state=data["state"],
            cause=data.get("cause"),
            problem=problem["detail"] if problem else None,
            remedy=problem.get("do") if problem else None,
            notice=data.get("notice"),
            files_total=data.get("files_total", 0),
            files_done=data.get("files_done", 0),
            files_failed=data.get("files_failed", 0),
            files_unreachable=data.get("files_unreachable", 0),
            files_unverified=data.get("files_unverified", 0),
            bytes_total=data.get("bytes_total", 0),
            bytes_done=data.get("bytes_done", 0),
            bytes_per_second=data.get("bytes_per_second", 0.0),
            seconds_left=data.get("seconds_left"),
            free_bytes=data.get("free_bytes"),
            growing=data.get("growing", False),
            path=data.get("path"),
        )

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


class Transfer(NamedTuple):
    """One file of a job."""

    did: str
    state: str
    bytes: int | None
    """Size in bytes; None where the catalogue does not know it."""
    rse: str | None
    path: str | None
    """Absolute path; None as long as the file cannot be opened."""
    verified: bool
    reason: str | None
    """Why there is no path, as words for a person."""

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Transfer:
        state = data["state"]
        path = data.get("path") if state in AVAILABLE else None
        problem = data.get("problem")
        reason = problem["detail"] if problem else state
        if state == "not-mounted":
            reason += " Say --download (in Python: download=True)."
        return cls(
            did=did_text(data["did"]),
            state=state,
            bytes=data.get("bytes"),
            rse=data.get("rse"),
            path=path,
            verified=data.get("verified", True),
            reason=None if path else reason,
        )


class Found(NamedTuple):
    """One DID of a search or of a collection."""

    did: str
    type: str
    bytes: int | None
    """Size in bytes; None where Rucio does not know it yet."""
    files: int | None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Found:
        return cls(did_text(data["did"]), data["type"], data.get("bytes"), data.get("files"))


class Listing(NamedTuple):
    """What a question to the catalogue brought."""

    rows: tuple[Found, ...]
    complete: bool
    """False: there is more than was asked for, or the answer was cut."""
    cut: str | None
    """Why Rucio's answer ended early, as a sentence."""
