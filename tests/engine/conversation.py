"""A few words for talking to a socket server that runs in the test itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rucio_jupyterlab.engine import protocol, wire
from rucio_jupyterlab.engine.feed import Feed
from rucio_jupyterlab.engine.server import Answers, SocketServer

HELLO = protocol.Hello(protocol.PROTOCOL_VERSION)
SECONDS = 10.0


class Talk:
    """One connection, used by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, line: bytes) -> None:
        self._writer.write(line)

    def ask(self, number: int, request: protocol.Request) -> None:
        self.say(wire.encode_ask(number, request))

    async def hear(self) -> protocol.Answer | None:
        """The next answer; None where the server hung up."""
        line = await asyncio.wait_for(self._reader.readline(), SECONDS)
        return wire.decode_answer(line) if line else None

    async def problem(self) -> Any:
        answer = await self.hear()
        assert answer is not None
        return answer.problem

    def hang_up(self) -> None:
        self._writer.close()


async def greet(client: int, ask: protocol.Hello) -> protocol.Welcome:
    return protocol.Welcome(protocol.PROTOCOL_VERSION, 1)


class Served:
    """A socket server with its watchers' feeds."""

    def __init__(self, folder: Path, answers: Answers) -> None:
        self.path = folder / "s"
        self.feeds: list[Feed] = []
        self.server = SocketServer(greet, answers, self._watch)

    async def _watch(self) -> AsyncIterator[protocol.Update]:
        self.feeds.append(Feed())
        async for update in self.feeds[-1].updates():
            yield update

    async def connect(self, greet: bool = True) -> Talk:
        talk = Talk(*await asyncio.open_unix_connection(self.path, limit=wire.ANSWER_LIMIT))
        if greet:
            talk.ask(0, HELLO)
            await talk.hear()
        return talk


@asynccontextmanager
async def serving(folder: Path, answers: Answers) -> AsyncIterator[Served]:
    served = Served(folder, answers)
    listening = await served.server.listen(served.path)
    try:
        yield served
    finally:
        listening.close()
        await served.server.hang_up()
