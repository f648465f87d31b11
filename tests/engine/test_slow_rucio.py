"""The engine at a Rucio that takes its time."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.engine import Engine
from rucio_jupyterlab.engine.workers import THREADS_EACH
from tests.accounts.wayward import Request, rucio_where, wayward

REPLICAS = protocol.GetReplicas("w", "s", "d")


async def asked(engine: Engine, request: protocol.Request) -> Any:
    return await asyncio.wait_for(engine.answers[type(request)](request), 10)


async def test_a_table_that_takes_long_is_read_once_and_holds_up_no_other_question(tmp_path: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slow(request: Request) -> None:
        reading.set()
        go_on.wait(10)
        request.begin_stream()
        request.send(b"0\r\n\r\n")

    described = {"scope": "s", "name": "d", "type": "DATASET", "length": 0, "open": False}
    replies = {
        "/replicas/list": slow,
        "/dids/s/d": lambda request: request.answer(200, json.dumps(described).encode()),
        "/scopes/": lambda request: request.answer(200, b'["s"]'),
    }
    with wayward(rucio_where(replies)) as server:
        traits = {
            "instances": [{"name": "w", "rucio_base_url": server.url}],
            "views_dir": str(tmp_path / "v"),
        }
        engine = Engine(tmp_path, lambda: None, lambda: [1])
        try:
            said = configuration_from(traits, {}).to_dict()
            await engine.greet(1, protocol.Hello(protocol.PROTOCOL_VERSION, said))
            await asked(engine, protocol.SignIn("w", "userpass", "alice", "alice", "secret"))
            tables = [asyncio.create_task(asked(engine, REPLICAS)) for _ in range(2 * THREADS_EACH)]
            assert await asyncio.to_thread(reading.wait, 10)

            assert (await asked(engine, protocol.ListScopes("w"))).scopes == ["s"]
            assert not any(table.done() for table in tables)
            go_on.set()
            assert {table.files_total for table in await asyncio.gather(*tables)} == {0}
            assert server.paths.count("/replicas/list") == 1
        finally:
            go_on.set()
            await engine.close()
