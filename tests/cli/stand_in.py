"""The engine's real socket server, with answers that a test lays out."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from rucio_jupyterlab import __version__
from rucio_jupyterlab.accounts.model import AccountStatus, AuthType, InstanceInfo, Instances
from rucio_jupyterlab.catalog.model import DidRow, ListingPage
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import place, protocol
from rucio_jupyterlab.engine.server import SocketServer
from rucio_jupyterlab.errors import BadRequest, Conflict, Denied, Failure, NotFound, Problem
from rucio_jupyterlab.staging.model import (
    FINISHED,
    JobRequest,
    Jobs,
    JobSnapshot,
    StoreStatus,
    TransferPage,
    TransferRow,
    UploadRequest,
    UploadSnapshot,
)

PASSWORD = "alice-secret"
REQUEST = JobRequest("lab", [Did("user.alice", "run1")])


def snapshot(state: Any, **more: Any) -> JobSnapshot:
    return JobSnapshot("job1", state, request=REQUEST, **more)


def info(
    name: str = "lab",
    *ways: AuthType,
    state: Any = "signed-in",
    account: AccountStatus | None = None,
    **more: Any,
) -> InstanceInfo:
    account = account or AccountStatus(state, "alice")
    return InstanceInfo(
        name, name, "https://rucio", list(ways or ("userpass",)), account, "jupyter", "a file", **more
    )


def uploading(request: UploadRequest, state: Any) -> UploadSnapshot:
    return UploadSnapshot("upload1", request, state, 1, 0, 10, 0, 0.0, [])


class EngineStandIn:
    """Holds a state folder as an engine does; `asked` tells what it was asked."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.asked: list[protocol.Request] = []
        self.instances = Instances([info()], default="lab")
        self.course: list[JobSnapshot] = [snapshot("done")]
        """How the job looks, one look after the other; the last one stays."""
        self.confirmed: list[JobSnapshot] = [snapshot("done")]
        """Its course once it was confirmed."""
        self.rows: list[TransferRow] = []
        self.pages: list[ListingPage] = []
        self.accounts: list[str] = []
        """Among which a user without one of his own has to choose."""
        self.unknown: set[str] = set()
        """Identifiers of jobs that are not there."""
        self.start_seconds = 0.0
        """How long it takes to tell of a job that has begun."""
        self.refusals: dict[type[protocol.Request], Failure] = {}
        """Questions that are answered so."""
        self.deaths: set[type[protocol.Request]] = set()
        """Questions at which it hangs up on everybody, once each, as an engine does that is killed."""

    def __enter__(self) -> EngineStandIn:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def questions(self, kind: type[protocol.Request]) -> list[Any]:
        return [request for request in self.asked if isinstance(request, kind)]

    async def _live(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        place.private_folder(self.state)
        lock = place.take_lock(self.state)
        assert lock is not None
        self._server = server = SocketServer(
            self._greet, dict.fromkeys(protocol.REPLIES, self._answer), self._watch
        )
        path = next(place.socket_paths(self.state))
        listening = await server.listen(path)
        place.announce(lock, path)
        self._ready.set()
        await self._stop.wait()
        listening.close()
        await server.hang_up()
        os.close(lock)

    async def _watch(self) -> AsyncIterator[protocol.Update]:
        yield protocol.Update()

    async def _greet(self, client: int, ask: protocol.Hello) -> protocol.Welcome:
        return protocol.Welcome(protocol.PROTOCOL_VERSION, os.getpid())

    async def _answer(self, ask: protocol.Request) -> msgspec.Struct:
        self.asked.append(ask)
        if refusal := self.refusals.get(type(ask)):
            raise refusal
        if type(ask) in self.deaths:
            self.deaths.remove(type(ask))
            dying = asyncio.create_task(self._server.hang_up())
            await asyncio.wait([dying])
        match ask:
            case protocol.ListInstances():
                return self.instances
            case protocol.SignIn(auth_type="userpass", password=password) if password != PASSWORD:
                raise Denied("lab does not take this password.")
            case protocol.SignIn(account=None) if self.accounts:
                sentence = f"Choose one of your accounts: {', '.join(self.accounts)}."
                raise BadRequest(sentence, do="choose", choices=self.accounts)
            case protocol.SignIn():
                return info(ask.instance)
            case protocol.SignOut():
                return info(ask.instance, state="signed-out")
            case protocol.GetEngine():
                return protocol.EngineStatus(
                    os.getpid(), __version__, "", 60.0, 30_000_000, 1, 0, "libcurl 8"
                )
            case protocol.GetStore():
                folder = str(self.state)
                return StoreStatus(folder, folder, 10, None, 10**12, 1, 0, 1, 1, None, True)
            case protocol.OpenListing() | protocol.ReadListing():
                return self.pages.pop(0)
            case protocol.CloseListing():
                return protocol.Done()
            case protocol.StartUpload(upload):
                await asyncio.sleep(self.start_seconds)
                return uploading(upload, "running")
            case protocol.CancelUpload() | protocol.GetUpload():
                return uploading(self.questions(protocol.StartUpload)[0].upload, "cancelled")
            case protocol.StartJob():
                await asyncio.sleep(self.start_seconds)
        return self._answer_about_jobs(ask)

    def _answer_about_jobs(self, ask: protocol.Request) -> msgspec.Struct:
        match ask:
            case protocol.StartJob():
                return snapshot("planning")
            case protocol.GetJob(job_id=job_id) if job_id in self.unknown:
                raise NotFound("No such job.")
            case protocol.GetJob():
                return self.course.pop(0) if len(self.course) > 1 else self.course[0]
            case protocol.ListJobs():
                return Jobs(self.course)
            case protocol.CancelJob() if self.course[0].state == "done":
                raise Conflict("It has ended already.")
            case protocol.CancelJob():
                ended = self.course[0].state in FINISHED
                return self.course[0] if ended else snapshot("cancelled")
            case protocol.ConfirmJob():
                self.course = self.confirmed
                return snapshot("planning")
            case protocol.ListTransfers(offset=offset, limit=limit):
                return TransferPage(self.rows[offset : offset + limit], offset, len(self.rows))
        raise BadRequest(f"The stand-in knows no {type(ask).__name__}.")


def staged(name: str) -> TransferRow:
    return TransferRow(Did("user.alice", name), "done", 10, 10, "ALPHA_DISK", f"/data/{name}")


def on_tape(name: str) -> TransferRow:
    problem = Problem("tape", "The file is on tape only.", "recall")
    return TransferRow(Did("user.alice", name), "tape", 10, problem=problem)


def page(names: list[str], offset: int, so_far: int, complete: bool, cut: str | None = None) -> ListingPage:
    rows = [DidRow(Did("user.alice", name), "dataset", 1000, 2) for name in names]
    return ListingPage("l1", offset, rows, so_far, complete, cut)
