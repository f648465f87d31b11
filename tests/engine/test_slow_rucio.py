"""The engine at a Rucio that takes its time."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.catalog import listing
from rucio_jupyterlab.catalog.model import ListingPage, SearchQuery
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.engine import Engine
from rucio_jupyterlab.engine.workers import THREADS_EACH
from tests.accounts.wayward import Reply, Request, Wayward, rucio_where, wayward

REPLICAS = protocol.GetReplicas("w", "s", "d")
SEARCH = protocol.OpenListing("w", SearchQuery("s"), limit=1)


@asynccontextmanager
async def engine_at(replies: dict[str, Reply], state: Path) -> AsyncIterator[tuple[Engine, Wayward]]:
    """An engine that is signed in at a server which does what the paths say."""
    with wayward(rucio_where(replies)) as server:
        traits = {
            "instances": [{"name": "w", "rucio_base_url": server.url}],
            "views_dir": str(state / "v"),
        }
        engine = Engine(state, lambda: None, lambda: [1])
        try:
            said = configuration_from(traits, {}).to_dict()
            await engine.greet(1, protocol.Hello(protocol.PROTOCOL_VERSION, said))
            await asked(engine, protocol.SignIn("w", "userpass", "alice", "alice", "secret"))
            yield engine, server
        finally:
            await engine.close()


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
    replies: dict[str, Reply] = {
        "/replicas/list": slow,
        "/dids/s/d": lambda request: request.answer(200, json.dumps(described).encode()),
        "/scopes/": lambda request: request.answer(200, b'["s"]'),
    }
    async with engine_at(replies, tmp_path) as (engine, server):
        try:
            tables = [asyncio.create_task(asked(engine, REPLICAS)) for _ in range(2 * THREADS_EACH)]
            assert await asyncio.to_thread(reading.wait, 10)

            assert (await asked(engine, protocol.ListScopes("w"))).scopes == ["s"]
            assert not any(table.done() for table in tables)
            go_on.set()
            assert {table.files_total for table in await asyncio.gather(*tables)} == {0}
            assert server.paths.count("/replicas/list") == 1
        finally:
            go_on.set()


async def test_lists_whose_rows_do_not_come_hold_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_FULL_PAGE_PATIENCE", 0.01)
    monkeypatch.setattr(listing, "_MORE_ROWS_PATIENCE", 8.0)
    go_on = threading.Event()

    def stuck(request: Request) -> None:
        request.begin_stream()
        request.chunk(b'{"scope": "s", "name": "n", "did_type": "DATASET"}\n')
        go_on.wait(10)
        request.send(b"0\r\n\r\n")

    async with engine_at({"/dids/s/dids/search": stuck}, tmp_path) as (engine, _):
        try:
            opened: list[ListingPage] = [await asked(engine, SEARCH) for _ in range(2 * THREADS_EACH)]
            waiting = [
                asyncio.create_task(asked(engine, protocol.ReadListing(page.listing_id, 1, 1)))
                for page in opened
            ]

            assert (await asked(engine, protocol.ReadListing(opened[-1].listing_id, 0, 1))).rows
            assert len((await asked(engine, protocol.ListInstances())).instances) == 1
            assert not any(page.done() for page in waiting)
            go_on.set()
            assert all(page.complete for page in await asyncio.gather(*waiting))
        finally:
            go_on.set()
