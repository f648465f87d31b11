"""The decisions of a fetch, driven by whatever may happen in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.sources.checksum import combine_in_order
from rucio_jupyterlab.sources.failures import BANNING, Kind, ReplicaFailure
from rucio_jupyterlab.sources.http.fetch import ATTEMPTS, Candidate, Fetch, Span, worth_keeping
from rucio_jupyterlab.sources.http.hosts import Hosts
from rucio_jupyterlab.sources.model import Endpoint, Fetched, GaveUp, Work
from rucio_jupyterlab.sources.part import RANGE_BYTES, Range

SIZES = [0, 1, 1000, RANGE_BYTES, RANGE_BYTES + 1, 3 * RANGE_BYTES + 777]
STREAMS = 4
FAILURES: list[Kind] = [
    "missing",
    "refused",
    "wrong-size",
    "stalled",
    "cut",
    "busy",
    "server-error",
    "unreachable",
    "ignores-ranges",
    "changed",
]


def adler32_of(length: int, value: int) -> int:
    """The adler32 of so many bytes of one value, without making them."""
    a = (1 + length * value) % 65521
    b = (length + value * length * (length + 1) // 2) % 65521
    return b << 16 | a


@dataclass
class Replica:
    """All bytes are 1; in a bad replica the last one is 2."""

    rse: str
    good: bool = True
    failures: list[tuple[Kind, float]] = field(default_factory=list)
    """What goes wrong with its next requests, and after which share of the bytes."""

    def adler32(self, offset: int, length: int, size: int) -> int:
        if self.good or not length or offset + length < size:
            return adler32_of(length, 1)
        return combine_in_order([(adler32_of(length - 1, 1), length - 1), (adler32_of(1, 2), 1)])


@dataclass(eq=False)
class Request:
    candidate: Candidate
    span: Span


class World:
    """Plays byte engine and storages for one fetch; time passes only when nothing else can happen."""

    def __init__(self, size: int, replicas: list[Replica], *, verifiable: bool, told: bool = True) -> None:
        self.size = size
        self.replicas = {replica.rse: replica for replica in replicas}
        self.now = 0.0
        self.flying: list[Request] = []
        self.asked: list[tuple[str, Span]] = []
        self.part: list[tuple[int, int, str]] = []
        """What was kept in this epoch: offset, length, RSE."""
        self.work = Work(
            1,
            "lab",
            Did("s", "f"),
            "part",
            size if told else None,
            adler32_of(size, 1) if verifiable else None,
            None,
            tuple(Endpoint(replica.rse, f"https://{replica.rse}/f") for replica in replicas),
        )
        self.hosts = Hosts(STREAMS, 0.5)
        self.fetch = Fetch(self.work, self.hosts)
        self.epoch = self.fetch.epoch

    def start(self) -> bool:
        """Make one request, if there is one to make."""
        if len(self.flying) >= STREAMS:
            return False
        request = self.fetch.next(self.now)
        self.notice_epoch()
        if request is None:
            return False
        made = Request(*request)
        made.candidate.host.active += 1
        self.flying.append(made)
        self.asked.append((made.candidate.rse, made.span))
        self.check_disjoint()
        return True

    def end(self, request: Request) -> None:
        """Let a request end as its replica wants."""
        self.flying.remove(request)
        request.candidate.host.active -= 1
        span, rse = request.span, request.candidate.rse
        length = self.size - span.offset if span.length is None else span.length
        replica = self.replicas[rse]
        kind, share = replica.failures.pop(0) if replica.failures else (None, 1.0)
        if kind == "ignores-ranges" and not span.ranged:
            kind = None
        received = length if kind is None else int(length * share)
        if kind in BANNING or kind in ("ignores-ranges", "changed", "unreachable", "busy"):
            received = 0
        if kind is None or received:
            self.fetch.answered(request.candidate, '"v"', self.size)
        failure = ReplicaFailure(kind, rse) if kind else None
        self.fetch.bytes_received += received
        complete = received == span.length and received > 0 and kind in ("cut", "stalled")
        if span.epoch == self.epoch and (complete or worth_keeping(span, received, failure)):
            self.part.append((span.offset, received, rse))
        self.fetch.ended(
            request.candidate,
            span,
            received,
            replica.adler32(span.offset, received, self.size),
            failure,
            self.now,
        )
        self.notice_epoch()

    def notice_epoch(self) -> None:
        """What was in flight before an epoch began is broken off."""
        if self.fetch.epoch != self.epoch:
            self.epoch = self.fetch.epoch
            self.part.clear()
            for request in [each for each in self.flying if each.span.epoch != self.epoch]:
                self.flying.remove(request)
                request.candidate.host.active -= 1
                self.fetch.ended(request.candidate, request.span, 0, 1, ReplicaFailure("cut", "x"), self.now)

    def wait(self) -> None:
        """Nothing moves: let time pass."""
        assert self.fetch.wake is not None, "it stands still without a reason"
        assert self.fetch.blocked is not None
        self.now = max(self.now + 0.001, self.fetch.wake)

    def play(self, order: list[int]) -> Fetched | GaveUp:
        """Until there is an outcome, ending requests in the given order."""
        for step in range(2000):
            if self.fetch.outcome is not None:
                return self.fetch.outcome
            if self.start():
                continue
            if self.flying:
                turn = order[step % len(order)] if order else 0
                self.end(self.flying[turn % len(self.flying)])
            else:
                self.wait()
        raise AssertionError("it never ends")

    def check_disjoint(self) -> None:
        """No byte is asked for twice in one epoch."""
        spans = [
            (each.span.offset, each.span.length or 0) for each in self.flying if each.span.epoch == self.epoch
        ]
        position = 0
        for offset, length in sorted([*spans, *((offset, length) for offset, length, _ in self.part)]):
            assert offset >= position
            position = offset + length

    def check_fetched(self, outcome: Fetched) -> None:
        """The part holds every byte once, and they are the right ones."""
        position = 0
        for offset, length, _ in sorted(self.part):
            assert offset == position
            position += length
        assert position == self.size == outcome.bytes == self.fetch.bytes_received
        contributors = {rse for _, _, rse in self.part}
        if self.work.verifiable:
            last = max(self.part)[2]
            assert self.replicas[last].good or self.size == 0
            assert outcome.adler32 == self.work.adler32
        else:
            assert len(contributors) == 1
        assert outcome.rse in contributors
        assert all(failure.rse != outcome.rse for failure in outcome.passed_over)


failures = st.lists(st.tuples(st.sampled_from(FAILURES), st.sampled_from([0.0, 0.3, 0.9, 1.0])), max_size=6)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(1, 3))
    replicas = [Replica(f"RSE{n}", draw(st.booleans()), draw(failures)) for n in range(count)]
    return World(
        draw(st.sampled_from(SIZES)), replicas, verifiable=draw(st.booleans()), told=draw(st.booleans())
    )


@settings(max_examples=400, deadline=None)
@given(worlds(), st.lists(st.integers(0, STREAMS), max_size=12))
def test_every_fetch_ends_and_never_with_wrong_bytes(world: World, order: list[int]) -> None:
    outcome = world.play(order)
    if isinstance(outcome, Fetched):
        world.check_fetched(outcome)
        assert outcome.verified == world.work.verifiable
    else:
        assert outcome.failures
    assert len(world.asked) < 400


@settings(max_examples=200, deadline=None)
@given(worlds(), st.lists(st.integers(0, STREAMS), max_size=12))
def test_a_good_replica_that_only_stumbles_is_enough(world: World, order: list[int]) -> None:
    good = world.replicas["RSE0"]
    good.good = True
    good.failures = [each for each in good.failures if each[0] in ("unreachable", "ignores-ranges")]
    assert isinstance(world.play(order), Fetched)


@pytest.mark.parametrize("size", [1000, 3 * RANGE_BYTES])
def test_a_replica_that_always_breaks_off_is_given_up_after_a_few_attempts(size: int) -> None:
    world = World(size, [Replica("RSE0", failures=[("cut", 0.0)] * 100)], verifiable=True)
    outcome = world.play([])
    assert isinstance(outcome, GaveUp)
    assert outcome.failures[-1].kind == "cut"
    assert len(world.asked) <= ATTEMPTS + STREAMS


def test_a_replica_that_changes_now_and_then_is_given_up_though_it_gives_bytes_in_between() -> None:
    now_and_then: list[tuple[Kind, float]] = [("cut", 1.0), ("changed", 0.0)]
    world = World(3 * RANGE_BYTES, [Replica("RSE0", failures=now_and_then * 100)], verifiable=True)
    outcome = world.play([])
    assert isinstance(outcome, GaveUp)
    assert outcome.failures[-1].kind == "changed"
    assert len(world.asked) <= ATTEMPTS * (1 + STREAMS)


def test_a_dead_host_burns_no_attempts() -> None:
    world = World(1000, [Replica("RSE0", failures=[("unreachable", 0.0)] * 50)], verifiable=True)
    assert isinstance(world.play([]), Fetched)
    assert len(world.asked) == 51


def test_a_host_that_sends_everybody_away_burns_no_attempts() -> None:
    world = World(1000, [Replica("RSE0", failures=[("busy", 0.0)] * 50)], verifiable=True)
    assert isinstance(world.play([]), Fetched)
    assert len(world.asked) == 51


def test_a_host_that_is_busy_for_one_file_alone_is_given_up() -> None:
    world = World(1000, [Replica("RSE0", failures=[("busy", 0.0)] * 50)], verifiable=True)
    while world.fetch.outcome is None:
        if world.start():
            world.fetch.candidates[0].host.succeeded()  # another file comes
            world.end(world.flying[0])
        else:
            world.wait()
    assert isinstance(world.fetch.outcome, GaveUp) and len(world.asked) == ATTEMPTS


def test_while_a_host_is_busy_every_file_that_waits_for_it_says_so() -> None:
    world = World(1000, [Replica("RSE0", failures=[("busy", 0.0)])], verifiable=True)
    other = Fetch(world.work, world.hosts)
    world.now = 7.0
    assert world.start()
    world.end(world.flying[0])
    assert other.next(7.0) is None
    assert other.blocked is not None and (other.blocked.kind, other.blocked_since) == ("busy", 7.0)


@pytest.mark.parametrize("verifiable", [True, False])
def test_a_silent_host_is_left_for_another_by_all_files_but_one(verifiable: bool) -> None:
    replicas = [Replica("MUTE", failures=[("stalled", 0.0)]), Replica("GOOD")]
    world = World(1000, replicas, verifiable=verifiable)
    assert world.start()
    world.end(world.flying[0])
    assert world.start() and world.asked[-1][0] == "GOOD"

    def first_choice(now: float) -> str:
        request = Fetch(world.work, world.hosts).next(now)
        assert request is not None
        request[0].host.active += 1
        return request[0].rse

    assert [first_choice(0.0), first_choice(60.0), first_choice(60.0)] == ["GOOD", "MUTE", "GOOD"]


def test_a_silent_host_is_asked_where_there_is_no_other() -> None:
    replicas = [Replica("MUTE", failures=[("stalled", 0.0)]), Replica("GONE", failures=[("missing", 0.0)])]
    assert isinstance(World(1000, replicas, verifiable=True).play([]), Fetched)


def test_a_wrong_mixture_is_fetched_from_one_at_a_time_until_the_culprit_is_known() -> None:
    size = 3 * RANGE_BYTES
    world = World(
        size, [Replica("BAD", good=False, failures=[("busy", 0.0)]), Replica("GOOD")], verifiable=True
    )
    outcome = world.play([])
    assert isinstance(outcome, Fetched)
    world.check_fetched(outcome)
    assert [(failure.kind, failure.rse) for failure in outcome.passed_over] == [("corrupt", "BAD")]
    assert outcome.rse == "GOOD"


def test_all_replicas_bad_names_each() -> None:
    world = World(2 * RANGE_BYTES, [Replica("A", good=False), Replica("B", good=False)], verifiable=True)
    outcome = world.play([])
    assert isinstance(outcome, GaveUp)
    assert {(failure.kind, failure.rse) for failure in outcome.failures} == {
        ("corrupt", "A"),
        ("corrupt", "B"),
    }


def test_a_file_without_checksum_is_never_mixed_even_while_requests_are_in_flight() -> None:
    world = World(4 * RANGE_BYTES, [Replica("A"), Replica("B")], verifiable=False)
    while world.start():
        pass
    world.replicas["A"].failures = [("missing", 0.0)]
    world.end(world.flying[0])
    while world.start():
        pass
    assert {request.candidate.rse for request in world.flying} == {"B"}
    outcome = world.play([])
    assert isinstance(outcome, Fetched)
    world.check_fetched(outcome)


def test_without_checksum_a_replica_that_stumbles_is_waited_for() -> None:
    replicas = [Replica("A", failures=[("cut", 0.5)] * 3), Replica("B")]
    world = World(RANGE_BYTES * 2, replicas, verifiable=False)
    outcome = world.play([])
    assert isinstance(outcome, Fetched)
    assert {rse for rse, _ in world.asked} == {"A"}


def test_an_empty_file_whose_first_replica_is_missing_comes_from_the_second() -> None:
    replicas = [Replica("A", failures=[("missing", 0.0)]), Replica("B")]
    outcome = World(0, replicas, verifiable=True, told=False).play([])
    assert isinstance(outcome, Fetched)
    assert outcome.rse == "B"


def test_an_empty_answer_with_the_wrong_checksum_is_blamed_on_who_gave_it() -> None:
    world = World(0, [Replica("A", failures=[("missing", 0.0)]), Replica("B")], verifiable=True, told=False)
    world.fetch.work = world.work = Work(
        1, "lab", Did("s", "f"), "p", None, 12345, None, world.work.endpoints
    )
    outcome = world.play([])
    assert isinstance(outcome, GaveUp)
    assert [(failure.kind, failure.rse) for failure in outcome.failures] == [
        ("missing", "A"),
        ("corrupt", "B"),
    ]


def resumed(done: list[Range], *, verifiable: bool = True, replicas: tuple[str, ...] = ("A", "B")) -> Fetch:
    size = 3 * RANGE_BYTES
    work = Work(
        1,
        "lab",
        Did("s", "f"),
        "part",
        size,
        adler32_of(size, 1) if verifiable else None,
        None,
        tuple(Endpoint(rse, f"https://{rse}/f") for rse in replicas),
    )
    return Fetch(work, Hosts(STREAMS, 0.5), done)


def piece(number: int, rse: str, validator: str | None) -> Range:
    return Range(number * RANGE_BYTES, RANGE_BYTES, adler32_of(RANGE_BYTES, 1), rse, validator)


def missing(fetch: Fetch) -> list[tuple[str, int]]:
    asked = []
    while (request := fetch.next(0.0)) is not None:
        asked.append((request[0].rse, request[1].offset // RANGE_BYTES))
    return asked


def test_what_an_earlier_process_brought_is_not_asked_for_again() -> None:
    assert missing(resumed([piece(0, "A", '"v"'), piece(2, "A", '"v"')])) == [("A", 1)]


def test_a_complete_part_needs_no_request() -> None:
    fetch = resumed([piece(number, "A", '"v"') for number in range(3)])
    assert isinstance(fetch.outcome, Fetched)


def test_without_a_validator_an_earlier_range_is_not_built_upon() -> None:
    assert len(missing(resumed([piece(0, "A", None)]))) == 3


def test_two_versions_of_one_replica_are_not_joined() -> None:
    assert len(missing(resumed([piece(0, "A", '"v"'), piece(1, "A", '"w"')]))) == 2


def test_a_replica_that_changed_since_is_begun_anew() -> None:
    fetch = resumed([piece(0, "A", '"old"')])
    request = fetch.next(0.0)
    assert request is not None
    failure = fetch.answered(request[0], '"new"', 3 * RANGE_BYTES)
    assert failure is not None and failure.kind == "changed"
    fetch.ended(*request, 0, 1, failure, 0.0)
    assert fetch.bytes_received == 0 and fetch.epoch > 1


def test_without_checksum_the_rest_comes_from_the_same_replica() -> None:
    assert {rse for rse, _ in missing(resumed([piece(0, "B", '"v"')], verifiable=False))} == {"B"}


def test_without_checksum_and_that_replica_gone_it_begins_anew() -> None:
    fetch = resumed([piece(0, "GONE", '"v"')], verifiable=False)
    assert missing(fetch) == [("A", 0), ("A", 1), ("A", 2)]


def test_a_wrong_part_of_a_replica_that_is_gone_bans_nobody() -> None:
    wrong = Range(0, 3 * RANGE_BYTES, 42, "GONE", '"v"')
    fetch = resumed([wrong])
    assert fetch.outcome is None
    assert [rse for rse, _ in missing(fetch)] == ["A", "A", "A"]


def test_no_replica_at_all_is_an_outcome() -> None:
    assert isinstance(resumed([], replicas=()).outcome, GaveUp)
    assert isinstance(resumed([Range(0, 3 * RANGE_BYTES, 42, "GONE", '"v"')], replicas=()).outcome, GaveUp)
