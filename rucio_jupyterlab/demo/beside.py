"""The demo beside a running Jupyter server: its child, which ends with it in whatever way that ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import EngineDown, Failure
from ..installing import install_command
from . import run, telling

DemoState = Literal["missing", "stopped", "starting", "up"]
"""`missing`: the extra is not installed."""
LINE_LIMIT = 1 << 20
END_SECONDS = 20.0
"""Within these the parts are gone; then the child is killed, and its own children follow by themselves."""

_lines = msgspec.json.Decoder(telling.Begun | telling.Done | telling.Ready | telling.Failed)


class DemoStep(msgspec.Struct, frozen=True):
    """Something that is done to start the demo."""

    what: str
    seconds: float | None = None
    """How long it took; None while it is under way."""


class DemoStatus(msgspec.Struct, frozen=True):
    """How the demo is doing."""

    state: DemoState
    folder: str
    """Where it keeps everything."""
    log: str
    """The demo's own, or that of the part that failed."""
    needs: str | None = None
    """In state `missing`: the command that brings what is lacking."""
    steps: list[DemoStep] = []
    instance: str | None = None
    """The name of its instance, while it is up."""
    scope: str | None = None
    """Where to look first, while it is up."""
    problem: str | None = None
    """Why it could not start, or has ended by itself."""


class DemoBeside:
    """Belongs on the server's loop, which it never blocks."""

    def __init__(
        self,
        offer: Callable[[dict[str, Any] | None], Awaitable[None]],
        folder: Path | None = None,
    ) -> None:
        """`offer` is awaited with the demo's instance once it is up, and with None when it is gone."""
        self._offer = offer
        self._folder = folder or run.default_folder()
        self._log = self._folder / run.LOG
        self._steps: list[DemoStep] = []
        self._ready: telling.Ready | None = None
        self._problem: str | None = None
        self._failed_log: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def status(self) -> DemoStatus:
        needs = None if self._running else await asyncio.to_thread(needed)
        return DemoStatus(
            state=self._state(needs),
            folder=str(self._folder),
            log=self._failed_log or str(self._log),
            needs=needs,
            steps=list(self._steps),
            instance=self._ready.instance["name"] if self._ready else None,
            scope=self._ready.scope if self._ready else None,
            problem=self._problem,
        )

    async def start(self) -> DemoStatus:
        """Start it, unless it runs, or cannot."""
        needs = None if self._running else await asyncio.to_thread(needed)
        if needs is None and not self._running:  # somebody else may have started it meanwhile
            self._steps, self._problem, self._failed_log = [], None, None
            self._task = asyncio.create_task(self._run())
        return await self.status()

    async def stop(self) -> DemoStatus:
        """End it, and return when it is gone."""
        if self._task:
            if self._process and self._process.stdin:
                self._process.stdin.close()
            try:
                await asyncio.wait_for(asyncio.shield(self._task), END_SECONDS)
            except (TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
                self._task.cancel()
        return await self.status()

    @property
    def _running(self) -> bool:
        return self._task is not None and not self._task.done()

    def _state(self, needs: str | None) -> DemoState:
        if self._ready:
            return "up"
        if self._running:
            return "starting"
        return "missing" if needs else "stopped"

    async def _run(self) -> None:
        """The child's life, from its start to its end."""
        try:
            self._process = await self._spawn()
        except OSError as error:
            self._problem = f"The demo cannot be started in {self._folder}: {error.strerror}."
            return
        try:
            await self._listen(self._process)
            status = await self._process.wait()
            if status and not self._problem:
                self._problem = f"The demo ended with status {status}."
        except Failure as failure:
            self._problem = str(failure)
        except (msgspec.MsgspecError, ValueError):  # ValueError: a line beyond the limit
            self._problem = "The demo said something that cannot be read."
        finally:
            await self._gone(self._process)

    async def _gone(self, process: asyncio.subprocess.Process) -> None:
        """See to it that the child ends, and take its instance away."""
        self._process = None
        if process.returncode is None:
            process.kill()
            await process.wait()
        if self._ready:
            self._ready = None
            with suppress(EngineDown):  # an engine that is not there will not be told of the demo again
                await self._offer(None)

    async def _spawn(self) -> asyncio.subprocess.Process:
        log = await asyncio.to_thread(self._open_log)
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "rucio_jupyterlab.demo"),
                *("--serve", "--folder", str(self._folder)),
                cwd=self._folder,  # lest a file beside the user shadows a module
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_LIMIT,
                start_new_session=True,  # Ctrl-C is the Jupyter server's to answer
            )
        finally:
            os.close(log)

    def _open_log(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Note what the child tells, until it tells no more."""
        assert process.stdout
        async for text in process.stdout:
            match _lines.decode(text):
                case telling.Begun(what):
                    self._steps.append(DemoStep(what))
                case telling.Done(seconds):
                    self._steps[-1] = DemoStep(self._steps[-1].what, seconds)
                case telling.Failed(why, log):
                    self._problem, self._failed_log = why, log
                case telling.Ready() as ready:
                    await self._offer(ready.instance)
                    self._ready = ready


def needed() -> str | None:
    """The command that brings what the extra lacks; None where it lacks nothing. Looks through folders."""
    return install_command("demo") if run.lacking() else None
