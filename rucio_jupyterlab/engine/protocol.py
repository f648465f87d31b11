"""What is said over the engine's socket: newline-delimited JSON, one struct a line.

A client sends `Ask` lines and gets one `Answer` line each, in any order, matched by number.
A `Watch` gets answers until the client hangs up. `Hello` is asked first; its version must match.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ..accounts.model import AccountChoices, AuthType, InstanceInfo, Instances, Reachability
from ..catalog.model import DidSummary, ListingPage, ListingQuery, Metadata, ReplicaTable, Rule, Scopes
from ..config.model import MOST
from ..did import Did
from ..errors import Problem
from ..staging.model import (
    JobProgress,
    JobRequest,
    Jobs,
    JobSnapshot,
    StoreStatus,
    TransferPage,
    TransferState,
    UploadRequest,
    UploadSnapshot,
)

PROTOCOL_VERSION = 1
PAGE_LIMIT = 1000
SUMMARIES_LIMIT = 100

Offset = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)]


class Request(msgspec.Struct, frozen=True, tag_field="ask", tag=lambda name: name):
    """Base of all questions; `reply` of a subclass is the type of its answer."""


class Hello(Request, frozen=True):
    version: int
    configuration: dict[str, Any] | None = None
    """The site's configuration (`config.Configuration`), where the client has one to give."""


class Welcome(msgspec.Struct, frozen=True):
    version: int
    pid: int


class Done(msgspec.Struct, frozen=True):
    """The answer where there is nothing to tell."""


class EngineStatus(msgspec.Struct, frozen=True):
    pid: int
    version: str
    state_path: str
    seconds_up: float
    memory_bytes: int
    clients: int
    running_jobs: int
    http_source: str | None
    """The HTTP engine and its version; None where pycurl is missing."""


class GetEngine(Request, frozen=True):
    """How the engine is doing."""


class Leave(Request, frozen=True):
    """Checkpoint, then exit; another engine will take over."""


# Accounts


class ListInstances(Request, frozen=True):
    """The instances, and how the user stands with each."""


class AddInstance(Request, frozen=True):
    url: str
    name: str | None = None
    ca_cert: str | None = None
    auth_url: str | None = None
    vo: str | None = None


class RemoveInstance(Request, frozen=True):
    """Forget an instance that the user added."""

    instance: str


class ExamineInstance(Request, frozen=True):
    """Ask an instance for a sign of life."""

    instance: str


class SignIn(Request, frozen=True):
    instance: str
    auth_type: AuthType
    account: str | None = None
    """None: the default account of the identity, as Rucio tells it."""
    username: str | None = None
    password: str | None = None
    certificate: str | None = None
    """Path of a PEM file; of the proxy for `x509_proxy`."""
    key: str | None = None
    token_file: str | None = None
    token_variable: str | None = None

    def __repr__(self) -> str:  # a password never reaches a traceback or a log
        return f"SignIn(instance={self.instance!r}, auth_type={self.auth_type!r})"


class SignOut(Request, frozen=True):
    instance: str


class ListAccounts(Request, frozen=True):
    """The accounts that the signed-in identity may act as."""

    instance: str


class SwitchAccount(Request, frozen=True):
    """Act as another account of the same identity."""

    instance: str
    account: str


# Catalogue


class ListScopes(Request, frozen=True):
    instance: str
    filter: str = ""
    limit: PageSize = 200
    writable: bool = False
    """Only scopes that the account may write to."""


class OpenListing(Request, frozen=True):
    """Ask Rucio; the answer's first page comes at once, the rest is spooled as it arrives."""

    instance: str
    query: ListingQuery
    limit: PageSize = 200


class ReadListing(Request, frozen=True):
    listing_id: str
    offset: Offset = 0
    limit: PageSize = 200


class CloseListing(Request, frozen=True):
    """End the question at Rucio and forget the answer."""

    listing_id: str


class Summarize(Request, frozen=True):
    """What the rows in sight show beyond their names; at most 100 DIDs."""

    instance: str
    dids: Annotated[list[Did], msgspec.Meta(max_length=SUMMARIES_LIMIT)]


class Summaries(msgspec.Struct, frozen=True):
    summaries: list[DidSummary]


class GetMetadata(Request, frozen=True):
    instance: str
    scope: str
    name: str


class GetReplicas(Request, frozen=True):
    instance: str
    scope: str
    name: str


class ListRules(Request, frozen=True):
    instance: str
    scope: str
    name: str


class Rules(msgspec.Struct, frozen=True):
    rules: list[Rule]


# Staging


class StartJob(Request, frozen=True):
    job: JobRequest


class ListJobs(Request, frozen=True):
    """All jobs, newest first."""


class GetJob(Request, frozen=True):
    job_id: str


class ConfirmJob(Request, frozen=True):
    """Start a job that waits for confirmation, or a part of it."""

    job_id: str
    first: int | None = None
    pattern: str | None = None


class PauseJob(Request, frozen=True):
    """Stop its transfers; finished ranges are kept."""

    job_id: str


class ResumeJob(Request, frozen=True):
    job_id: str


class CancelJob(Request, frozen=True):
    """End it; what is verified stays in the store, and other jobs keep their transfers."""

    job_id: str


class RetryJob(Request, frozen=True):
    """Try again what failed."""

    job_id: str
    download: bool | None = None
    """In mode `replica`: download what is not on the mounted RSE."""


class ClearJobs(Request, frozen=True):
    """Take finished jobs off the list; their files stay."""

    job_ids: list[str] | None = None
    """None: all that are finished and not pinned. One that is named is unpinned."""


class PinJob(Request, frozen=True):
    job_id: str
    pinned: bool


class ListTransfers(Request, frozen=True):
    job_id: str
    offset: Offset = 0
    limit: PageSize = 200
    state: TransferState | None = None


class GetStore(Request, frozen=True):
    """Where staged files live, how much room they take, and the limits in force."""


class SetLimits(Request, frozen=True):
    """Change the limits until the engine ends; absent ones stay."""

    bandwidth_limit: int | None = None
    """Bytes per second over all transfers; 0 takes the limit away."""
    send_traces: bool | None = None


class StartUpload(Request, frozen=True):
    """Store files of the user's at an RSE, and register them.

    It goes on when the client hangs up, and in the next engine. The same request, asked again, joins it.
    """

    upload: UploadRequest


class GetUpload(Request, frozen=True):
    """How an upload stands; those that have ended are known until fifty others have."""

    upload_id: str
    known: int = 0
    """So many of its stored files need not be told again."""


class CancelUpload(Request, frozen=True):
    """Send no more; what is stored by then stays, and is registered."""

    upload_id: str


class Evict(Request, frozen=True):
    """Take a DID's staged files out of the store and the view."""

    instance: str
    did: Did


class Freed(msgspec.Struct, frozen=True):
    files: int
    bytes: int


class Watch(Request, frozen=True):
    """Snapshots from now on: first everything, then what changed."""


class Update(msgspec.Struct, frozen=True):
    """What changed since the last update."""

    jobs: list[JobProgress] = []
    gone: list[str] = []
    """Identifiers of jobs that were cleared."""
    instances: list[InstanceInfo] = []
    instances_gone: list[str] = []
    """Names of instances that are no longer there."""


REPLIES: dict[type[Request], type] = {
    Hello: Welcome,
    GetEngine: EngineStatus,
    Leave: Done,
    ListInstances: Instances,
    AddInstance: InstanceInfo,
    RemoveInstance: Done,
    ExamineInstance: Reachability,
    SignIn: InstanceInfo,
    SignOut: InstanceInfo,
    ListAccounts: AccountChoices,
    SwitchAccount: InstanceInfo,
    ListScopes: Scopes,
    OpenListing: ListingPage,
    ReadListing: ListingPage,
    CloseListing: Done,
    Summarize: Summaries,
    GetMetadata: Metadata,
    GetReplicas: ReplicaTable,
    ListRules: Rules,
    StartJob: JobSnapshot,
    ListJobs: Jobs,
    GetJob: JobSnapshot,
    ConfirmJob: JobSnapshot,
    PauseJob: JobSnapshot,
    ResumeJob: JobSnapshot,
    CancelJob: JobSnapshot,
    RetryJob: JobSnapshot,
    ClearJobs: Done,
    PinJob: JobSnapshot,
    ListTransfers: TransferPage,
    GetStore: StoreStatus,
    SetLimits: StoreStatus,
    StartUpload: UploadSnapshot,
    GetUpload: UploadSnapshot,
    CancelUpload: UploadSnapshot,
    Evict: Freed,
    Watch: Update,
}
"""The type of each question's answer."""


class Ask(msgspec.Struct, frozen=True):
    """A question on the wire. `body` is one of the requests above."""

    number: int
    body: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one question: a reply, or a problem."""

    number: int
    reply: msgspec.Raw = msgspec.Raw()
    problem: Problem | None = None
