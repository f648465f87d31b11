"""Jobs and transfers: immutable values; a change is a new value."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..did import Did
from ..errors import Problem

JobState = Literal["planning", "running", "paused", "waiting", "done", "partial", "failed", "cancelled"]
Cause = Literal["signin", "space", "disk", "network", "confirm"]
OWN_DISK: frozenset[Cause | None] = frozenset({"space", "disk"})
"""Our own disk is full or broken; it is looked at again and again."""
FINISHED: frozenset[JobState] = frozenset({"done", "partial", "failed", "cancelled"})

TransferState = Literal[
    "queued",
    "running",
    "done",
    "linked",  # was in the store, in a shared store, or on a mount already
    "failed",
    "tape",
    "root-only",
    "no-replica",
    "not-mounted",  # mode replica: not on DESTINATION_RSE
    "in-archive",
    "cancelled",
]


class JobRequest(msgspec.Struct, frozen=True):
    """What a user asked for; enough to do the job again from nothing."""

    instance: str
    dids: list[Did]
    rse: str | None = None
    """Fetch from this RSE alone; None: from any, the likely fastest first. A file that another job waits for, too,
    may come from that job's RSEs."""
    first: int | None = None
    """At most so many files of each DID, in the order of their names."""
    pattern: str | None = None
    """Only files whose name matches this shell pattern."""
    confirmed: bool = False
    """The user has seen the size and agrees, whatever it is."""
    pin: bool = False
    """Keep the files until they are unpinned."""
    download: bool = False
    """In mode `replica`: download what is not on the mounted RSE."""
    client: Literal["panel", "kernel", "shell"] = "panel"


class JobProgress(msgspec.Struct, frozen=True):
    """How a job stands, less its request, which never changes and may be long."""

    id: str
    state: JobState
    cause: Cause | None = None
    """Why it waits; only in state `waiting`."""
    problem: Problem | None = None
    """What stands in the way, or what failed, with its one remedy."""
    notice: str | None = None
    """Worth knowing, needs nothing: “CERN-PROD is slow; using CERNBOX for the rest”."""
    files_total: int = 0
    files_done: int = 0
    """Files that can be opened now, those that were here already among them."""
    files_here: int = 0
    """Of those, how many needed no transfer."""
    files_failed: int = 0
    files_unreachable: int = 0
    """On tape, reachable only by xrootd, inside an archive, or without replica."""
    files_unverified: int = 0
    """Without any checksum in the catalogue."""
    bytes_total: int = 0
    """Bytes; grows while the plan is read."""
    bytes_done: int = 0
    """Bytes on disk. Falls when an attempt begins again."""
    bytes_here: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    free_bytes: int | None = None
    """Space left for the store, told while the job waits for confirmation or space."""
    growing: bool = False
    """A DID of it is open, so files may still be attached."""
    path: str | None = None
    """Absolute path of the folder (or single file) in the view."""
    created_at: float = 0.0
    finished_at: float | None = None
    pinned: bool = False

    @property
    def goes_on_by_itself(self) -> bool:
        """Whether it runs, or looks itself for the end of what it waits for."""
        if self.cause == "signin":  # a cloud is asked again; at Rucio only the user can sign in
            return self.problem is not None and self.problem.do != "signin"
        return self.state in ("planning", "running") or self.cause == "network" or self.cause in OWN_DISK


class JobSnapshot(JobProgress, frozen=True, kw_only=True):
    """A job as it stands; what the panel, the kernel and the shell show."""

    request: JobRequest


class TransferRow(msgspec.Struct, frozen=True):
    """One file of a job."""

    did: Did
    state: TransferState
    bytes: int | None
    bytes_done: int = 0
    rse: str | None = None
    path: str | None = None
    """Absolute path in the view, once the file can be opened."""
    verified: bool = True
    problem: Problem | None = None


class TransferPage(msgspec.Struct, frozen=True):
    rows: list[TransferRow]
    offset: int
    total: int


class Jobs(msgspec.Struct, frozen=True):
    jobs: list[JobSnapshot]
    """Newest first."""


class StoreStatus(msgspec.Struct, frozen=True):
    """The store: where staged files live once."""

    store_path: str
    views_path: str
    used_bytes: int
    quota_bytes: int | None
    free_bytes: int
    files: int
    pinned_files: int
    confirm_bytes: int
    """Jobs larger than this ask before they start."""
    confirm_files: int
    bandwidth_limit: int | None
    """Bytes per second over all transfers."""
    send_traces: bool


class UploadRequest(msgspec.Struct, frozen=True):
    """Files of the user's that are to be stored at an RSE and registered."""

    instance: str
    paths: list[str]
    """Absolute. The files keep their names, which are different."""
    rse: str
    scope: str
    dataset: Did | None = None
    """To which they are attached; made where it is missing. None: each file is kept by a rule of its own."""


class Stored(msgspec.Struct, frozen=True):
    """A file of the user's that is stored at an RSE, registered, and kept there by a rule."""

    did: Did
    rse: str
    bytes: int
    adler32: str


class UploadSnapshot(msgspec.Struct, frozen=True):
    """An upload as it stands."""

    id: str
    request: UploadRequest
    state: Literal["running", "waiting", "done", "failed", "cancelled"]
    """`waiting`: for what `cause` tells; it goes on by itself when that is gone."""
    files_total: int
    files_done: int
    bytes_total: int
    bytes_done: int
    bytes_per_second: float
    """Since this engine took it up; 0 where nothing moves."""
    stored: list[Stored]
    """Files that have arrived, from the one on that was asked for."""
    problem: Problem | None = None
    """What stands in the way, or what failed, with its one remedy."""
    cause: Cause | None = None
    """Why it waits; only in state `waiting`."""

    @property
    def goes_on_by_itself(self) -> bool:
        """Whether it runs, or looks itself for the end of what it waits for; at Rucio only the user can sign in."""
        needs_user = self.problem is not None and self.problem.do == "signin"
        return self.state == "running" or (self.state == "waiting" and not needs_user)
