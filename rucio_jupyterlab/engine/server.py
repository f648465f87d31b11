"""The engine's socket: reads questions, has them answered side by side, writes the answers."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadRequest, Conflict, Failure, Problem, outline
from . import protocol, wire

log = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
"""Questions of one client that are answered at one time. Who asks more, or reads no answer, is not read either."""

Answers = Mapping[type[protocol.Request], Callable[[Any], Awaitable[msgspec.Struct]]]
"""Who answers which question; one that is hung up on is cancelled."""
Greet = Callable[[int, protocol.Hello], Awaitable[protocol.Welcome]]
"""Who answers hello; the number is that of the connection over which it was said."""


class SocketServer:
    """Serves any number of clients of the same user; none of them can disturb another."""

    def __init__(
        self, greet: Greet, answers: Answers, watch: Callable[[], AsyncIterator[protocol.Update]]
    ) -> None:
        self._greet = greet
        self._answers = answers
        self._watch = watch
        self._numbers = itertools.count(1)
        self._connections: dict[int, asyncio.Task[None]] = {}

    def clients(self) -> Collection[int]:
        """The numbers of the connections that there are."""
        return self._connections.keys()

    async def listen(self, path: Path) -> asyncio.Server:
        """Accept clients at that path, which nobody but this user can reach."""
        return await asyncio.start_unix_server(self._accept, path, limit=wire.ASK_LIMIT)

    async def hang_up(self) -> None:
        """End every connection and what was asked over it."""
        for connection in self._connections.values():
            connection.cancel()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        number = next(self._numbers)
        self._connections[number] = task
        try:
            answers: Answers = {**self._answers, protocol.Hello: partial(self._greet, number)}
            await _Connection(answers, self._watch, writer).serve(reader)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client hung up, or the engine ends
        finally:
            del self._connections[number]
            writer.close()


class _Connection:
    """One client: says hello, asks, watches, until it hangs up."""

    def __init__(
        self,
        answers: Answers,
        watch: Callable[[], AsyncIterator[protocol.Update]],
        writer: asyncio.StreamWriter,
    ) -> None:
        self._answers = answers
        self._watch = watch
        self._writer = writer
        self._writing = asyncio.Lock()
        self._version: int | None = None
        """The client's, once it has said hello."""

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the client hangs up, or sends something that is no question at all."""
        questions: set[asyncio.Task[None]] = set()
        room = asyncio.Semaphore(MOST_AT_ONCE)

        def answered(question: asyncio.Task[None]) -> None:
            questions.discard(question)
            room.release()

        try:
            while line := await reader.readline():
                await room.acquire()
                question = asyncio.create_task(self._answer(wire.decode_ask(line)))
                questions.add(question)
                question.add_done_callback(answered)
        except (BadRequest, ValueError):  # ValueError: a line beyond the limit
            log.warning("A client sent something that is no question; it is hung up on.")
        finally:
            for question in questions:
                question.cancel()

    async def _answer(self, ask: protocol.Ask) -> None:
        with suppress(ConnectionError):  # nobody listens any more; `serve` sees the end of the connection
            async with aclosing(self._lines(ask)) as lines:
                async for line in lines:
                    await self._write(line)

    async def _lines(self, ask: protocol.Ask) -> AsyncGenerator[bytes, None]:
        """What is said to a question: the reply, or one after the other to a watcher; or a problem."""
        try:
            request = wire.decode_request(ask.body)
            self._check_version(request)
            if isinstance(request, protocol.Watch):
                async for update in self._watch():
                    yield wire.encode_reply(ask.number, update)
            else:
                yield wire.encode_reply(ask.number, await self._answers[type(request)](request))
        except Failure as failure:
            yield wire.encode_problem(ask.number, failure.problem())
        except Exception as error:  # noqa: BLE001 -- one broken answer must not end the engine
            log.error("A question failed: %s", outline(error))
            yield wire.encode_problem(ask.number, INTERNAL)

    def _check_version(self, request: protocol.Request) -> None:
        if isinstance(request, protocol.Hello):
            self._version = request.version
        elif self._version is None:
            raise BadRequest("Say hello first.")
        elif self._version != protocol.PROTOCOL_VERSION and not isinstance(request, protocol.Leave):
            raise Conflict(f"Process {os.getpid()} speaks version {protocol.PROTOCOL_VERSION} alone.")

    async def _write(self, line: bytes) -> None:
        async with self._writing:
            self._writer.write(line)
            await self._writer.drain()


INTERNAL = Problem("internal", "The engine failed at this; its log tells where.", "report", 500)
