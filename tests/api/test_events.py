"""What the server says on Jupyter's event bus, heard by a subscriber as the panel is one."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from rucio_jupyterlab.accounts.model import AccountStatus, InstanceInfo
from rucio_jupyterlab.api.bus import Events
from rucio_jupyterlab.engine.protocol import Update
from rucio_jupyterlab.errors import Problem
from rucio_jupyterlab.staging.model import JobProgress
from tests.api.calls import Fetch, call
from tests.api.hearing import subscribe

JOBS = "urn:rucio-jupyterlab:jobs:v1"
INSTANCES = "urn:rucio-jupyterlab:instances:v1"
ENGINE = "urn:rucio-jupyterlab:engine:v1"
PROBLEM = Problem("no-space", "The disk is full.", "free-space", 507, "Whatever")
JOB = JobProgress(
    "j1",
    "waiting",
    cause="space",
    problem=PROBLEM,
    notice="slow",
    seconds_left=1.5,
    free_bytes=3,
    path="/somewhere",
    finished_at=2.5,
)
INSTANCE = InstanceInfo(
    "lab", "The lab", "https://rucio", ["userpass"], AccountStatus("signed-out"), "jupyter", "a file"
)


def events_of(serverapp: Any) -> Events:
    """The emitter of the loaded extension."""
    (extension,) = serverapp.extension_manager.extension_apps["rucio_jupyterlab"]
    events: Events = extension.events
    return events


async def test_a_job_is_told_with_a_rising_number(jp_serverapp: Any, jp_ws_fetch: Any) -> None:
    hear = await subscribe(jp_ws_fetch)
    await events_of(jp_serverapp).tell_update(Update([JOB]))
    await events_of(jp_serverapp).tell_update(Update(gone=["j1"]))
    first, second = await hear(), await hear()
    assert (first["schema_id"], first["seq"], second["seq"]) == (JOBS, 1, 2)
    assert first["jobs"] == [msgspec.to_builtins(JOB)]
    assert (second["jobs"], second["gone"]) == ([], ["j1"])


async def test_instances_and_the_engine_are_told_each_under_its_own_name(
    jp_serverapp: Any, jp_ws_fetch: Any
) -> None:
    hear = await subscribe(jp_ws_fetch)
    await events_of(jp_serverapp).tell_update(Update(instances=[INSTANCE], instances_gone=["old"]))
    events_of(jp_serverapp).tell_link("down", PROBLEM)
    first, second = await hear(), await hear()
    assert (first["schema_id"], first["instances"][0]["name"], first["gone"]) == (INSTANCES, "lab", ["old"])
    assert (second["schema_id"], second["state"], second["problem"]["do"]) == (ENGINE, "down", "free-space")


async def test_many_jobs_are_told_in_parts_that_others_can_pass(jp_serverapp: Any, jp_ws_fetch: Any) -> None:
    hear = await subscribe(jp_ws_fetch)
    jobs = [msgspec.structs.replace(JOB, id=f"j{number}") for number in range(25)]
    passed = asyncio.create_task(asyncio.sleep(0))
    await events_of(jp_serverapp).tell_update(Update(jobs))
    assert passed.done()
    told = [await hear() for _ in range(3)]
    assert [event["seq"] for event in told] == [1, 2, 3]
    assert [job["id"] for event in told for job in event["jobs"]] == [job.id for job in jobs]


async def test_nothing_new_is_no_event(jp_serverapp: Any, jp_ws_fetch: Any) -> None:
    hear = await subscribe(jp_ws_fetch)
    await events_of(jp_serverapp).tell_update(Update())
    await events_of(jp_serverapp).tell_update(Update([JOB]))
    assert (await hear())["seq"] == 1


async def test_the_start_of_the_engine_is_heard(jp_fetch: Fetch, jp_ws_fetch: Any) -> None:
    hear = await subscribe(jp_ws_fetch)
    assert (await call(jp_fetch, "GET engine")).body["state"] == "up"
    event = await hear()
    assert (event["schema_id"], event["state"], event["problem"]) == (ENGINE, "up", None)
