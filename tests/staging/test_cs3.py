"""Staging from CS3 clouds: a real Rucio, a gateway whose faults are known, and the byte engine between."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.sources import cs3
from rucio_jupyterlab.sources.part import RANGE_BYTES
from rucio_jupyterlab.staging import planner, transfers
from rucio_mesh.testing import seeding
from rucio_mesh.testing.cs3.profiles import ProfileName
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab, described

Desks = Callable[..., Any]
SMALL = os.urandom(100_000)
LARGE = os.urandom(2 * RANGE_BYTES + 12_345)
BEGINNING_OF_ITS_TOKENS = "eyJhbGciOiAiSFMyNTYi"
"""Of all JSON web tokens of the test gateway."""
PROFILES: tuple[ProfileName, ...] = ("eos", "localfs", "opencloud")


@pytest.fixture
def eos(lab: Lab, tmp_path: Path) -> Iterator[Cloud]:
    with cloud(lab, tmp_path / "eos") as running:
        yield running


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_dataset_comes_from_a_cloud(
    lab: Lab, desk: Desks, tmp_path: Path, profile: ProfileName
) -> None:
    with cloud(lab, tmp_path / profile, profile) as there:
        scope = lab.scope()
        contents = {"small": SMALL, "large": LARGE, "empty": b""}
        there.put_many(scope, contents, dataset="run1")
        async with desk(instance=there.keys()) as it:
            job = await it.stage(Did(scope, "run1"))
            assert (job.state, job.files_done) == ("done", 3), job.problem
            assert it.files() == {f"{scope}/run1/{name}": content for name, content in contents.items()}
            assert {row.rse for row in await it.rows(job)} == {there.rse}
        served = there.gateway.meter.bytes_served
        assert served == sum(map(len, contents.values()))
        ranged = [status for method, status in there.gateway.meter.requests if status == 206]
        assert bool(ranged) == (profile != "localfs")


async def test_a_replica_is_shown_with_its_protocol(lab: Lab, desk: Desks, eos: Cloud) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    async with desk(instance=eos.keys()) as it:
        (row,) = it.catalog.replicas("lab", did).rses
    assert (row.rse, row.schemes, row.reach) == (eos.rse, ["cs3"], "http")


async def test_tokens_that_lapse_in_the_middle_are_renewed(lab: Lab, desk: Desks, eos: Cloud) -> None:
    scope = lab.scope()
    eos.put_many(scope, {f"f{number}": LARGE for number in range(5)}, dataset="run1")
    eos.gateway.faults.arm("lapse", 1_000_000, times=1)
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(Did(scope, "run1"))
        assert (job.state, job.files_done) == ("done", 5), job.problem
    refused = [status for _, status in eos.gateway.meter.requests if status in (401, 403)]
    assert refused, "the tokens did not lapse while they were in use"
    assert 2 <= eos.gateway.counts["Authenticate"] <= 4


async def test_a_lapsed_transfer_alone_is_begun_anew(lab: Lab, desk: Desks, eos: Cloud) -> None:
    did = eos.put(lab.scope(), "f", LARGE)
    eos.gateway.faults.seconds_per_mebibyte = 0.05
    async with desk(instance=eos.keys(), max_connections_per_host=1) as it:
        job = await it.start(did)
        await it.until(job, lambda now: now.bytes_done > 0 or eos.gateway.meter.bytes_served > 0)
        eos.gateway.transfers.tokens.lapse()
        assert (await it.end_of(job)).state == "done"
    assert 403 in [status for _, status in eos.gateway.meter.requests]
    assert eos.gateway.counts["Authenticate"] == 1
    assert eos.gateway.counts["InitiateFileDownload"] == 2


async def test_an_address_that_lapses_soon_is_asked_for_again_in_time(
    lab: Lab, desk: Desks, eos: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cs3, "LEAST_SECONDS", -1.0)
    eos.gateway.transfers.tokens.seconds = 10
    did = eos.put(lab.scope(), "f", LARGE)
    async with desk(instance=eos.keys(), max_connections_per_host=1) as it:
        assert (await it.stage(did)).state == "done"
    assert eos.gateway.counts["InitiateFileDownload"] > 1
    assert {status for _, status in eos.gateway.meter.requests} == {206}


@pytest.mark.parametrize("changed", [False, True], ids=["same", "changed"])
async def test_another_engine_goes_on_with_what_is_there_if_it_is_the_same_file(
    lab: Lab, desk: Desks, eos: Cloud, changed: bool
) -> None:
    scope = lab.scope()
    did = eos.put(scope, "f", LARGE)
    async with desk(instance=eos.keys(), max_connections_per_host=1, bandwidth_limit=20_000_000) as it:
        job = await it.start(did)
        await it.until(job, lambda now: now.bytes_done > RANGE_BYTES + 1_000_000)
    served = eos.gateway.meter.bytes_served
    if changed:
        eos.path(scope, "f").unlink()
        eos.path(scope, "f").write_bytes(LARGE)
    async with desk(instance=eos.keys(), max_connections_per_host=1) as it:
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {f"{scope}/f": LARGE}
    again = eos.gateway.meter.bytes_served - served
    assert (again < len(LARGE)) == (not changed)


async def test_a_job_that_is_cancelled_while_the_gateway_is_asked_leaves_nothing(
    lab: Lab, desk: Desks, tmp_path: Path
) -> None:
    scope = lab.scope()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        seeding.add_cloud(lab.client(), "SILENT_CLOUD", port, prefix="/home/")
        did = lab.register(scope, "f", LARGE, rse="SILENT_CLOUD")
        (tmp_path / "token").write_text("anything")
        keys = {"cs3": {f"127.0.0.1:{port}": {"secret_file": str(tmp_path / "token")}}}
        async with desk(instance=keys) as it:
            job = await it.until(await it.start(did), lambda now: now.state == "running")
            await it.stager.cancel(job.id)
            assert (await it.end_of(job)).state == "cancelled"
            assert it.parts() == []


async def test_a_dead_gateway_leaves_the_other_replica(lab: Lab, desk: Desks, eos: Cloud) -> None:
    scope = lab.scope()
    contents = {f"f{number}": SMALL for number in range(50)}
    eos.put_many(scope, contents, dataset="run1")
    lab.put_many(scope, contents, rses=["ALPHA_DISK"])
    eos.gateway.stop()
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(Did(scope, "run1"))
        assert (job.state, job.files_done) == ("done", 50), job.problem
        assert {row.rse for row in await it.rows(job)} == {"ALPHA_DISK"}


async def test_a_dead_gateway_without_another_replica_is_waited_for(
    lab: Lab, desk: Desks, eos: Cloud
) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    eos.gateway.stop()
    async with desk(instance=eos.keys()) as it:
        job = await it.until(await it.start(did), lambda now: now.cause == "network")
        assert eos.rse in job.problem.detail
        eos.gateway.start()
        assert (await it.end_of(job)).state == "done"


async def test_a_gateway_that_hangs_holds_up_its_own_files_alone(
    lab: Lab, desk: Desks, tmp_path: Path
) -> None:
    scope = lab.scope()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        seeding.add_cloud(lab.client(), "HANGING_CLOUD", port, prefix="/home/")
        contents = {f"f{number}": SMALL for number in range(40)}
        lab.put_many(scope, contents, dataset="run1")
        files = [described(scope, name, content, "adler32") for name, content in contents.items()]
        seeding.register(lab.client(), "HANGING_CLOUD", files)
        (tmp_path / "token").write_text("anything")
        keys = {"cs3": {f"127.0.0.1:{port}": {"secret_file": str(tmp_path / "token")}}}
        async with desk(instance=keys, stall_timeout=1.0) as it:
            job = await it.stage(Did(scope, "run1"))
            assert (job.state, job.files_done) == ("done", 40), job.problem


@pytest.mark.parametrize("fault", ["flip_download", "wrong_length"])
async def test_a_wrong_byte_or_length_is_noticed_and_the_other_replica_taken(
    lab: Lab, desk: Desks, eos: Cloud, fault: Any
) -> None:
    scope = lab.scope()
    did = eos.put(scope, "f", SMALL)
    lab.put(scope, "f", SMALL, rses=["ALPHA_DISK"])
    eos.gateway.faults.arm(fault, 5, times=None)
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(did)
        assert job.state == "done" and it.files() == {f"{did.scope}/f": SMALL}


@pytest.mark.parametrize("fault", ["cut_download", "data_unavailable", "rpc_unavailable"])
async def test_a_passing_fault_is_no_failure(lab: Lab, desk: Desks, eos: Cloud, fault: Any) -> None:
    did = eos.put(lab.scope(), "f", LARGE)
    eos.gateway.faults.arm(fault, 1_000_000, times=1)
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(did)
        assert job.state == "done", job.problem
        assert it.files() == {f"{did.scope}/f": LARGE}


async def test_a_file_that_the_cloud_lacks_is_missing(lab: Lab, desk: Desks, eos: Cloud) -> None:
    scope = lab.scope()
    did = lab.register(scope, "f", SMALL, rse=eos.rse)
    folder = lab.register(scope, "folder", SMALL, rse=eos.rse)
    eos.path(scope, "folder").mkdir(parents=True)
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(did)
        assert (job.state, job.problem.type) == ("failed", "missing")
        assert (await it.stage(folder)).state == "failed"


async def test_nobody_signed_in_at_the_cloud_is_told_so(lab: Lab, desk: Desks, eos: Cloud) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    async with desk() as it:
        job = await it.stage(did)
        assert (job.state, job.problem.type) == ("failed", "cs3-signin")
    assert eos.gateway.counts["Authenticate"] == 0


async def test_a_token_that_lapsed_is_read_anew_once_the_hub_has_written_it(
    lab: Lab, desk: Desks, eos: Cloud
) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    eos.token_file.write_text("a.lapsed.token")
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(did)
        assert (job.state, job.problem.type) == ("failed", "cs3-signin")
        eos.renew_token()
        await asyncio.sleep(cs3.NEWS_SECONDS)
        await it.stager.retry(job.id, None)
        assert (await it.end_of(job)).state == "done"


async def test_a_token_of_the_gateways_own_needs_no_sign_in(lab: Lab, desk: Desks, eos: Cloud) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    from rucio_mesh.cs3.auth import Basic, Secret
    from rucio_mesh.cs3.client import Client
    from rucio_mesh.cs3.settings import Settings

    settings = Settings("127.0.0.1", eos.gateway.grpc_port)
    with Client(settings, Basic("einstein", Secret.of("relativity"))) as client:
        eos.token_file.write_text(client.gateway.token())
    signed_in = eos.gateway.counts["Authenticate"]
    async with desk(instance=eos.keys()) as it:
        assert (await it.stage(did)).state == "done"
    assert eos.gateway.counts["Authenticate"] == signed_in


async def test_no_token_is_in_a_log_or_an_answer(
    lab: Lab, desk: Desks, eos: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scope = lab.scope()
    did = eos.put(scope, "f", SMALL)
    eos.path(scope, "f").unlink()
    eos.gateway.faults.arm("lapse", 0, times=1)
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(did)
        said = repr(job) + repr(await it.rows(job)) + repr(it.updates) + caplog.text
    assert BEGINNING_OF_ITS_TOKENS not in said
    assert "x-access-token" not in said.lower() and "x-reva-transfer" not in said.lower()
    kept = [path for path in it.folder.rglob("*") if path.is_file() and path != eos.token_file]
    assert BEGINNING_OF_ITS_TOKENS in eos.token_file.read_text()
    assert not [path for path in kept if BEGINNING_OF_ITS_TOKENS.encode() in path.read_bytes()]


async def test_a_data_endpoint_elsewhere_gets_no_token(
    lab: Lab, desk: Desks, eos: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    eos.gateway.faults.data_endpoint = "https://storage.example.org/data"
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(did)
        assert (job.state, job.problem.type) == ("failed", "bad-redirect")
    assert "storage.example.org, which is not in data_hosts" in caplog.text


async def test_what_is_on_a_mount_of_the_cloud_is_linked(lab: Lab, desk: Desks, eos: Cloud) -> None:
    scope = lab.scope()
    did = eos.put(scope, "f-1", SMALL)
    prefix = eos.gateway.home()
    mount = eos.gateway.path(prefix)
    async with desk(instance=eos.keys(mounts={prefix: str(mount)})) as it:
        (row,) = it.catalog.replicas("lab", did).rses
        assert row.reach == "mount"
        job = await it.stage(did)
        assert job.state == "done"
        (view,) = it.views.glob(f"{scope}/*")
        assert view.resolve() == eos.path(scope, "f-1").resolve()
    assert eos.gateway.counts["InitiateFileDownload"] == 0


async def test_a_file_of_another_size_on_the_mount_is_fetched(lab: Lab, desk: Desks, eos: Cloud) -> None:
    scope = lab.scope()
    did = eos.put(scope, "f", SMALL)
    elsewhere = eos.folder / "mount"
    elsewhere.mkdir()
    async with desk(instance=eos.keys(mounts={eos.gateway.home(): str(elsewhere)})) as it:
        job = await it.stage(did)
        assert (job.state, it.files()) == ("done", {f"{scope}/f": SMALL})
    assert eos.gateway.counts["InitiateFileDownload"] == 1


async def test_without_the_extra_the_other_replica_is_used_and_the_lack_is_named(
    lab: Lab, desk: Desks, eos: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "is_installed", lambda: False)
    monkeypatch.setattr(transfers, "is_installed", lambda: False)
    scope = lab.scope()
    alone, both = eos.put(scope, "alone", SMALL), eos.put(scope, "both", SMALL)
    lab.put(scope, "both", SMALL, rses=["ALPHA_DISK"])
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(alone)
        assert job.state == "failed" and "install rucio-jupyterlab[cs3]" in job.problem.detail
        job = await it.stage(both)
        assert job.state == "done"
