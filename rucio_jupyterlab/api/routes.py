"""Every route of the server extension, as one table.

It makes the HTTP handlers, the OpenAPI document and the test that each route asks who, then whether.
A request's fields come from the path, from the query (GET, DELETE) or from the JSON body; the answer is
the reply's JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from .. import errors
from ..demo.beside import DemoStatus
from ..engine import protocol
from . import local, model, problems

PREFIX = "rucio-jupyterlab/v1/"

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Problems = tuple[type[errors.Failure], ...]
Answer = Callable[[local.Server, Any], Awaitable[msgspec.Struct]]


class Route(msgspec.Struct, frozen=True):
    """One method of one path; `{name}` in the path is the request's field of that name."""

    method: Method
    path: str
    request: type[msgspec.Struct]
    reply: type[msgspec.Struct]
    summary: str
    problems: Problems = ()
    """What it may answer beside `EVERYWHERE`."""
    answer: Answer = local.ask_engine

    @property
    def takes_body(self) -> bool:
        """Whether the fields come from the body rather than from the query."""
        return self.method in ("POST", "PATCH")


EVERYWHERE: Problems = (
    errors.BadRequest,
    errors.EngineDown,
    problems.Internal,
    problems.JupyterRefused,
    problems.TooLarge,
)
"""Problems of every route."""

KNOWN: Problems = (errors.NotFound,)
STATE: Problems = (errors.NotFound, errors.Conflict)
REACH: Problems = (errors.BadConfiguration, errors.RucioUnreachable, errors.RucioRefused)
RUCIO: Problems = (*REACH, errors.NotFound, errors.SignInNeeded, errors.Denied)

INSTANCE = "instances/{instance}"
LISTING = "listings/{listing_id}"
JOB = "jobs/{job_id}"


def _engine(
    method: Method, path: str, request: type[protocol.Request], summary: str, may: Problems = ()
) -> Route:
    """A route that the engine answers."""
    return Route(method, path, request, protocol.REPLIES[request], summary, may)


ROUTES: tuple[Route, ...] = (
    # Instances and accounts
    _engine("GET", "instances", protocol.ListInstances, "The instances, and who the user is at each"),
    _engine("POST", "instances", protocol.AddInstance, "Add one by its address", (*REACH, errors.Conflict)),
    _engine("DELETE", INSTANCE, protocol.RemoveInstance, "Forget an instance that was added", STATE),
    _engine("GET", f"{INSTANCE}/reachability", protocol.ExamineInstance, "Whether it answers", RUCIO),
    _engine("POST", f"{INSTANCE}/signin", protocol.SignIn, "Sign in", RUCIO),
    _engine("POST", f"{INSTANCE}/signout", protocol.SignOut, "Sign out", KNOWN),
    _engine("GET", f"{INSTANCE}/accounts", protocol.ListAccounts, "Accounts to choose from", RUCIO),
    _engine("POST", f"{INSTANCE}/account", protocol.SwitchAccount, "Act as another account", RUCIO),
    # Catalogue
    _engine("GET", f"{INSTANCE}/scopes", protocol.ListScopes, "Scopes that match a filter", RUCIO),
    _engine("POST", f"{INSTANCE}/listings", protocol.OpenListing, "Search, or list content", RUCIO),
    _engine("GET", LISTING, protocol.ReadListing, "A page of a listing", KNOWN),
    _engine("DELETE", LISTING, protocol.CloseListing, "Close a listing, which may be gone already"),
    _engine("POST", f"{INSTANCE}/summaries", protocol.Summarize, "What rows in sight show", RUCIO),
    _engine("GET", f"{INSTANCE}/metadata", protocol.GetMetadata, "A DID's metadata", RUCIO),
    _engine("GET", f"{INSTANCE}/replicas", protocol.GetReplicas, "Where a DID's files are", RUCIO),
    _engine("GET", f"{INSTANCE}/rules", protocol.ListRules, "The rules on a DID", RUCIO),
    # Jobs
    _engine("GET", "jobs", protocol.ListJobs, "All jobs, newest first"),
    _engine("POST", "jobs", protocol.StartJob, "Stage DIDs", KNOWN),
    _engine("POST", "jobs/clear", protocol.ClearJobs, "Take finished jobs off the list"),
    _engine("GET", JOB, protocol.GetJob, "One job as it stands", KNOWN),
    _engine("POST", f"{JOB}/confirm", protocol.ConfirmJob, "Start a job that asked first", STATE),
    _engine("POST", f"{JOB}/pause", protocol.PauseJob, "Pause a job", STATE),
    _engine("POST", f"{JOB}/resume", protocol.ResumeJob, "Resume a paused job", STATE),
    _engine("POST", f"{JOB}/cancel", protocol.CancelJob, "Cancel a job", KNOWN),
    _engine("POST", f"{JOB}/retry", protocol.RetryJob, "Try again what failed", STATE),
    _engine("POST", f"{JOB}/pin", protocol.PinJob, "Keep a job's files, or no longer", KNOWN),
    _engine("GET", f"{JOB}/transfers", protocol.ListTransfers, "The files of a job", KNOWN),
    # Store
    _engine("GET", "store", protocol.GetStore, "The store and the limits in force"),
    _engine("PATCH", "store", protocol.SetLimits, "Change limits until the engine ends"),
    _engine("POST", f"{INSTANCE}/evict", protocol.Evict, "Remove a DID's staged files", (errors.Conflict,)),
    # The server's own
    Route("GET", "engine", model.GetLink, model.Link, "How the engine is", answer=local.get_link),
    Route("POST", "engine/retry", model.RetryLink, model.Link, "Start it again", answer=local.retry_link),
    Route("GET", "demo", model.GetDemo, DemoStatus, "How the demo is", answer=local.get_demo),
    Route("POST", "demo/start", model.StartDemo, DemoStatus, "Start the demo", answer=local.start_demo),
    Route("POST", "demo/stop", model.StopDemo, DemoStatus, "End the demo", answer=local.stop_demo),
    Route(
        "GET",
        "environment",
        model.GetEnvironment,
        model.Environment,
        "The server that the panel runs on",
        answer=local.get_environment,
    ),
    Route(
        "GET",
        "server-path",
        model.LocatePath,
        model.ServerPath,
        "Where the file browser shows a path",
        answer=local.locate_path,
    ),
)
