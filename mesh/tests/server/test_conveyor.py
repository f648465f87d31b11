"""Rules between CS3 clouds of different kinds, through Rucio's own conveyor."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from rucio_mesh.testing import seeding
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.storage import hashed_path

from .clouds import ALPHA, BETA, GAMMA, Clouds, command

SIZE = 6_000_000
HALF = SIZE // 2
DELTA = "DELTA_CLOUD"
"""An RSE of one test alone."""


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@contextmanager
def conveyor(clouds: Clouds, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`rucio-mesh conveyor` in the background, its log in `conveyor.log`."""
    with (clouds.folder / "conveyor.log").open("wb") as log:
        process = subprocess.Popen(
            command("conveyor", *arguments),
            env=clouds.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@contextmanager
def slow(cloud: Gateway, *, seconds_per_mebibyte: float) -> Iterator[None]:
    """Transfers from and to this cloud are slow until the end."""
    cloud.faults.seconds_per_mebibyte = seconds_per_mebibyte
    try:
        yield
    finally:
        cloud.faults.seconds_per_mebibyte = 0


@contextmanager
def slow_upload(cloud: Gateway, *, seconds_per_mebibyte: float, until: int) -> Iterator[Callable[[], bool]]:
    """Gives a question: whether `until` bytes of an upload have come. Uploads are slow until the end."""
    before = cloud.meter.bytes_received
    with slow(cloud, seconds_per_mebibyte=seconds_per_mebibyte):
        yield lambda: cloud.meter.bytes_received >= before + until


@contextmanager
def without_requests(clouds: Clouds) -> Iterator[None]:
    """The database answers no question for a request."""
    with closing(sqlite3.connect(clouds.rucio.home / "rucio.db", timeout=60)) as database:
        database.execute("ALTER TABLE requests RENAME TO hidden_requests")
        try:
            yield
        finally:
            database.execute("ALTER TABLE hidden_requests RENAME TO requests")


@contextmanager
def speechless() -> Iterator[int]:
    """The port of a gateway that lets one connect, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_rules_between_clouds_are_done(clouds: Clouds) -> None:
    ways = [(ALPHA, BETA), (BETA, ALPHA), (GAMMA, BETA), (ALPHA, GAMMA)]
    files = [(clouds.file_at(source, size), to) for source, to in ways for size in (0, 10, 3_000_000)]
    rules = [clouds.rule(file, destination) for (file, _), destination in files]
    clouds.conveyor()
    assert {clouds.state(rule) for rule in rules} == {"OK"}
    for (file, content), destination in files:
        assert clouds.stored(destination, file).read_bytes() == content
        assert clouds.unfinished(destination) == []


def test_a_source_that_breaks_and_a_byte_that_is_changed_are_mended_on_the_way(clouds: Clouds) -> None:
    files = [clouds.file_at(ALPHA, SIZE) for _ in range(2)]
    clouds.clouds[ALPHA].faults.arm("cut_download", HALF)
    clouds.clouds[ALPHA].faults.arm("flip_download", HALF)
    rules = [clouds.rule(file, BETA) for file, _ in files]
    clouds.conveyor()
    assert [clouds.state(rule) for rule in rules] == ["OK", "OK"]
    for file, content in files:
        assert clouds.stored(BETA, file).read_bytes() == content


def test_what_fails_is_told_with_its_side_and_done_at_rucios_next_attempt(clouds: Clouds) -> None:
    alpha, _, gamma = clouds.clouds.values()
    wrong, full, away, nowhere = (
        (clouds.file_at(source, SIZE), destination)
        for source, destination in ((ALPHA, BETA), (BETA, ALPHA), (GAMMA, BETA), (BETA, GAMMA))
    )
    alpha.faults.arm("flip_download", HALF, times=None)
    alpha.faults.quota_full = True
    gamma.stop()
    files = (wrong, full, away, nowhere)
    rules = [clouds.rule(file, destination) for (file, _), destination in files]
    try:
        said = clouds.conveyor()
    finally:
        gamma.start()
    for reason in (
        "SOURCE Mismatch",
        "DESTINATION OutOfSpace",
        "SOURCE ServiceUnavailable",
        "DESTINATION ServiceUnavailable",
    ):
        assert said.count(f": {reason}") == 1
    for rule, ((file, _), destination) in zip(rules, files, strict=True):
        assert clouds.state(rule) == "REPLICATING"
        assert clouds.request(file, destination)["retry_count"] == 1
        assert not clouds.stored(destination, file).exists()
        assert clouds.unfinished(destination) == []

    alpha.faults.disarm("flip_download")
    alpha.faults.quota_full = False
    clouds.conveyor()
    assert {clouds.state(rule) for rule in rules} == {"OK"}
    for (file, content), destination in files:
        assert clouds.stored(destination, file).read_bytes() == content


def test_a_relay_that_is_killed_is_found_lost_and_made_again(clouds: Clouds) -> None:
    file, content = clouds.file_at(ALPHA, 8_000_000)
    rule = clouds.rule(file, GAMMA)
    with (
        slow_upload(clouds.clouds[GAMMA], seconds_per_mebibyte=20, until=200_000) as under_way,
        conveyor(clouds, "--once") as process,
    ):
        wait_for(under_way)
        process.kill()
    # A local file system makes a file of what came before the break, which nobody removes any more.
    wait_for(lambda: clouds.unfinished(GAMMA) != [])
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(GAMMA, file).read_bytes() == content
    assert clouds.unfinished(GAMMA) == []


def test_a_conveyor_that_is_stopped_puts_its_work_back_and_leaves_nothing(clouds: Clouds) -> None:
    quick, _ = clouds.file_at(ALPHA, 1000)
    quick_rule = clouds.rule(quick, BETA)
    slow, content = clouds.file_at(ALPHA, 16_000_000)
    with conveyor(clouds, "--sleep", "1", "--grace", "1") as process:
        wait_for(lambda: clouds.state(quick_rule) == "OK")
        with slow_upload(clouds.clouds[BETA], seconds_per_mebibyte=2, until=1_000_000) as under_way:
            rule = clouds.rule(slow, BETA)
            wait_for(under_way)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert clouds.request(slow, BETA)["state"] == "QUEUED"
    assert clouds.unfinished(BETA) == [] and not clouds.stored(BETA, slow).exists()
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(BETA, slow).read_bytes() == content


def test_a_conveyor_that_is_stopped_does_not_wait_for_a_slow_source(clouds: Clouds) -> None:
    alpha = clouds.clouds[ALPHA]
    file, content = clouds.file_at(ALPHA, SIZE)
    before = alpha.meter.bytes_served
    with slow(alpha, seconds_per_mebibyte=30), conveyor(clouds, "--sleep", "1", "--grace", "1") as process:
        rule = clouds.rule(file, BETA)
        wait_for(lambda: alpha.meter.bytes_served > before)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert clouds.request(file, BETA)["state"] == "QUEUED"
    assert clouds.unfinished(BETA) == []
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(BETA, file).read_bytes() == content


def test_a_relay_that_does_not_end_is_told_and_made_again_by_the_next_conveyor(clouds: Clouds) -> None:
    beta = clouds.clouds[BETA]
    prefix = f"{beta.home()}/delta"
    seeding.add_rse(clouds.client, DELTA)
    clouds.client.add_distance(ALPHA, DELTA, {"distance": 1})
    file, content = clouds.file_at(ALPHA, SIZE)
    with speechless() as port, conveyor(clouds, "--sleep", "1", "--grace", "1") as process:
        clouds.add_protocol(DELTA, beta, port=port, prefix=prefix)
        rule = clouds.rule(file, DELTA)
        wait_for(lambda: clouds.request(file, DELTA)["state"] == "SUBMITTED")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
    assert "relays did not end in time" in (clouds.folder / "conveyor.log").read_text()
    clouds.client.delete_protocols(DELTA, "cs3", "127.0.0.1", port)
    clouds.add_protocol(DELTA, beta, prefix=prefix)
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert beta.path(f"{prefix}/{hashed_path(file.scope, file.name)}").read_bytes() == content


def test_a_relay_is_seen_alive_by_a_poller_elsewhere_and_ends_when_its_rule_is_deleted(
    clouds: Clouds,
) -> None:
    file, _ = clouds.file_at(ALPHA, 8_000_000)
    rule = clouds.rule(file, GAMMA)
    gamma = clouds.clouds[GAMMA]
    with conveyor(clouds, "--once") as process:
        with slow_upload(gamma, seconds_per_mebibyte=20, until=200_000) as under_way:
            wait_for(under_way)
            clouds.conveyor("poller", "finisher")
            assert clouds.request(file, GAMMA)["state"] == "SUBMITTED"
            clouds.client.update_replication_rule(rule, {"lifetime": -1})
            clouds.conveyor("cleaner")
        assert process.wait(60) == 0
    assert not clouds.stored(GAMMA, file).exists() and clouds.unfinished(GAMMA) == []


def test_a_database_that_fails_when_a_file_has_arrived_does_not_cost_the_file(clouds: Clouds) -> None:
    file, content = clouds.file_at(ALPHA, SIZE)
    rule = clouds.rule(file, BETA)
    beta, log = clouds.clouds[BETA], clouds.folder / "conveyor.log"
    uploads = beta.counts["InitiateFileUpload"]
    with conveyor(clouds, "--once") as process:
        with slow_upload(beta, seconds_per_mebibyte=2, until=200_000) as under_way:
            wait_for(under_way)
            with without_requests(clouds):
                beta.faults.seconds_per_mebibyte = 0
                wait_for(lambda: "The database does not answer to the relay" in log.read_text())
        assert process.wait(60) == 0
    assert clouds.state(rule) == "OK"
    assert clouds.stored(BETA, file).read_bytes() == content
    assert beta.counts["InitiateFileUpload"] == uploads + 1


def test_a_relay_takes_little_memory_whatever_the_size(clouds: Clouds) -> None:
    def peak_mebibytes(size: int) -> float:
        file = clouds.zeros_at(BETA, size)
        rule = clouds.rule(file, ALPHA)
        with conveyor(clouds, "--once") as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert clouds.state(rule) == "OK"
        clouds.stored(ALPHA, file).unlink()
        clouds.stored(BETA, file).unlink()
        return usage.ru_maxrss / 1024

    little, much = peak_mebibytes(1000), peak_mebibytes(1 << 30)
    assert much - little < 50
