"""The socket server, with answers made for the test."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.engine import protocol, wire
from rucio_jupyterlab.engine.feed import MOST_PER_SECOND
from rucio_jupyterlab.errors import SignInNeeded
from rucio_jupyterlab.staging.model import JobProgress, Jobs
from tests.engine.conversation import Talk, serving
from tests.engine.processes import eventually

JOB = JobProgress("j1", "running")


async def no_jobs(ask: protocol.ListJobs) -> Jobs:
    return Jobs([])


async def test_a_slow_answer_does_not_hold_up_a_later_question(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def slow(ask: protocol.ListInstances) -> Any:
        await released.wait()
        return Jobs([])

    async with serving(tmp_path, {protocol.ListInstances: slow, protocol.ListJobs: no_jobs}) as served:
        talk = await served.connect()
        talk.ask(1, protocol.ListInstances())
        talk.ask(2, protocol.ListJobs())
        first = await talk.hear()
        released.set()
        second = await talk.hear()
    assert [first and first.number, second and second.number] == [2, 1]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff\x00\n",
        b"{}\n",
        b'{"number":"x"}\n',
        b"[" * 100_000 + b"\n",
        b'{"number":1,"body":' + b"[" * 100_000 + b"\n",
    ],
)
async def test_garbage_ends_its_own_connection_alone(
    tmp_path: Path, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, {protocol.ListJobs: no_jobs}) as served:
        good, bad = await served.connect(), await served.connect()
        bad.say(garbage)
        assert await bad.hear() is None
        good.ask(1, protocol.ListJobs())
        assert await good.hear()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_line_without_end_ends_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ASK_LIMIT", 1000)
    async with serving(tmp_path, {}) as served:
        talk = await served.connect()
        talk.say(b"x" * 5000)
        assert await talk.hear() is None


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"ask":"Nothing"}',
        b'{"ask":"GetJob"}',
        b'{"ask":"GetJob","job_id":3}',
        b'{"ask":"GetJob","job_id":"\xff"}',
        b"[]",
        b"null",
    ],
)
async def test_an_unknown_or_malformed_question_is_a_bad_request(tmp_path: Path, body: bytes) -> None:
    async with serving(tmp_path, {}) as served:
        talk = await served.connect()
        talk.say(msgspec.json.encode(protocol.Ask(7, msgspec.Raw(body))) + b"\n")
        assert (await talk.problem()).type == "bad-request"


async def test_nothing_is_answered_before_hello(tmp_path: Path) -> None:
    async with serving(tmp_path, {protocol.ListJobs: no_jobs}) as served:
        talk = await served.connect(greet=False)
        talk.ask(1, protocol.ListJobs())
        assert (await talk.problem()).type == "bad-request"


async def test_a_client_of_another_version_may_only_ask_the_engine_to_leave(tmp_path: Path) -> None:
    async def leave(ask: protocol.Leave) -> protocol.Done:
        return protocol.Done()

    async with serving(tmp_path, {protocol.ListJobs: no_jobs, protocol.Leave: leave}) as served:
        talk = await served.connect(greet=False)
        talk.ask(0, protocol.Hello(protocol.PROTOCOL_VERSION + 1))
        await talk.hear()
        talk.ask(1, protocol.ListJobs())
        assert (await talk.problem()).type == "conflict"
        talk.ask(2, protocol.Leave())
        answer = await talk.hear()
    assert answer is not None
    assert answer.problem is None


async def test_a_failure_crosses_with_its_remedy(tmp_path: Path) -> None:
    async def refuse(ask: protocol.ListJobs) -> Any:
        raise SignInNeeded("Sign in first.", exception="CannotAuthenticate")

    async with serving(tmp_path, {protocol.ListJobs: refuse}) as served:
        talk = await served.connect()
        talk.ask(1, protocol.ListJobs())
        problem = await talk.problem()
    assert (problem.do, problem.detail, problem.exception) == (
        "signin",
        "Sign in first.",
        "CannotAuthenticate",
    )


@pytest.mark.parametrize("kind", [RuntimeError, ConnectionResetError])
async def test_an_unforeseen_error_tells_neither_client_nor_log_its_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    async def break_down(ask: protocol.ListJobs) -> Any:
        raise kind("https://storage/file?signature=SECRET")

    with caplog.at_level(logging.DEBUG):
        async with serving(tmp_path, {protocol.ListJobs: break_down}) as served:
            talk = await served.connect()
            talk.ask(1, protocol.ListJobs())
            problem = await talk.problem()
    assert problem.type == "internal"
    assert f"{kind.__name__} at" in caplog.text
    assert "SECRET" not in caplog.text + problem.detail


async def test_who_asks_on_and_on_is_answered_a_bounded_number_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.engine.server.MOST_AT_ONCE", 3)
    released = asyncio.Event()
    at_once = most = 0

    async def wait(ask: protocol.ListJobs) -> Jobs:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await released.wait()
        at_once -= 1
        return Jobs([])

    async with serving(tmp_path, {protocol.ListJobs: wait}) as served:
        talk = await served.connect()
        for number in range(20):
            talk.ask(number, protocol.ListJobs())
        await eventually(lambda: at_once == 3)
        released.set()
        answers = [await talk.hear() for _ in range(20)]
    assert sorted(answer.number for answer in answers if answer) == list(range(20))
    assert most == 3


async def test_hanging_up_cancels_what_was_asked(tmp_path: Path) -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(ask: protocol.ListJobs) -> Any:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(tmp_path, {protocol.ListJobs: wait}) as served:
        talk = await served.connect()
        talk.ask(1, protocol.ListJobs())
        await asked.wait()
        talk.hang_up()
        await asyncio.wait_for(cancelled.wait(), 10)
        assert not served.server.clients()


async def watching(served: Any) -> Talk:
    talk: Talk = await served.connect()
    talk.ask(1, protocol.Watch())
    await eventually(lambda: served.feeds)
    return talk


async def test_a_watcher_hears_a_bounded_number_of_updates_and_always_the_last_state(tmp_path: Path) -> None:
    async with serving(tmp_path, {}) as served:
        talk = await watching(served)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for count in range(300):
            served.feeds[0].put(protocol.Update([msgspec.structs.replace(JOB, files_done=count)]))
            await asyncio.sleep(0.002)
        served.feeds[0].put(protocol.Update([msgspec.structs.replace(JOB, state="done")]))
        heard: list[JobProgress] = []
        while not heard or heard[-1].state != "done":
            answer = await talk.hear()
            assert answer
            heard += wire.decode_reply(protocol.Watch, answer).jobs
        assert len(heard) <= (loop.time() - begin + 1) * MOST_PER_SECOND


async def test_what_changes_between_two_updates_is_told_together(tmp_path: Path) -> None:
    async with serving(tmp_path, {}) as served:
        talk = await watching(served)
        other = msgspec.structs.replace(JOB, id="j2")
        served.feeds[0].put(protocol.Update([JOB, other]))
        served.feeds[0].put(protocol.Update(gone=["j1"]))
        answer = await talk.hear()
    assert answer
    assert wire.decode_reply(protocol.Watch, answer) == protocol.Update([other], gone=["j1"])
