"""The extension's way to a real engine, over the engine's deaths."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine import link as link_module
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.link import EngineLink, LinkState
from rucio_jupyterlab.errors import EngineDown, Problem, Remote
from tests.engine.processes import end, eventually, was_used


class Recorded:
    """A link, and everything that it told."""

    def __init__(self, state: Path) -> None:
        self.states: list[LinkState] = []
        self.updates: list[protocol.Update] = []
        self.link = EngineLink(lambda: state, None, self._hear, self._note)

    async def _hear(self, update: protocol.Update) -> None:
        self.updates.append(update)

    def _note(self, state: LinkState, problem: Problem | None) -> None:
        self.states.append(state)

    async def pid(self) -> int:
        status: protocol.EngineStatus = await self.link.ask(protocol.GetEngine())
        return status.pid

    async def until(self, state: LinkState) -> None:
        await eventually(lambda: self.link.state == state)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    end(tmp_path / "state")


@asynccontextmanager
async def linked(state: Path) -> AsyncIterator[Recorded]:
    recorded = Recorded(state)
    try:
        yield recorded
    finally:
        recorded.link.close()


async def test_nothing_is_started_before_somebody_asks(state: Path) -> None:
    async with linked(state) as recorded:
        await asyncio.sleep(0.1)
        assert recorded.states == []
    assert not was_used(state)


async def test_many_questions_at_once_share_one_connection(state: Path) -> None:
    async with linked(state) as recorded:
        answers = await asyncio.gather(*(recorded.link.ask(protocol.GetEngine()) for _ in range(50)))
    assert {answer.clients for answer in answers} == {1}


async def test_a_failure_of_the_engine_is_raised_as_it_was(state: Path) -> None:
    async with linked(state) as recorded:
        with pytest.raises(Remote) as raised:
            await recorded.link.ask(protocol.GetJob("nothing"))
    assert raised.value.problem().type == "not-found"


async def test_the_first_update_of_each_connection_holds_everything(state: Path) -> None:
    async with linked(state) as recorded:
        pid = await recorded.pid()
        await eventually(lambda: recorded.updates)
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: len(recorded.updates) > 1)
    assert recorded.states == ["up", "starting", "up"]


async def test_an_engine_that_was_killed_is_replaced_without_being_asked_for(state: Path) -> None:
    async with linked(state) as recorded:
        first = await recorded.pid()
        os.kill(first, signal.SIGKILL)
        await recorded.until("starting")
        await recorded.until("up")
        assert await recorded.pid() != first


async def test_a_question_under_way_when_it_dies_is_told_so(state: Path) -> None:
    async with linked(state) as recorded:
        pid = await recorded.pid()
        os.kill(pid, signal.SIGSTOP)
        asking = asyncio.create_task(recorded.link.ask(protocol.GetEngine()))
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineDown):
            await asking


async def test_after_three_deaths_in_short_order_it_stays_down_until_asked_to_retry(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "BACK_OFF", (0.0,))
    async with linked(state) as recorded:
        for _ in range(link_module.DEATHS):
            os.kill(await recorded.pid(), signal.SIGKILL)
            await eventually(lambda: recorded.link.state != "up")
        await recorded.until("down")
        with pytest.raises(EngineDown, match="until you ask"):
            await recorded.pid()
        recorded.link.retry()
        assert await recorded.pid()
    assert recorded.states[-1] == "up"


async def test_a_listener_that_fails_hears_of_later_changes_all_the_same(state: Path) -> None:
    heard: list[protocol.Update] = []

    async def hear(update: protocol.Update) -> None:
        heard.append(update)
        raise ValueError("the bus refuses it")

    link = EngineLink(lambda: state, None, hear, lambda state, problem: None)
    try:
        await link.ask(protocol.GetEngine())
        await eventually(lambda: heard)
        added = {"name": "added", "rucio_base_url": "https://rucio.invalid"}
        await link.configure(configuration_from({"instances": [added]}, {}).to_dict())
        await eventually(lambda: any(info.name == "added" for each in heard for info in each.instances))
    finally:
        link.close()


async def test_a_configuration_that_is_no_text_is_told_where_an_engine_runs_already(state: Path) -> None:
    configuration = {"instances": [{"name": "lab", "source_detail": "/caf\udce9/jupyter_config.json"}]}
    async with linked(state) as recorded:
        assert await recorded.pid()
        other = EngineLink(lambda: state, configuration, recorded._hear, recorded._note)
        with pytest.raises(EngineDown, match="UTF-8"):
            await other.ask(protocol.GetEngine())
        other.close()


async def test_an_answer_that_does_not_come_is_given_up(state: Path) -> None:
    async with linked(state) as recorded:
        pid = await recorded.pid()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EngineDown, match="did not answer"):
            await recorded.link.ask(protocol.GetEngine(), timeout=0.2)
        os.kill(pid, signal.SIGCONT)
        assert await recorded.pid() == pid
