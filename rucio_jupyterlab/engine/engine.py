"""The engine's parts wired together: accounts, catalogue, staging, and who answers which question."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .. import __version__
from ..accounts.accounts import Accounts
from ..accounts.files import read_private, write_private
from ..accounts.model import InstanceInfo
from ..catalog.catalog import Catalog
from ..catalog.model import DidSummary, ListingPage, ReplicaTable
from ..config import Configuration, configuration_from
from ..did import Did
from ..staging.stager import Stager
from ..staging.uploads import Uploads
from . import protocol
from .feed import Feed
from .log import set_level
from .place import CONFIGURATION
from .workers import Workers

log = logging.getLogger(__name__)

T = TypeVar("T")

LOCAL = ""
"""The key of the threads for questions that ask no Rucio."""
NOT_STAGED = (0, None)
LEAVE_DELAY = 0.05
"""Seconds between the answer to `Leave` and the end, for the answer to get out."""


class Engine:
    """One user's engine; made and used on its loop."""

    def __init__(
        self, state: Path, leave: Callable[[], None], clients: Callable[[], Collection[int]]
    ) -> None:
        """`leave` is called when another engine is to take over; `clients` tells who is connected."""
        self._state = state
        self._leave = leave
        self._clients = clients
        self._born = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._workers = Workers()
        self._feeds: set[Feed] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._configuration = read_private(state / CONFIGURATION, Configuration) or configuration_from(
            {}, os.environ
        )
        self._said: dict[int, Configuration] = {}
        """By the client who said it, in the order in which they came."""
        self._configuring = asyncio.Lock()
        self._instances_in_order = asyncio.Lock()
        """Held from a look at the instances until that is told, lest an older look is told after a newer one."""
        set_level(self._configuration.options.log_level)
        self._accounts = Accounts(self._configuration, state, self._account_changed)
        self._catalog = Catalog(self._accounts, state / "spool")
        self._stager = Stager(state, self._configuration.options, self._accounts, self._catalog)
        self._uploads = Uploads(state, self._accounts, self._catalog, lambda: self._stager.options)
        self._stager.subscribe(self._tell)
        self.answers = self._table()
        self._uploads.take_up()

    async def close(self) -> None:
        """Checkpoint; what was under way goes on in the next engine."""
        uploads = asyncio.create_task(asyncio.to_thread(self._uploads.close))
        await self._stager.close()
        await uploads
        self._accounts.close()
        self._catalog.close()

    @property
    def busy(self) -> bool:
        """A job or an upload is running, or will go on without anybody's help."""
        return self._uploads.busy or any(job.goes_on_by_itself for job in self._stager.jobs().jobs)

    async def watch(self) -> AsyncIterator[protocol.Update]:
        """First everything, then what changed, without end."""
        feed = Feed()
        self._feeds.add(feed)
        try:
            async with self._instances_in_order:
                instances = await self._instances()
                # The jobs after that has been waited for, lest they replace what the feed was told meanwhile.
                feed.put(protocol.Update([*self._stager.jobs().jobs], instances=instances))
            async for update in feed.updates():
                yield update
        finally:
            self._feeds.discard(feed)

    async def greet(self, client: int, ask: protocol.Hello) -> protocol.Welcome:
        """Who we are; the number tells the client from others. Raises BadConfiguration."""
        if ask.configuration is not None and ask.version == protocol.PROTOCOL_VERSION:
            said = Configuration.from_dict(ask.configuration)
            # Whole, also where the client hangs up meanwhile.
            await asyncio.shield(self._begin(self._take_over(client, said)))
        return protocol.Welcome(protocol.PROTOCOL_VERSION, os.getpid())

    def _table(self) -> dict[type[protocol.Request], Callable[[Any], Awaitable[msgspec.Struct]]]:
        accounts, catalog = self._accounts, self._catalog
        stager, uploads = self._stager, self._uploads
        at_rucio, here, whole = self._at_rucio, self._here, self._whole
        return {
            protocol.GetEngine: self._status,
            protocol.Leave: self._make_room,
            protocol.ListInstances: here(lambda ask: accounts.instances()),
            protocol.AddInstance: lambda ask: self._workers.run(ask.url, accounts.add_instance, ask),
            protocol.RemoveInstance: here(_done(lambda ask: accounts.remove_instance(ask.instance))),
            protocol.ExamineInstance: at_rucio(lambda ask: accounts.examine(ask.instance)),
            protocol.SignIn: at_rucio(accounts.sign_in),
            protocol.SignOut: here(lambda ask: accounts.sign_out(ask.instance)),
            protocol.ListAccounts: at_rucio(lambda ask: accounts.choices(ask.instance)),
            protocol.SwitchAccount: at_rucio(lambda ask: accounts.switch(ask.instance, ask.account)),
            protocol.ListScopes: at_rucio(catalog.scopes),
            protocol.OpenListing: at_rucio(catalog.open_listing),
            protocol.ReadListing: self._read_listing,
            protocol.CloseListing: here(_done(lambda ask: catalog.close_listing(ask.listing_id))),
            protocol.Summarize: self._summarize,
            protocol.GetMetadata: at_rucio(lambda ask: catalog.metadata(ask.instance, _did(ask))),
            protocol.GetReplicas: self._replicas,
            protocol.ListRules: at_rucio(lambda ask: protocol.Rules(catalog.rules(ask.instance, _did(ask)))),
            protocol.StartJob: lambda ask: stager.start(ask.job),
            protocol.ListJobs: _at_once(lambda ask: stager.jobs()),
            protocol.GetJob: _at_once(lambda ask: stager.job(ask.job_id)),
            protocol.ConfirmJob: whole(lambda ask: stager.confirm(ask.job_id, ask.first, ask.pattern)),
            protocol.PauseJob: whole(lambda ask: stager.pause(ask.job_id)),
            protocol.ResumeJob: whole(lambda ask: stager.resume(ask.job_id)),
            protocol.CancelJob: whole(lambda ask: stager.cancel(ask.job_id)),
            protocol.RetryJob: whole(lambda ask: stager.retry(ask.job_id, ask.download)),
            protocol.ClearJobs: whole(self._clear),
            protocol.PinJob: whole(lambda ask: stager.pin(ask.job_id, ask.pinned)),
            protocol.ListTransfers: stager.transfers,
            protocol.GetStore: lambda ask: stager.store(),
            protocol.SetLimits: stager.set_limits,
            protocol.StartUpload: lambda ask: self._workers.run(
                ask.upload.instance, uploads.start, ask.upload
            ),
            protocol.GetUpload: here(lambda ask: uploads.get(ask.upload_id, ask.known)),
            protocol.CancelUpload: here(lambda ask: uploads.cancel(ask.upload_id)),
            protocol.Evict: lambda ask: stager.evict(ask.instance, ask.did),
        }

    def _at_rucio(self, call: Callable[[Any], msgspec.Struct]) -> Callable[[Any], Awaitable[msgspec.Struct]]:
        """Answer in one of the threads kept for the instance that is asked."""
        return lambda ask: self._workers.run(ask.instance, call, ask)

    def _here(self, call: Callable[[Any], msgspec.Struct]) -> Callable[[Any], Awaitable[msgspec.Struct]]:
        return lambda ask: self._workers.run(LOCAL, call, ask)

    def _whole(self, call: Callable[[Any], Coroutine[Any, Any, T]]) -> Callable[[Any], Awaitable[T]]:
        """Done to its end though the client hangs up meanwhile, as after a second Ctrl-C."""
        return lambda ask: asyncio.shield(self._begin(call(ask)))

    async def _take_over(self, client: int, said: Configuration) -> None:
        """Go by what is said and by what the others said who are still there."""
        async with self._configuring:
            there = self._clients()
            self._said = {each: theirs for each, theirs in self._said.items() if each in there}
            self._said[client] = said
            configuration = Configuration.together(self._said.values())
            if not configuration.says_the_same(self._configuration):
                await self._configure(configuration)

    async def _configure(self, configuration: Configuration) -> None:
        """Take over what has changed, keep it for the next engine, and tell who watches."""
        if configuration.options != self._configuration.options:  # else the user's own limits stay
            set_level(configuration.options.log_level)
            self._stager.configure(configuration.options)
        self._configuration = configuration
        async with self._instances_in_order:
            before = await self._instances()
            await self._workers.run(LOCAL, self._accounts.configure, configuration)
            after = await self._instances()
            gone = {info.name for info in before} - {info.name for info in after}
            self._tell(protocol.Update(instances=after, instances_gone=sorted(gone)))
        try:
            kept = msgspec.json.encode(configuration)
            await self._workers.run(LOCAL, write_private, self._state / CONFIGURATION, kept)
        except OSError as error:
            log.warning("The configuration could not be kept: %s.", error.strerror)

    async def _status(self, ask: protocol.GetEngine) -> protocol.EngineStatus:
        return protocol.EngineStatus(
            pid=os.getpid(),
            version=__version__,
            state_path=str(self._state),
            seconds_up=time.monotonic() - self._born,
            memory_bytes=_resident_bytes(),
            clients=len(self._clients()),
            running_jobs=sum(job.state == "running" for job in self._stager.jobs().jobs),
            http_source=await asyncio.to_thread(self._stager.http_source),
        )

    async def _make_room(self, ask: protocol.Leave) -> protocol.Done:
        self._loop.call_later(LEAVE_DELAY, self._leave)
        return protocol.Done()

    async def _read_listing(self, ask: protocol.ReadListing) -> ListingPage:
        """In a thread of its own, as it waits a moment for rows that are still to come."""
        return await self._workers.run(
            f"listing {ask.listing_id}", self._catalog.read_listing, ask.listing_id, ask.offset, ask.limit
        )

    async def _summarize(self, ask: protocol.Summarize) -> protocol.Summaries:
        """What Rucio tells of the DIDs, with what of them is staged."""
        summaries = await self._workers.run(ask.instance, self._catalog.summarize, ask.instance, ask.dids)
        staged = await self._stager.local_state(ask.instance, ask.dids)
        others = [each.did for each in summaries if each.type != "file" and each.did not in staged]
        inside = await self._workers.run(ask.instance, self._stager.staged_inside, ask.instance, others)
        staged |= {did: (files, None) for did, files in inside.items()}
        return protocol.Summaries(
            [_with_staged(summary, *staged.get(summary.did, NOT_STAGED)) for summary in summaries]
        )

    async def _replicas(self, ask: protocol.GetReplicas) -> ReplicaTable:
        """What Rucio tells of the replicas, with how fast their RSEs were."""
        threads = f"replicas at {ask.instance}"  # their own: of a large collection it takes a minute
        table = await self._workers.share(threads, self._catalog.replicas, ask.instance, _did(ask))
        return self._stager.with_speeds(ask.instance, table)

    async def _clear(self, ask: protocol.ClearJobs) -> protocol.Done:
        await self._stager.clear(ask.job_ids)
        return protocol.Done()

    async def _instances(self) -> list[InstanceInfo]:
        return (await self._workers.run(LOCAL, self._accounts.instances)).instances

    def _tell(self, update: protocol.Update) -> None:
        for feed in self._feeds:
            feed.put(update)

    def _account_changed(self, instance: str) -> None:
        """May be called from any thread."""
        self._loop.call_soon_threadsafe(self._tell_of_account, instance)

    def _tell_of_account(self, instance: str) -> None:
        self._begin(self._read_and_tell(instance))

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have it done whether or not anybody waits for it."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _read_and_tell(self, instance: str) -> None:
        self._stager.account_changed(instance)
        self._uploads.account_changed(instance)
        async with self._instances_in_order:
            changed = [info for info in await self._instances() if info.name == instance]
            self._tell(protocol.Update(instances=changed, instances_gone=[] if changed else [instance]))


def _with_staged(summary: DidSummary, files: int, path: str | None) -> DidSummary:
    return msgspec.structs.replace(summary, staged_files=files, staged_path=path)


def _did(ask: protocol.GetMetadata | protocol.GetReplicas | protocol.ListRules) -> Did:
    return Did(ask.scope, ask.name)


def _done(call: Callable[[Any], object]) -> Callable[[Any], protocol.Done]:
    """The call, answering that it is done."""

    def answer(ask: Any) -> protocol.Done:
        call(ask)
        return protocol.Done()

    return answer


def _at_once(call: Callable[[Any], msgspec.Struct]) -> Callable[[Any], Awaitable[msgspec.Struct]]:
    """The call, which waits for nothing, as one that can be awaited."""

    async def answer(ask: Any) -> msgspec.Struct:
        return call(ask)

    return answer


def _resident_bytes() -> int:
    """The memory that this process occupies."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # not Linux: the most it ever occupied, in KiB or, on macOS, bytes
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return pages * os.sysconf("SC_PAGE_SIZE")
