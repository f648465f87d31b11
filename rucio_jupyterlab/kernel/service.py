"""Who answers the kernel's questions: the Jupyter server's extension, or the command.

Both lead to the same engine, so a job started by one is seen by the other.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from .command import CommandService
from .failures import NoService, RucioError, Unreachable
from .model import Found, Job, Listing, Transfer
from .server import SIGN_IN_HINT, ServerClient, find_server, runtime_folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACTIVE_PAUSE = 0.2
"""Seconds between two looks at a job that moves: five a second are as many as an eye wants."""
IDLE_PAUSE = 1.0
PATIENCE = 60.0
"""Seconds for which a server that does not answer is asked again while a job runs."""
PAGE = 1000
"""Rows asked for at a time; the server gives no more."""


class Service(Protocol):
    """The questions that a kernel has."""

    @property
    def sign_in_hint(self) -> str:
        """How to sign in, as a sentence."""

    def start(self, request: Mapping[str, Any]) -> Job:
        """Start what `request`, a JobRequest without `client`, asks for; `instance` may be absent."""

    def follow(self, job_id: str) -> Iterator[Job]:
        """The job as it goes, at most five times a second; the last one is finished or waits for consent."""

    def transfers(self, job_id: str) -> Iterator[Transfer]:
        """All files of the job."""

    def cancel(self, job_id: str) -> Job:
        """End the job; how it stands then, for it may have ended before."""

    def jobs(self) -> list[Job]:
        """All jobs, newest first."""

    def listing(self, instance: str | None, query: Mapping[str, Any], limit: int) -> Listing:
        """At most `limit` rows of the answer to `query`, a ListingQuery."""


def connect(environ: Mapping[str, str] = os.environ) -> Service:
    """The Jupyter server's extension where it answers, else the command."""
    server = find_server(environ, runtime_folders())
    if server is not None:
        client = ServerClient(server)
        try:
            _reach(client)
        except RucioError as failure:
            named = "RUCIO_JUPYTERLAB_URL" in environ
            if named or failure.type not in ("no-extension", "denied", "server-unreachable"):
                raise
        else:
            return ServerService(client)
    return CommandService(environ)


def _reach(client: ServerClient) -> None:
    """See that the extension and its engine answer. One that is left dead is started again: a user asks for it."""
    try:
        client.ask("GET", "instances")
    except Unreachable as failure:
        if failure.type != "engine-down":
            raise
        with suppress(RucioError):  # the next question tells what it is
            client.ask("POST", "engine/retry")
        client.ask("GET", "instances")


class ServerService:
    """Service of the Jupyter server's extension, by REST."""

    sign_in_hint = SIGN_IN_HINT

    def __init__(self, client: ServerClient) -> None:
        self._client = client

    def start(self, request: Mapping[str, Any]) -> Job:
        instance = request.get("instance") or self._default_instance()
        job = {**request, "instance": instance, "client": "kernel"}
        try:
            return Job.from_wire(self._client.ask("POST", "jobs", {"job": job}))
        except Unreachable as failure:
            advice = "`%rucio status` tells whether the job has begun."
            raise Unreachable(f"{failure} {advice}", failure.type) from None

    def follow(self, job_id: str) -> Iterator[Job]:
        while True:
            job = Job.from_wire(self._insist(f"jobs/{quote(job_id, safe='')}"))
            yield job
            if job.finished or job.cause == "confirm":
                return
            time.sleep(ACTIVE_PAUSE if job.state in ("planning", "running") else IDLE_PAUSE)

    def transfers(self, job_id: str) -> Iterator[Transfer]:
        offset = 0
        while True:
            query = urlencode({"offset": offset, "limit": PAGE})
            page = self._insist(f"jobs/{quote(job_id, safe='')}/transfers?{query}")
            for row in page["rows"]:
                yield Transfer.from_wire(row)
            offset += len(page["rows"])
            if not page["rows"] or offset >= page["total"]:
                return

    def cancel(self, job_id: str) -> Job:
        return Job.from_wire(self._client.ask("POST", f"jobs/{quote(job_id, safe='')}/cancel"))

    def jobs(self) -> list[Job]:
        return [Job.from_wire(job) for job in self._client.ask("GET", "jobs")["jobs"]]

    def listing(self, instance: str | None, query: Mapping[str, Any], limit: int) -> Listing:
        name = quote(instance or self._default_instance(), safe="")
        body = {"query": query, "limit": min(PAGE, limit)}
        page = self._client.ask("POST", f"instances/{name}/listings", body)
        listing = f"listings/{quote(page['listing_id'], safe='')}"
        try:
            rows = list(page["rows"])
            while len(rows) < limit and not (page["cut"] or _is_last(page)):
                if not page["rows"]:
                    time.sleep(ACTIVE_PAUSE)  # the rest is still arriving from Rucio
                window = urlencode({"offset": len(rows), "limit": min(PAGE, limit - len(rows))})
                page = self._client.ask("GET", f"{listing}?{window}")
                rows += page["rows"]
        finally:
            with suppress(RucioError):  # it expires by itself
                self._client.ask("DELETE", listing)
        complete = page["complete"] and len(rows) >= page["rows_so_far"]
        return Listing(tuple(Found.from_wire(row) for row in rows), complete, page["cut"])

    def _insist(self, route: str) -> Any:
        """What the server says of a job, though it be away for a while: the engine goes on meanwhile."""
        give_up = None
        while True:
            try:
                return self._client.ask("GET", route)
            except (NoService, Unreachable) as failure:  # noqa: PERF203 - each round talks to a server
                give_up = give_up or time.monotonic() + PATIENCE
                if time.monotonic() > give_up:
                    advice = "The job may run on; `%rucio status` tells how it goes."
                    raise type(failure)(f"{failure} {advice}", failure.type) from None
                time.sleep(IDLE_PAUSE)

    def _default_instance(self) -> str:
        known = self._client.ask("GET", "instances")
        names = [instance["name"] for instance in known["instances"]]
        name = known.get("default") or (names[0] if len(names) == 1 else None)
        if name:
            return str(name)
        if names:
            raise RucioError(f"Say which Rucio is meant, with --instance: {', '.join(names)}.", "no-instance")
        problem = known.get("problem") or "No Rucio is configured. Add one in the Rucio panel."
        raise RucioError(problem, "no-instance")


def _is_last(page: Mapping[str, Any]) -> bool:
    return bool(page["complete"]) and page["offset"] + len(page["rows"]) >= page["rows_so_far"]
