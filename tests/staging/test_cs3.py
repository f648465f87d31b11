"""Staging from CS3 clouds: a real Rucio, a gateway whose faults are known, and the byte engine between."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import SetLimits
from rucio_jupyterlab.errors import SignInNeeded
from rucio_jupyterlab.installing import install_command
from rucio_jupyterlab.sources import cs3
from rucio_jupyterlab.sources.clouds import Clouds, RucioToken
from rucio_jupyterlab.sources.part import RANGE_BYTES
from rucio_jupyterlab.staging import carrier, clouds, planner
from rucio_mesh.cs3.errors import NoCredential, Unsafe
from rucio_mesh.cs3.pfn import Pfn
from rucio_mesh.testing import seeding
from rucio_mesh.testing.cs3.profiles import ProfileName
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab, described

from .conftest import fault_once

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
    async with desk(instance=eos.keys(), max_connections_per_host=2) as it:
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


async def test_an_error_of_rucios_own_about_the_rse_is_waited_for(
    lab: Lab, desk: Desks, eos: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    fault_once(monkeypatch)
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(did)
        assert job.state == "done", job.problem


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
        assert (job.state, job.problem.type) == ("failed", "no-cs3-signin")
    assert eos.gateway.counts["Authenticate"] == 0


# A sign-in that the cloud refuses


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Clouds that refuse are asked again at once, not after a while; grows by one with each look."""
    monkeypatch.setattr(cs3, "NEWS_SECONDS", 0.0)
    monkeypatch.setattr(clouds, "LOOK_SECONDS", 0.05)
    made: list[None] = []
    look = clouds.ClosedClouds._look

    def counted(closed: clouds.ClosedClouds) -> None:
        made.append(None)
        look(closed)

    monkeypatch.setattr(clouds.ClosedClouds, "_look", counted)
    return made


@pytest.fixture
def no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on does not owe it to a look."""
    monkeypatch.setattr(cs3, "NEWS_SECONDS", 3600.0)
    monkeypatch.setattr(clouds, "LOOK_SECONDS", 3600.0)


def lapse(eos: Cloud) -> None:
    """No token is good any more, nor can one be had."""
    eos.token_file.write_text("a.lapsed.token")
    eos.gateway.accounts.access.lapse()
    eos.gateway.transfers.tokens.lapse()


async def refused(it: Any, job: Any) -> Any:
    return await it.until(job, lambda now: now.cause == "signin")


@pytest.mark.parametrize("token", ["a.lapsed.token", "", None], ids=["lapsed", "empty", "missing"])
@pytest.mark.usefixtures("looks")
async def test_a_job_waits_for_a_cloud_that_refuses_the_sign_in_until_it_works(
    lab: Lab, desk: Desks, eos: Cloud, caplog: pytest.LogCaptureFixture, token: str | None
) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    eos.token_file.unlink()
    if token is not None:
        eos.token_file.write_text(token)
    async with desk(instance=eos.keys()) as it:
        job = await refused(it, await it.start(did))
        assert (job.state, job.problem.type, job.problem.do) == ("waiting", "cs3-signin", "retry")
        assert eos.rse in job.problem.detail and "Renew the token" in job.problem.detail
        assert (job.files_failed, job.notice, job.goes_on_by_itself) == (0, None, True)
        assert [row.state for row in await it.rows(job)] == ["queued"]
        eos.renew_token()
        job = await it.end_of(job)
        assert (job.state, job.problem, it.files()) == ("done", None, {f"{did.scope}/f": SMALL})
        assert "lapsed.token" not in repr(it.updates) + caplog.text


@pytest.mark.usefixtures("no_look")
@pytest.mark.parametrize("press", ["resume", "retry"])
async def test_a_cloud_that_refused_is_asked_at_once_where_the_user_says_so(
    lab: Lab, desk: Desks, eos: Cloud, press: str
) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    lapse(eos)
    async with desk(instance=eos.keys()) as it:
        job = await refused(it, await it.start(did))
        await it.stager.resume(job.id)
        await refused(it, job)
        assert eos.gateway.counts["Authenticate"] == 2
        eos.renew_token()
        await (it.stager.resume(job.id) if press == "resume" else it.stager.retry(job.id, None))
        assert (await it.end_of(job)).state == "done"


@pytest.mark.usefixtures("no_look")
async def test_a_file_that_another_job_brought_is_not_waited_for(lab: Lab, desk: Desks, eos: Cloud) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    lapse(eos)
    async with desk(instance=eos.keys()) as it:
        one, other = await refused(it, await it.start(did)), await refused(it, await it.start(did))
        eos.renew_token()
        await it.stager.resume(other.id)
        assert [(await it.end_of(job)).state for job in (other, one)] == ["done", "done"]


@pytest.mark.usefixtures("no_look")
async def test_many_files_cost_a_cloud_that_refuses_one_question(lab: Lab, desk: Desks, eos: Cloud) -> None:
    scope = lab.scope()
    eos.put_many(scope, {f"f{number}": SMALL for number in range(400)}, dataset="run1")
    lapse(eos)
    async with desk(instance=eos.keys()) as it:
        job = await refused(it, await it.start(Did(scope, "run1")))
        assert (job.files_failed, eos.gateway.counts["Authenticate"]) == (0, 1)
        eos.renew_token()
        job = await it.end_of(await it.stager.resume(job.id))
        assert (job.state, job.files_done) == ("done", 400)


async def test_a_look_asks_each_cloud_once_however_many_jobs_wait(
    lab: Lab, desk: Desks, eos: Cloud, looks: list[None]
) -> None:
    scope = lab.scope()
    eos.put_many(scope, {f"f{number}": SMALL for number in range(20)}, dataset="run1")
    eos.put_many(scope, {f"g{number}": SMALL for number in range(20)}, dataset="run2")
    lapse(eos)
    async with desk(instance=eos.keys()) as it:
        jobs = [await it.start(Did(scope, name)) for name in ("run1", "run2")]
        for job in jobs:
            await refused(it, job)
        before, asked = len(looks), eos.gateway.counts["Authenticate"]
        await it.until_true(lambda: len(looks) >= before + 4)
        assert 1 <= eos.gateway.counts["Authenticate"] - asked <= len(looks) - before + 1
        eos.renew_token()
        assert [(await it.end_of(job)).files_done for job in jobs] == [20, 20]


@pytest.mark.usefixtures("looks")
async def test_what_can_be_had_elsewhere_does_not_wait_for_a_cloud_that_refuses(
    lab: Lab, desk: Desks, eos: Cloud
) -> None:
    scope = lab.scope()
    there, elsewhere, missing = (
        {f"c{n}": SMALL for n in range(5)},
        {f"e{n}": SMALL for n in range(30)},
        "gone",
    )
    eos.put_many(scope, there | {"e0": SMALL})
    lab.put_many(scope, elsewhere, rses=["ALPHA_DISK"])
    lab.register(scope, missing, SMALL, rse="ALPHA_DISK")
    lapse(eos)
    async with desk(instance=eos.keys()) as it:
        job = await it.start(*(Did(scope, name) for name in (*there, *elsewhere, missing)))
        job = await refused(it, job)
        assert (job.files_done, job.files_failed) == (30, 1)
        alone = await it.stage(Did(scope, "e1"), lab.put(lab.scope(), "other", b"abc"))
        assert alone.state == "done"
        eos.renew_token()
        job = await it.end_of(job)
        assert (job.state, job.files_done, job.files_failed) == ("partial", 35, 1)


@pytest.mark.usefixtures("looks")
async def test_a_job_that_has_more_to_do_says_so_and_takes_up_what_waited(
    lab: Lab, desk: Desks, eos: Cloud
) -> None:
    scope = lab.scope()
    here = eos.put(scope, "cloud", b"abc")
    slow = lab.put(scope, "slow", SMALL, rses=["ALPHA_DISK"])
    lapse(eos)
    async with desk(instance=eos.keys(), bandwidth_limit=1000) as it:
        job = await it.until(await it.start(here, slow), lambda now: now.notice is not None)
        assert job.state in ("planning", "running") and eos.rse in job.notice
        eos.renew_token()
        job = await it.until(job, lambda now: now.files_done == 1)
        assert job.state in ("planning", "running") and job.notice is None
        await it.stager.set_limits(SetLimits(bandwidth_limit=0))
        assert (await it.end_of(job)).state == "done"
        assert not [now for update in it.updates for now in update.jobs if now.cause == "signin"]


@pytest.mark.usefixtures("looks")
async def test_a_job_that_waits_for_a_cloud_can_be_cancelled_and_another_paused(
    lab: Lab, desk: Desks, eos: Cloud
) -> None:
    scope = lab.scope()
    one, two = eos.put(scope, "one", SMALL), eos.put(scope, "two", SMALL)
    lapse(eos)
    async with desk(instance=eos.keys()) as it:
        cancelled, paused = [await refused(it, await it.start(did)) for did in (one, two)]
        await it.stager.cancel(cancelled.id)
        await it.stager.pause(paused.id)
        eos.renew_token()
        assert (await it.stage(eos.put(scope, "three", SMALL))).state == "done"
        assert it.stager.job(cancelled.id).state == "cancelled" and it.parts() == []
        assert it.stager.job(paused.id).state == "paused"
        assert (await it.end_of(await it.stager.resume(paused.id))).state == "done"


@pytest.mark.usefixtures("looks")
async def test_another_engine_goes_on_waiting_and_keeps_what_came_before_the_refusal(
    lab: Lab, desk: Desks, eos: Cloud
) -> None:
    scope = lab.scope()
    did = eos.put(scope, "f", LARGE)
    async with desk(instance=eos.keys(), max_connections_per_host=1, bandwidth_limit=20_000_000) as it:
        job = await it.start(did)
        await it.until(job, lambda now: now.bytes_done > 1_000_000)
        lapse(eos)
        await refused(it, job)
    served = eos.gateway.meter.bytes_served
    async with desk(instance=eos.keys()) as it:
        job = await refused(it, job)
        assert job.problem.type == "cs3-signin"
        eos.renew_token()
        assert (await it.end_of(job)).state == "done"
        assert it.files() == {f"{scope}/f": LARGE}
    assert eos.gateway.meter.bytes_served - served < len(LARGE)


@pytest.mark.usefixtures("looks")
async def test_a_cloud_that_goes_down_while_it_refuses_is_waited_for_as_the_network(
    lab: Lab, desk: Desks, eos: Cloud
) -> None:
    did = eos.put(lab.scope(), "f", SMALL)
    lapse(eos)
    async with desk(instance=eos.keys()) as it:
        job = await refused(it, await it.start(did))
        eos.gateway.stop()
        await it.until(job, lambda now: now.cause == "network")
        eos.gateway.start()
        await refused(it, job)
        eos.renew_token()
        assert (await it.end_of(job)).state == "done"


async def test_a_cloud_that_takes_rucios_token_waits_for_the_sign_in_at_rucio(
    lab: Lab, desk: Desks, tmp_path: Path
) -> None:
    with cloud(lab, tmp_path / "eos", public={"takes_rucio_tokens": True}) as there:
        async with desk() as it:
            pfn = Pfn.parse(f"cs3://{there.host}/home/f")
            found = Clouds(it.accounts, it.catalog, 10.0)
            with pytest.raises(NoCredential):  # a password's token is for Rucio alone
                found.client("lab", there.rse, pfn)
            it.accounts.sign_out("lab")
            with pytest.raises(SignInNeeded):
                found.client("lab", there.rse, pfn)
            with pytest.raises(SignInNeeded):
                RucioToken(it.accounts, "lab").present()
            found.close()


async def test_the_notebook_has_the_last_word_on_where_the_gateways_tokens_go(
    lab: Lab, desk: Desks, tmp_path: Path
) -> None:
    internal = "http://10.0.0.1:19001/"
    rse_says = {
        "data_hosts": ["evil.example.org"],
        "data_endpoint_rewrite": {internal: "https://evil.example.org/"},
    }
    ours = {
        "data_hosts": ["data.example.org"],
        "data_endpoint_rewrite": {internal: "https://data.example.org/"},
    }
    with cloud(lab, tmp_path / "eos", public=rse_says) as there:
        pfn = Pfn.parse(f"cs3://{there.host}/home/f")
        async with desk(instance=there.keys(**ours)) as it:
            settings, _ = Clouds(it.accounts, it.catalog, 10.0).sign_in("lab", there.rse, pfn)
    assert settings.data_endpoint(f"{internal}f") == "https://data.example.org/f"
    with pytest.raises(Unsafe):
        settings.data_endpoint("https://evil.example.org/f")


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
    monkeypatch.setattr(carrier, "is_installed", lambda: False)
    scope = lab.scope()
    alone, both = eos.put(scope, "alone", SMALL), eos.put(scope, "both", SMALL)
    lab.put(scope, "both", SMALL, rses=["ALPHA_DISK"])
    async with desk(instance=eos.keys()) as it:
        job = await it.stage(alone)
        assert job.state == "failed" and install_command("cs3") in job.problem.detail
        job = await it.stage(both)
        assert job.state == "done"
