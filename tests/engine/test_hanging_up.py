"""What becomes of what a client asked for that hangs up before it is answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.engine import Engine
from rucio_jupyterlab.staging.model import JobRequest, JobSnapshot
from rucio_jupyterlab.staging.stager import Stager


async def test_a_job_is_cancelled_to_the_end_though_nobody_waits_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def cancel(stager: Stager, job_id: str) -> JobSnapshot:
        begun.set()
        await go_on.wait()
        ended.set()
        return JobSnapshot(job_id, "cancelled", request=JobRequest("lab", []))

    monkeypatch.setattr(Stager, "cancel", cancel)
    monkeypatch.setenv("HOME", str(tmp_path))
    engine = Engine(tmp_path / "state", lambda: None, list)
    try:
        asked = asyncio.ensure_future(engine.answers[protocol.CancelJob](protocol.CancelJob("j1")))
        await begun.wait()
        asked.cancel()
        await asyncio.wait([asked])
        go_on.set()
        await asyncio.wait_for(ended.wait(), 10)
    finally:
        await engine.close()
