"""What the Jupyter server itself knows: questions, answers, events. All else is `engine/protocol.py`."""

from __future__ import annotations

import msgspec

from ..accounts.model import InstanceInfo
from ..engine.link import LinkState
from ..engine.protocol import EngineStatus
from ..errors import Problem, Remedy
from ..staging.model import JobProgress


class ProblemDocument(msgspec.Struct, frozen=True):
    """Any answer that is not the one asked for, as RFC 9457 has it."""

    type: str
    """Stable and short, for programs: `sign-in-needed`."""
    title: str
    """The type in words."""
    status: int
    """The HTTP status."""
    detail: str
    """One or two sentences for a person: what, why, what to do."""
    do: Remedy
    """What the user can do about it."""
    exception: str | None
    """Rucio's own exception class, where it named one."""
    choices: list[str] = []
    """With the remedy `choose`: what to choose from, where Rucio has told it."""

    @classmethod
    def of(cls, problem: Problem) -> ProblemDocument:
        title = problem.type.replace("-", " ").capitalize()
        return cls(
            problem.type,
            title,
            problem.status,
            problem.detail,
            problem.do,
            problem.exception,
            problem.choices,
        )


class GetLink(msgspec.Struct, frozen=True):
    """How the engine is doing, and whether it can be reached; never fails."""


class RetryLink(msgspec.Struct, frozen=True):
    """Start the engine again after it was given up."""


class Link(msgspec.Struct, frozen=True):
    """The way to the engine, as the Jupyter server sees it."""

    state: LinkState
    """`down` until somebody asks for a retry."""
    problem: Problem | None = None
    """Why it is not up."""
    engine: EngineStatus | None = None
    """Only while it is up."""


class GetDemo(msgspec.Struct, frozen=True):
    """How the demo beside this server is doing."""


class StartDemo(msgspec.Struct, frozen=True):
    """Start the demo, unless it runs."""


class StopDemo(msgspec.Struct, frozen=True):
    """End the demo; its data stay for the next start."""


class GetEnvironment(msgspec.Struct, frozen=True):
    """What the panel needs to know of the Jupyter server."""


class Environment(msgspec.Struct, frozen=True):
    """What stays the same while the Jupyter server runs."""

    version: str
    """Of this extension."""
    root_dir: str
    """Absolute path of the folder that the file browser shows."""
    cell_templates: dict[str, str]
    """The site's cells by file ending (`.root`); `{paths}` and `{name}` are filled in."""
    poll_interval: float
    """Seconds between two looks at the jobs while no events arrive."""
    page_limit: int
    """At most so many rows in one page."""
    summaries_limit: int
    """At most so many DIDs in one question for summaries."""
    body_limit: int
    """Bytes that the body of a request may have."""


class LocatePath(msgspec.Struct, frozen=True):
    """Where the file browser shows an absolute path."""

    path: str


class ServerPath(msgspec.Struct, frozen=True):
    path: str | None
    """Below the server's root, with `/`; None where the path lies elsewhere."""


class JobsEvent(msgspec.Struct, frozen=True):
    """Jobs that changed. A hint: on a gap in `seq`, or an unknown job, read `jobs` again."""

    seq: int
    """Rises by one with each event of this kind."""
    jobs: list[JobProgress]
    """Those that changed, as they stand."""
    gone: list[str]
    """Identifiers of jobs that were taken off the list."""


class InstancesEvent(msgspec.Struct, frozen=True):
    """Instances whose account or configuration changed. A hint, as `JobsEvent` is."""

    seq: int
    """Rises by one with each event of this kind."""
    instances: list[InstanceInfo]
    """Those that changed, as they stand."""
    gone: list[str]
    """Names of those that are no longer there."""


class EngineEvent(msgspec.Struct, frozen=True):
    """The way to the engine changed."""

    seq: int
    """Rises by one with each event of this kind."""
    state: LinkState
    """`down` until somebody asks for a retry."""
    problem: Problem | None = None
    """Why it is not up."""


EVENTS: dict[str, type[msgspec.Struct]] = {
    "urn:rucio-jupyterlab:jobs:v1": JobsEvent,
    "urn:rucio-jupyterlab:instances:v1": InstancesEvent,
    "urn:rucio-jupyterlab:engine:v1": EngineEvent,
}
"""What is said on Jupyter's event bus, by schema identifier; `events/` holds the schemas."""
