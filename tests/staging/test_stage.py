"""From a DID to files that can be opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rucio_jupyterlab.did import Did
from tests.lab.lab import Lab

Desks = Callable[..., Any]


async def test_a_dataset_is_staged_under_its_names(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    contents = {f"file{number}.txt": os.urandom(1000 * number) for number in range(20)}
    lab.put_many(scope, contents, dataset="run1")
    async with desk() as it:
        job = await it.stage(Did(scope, "run1"))
        assert (job.state, job.files_done, job.bytes_done) == ("done", 20, sum(map(len, contents.values())))
        assert it.files() == {f"{scope}/run1/{name}": content for name, content in contents.items()}
        assert it.parts() == []


async def test_a_large_file_comes_in_ranges(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    content = os.urandom(40_000_001)
    did = lab.put(scope, "big", content, rses=["ALPHA_DISK", "BETA_DISK"])
    async with desk() as it:
        job = await it.stage(did)
        assert job.state == "done"
        assert it.files() == {f"{scope}/big": content}


async def test_what_is_here_is_linked_not_read_again(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    did = lab.put(scope, "a", b"abc", dataset="run1")
    async with desk() as it:
        await it.stage(did)
        served = lab.alpha.bytes_read()
        job = await it.stage(Did(scope, "run1"))
        assert (job.state, job.files_here) == ("done", 1)
        assert lab.alpha.bytes_read() == served
        assert it.files() == {f"{scope}/a": b"abc", f"{scope}/run1/a": b"abc"}


async def test_a_corrupt_replica_is_passed_over(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    did = lab.put(scope, "a", b"good", rses=["ALPHA_DISK", "BETA_DISK"])
    lab.alpha.path(scope, "a").write_bytes(b"evil")
    async with desk() as it:
        job = await it.stage(did)
        assert job.state == "done"
        assert it.files() == {f"{scope}/a": b"good"}


async def test_a_pattern_that_matches_nothing_is_told(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    did = lab.put(scope, "a.root", b"abc")
    async with desk() as it:
        job = await it.stage(did, pattern="*.rot")
        assert (job.state, job.files_total) == ("failed", 0)
        assert job.problem is not None
        assert job.problem.detail == f"No file of {scope}:a.root matches “*.rot”."


async def test_nobody_is_asked_to_confirm_what_only_tape_holds(lab: Lab, desk: Desks) -> None:
    scope = lab.scope()
    did = lab.register(scope, "old", b"x" * 100, rse="TAPE_ONLY")
    async with desk(confirm_bytes=10) as it:
        job = await it.stage(did)
        assert (job.state, job.files_unreachable, job.problem.do) == ("failed", 1, "recall")
