"""Rules between CS3 clouds of different kinds, through Rucio's own conveyor."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from .clouds import ALPHA, BETA, GAMMA, Clouds, command

SIZE = 6_000_000
HALF = SIZE // 2


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
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


@pytest.mark.parametrize(("source", "destination"), [(ALPHA, BETA), (BETA, ALPHA), (GAMMA, BETA)])
def test_a_rule_between_clouds_is_done(clouds: Clouds, source: str, destination: str) -> None:
    files = [clouds.file_at(source, size) for size in (0, 10, 3_000_000)]
    rules = [clouds.rule(file, destination) for file, _ in files]
    clouds.conveyor()
    assert [clouds.state(rule) for rule in rules] == ["OK", "OK", "OK"]
    for file, content in files:
        assert clouds.stored(destination, file).read_bytes() == content
    assert clouds.unfinished(destination) == []


def test_a_source_that_breaks_and_a_byte_that_is_changed_are_mended_on_the_way(clouds: Clouds) -> None:
    (cut, content), (flipped, other) = clouds.file_at(ALPHA, SIZE), clouds.file_at(ALPHA, SIZE)
    for file, original, fault in ((cut, content, "cut_download"), (flipped, other, "flip_download")):
        clouds.clouds[ALPHA].faults.arm(fault, HALF)
        rule = clouds.rule(file, BETA)
        clouds.conveyor()
        assert clouds.state(rule) == "OK"
        assert clouds.stored(BETA, file).read_bytes() == original


def test_a_source_that_stays_wrong_is_never_published(clouds: Clouds) -> None:
    file, content = clouds.file_at(ALPHA, SIZE)
    clouds.clouds[ALPHA].faults.arm("flip_download", HALF, times=None)
    rule = clouds.rule(file, BETA)
    said = clouds.conveyor()
    assert clouds.state(rule) == "REPLICATING"
    assert clouds.request(file, BETA)["retry_count"] == 1
    assert "SOURCE Mismatch" in said
    assert not clouds.stored(BETA, file).exists() and clouds.unfinished(BETA) == []
    clouds.clouds[ALPHA].faults.disarm("flip_download")
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(BETA, file).read_bytes() == content


def test_a_full_quota_is_told_and_mended_by_rucios_next_attempt(clouds: Clouds) -> None:
    file, content = clouds.file_at(BETA, SIZE)
    clouds.clouds[ALPHA].faults.quota_full = True
    rule = clouds.rule(file, ALPHA)
    assert "DESTINATION OutOfSpace" in clouds.conveyor()
    assert clouds.state(rule) == "REPLICATING" and clouds.unfinished(ALPHA) == []
    clouds.clouds[ALPHA].faults.quota_full = False
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(ALPHA, file).read_bytes() == content


@pytest.mark.parametrize(("down", "side"), [(ALPHA, "SOURCE"), (BETA, "DESTINATION")])
def test_a_gateway_that_is_down_is_told_and_mended_by_rucios_next_attempt(
    clouds: Clouds, down: str, side: str
) -> None:
    file, content = clouds.file_at(ALPHA, 1000)
    rule = clouds.rule(file, BETA)
    clouds.clouds[down].stop()
    try:
        assert f"{side} ServiceUnavailable" in clouds.conveyor()
    finally:
        clouds.clouds[down].start()
    assert clouds.state(rule) == "REPLICATING"
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(BETA, file).read_bytes() == content


def test_a_relay_that_is_killed_is_found_lost_and_made_again(clouds: Clouds) -> None:
    file, content = clouds.file_at(ALPHA, 8_000_000)
    rule = clouds.rule(file, GAMMA)
    gamma = clouds.clouds[GAMMA]
    gamma.faults.seconds_per_mebibyte = 1
    received = gamma.meter.bytes_received
    with conveyor(clouds, "--once") as process:
        wait_for(lambda: gamma.meter.bytes_received > received + 1_000_000)
        process.kill()
        gamma.faults.seconds_per_mebibyte = 0
    # A local file system makes a file of what came before the break, which is what nobody removes any more.
    wait_for(lambda: clouds.unfinished(GAMMA) != [])
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(GAMMA, file).read_bytes() == content
    assert clouds.unfinished(GAMMA) == []


def test_a_conveyor_that_is_stopped_puts_its_work_back_and_leaves_nothing(clouds: Clouds) -> None:
    quick, _ = clouds.file_at(ALPHA, 1000)
    quick_rule = clouds.rule(quick, BETA)
    slow, content = clouds.file_at(ALPHA, 8_000_000)
    gamma = clouds.clouds[GAMMA]
    with conveyor(clouds, "--sleep", "1", "--grace", "1") as process:
        wait_for(lambda: clouds.state(quick_rule) == "OK")
        gamma.faults.seconds_per_mebibyte = 1
        received = gamma.meter.bytes_received
        rule = clouds.rule(slow, GAMMA)
        wait_for(lambda: gamma.meter.bytes_received > received + 1_000_000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert clouds.request(slow, GAMMA)["state"] == "QUEUED"
    assert clouds.unfinished(GAMMA) == [] and not clouds.stored(GAMMA, slow).exists()
    gamma.faults.seconds_per_mebibyte = 0
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(GAMMA, slow).read_bytes() == content


def test_a_relay_is_seen_alive_by_a_poller_elsewhere_and_ends_when_its_rule_is_deleted(
    clouds: Clouds,
) -> None:
    file, _ = clouds.file_at(ALPHA, 8_000_000)
    rule = clouds.rule(file, GAMMA)
    gamma = clouds.clouds[GAMMA]
    gamma.faults.seconds_per_mebibyte = 1
    received = gamma.meter.bytes_received
    with conveyor(clouds, "--once") as process:
        wait_for(lambda: gamma.meter.bytes_received > received + 1_000_000)
        clouds.conveyor("poller", "finisher")
        assert clouds.request(file, GAMMA)["state"] == "SUBMITTED"
        clouds.client.update_replication_rule(rule, {"lifetime": -1})
        clouds.conveyor("cleaner")
        gamma.faults.seconds_per_mebibyte = 0
        assert process.wait(60) == 0
    assert not clouds.stored(GAMMA, file).exists() and clouds.unfinished(GAMMA) == []


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
