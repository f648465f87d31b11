"""How much a host is asked, and the limit on bandwidth. Time is what the test says it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.pauses import LONGEST_PAUSE, backoff
from rucio_jupyterlab.sources.failures import ReplicaFailure
from rucio_jupyterlab.sources.http.hosts import SUCCESSES_BEFORE_MORE, Host, Hosts
from rucio_jupyterlab.sources.http.throttle import LOOK_SECONDS, Throttle

DOWN = ReplicaFailure("unreachable", "RSE")
BUSY = ReplicaFailure("busy", "RSE", 503)
STALLED = ReplicaFailure("stalled", "RSE")


@given(st.floats(0.001, 10), st.integers(1, 5000))
def test_pauses_grow_and_are_bounded(first_pause: float, failures: int) -> None:
    pause = backoff(first_pause, failures)
    assert first_pause / 2 <= pause <= LONGEST_PAUSE or pause <= LONGEST_PAUSE / 2


def test_a_host_takes_as_many_as_its_limit() -> None:
    host = Host(2, 0.5)
    assert host.may_start(0.0)
    host.active = 2
    assert not host.may_start(0.0)


def test_a_busy_host_gets_half_and_has_its_pause() -> None:
    host = Host(8, 0.5)
    host.failed(ReplicaFailure("busy", "RSE", 503, retry_after=30.0), 100.0)
    assert not host.may_start(129.9) and host.may_start(130.0)
    host.active = 4
    assert not host.may_start(130.0)
    for _ in range(SUCCESSES_BEFORE_MORE):
        host.succeeded()
    assert host.may_start(130.0)


def test_a_host_that_was_busy_a_hundred_times_still_gets_one() -> None:
    host = Host(8, 0.5)
    for _ in range(100):
        host.failed(BUSY, 0.0)
    assert host.may_start(1000.0)


def test_a_host_that_is_down_is_asked_by_one_at_a_time() -> None:
    host = Host(8, 0.5)
    host.failed(DOWN, 0.0)
    assert not host.may_start(0.1) and host.may_start(0.5)
    host.active = 1
    assert not host.may_start(0.5)
    host.succeeded()
    assert host.may_start(0.5)


def test_the_pause_of_a_host_that_stays_busy_grows() -> None:
    host, pauses = Host(8, 0.5), []
    for _ in range(8):
        now = host.not_before
        host.failed(BUSY, now)
        pauses.append(host.not_before - now)
    assert pauses[0] <= 0.5 and pauses[-1] >= LONGEST_PAUSE / 2
    host.succeeded()
    now = host.not_before
    host.failed(BUSY, now)
    assert host.not_before - now <= 0.5


def test_a_host_that_is_busy_for_everybody_is_in_trouble_until_it_gives_something() -> None:
    host = Host(8, 0.5)
    host.failed(BUSY, 3.0)
    host.failed(BUSY, 9.0)
    assert (host.trouble, host.troubled_since) == (BUSY, 3.0) and not host.is_down
    host.failed(ReplicaFailure("missing", "RSE", 404), 10.0)
    assert host.trouble is None


def test_requests_that_are_sent_away_together_halve_the_limit_once() -> None:
    host = Host(8, 0.5)
    for _ in range(8):
        host.failed(BUSY, 0.0)
    host.active = 3
    assert host.may_start(1.0)


def test_a_host_that_says_nothing_is_asked_last_but_for_one_request_after_a_growing_while() -> None:
    host, now = Host(8, 0.5), 0.0
    for longest in (0.5, 1.0, 2.0):
        host.active = 0
        host.failed(STALLED, now)
        assert host.is_silent(now + longest / 2 - 0.01) and host.may_start(now)
        now += longest
        assert not host.is_silent(now)
        host.active = 1
        assert host.is_silent(now)
    host.failed(STALLED, now, received=1)
    assert not host.is_silent(now)


def test_an_answer_of_any_kind_says_that_a_host_is_there() -> None:
    host = Host(8, 0.5)
    host.failed(DOWN, 0.0)
    host.active = 1
    host.failed(ReplicaFailure("missing", "RSE", 404), 1.0)
    assert host.may_start(1.0)


def test_requests_that_break_together_count_once() -> None:
    host = Host(8, 0.5)
    for _ in range(8):
        host.failed(DOWN, 0.0)
    assert host.not_before <= 0.5


def test_hosts_are_told_apart_by_scheme_name_and_port() -> None:
    hosts = Hosts(4, 0.5)
    urls = ["https://a/x", "https://a:1/x", "http://a/x", "https://b/x"]
    assert len({id(hosts.of(url)) for url in urls}) == 4
    assert hosts.of("https://a/x") is hosts.of("https://a/y/z")


def test_hosts_that_were_down_are_forgiven_but_busy_ones_keep_their_pause() -> None:
    hosts = Hosts(4, 0.5)
    hosts.of("https://down/").failed(DOWN, 1000.0)
    hosts.of("https://busy/").failed(BUSY, 1000.0)
    hosts.forgive()
    assert hosts.of("https://down/").may_start(1000.0)
    assert not hosts.of("https://busy/").may_start(1000.0)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 20_000)), max_size=60))
def test_the_rate_holds_whatever_comes_when(steps: list[tuple[float, int]]) -> None:
    now = 0.0
    limit = Throttle(100_000, lambda: now)
    taken = 0
    for seconds, length in steps:
        now += seconds
        if limit.take(length):
            taken += length
        assert taken <= 100_000 * (now + 0.1) + 20_000


def test_a_limit_is_changed_and_taken_away() -> None:
    now = 0.0
    limit = Throttle(1000, lambda: now)
    assert limit.take(500) and not limit.take(1)
    assert limit.seconds_until_more() == pytest.approx(0.4)
    now = 0.4
    assert not limit.ready()
    assert limit.seconds_until_more() == LOOK_SECONDS
    now = 0.5
    assert limit.take(1)
    limit.limit(None)
    assert limit.take(10**9) and limit.take(10**9)
