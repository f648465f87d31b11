"""The way to the engine for an asyncio program: asks, is told what changes, restarts what died."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import BadConfiguration, BadRequest, EngineDown, Problem, outline
from . import protocol, wire
from .start import Configuration, NewerEngine, open_connection

ASK_TIMEOUT = 100.0
"""Seconds for one answer: a Rucio may be slow, and a question may wait for its turn."""
DEATHS, WINDOW = 3, 60.0
"""After so many deaths within so many seconds the engine is not started again until someone asks for it."""
BACK_OFF = (0.0, 0.0, 1.0)
"""Seconds to wait before a start, by the number of recent deaths."""

log = logging.getLogger(__name__)

LinkState = Literal["starting", "up", "down"]
"""`starting`: not there yet, or being restarted; `down`: it died too often, and waits to be asked for."""


class EngineLink:
    """One connection, shared by all who ask, opened when first needed and again when lost.

    From the first question on, `on_update` is awaited with what changes, over every restart; the first
    update of each connection holds everything. `on_state` is called with each change of the link's state.
    """

    def __init__(
        self,
        state_folder: Callable[[], Path],
        configuration: Configuration | None,
        on_update: Callable[[protocol.Update], Awaitable[None]],
        on_state: Callable[[LinkState, Problem | None], None],
    ) -> None:
        self._state_folder = state_folder
        self._configuration = configuration
        self._on_update = on_update
        self._on_state = on_state
        self._connection: _Connection | None = None
        self._opening: asyncio.Task[_Connection] | None = None
        """Under way; shared, so that it survives those who give up waiting for it."""
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._state: LinkState = "starting"
        self._problem: Problem | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def state(self) -> LinkState:
        """How it stood when last used."""
        return self._state

    async def ask(self, request: protocol.Request, timeout: float = ASK_TIMEOUT) -> Any:
        """The reply, of the type in `REPLIES`. Raises EngineDown, or the engine's failure as Remote."""
        try:
            return await asyncio.wait_for(self._ask(request), timeout)
        except (TimeoutError, asyncio.TimeoutError) as error:  # two classes before Python 3.11
            raise EngineDown(f"The engine did not answer within {timeout:.0f} s.") from error

    async def configure(self, configuration: Configuration) -> None:
        """Have the engine take another configuration, now and at every later start. Raises EngineDown."""
        self._configuration = configuration
        await self.ask(protocol.Hello(protocol.PROTOCOL_VERSION, configuration))

    def retry(self) -> None:
        """Forget earlier deaths; the next question starts the engine again."""
        self._deaths.clear()
        if self._state == "down":
            self._set_state("starting")

    def close(self) -> None:
        """Hang up for good; the engine lives on while it has work."""
        for task in (self._opening, self._watching):
            if task:
                task.cancel()
        if self._connection:
            self._connection.close()

    async def _ask(self, request: protocol.Request) -> Any:
        connection = await self._connected()
        return await connection.ask(request)

    async def _connected(self) -> _Connection:
        if self._connection and not self._connection.lost:
            return self._connection
        if not self._opening or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> _Connection:
        if self._connection:
            self._connection = None
            self._died("The engine ended.")
        if self._state == "down" and self._problem:
            raise EngineDown(self._problem.detail, do=self._problem.do)
        self._set_state("starting")
        await asyncio.sleep(BACK_OFF[min(len(self._deaths), len(BACK_OFF) - 1)])
        try:
            opened = await asyncio.to_thread(self._open_socket)
        except NewerEngine as failure:
            self._give_up(failure)
            raise
        except EngineDown as failure:
            self._died(str(failure))
            raise
        self._connection = await _Connection.over(opened)
        self._set_state("up")
        self._watching = asyncio.create_task(self._watch(self._connection))
        return self._connection

    def _open_socket(self) -> socket.socket:
        try:
            return open_connection(self._state_folder(), self._configuration)
        except (BadConfiguration, BadRequest) as failure:  # of the configuration, which hello carries
            raise EngineDown(str(failure)) from failure

    async def _watch(self, connection: _Connection) -> None:
        """Hand on what changes until the connection is lost; then see to it that there is another."""
        async for update in connection.watch():
            try:
                await self._on_update(update)
            except Exception as error:  # noqa: BLE001 -- an event is a hint; the next one may be taken
                log.error("A change could not be told: %s", outline(error))
        while self._state != "down":
            with suppress(EngineDown):  # counted as a death; after a few of them the state is down
                await self._connected()
                return

    def _died(self, why: str) -> None:
        now = time.monotonic()
        self._deaths.append(now)
        if len(self._deaths) == DEATHS and now - self._deaths[0] < WINDOW:
            self._give_up(EngineDown(f"{why} It is not started again until you ask for it."))

    def _give_up(self, failure: EngineDown) -> None:
        self._set_state("down", failure.problem())

    def _set_state(self, state: LinkState, problem: Problem | None = None) -> None:
        if (state, problem) != (self._state, self._problem):
            self._state, self._problem = state, problem
            self._on_state(state, problem)


class _Connection:
    """One connection that has said hello; answers are matched to questions by number."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Queue[protocol.Answer | None]] = {}
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def over(cls, opened: socket.socket) -> _Connection:
        return cls(*await asyncio.open_unix_connection(sock=opened, limit=wire.ANSWER_LIMIT))

    @property
    def lost(self) -> bool:
        return self._reading.done()

    async def ask(self, request: protocol.Request) -> Any:
        """The one reply. Raises EngineDown where the connection is lost meanwhile."""
        with self._asked(request) as answers:
            answer = await answers.get()
        if answer is None:
            raise EngineDown("The engine ended before it answered.")
        return wire.decode_reply(type(request), answer)

    async def watch(self) -> AsyncIterator[protocol.Update]:
        """Updates until the connection is lost."""
        with self._asked(protocol.Watch()) as answers:
            while answer := await answers.get():
                yield wire.decode_reply(protocol.Watch, answer)

    def close(self) -> None:
        self._reading.cancel()
        self._writer.close()

    @contextmanager
    def _asked(self, request: protocol.Request) -> Iterator[asyncio.Queue[protocol.Answer | None]]:
        """The answers to a question, as they come; None after the last, when the connection is lost."""
        number = next(self._numbers)
        line = wire.encode_ask(number, request)
        answers = self._answers[number] = asyncio.Queue()
        if self.lost:
            answers.put_nowait(None)
        else:
            self._writer.write(line)
        try:
            yield answers
        finally:
            del self._answers[number]

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                answer = wire.decode_answer(line)
                if queue := self._answers.get(answer.number):
                    queue.put_nowait(answer)
        except (OSError, ValueError, msgspec.DecodeError):
            pass  # lost, or no engine: both end the connection
        finally:
            self._writer.close()
            for queue in self._answers.values():
                queue.put_nowait(None)
