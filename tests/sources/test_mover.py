"""The byte engine before storages that misbehave."""

from __future__ import annotations

import errno
import os
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from rucio_jupyterlab.errors import RucioUnreachable, SourceFailure
from rucio_jupyterlab.sources.failures import Kind
from rucio_jupyterlab.sources.http import earlier
from rucio_jupyterlab.sources.http.fetch import ATTEMPTS
from rucio_jupyterlab.sources.model import Cancelled, Fetched
from rucio_jupyterlab.sources.part import RANGE_BYTES, RECORD_SUFFIX, Heading, Range, read_record
from rucio_mesh.testing.certificates import Authority

from .conftest import BRISK, SECONDS, Checksum, Desk, Plain, until
from .faulty import Faulty, Manner

SMALL = os.urandom(100_000)
MIDDLE = os.urandom(3_000_000)
"""One request, but too much to be checked in memory."""


@pytest.mark.parametrize("content", [b"", b"x", SMALL, MIDDLE], ids=["empty", "one byte", "small", "middle"])
@pytest.mark.parametrize("checksum", ["adler32", "md5", "none"])
def test_a_file_comes_whole(desk: Desk, storage: Faulty, content: bytes, checksum: Checksum) -> None:
    work = desk.work(content, storage.put("/f", content), checksum=checksum)
    outcome = desk.fetched(work)
    assert desk.content(work) == content
    assert (outcome.rse, outcome.bytes, outcome.adler32) == ("RSE1", len(content), zlib.adler32(content))
    assert outcome.verified == (checksum != "none")
    assert len(storage.requests()) == 1


@pytest.mark.parametrize("checksum", ["adler32", "md5", "none"])
def test_a_large_file_comes_in_ranges(desk: Desk, storage: Faulty, large: bytes, checksum: Checksum) -> None:
    work = desk.work(large, storage.put("/f", large), checksum=checksum)
    desk.fetched(work)
    assert desk.content(work) == large
    assert len(storage.requests()) == 3 and storage.served() == len(large)


def test_a_file_of_unknown_size_comes(desk: Desk, storage: Faulty) -> None:
    for number, manner in enumerate((Manner(), Manner(chunked=True))):
        work = desk.work(MIDDLE, storage.put("/f", MIDDLE, manner), size=None, name=f"f{number}")
        assert desk.fetched(work).bytes == len(MIDDLE)
        assert desk.content(work) == MIDDLE


def test_a_file_whose_length_the_storage_does_not_tell_comes(desk: Desk, storage: Faulty) -> None:
    work = desk.work(SMALL, storage.put("/f", SMALL, Manner(chunked=True)))
    desk.fetched(work)
    assert desk.content(work) == SMALL


def test_a_change_of_protocols_is_no_file_without_bytes(desk: Desk, storage: Faulty) -> None:
    url = storage.put("/f", SMALL, Manner(status=101, headers=(("Connection", "close"),)))
    outcome = desk.given_up(desk.work(SMALL, url, size=None, checksum="none"))
    assert [(failure.kind, failure.status) for failure in outcome.failures] == [("server-error", 101)]


PASSING = {
    "missing": Manner(status=404),
    "gone": Manner(status=410),
    "refused": Manner(status=403),
    "server error": Manner(status=500),
    "busy": Manner(status=503),
    "corrupt at the start": Manner(flip=0),
    "corrupt at the end": Manner(flip=-1),
    "truncated": Manner(length=50_000),
    "longer": Manner(length=200_000),
    "truncated without telling": Manner(length=50_000, chunked=True),
    "longer without telling": Manner(length=200_000, chunked=True),
    "empty": Manner(length=0),
    "breaks off": Manner(cut_after=30_000),
    "stalls": Manner(stall_after=900),
    "says nothing": Manner(stall_after=0),
    "redirects in a circle": Manner(location="/f"),
    "redirects nowhere": Manner(status=302),
    "redirects to a file": Manner(location="file:///etc/passwd"),
    "redirects to nonsense": Manner(location="http://[::1"),
    "redirects to what is not ASCII": Manner(location="/ünter"),
    "redirects to a host that is not ASCII": Manner(location="http://ünter/f"),
    "another status": Manner(status=418),
}


@pytest.mark.parametrize("manner", PASSING.values(), ids=list(PASSING))
def test_a_replica_that_fails_is_left_for_the_next(
    desk: Desk, storage: Faulty, other: Faulty, manner: Manner
) -> None:
    work = desk.work(SMALL, storage.put("/f", SMALL, manner), other.put("/f", SMALL))
    outcome = desk.fetched(work)
    assert desk.content(work) == SMALL
    assert outcome.rse == "RSE2"
    assert [failure.rse for failure in outcome.passed_over] == ["RSE1"]


FAILING: dict[str, tuple[Manner, Kind, int]] = {
    "missing": (Manner(status=404), "missing", 1),
    "refused": (Manner(status=401), "refused", 1),
    "corrupt": (Manner(flip=99), "corrupt", 1),
    "truncated": (Manner(length=99), "wrong-size", 1),
    "longer": (Manner(length=200_000), "wrong-size", 1),
    "server error": (Manner(status=500), "server-error", ATTEMPTS),
    "breaks off": (Manner(cut_after=99), "cut", ATTEMPTS),
}


@pytest.mark.parametrize(("manner", "kind", "requests"), FAILING.values(), ids=list(FAILING))
def test_without_another_replica_the_reason_is_told(
    desk: Desk, storage: Faulty, manner: Manner, kind: Kind, requests: int
) -> None:
    outcome = desk.given_up(desk.work(SMALL, storage.put("/f", SMALL, manner)))
    assert [(failure.kind, failure.rse) for failure in outcome.failures] == [(kind, "RSE1")]
    assert len(storage.requests()) == requests


def test_a_wrong_md5_is_corrupt(desk: Desk, storage: Faulty, other: Faulty) -> None:
    urls = storage.put("/f", SMALL, Manner(flip=5)), other.put("/f", SMALL)
    assert desk.fetched(desk.work(SMALL, *urls, checksum="md5")).rse == "RSE2"
    outcome = desk.given_up(desk.work(SMALL, urls[0], checksum="md5", name="other"))
    assert [failure.kind for failure in outcome.failures] == ["corrupt"]


def test_a_disk_that_cannot_be_read_for_an_md5_is_told_and_no_replica_blamed(
    desk: Desk, storage: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int, length: int) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    work = desk.work(SMALL, storage.put("/f", SMALL), checksum="md5")
    with monkeypatch.context() as broken:
        broken.setattr("rucio_jupyterlab.sources.http.writer.file_md5", fail)
        assert [failure.kind for failure in desk.given_up(work).failures] == ["disk-error"]
    desk.fetched(work)
    assert desk.content(work) == SMALL


def test_what_an_earlier_attempt_left_behind_the_end_does_not_spoil_an_md5(
    desk: Desk, storage: Faulty
) -> None:
    work = desk.work(SMALL, storage.put("/f", SMALL), checksum="md5")
    Path(work.part).write_bytes(os.urandom(200_000))
    desk.fetched(work)
    assert desk.content(work)[: len(SMALL)] == SMALL


def test_a_wrong_size_in_the_catalogue_is_told_of_every_replica(
    desk: Desk, storage: Faulty, other: Faulty
) -> None:
    work = desk.work(SMALL, storage.put("/f", SMALL), other.put("/f", SMALL), size=len(SMALL) + 1)
    outcome = desk.given_up(work)
    assert [(failure.kind, failure.rse) for failure in outcome.failures] == [
        ("wrong-size", "RSE1"),
        ("wrong-size", "RSE2"),
    ]


def test_a_replica_that_stumbles_is_tried_again(desk: Desk, storage: Faulty) -> None:
    work = desk.work(SMALL, storage.put("/f", SMALL, Manner(status=500, times=ATTEMPTS - 1)))
    outcome = desk.fetched(work)
    assert outcome.passed_over == ()
    assert len(storage.requests()) == ATTEMPTS


def test_a_busy_storage_has_the_pause_that_it_asks_for(desk: Desk, storage: Faulty) -> None:
    asks_for_a_second = Manner(status=503, headers=(("Retry-After", "1"),), times=1)
    work = desk.work(SMALL, storage.put("/f", SMALL, asks_for_a_second))
    desk.mover.submit(work)
    desk.mover.submit(desk.work(SMALL, storage.put("/g", SMALL), name="g"))
    until(lambda: bool(storage.requests("/f")))
    until(lambda: desk.blocked(work) is not None)
    blocked = desk.blocked(work)
    assert blocked is not None and (blocked.kind, blocked.retry_after) == ("busy", 1.0)
    assert isinstance(desk.next(), Fetched) and isinstance(desk.next(), Fetched)


def test_a_storage_that_is_busy_for_everybody_is_waited_for(desk: Desk, storage: Faulty) -> None:
    works = [desk.work(SMALL, storage.put(f"/{n}", SMALL, Manner(status=503)), name=str(n)) for n in range(3)]
    for work in works:
        desk.mover.submit(work)
    until(lambda: len(storage.requests()) > len(works) * ATTEMPTS)
    until(lambda: all(desk.blocked(work) is not None for work in works))
    assert {failure.kind for work in works if (failure := desk.blocked(work))} == {"busy"}
    for n in range(3):
        storage.mend(f"/{n}")
    assert all(isinstance(desk.next(), Fetched) for _ in works)


def test_a_storage_that_hangs_costs_a_stall_only_once_where_another_has_the_files(
    desk: Desk, storage: Faulty, other: Faulty
) -> None:
    hangs = Manner(stall_after=0)
    works = [
        desk.work(SMALL, storage.put(f"/{n}", SMALL, hangs), other.put(f"/{n}", SMALL), name=str(n))
        for n in range(4 * BRISK.connections)
    ]
    for work in works:
        desk.mover.submit(work)
    outcomes = [desk.next() for _ in works]
    assert all(isinstance(outcome, Fetched) and outcome.rse == "RSE2" for outcome in outcomes)
    assert len(storage.requests()) < 2 * BRISK.connections


def test_the_rest_of_a_large_file_comes_from_another_replica(
    desk: Desk, storage: Faulty, other: Faulty, large: bytes
) -> None:
    urls = storage.put("/f", large, Manner(cut_after=5_000_000)), other.put("/f", large)
    work = desk.work(large, *urls)
    outcome = desk.fetched(work)
    assert desk.content(work) == large
    assert storage.served() + other.served() < 1.3 * len(large)
    assert [failure.kind for failure in outcome.passed_over] == ["cut"]


def test_a_replica_that_breaks_off_again_and_again_still_brings_a_large_file(
    desk: Desk, storage: Faulty, large: bytes
) -> None:
    work = desk.work(large, storage.put("/f", large, Manner(cut_after=6_000_000)))
    desk.fetched(work)
    assert desk.content(work) == large
    assert storage.served() < 1.3 * len(large)


@pytest.mark.parametrize("checksum", ["adler32", "md5"])
def test_a_mixture_with_a_corrupt_replica_is_found_out(
    desk: Desk, storage: Faulty, other: Faulty, large: bytes, checksum: Checksum
) -> None:
    other_in_each_range = bytearray(large)
    for place in range(0, len(large), RANGE_BYTES):
        other_in_each_range[place] ^= 1
    good = bytes(other_in_each_range)
    urls = storage.put("/f", large, Manner(status=500, times=1)), other.put("/f", good)
    work = desk.work(good, *urls, checksum=checksum)
    outcome = desk.fetched(work)
    assert desk.content(work) == good
    assert outcome.rse == "RSE2"
    assert [(failure.kind, failure.rse) for failure in outcome.passed_over] == [("corrupt", "RSE1")]


def test_a_file_without_checksum_is_never_mixed(
    desk: Desk, storage: Faulty, other: Faulty, large: bytes
) -> None:
    twin = bytes(len(large))
    cuts = Manner(cut_after=5_000_000)
    work = desk.work(large, storage.put("/f", large, cuts), other.put("/f", twin), checksum="none")
    desk.fetched(work)
    assert desk.content(work) in (large, twin)


def test_without_checksum_and_with_the_first_replica_gone_all_comes_from_the_second(
    desk: Desk, storage: Faulty, other: Faulty, large: bytes
) -> None:
    twin = bytes(len(large))
    slow = Manner(slice_seconds=0.002)
    work = desk.work(large, storage.put("/f", large, slow), other.put("/f", twin), checksum="none")
    desk.mover.submit(work)
    until(lambda: storage.served() >= 2_000_000)
    storage.mend("/f", Manner(status=404))
    storage.close_connections()
    outcome = desk.next()
    assert isinstance(outcome, Fetched) and outcome.rse == "RSE2"
    assert desk.content(work) == twin


def test_a_storage_that_ignores_ranges_gives_the_whole_at_once(
    desk: Desk, storage: Faulty, large: bytes
) -> None:
    work = desk.work(large, storage.put("/f", large, Manner(ignores_ranges=True)))
    desk.fetched(work)
    assert desk.content(work) == large
    assert storage.requests()[-1].range is None


def test_a_storage_that_answers_another_range_is_not_believed(
    desk: Desk, storage: Faulty, large: bytes
) -> None:
    work = desk.work(large, storage.put("/f", large, Manner(shifts_ranges=True)), checksum="none")
    desk.fetched(work)
    assert desk.content(work) == large


def test_a_file_that_changes_while_it_is_read_is_begun_anew(
    desk: Desk, storage: Faulty, large: bytes
) -> None:
    work = desk.work(large, storage.put("/f", large, Manner(validators=('"v1"', '"v2"'))), checksum="none")
    desk.fetched(work)
    assert desk.content(work) == large


def test_a_file_that_changes_all_the_time_is_given_up(desk: Desk, storage: Faulty, large: bytes) -> None:
    etags = tuple(f'"{number}"' for number in range(200))
    outcome = desk.given_up(desk.work(large, storage.put("/f", large, Manner(validators=etags))))
    assert [failure.kind for failure in outcome.failures] == ["changed"]


# Going on after an end


def test_what_is_taken_back_before_its_turn_is_not_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read, over = list[str](), threading.Event()

    def slowly_verified(part: str, expected: Heading) -> list[Range]:
        read.append(part)
        assert over.wait(SECONDS)
        return []

    monkeypatch.setattr(earlier, "verified_ranges", slowly_verified)
    ranges = earlier.EarlierRanges(lambda call: call(), lambda work, done: None)
    first, taken_back, last = works = [desk.work(b"", name=name) for name in "abc"]
    for work in works:
        ranges.examine(work)
    until(lambda: read == [first.part])
    assert ranges.take_back(taken_back.id)
    over.set()
    until(lambda: last.part in read)
    ranges.close()
    assert read == [first.part, last.part]


def interrupted(desk: Desk, storage: Faulty, large: bytes, validator: str | None = '"v1"') -> int:
    """Stop a large file in the middle; returns the bytes that were kept."""
    manner = Manner(slice_seconds=0.002, validators=(validator,))
    work = desk.work(large, storage.put("/f", large, manner))
    desk.mover.submit(work)
    until(lambda: storage.served() >= 6_000_000)
    desk.mover.cancel(work.id)
    assert desk.next() == Cancelled(work.id)
    heading, ranges = read_record(work.part)
    assert heading is not None
    return sum(each.length for each in ranges)


def test_a_file_that_was_taken_back_goes_on_where_it_was(desk: Desk, storage: Faulty, large: bytes) -> None:
    kept = interrupted(desk, storage, large)
    assert kept > 4_000_000
    work = desk.work(large, storage.put("/f", large))
    desk.fetched(work)
    assert desk.content(work) == large
    assert storage.served() == len(large) - kept


def test_a_replica_that_changed_meanwhile_is_read_anew(desk: Desk, storage: Faulty, large: bytes) -> None:
    interrupted(desk, storage, large)
    changed = bytes(len(large))
    work = desk.work(changed, storage.put("/f", changed, Manner(validators=('"v2"',))), checksum="none")
    desk.fetched(work)
    assert desk.content(work) == changed
    assert all(each.validator == '"v2"' for each in read_record(work.part)[1])


def test_without_a_validator_nothing_is_built_upon(desk: Desk, storage: Faulty, large: bytes) -> None:
    assert interrupted(desk, storage, large, validator=None) > 0
    work = desk.work(large, storage.put("/f", large))
    desk.fetched(work)
    assert storage.served() == len(large)


def test_a_part_that_rotted_is_repaired(desk: Desk, storage: Faulty, large: bytes) -> None:
    interrupted(desk, storage, large)
    with Path(desk.work(large).part).open("r+b") as part:
        part.seek(1000)
        part.write(b"rot")
    work = desk.work(large, storage.put("/f", large))
    desk.fetched(work)
    assert desk.content(work) == large


def test_a_record_that_rotted_costs_time_but_never_the_file(
    desk: Desk, storage: Faulty, large: bytes
) -> None:
    interrupted(desk, storage, large)
    record = Path(desk.work(large).part + RECORD_SUFFIX)
    record.write_bytes(b"\xff\xfe" + record.read_bytes()[2:])
    work = desk.work(large, storage.put("/f", large))
    desk.fetched(work)
    assert desk.content(work) == large


def test_a_work_taken_back_while_its_part_is_examined_is_cancelled(
    desk: Desk, storage: Faulty, large: bytes
) -> None:
    interrupted(desk, storage, large)
    work = desk.work(large, storage.put("/f", large))
    desk.mover.submit(work)
    desk.mover.cancel(work.id)
    outcome = desk.next()
    assert outcome == Cancelled(work.id)
    assert storage.served() < len(large)


def test_works_taken_back_while_they_wait_for_a_full_host_leave_the_way_free(
    tmp_path: Path, storage: Faulty
) -> None:
    desk = Desk(tmp_path, msgspec.structs.replace(BRISK, connections=8, connections_per_host=1))
    slow = storage.put("/slow", MIDDLE, Manner(slice_seconds=0.05))
    works = [desk.work(MIDDLE, slow, name=f"f{number}") for number in range(3)]
    for work in works:
        desk.mover.submit(work)
    until(lambda: len(storage.requests()) == 1 and len(desk.mover.progress()) == len(works))
    time.sleep(0.05)  # until two of them stand in line for the one connection
    for work in works:
        desk.mover.cancel(work.id)
    assert {desk.next() for _ in works} == {Cancelled(work.id) for work in works}
    desk.fetched(desk.work(SMALL, storage.put("/f", SMALL)))
    desk.mover.close()


def test_what_has_arrived_is_kept_when_the_engine_ends(tmp_path: Path, storage: Faulty, large: bytes) -> None:
    for _ in range(3):
        desk = Desk(tmp_path)
        work = desk.work(large, storage.put("/f", large, Manner(slice_seconds=0.002)))
        desk.mover.submit(work)
        before = sum(each.length for each in read_record(work.part)[1])
        until(lambda: storage.served() >= 3_000_000)
        desk.mover.close()
        assert sum(each.length for each in read_record(work.part)[1]) > before


# Secrets and addresses


SECRET = "X-Rucio-Auth-Token: secret"


def only_for(storage: Faulty) -> Callable[[str, str | None], Plain]:
    """The secret for one storage, as long as nobody redirected there."""
    return lambda url, redirected_from: (
        Plain((SECRET,)) if url.startswith(storage.url("/")) and redirected_from is None else Plain()
    )


def test_no_secret_follows_a_redirect_to_another_host(desk: Desk, storage: Faulty, other: Faulty) -> None:
    desk.credential = only_for(storage)
    there = other.put("/there", SMALL)
    outcome = desk.fetched(desk.work(SMALL, storage.put("/f", SMALL, Manner(location=there))))
    assert outcome.rse == "RSE1"
    assert storage.requests()[0].headers["x-rucio-auth-token"] == "secret"
    assert "secret" not in str(other.requests())
    assert desk.asked == [(storage.url("/f"), None), (there, storage.url("/f"))]


def test_no_secret_of_one_file_goes_with_the_next(desk: Desk, storage: Faulty) -> None:
    desk.credential = lambda url, _: Plain((SECRET,)) if url.endswith("/f") else Plain()
    desk.fetched(desk.work(SMALL, storage.put("/f", SMALL)))
    desk.fetched(desk.work(SMALL, storage.put("/g", SMALL), name="g"))
    assert "secret" in str(storage.requests("/f")) and "secret" not in str(storage.requests("/g"))


def test_a_redirect_within_a_host_is_followed_for_every_range(
    desk: Desk, storage: Faulty, large: bytes
) -> None:
    storage.put("/there", large)
    work = desk.work(large, storage.put("/f", large, Manner(location="/there", status=307)))
    desk.fetched(work)
    assert desk.content(work) == large
    assert len(storage.requests("/there")) == 3


@pytest.mark.parametrize("size", [None, -1], ids=["read as it comes", "whole in memory"])
def test_a_redirect_is_followed_byte_by_byte_whatever_its_encoding(
    desk: Desk, storage: Faulty, other: Faulty, size: int | None
) -> None:
    """A server sends bytes; our storage writes each character of its headers as one."""
    for name, there in (("latin", "/%FCber"), ("utf", "/%C3%BCber")):
        other.put(there, SMALL)
        location = Manner(location=other.url(unquote(there, "latin-1")))
        desk.fetched(desk.work(SMALL, storage.put("/f", SMALL, location), size=size, name=name))
        assert len(other.requests(there)) == 1


def test_what_may_not_be_asked_is_not_asked(desk: Desk, storage: Faulty) -> None:
    def forbids(url: str, redirected_from: str | None) -> Plain:
        if "169.254" in url:
            raise SourceFailure("never")
        return Plain()

    desk.credential = forbids
    inside = "http://169.254.169.254/latest/meta-data"
    outcome = desk.given_up(desk.work(SMALL, storage.put("/f", SMALL, Manner(location=inside))))
    assert [failure.kind for failure in outcome.failures] == ["bad-redirect"]
    outcome = desk.given_up(desk.work(SMALL, inside, name="g"))
    assert [failure.kind for failure in outcome.failures] == ["refused"]


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]"])
def test_no_connection_is_made_to_this_machines_network_whatever_name_stands_for_it(
    desk: Desk, storage: Faulty, host: str
) -> None:
    """The desk lets every address pass, as it does a harmless name; what it stands for is seen on connecting."""
    inside = f"http://{host}/latest/meta-data"
    outcome = desk.given_up(desk.work(SMALL, inside))
    assert [failure.kind for failure in outcome.failures] == ["bad-redirect"]
    outcome = desk.given_up(desk.work(SMALL, storage.put("/f", SMALL, Manner(location=inside)), name="g"))
    assert [failure.kind for failure in outcome.failures] == ["bad-redirect"]


def test_a_redirect_from_https_to_plain_text_is_not_followed(
    desk: Desk, other: Faulty, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    desk.credential = lambda *_: Plain(ca_file=str(authority.certificate))
    with Faulty(authority.server()) as secure:
        url = secure.put("/f", SMALL, Manner(location=other.put("/there", SMALL)))
        outcome = desk.given_up(desk.work(SMALL, url))
    assert [failure.kind for failure in outcome.failures] == ["bad-redirect"]
    assert other.requests() == []


def test_a_redirect_to_a_host_that_is_dead_is_the_storages_fault(desk: Desk, storage: Faulty) -> None:
    dead = Manner(location="http://127.0.0.1:1/f")
    outcome = desk.given_up(desk.work(SMALL, storage.put("/f", SMALL, dead)))
    assert [failure.kind for failure in outcome.failures] == ["server-error"]


def test_while_a_token_is_renewed_the_file_waits(desk: Desk, storage: Faulty) -> None:
    answers = iter([RucioUnreachable("renewing")] * 3)

    def renews(url: str, redirected_from: str | None) -> Plain:
        if failure := next(answers, None):
            raise failure
        return Plain()

    desk.credential = renews
    desk.fetched(desk.work(SMALL, storage.put("/f", SMALL)))


def test_an_address_that_is_not_ascii_is_asked_percent_encoded(desk: Desk, storage: Faulty) -> None:
    storage.put("/%C3%BCber%20uns", SMALL)
    desk.fetched(desk.work(SMALL, storage.url("/über uns")))


# Limits


@pytest.mark.parametrize("exempt", [True, False], ids=["exempt", "by the proxy"])
def test_the_proxy_of_the_environment_is_used(
    desk: Desk, storage: Faulty, other: Faulty, monkeypatch: pytest.MonkeyPatch, exempt: bool
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.2:{other.port}")
    monkeypatch.setenv("no_proxy", "0.0.0.0" if exempt else "")
    monkeypatch.setenv("NO_PROXY", "")
    storage.put("/f", SMALL)
    url = f"http://0.0.0.0:{storage.port}/f"  # leads to this machine too, but is not its loopback
    other.put(url, SMALL)  # a proxy is asked for the whole address
    desk.fetched(desk.work(SMALL, url))
    assert (len(storage.requests()), len(other.requests())) == ((1, 0) if exempt else (0, 1))


@pytest.mark.parametrize("exempt", ["", "storage.invalid", "*"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_no_proxy_is_asked_for_this_machine(
    desk: Desk, other: Faulty, monkeypatch: pytest.MonkeyPatch, exempt: str, host: str
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{other.port}")
    monkeypatch.setenv("no_proxy", exempt)
    with Faulty(address="127.0.0.1" if host == "localhost" else host) as storage:
        storage.put("/f", SMALL)
        desk.fetched(desk.work(SMALL, f"http://{host}:{storage.port}/f"))
        assert (len(storage.requests()), len(other.requests())) == (1, 0)


def test_connections_to_a_host_stay_within_the_limit(tmp_path: Path, storage: Faulty) -> None:
    desk = Desk(tmp_path, msgspec.structs.replace(BRISK, connections=12, connections_per_host=3))
    slow = Manner(slice_seconds=0.01)
    for number in range(15):
        url = storage.put(f"/{number}", SMALL, slow)
        desk.mover.submit(desk.work(SMALL, url, name=str(number)))
    assert all(isinstance(desk.next(), Fetched) for _ in range(15))
    desk.mover.close()
    assert storage.most_at_once == 3


def test_connections_for_one_file_stay_within_the_limit(
    tmp_path: Path, storage: Faulty, large: bytes
) -> None:
    desk = Desk(tmp_path, msgspec.structs.replace(BRISK, connections_per_file=2))
    desk.fetched(desk.work(large, storage.put("/f", large, Manner(slice_seconds=0.0005))))
    desk.mover.close()
    assert storage.most_at_once == 2


def test_a_dead_host_is_waited_for_and_found_again(desk: Desk, storage: Faulty) -> None:
    with Faulty() as short_lived:
        url = short_lived.put("/f", SMALL)
        port = short_lived.port
    work = desk.work(SMALL, url)
    desk.mover.submit(work)
    until(lambda: desk.blocked(work) is not None)
    blocked = desk.blocked(work)
    assert blocked is not None and blocked.kind == "unreachable"
    with Faulty(port=port) as again:
        again.put("/f", SMALL)
        desk.mover.retry_now()
        assert isinstance(desk.next(), Fetched)


def test_a_bandwidth_limit_holds(tmp_path: Path, storage: Faulty) -> None:
    rate = 2_000_000
    desk = Desk(tmp_path, msgspec.structs.replace(BRISK, bandwidth=rate))
    content = os.urandom(600_000)
    works = [desk.work(content, storage.put(f"/{n}", content), name=str(n)) for n in range(3)]
    began = os.times().elapsed
    for work in works:
        desk.mover.submit(work)
    assert all(isinstance(desk.next(), Fetched) for _ in works)
    seconds = os.times().elapsed - began
    desk.mover.close()
    assert 3 * len(content) <= 1.3 * rate * (seconds + 0.1)


@pytest.mark.parametrize("size", [0, None], ids=["known", "unknown"])
@pytest.mark.parametrize("bandwidth", [10_000_000, None], ids=["limited", "unlimited"])
def test_a_file_without_bytes_is_a_file(
    tmp_path: Path, storage: Faulty, size: int | None, bandwidth: int | None
) -> None:
    desk = Desk(tmp_path, msgspec.structs.replace(BRISK, bandwidth=bandwidth))
    try:
        work = desk.work(b"", storage.put("/f", b""), size=size)
        assert desk.fetched(work).bytes == 0
        assert desk.content(work) == b""
    finally:
        desk.mover.close()


def test_below_a_limit_a_reply_that_is_too_long_is_left_for_the_next(
    tmp_path: Path, storage: Faulty, other: Faulty
) -> None:
    desk = Desk(tmp_path, msgspec.structs.replace(BRISK, bandwidth=200_000))
    too_long = storage.put("/f", SMALL, Manner(length=200_000, chunked=True))
    work = desk.work(SMALL, too_long, other.put("/f", SMALL))
    try:
        outcome = desk.fetched(work)
    finally:
        desk.mover.close()
    assert desk.content(work) == SMALL
    assert [(failure.kind, failure.rse) for failure in outcome.passed_over] == [("wrong-size", "RSE1")]


def test_a_limit_that_is_taken_away_lets_everything_through(tmp_path: Path, storage: Faulty) -> None:
    desk = Desk(tmp_path, msgspec.structs.replace(BRISK, bandwidth=1000))
    work = desk.work(MIDDLE, storage.put("/f", MIDDLE))
    desk.mover.submit(work)
    until(lambda: bool(storage.requests()))
    desk.mover.limit_bandwidth(None)
    assert isinstance(desk.next(), Fetched)
    desk.mover.close()


# The disk


def test_a_folder_that_is_gone_is_an_outcome(desk: Desk, storage: Faulty) -> None:
    work = msgspec.structs.replace(
        desk.work(SMALL, storage.put("/f", SMALL)), part=str(desk.folder / "gone" / "f.part")
    )
    assert [failure.kind for failure in desk.given_up(work).failures] == ["disk-error"]


@pytest.fixture
def disk_full_at_close(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As NFS tells it. Parts of these paths, each once."""
    close, full = os.close, list[str]()

    def fail_to_close(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        close(descriptor)
        if path in full:
            full.remove(path)
            raise OSError(errno.EDQUOT, "quota exceeded")

    monkeypatch.setattr(os, "close", fail_to_close)
    return full


@pytest.mark.parametrize("content", [b"", SMALL, MIDDLE], ids=["empty", "small", "middle"])
@pytest.mark.parametrize("checksum", ["adler32", "md5", "none"])
def test_a_file_that_the_disk_refuses_when_it_is_closed_is_not_there(
    desk: Desk, storage: Faulty, disk_full_at_close: list[str], content: bytes, checksum: Checksum
) -> None:
    work = desk.work(content, storage.put("/f", content), checksum=checksum)
    disk_full_at_close.append(os.path.realpath(work.part))
    assert [failure.kind for failure in desk.given_up(work).failures] == ["disk-full"]
    assert not os.path.exists(work.part)
    desk.fetched(work)
    assert desk.content(work) == content and len(storage.requests()) == 2


def test_of_a_large_file_that_the_disk_refuses_when_it_is_closed_nothing_is_believed(
    desk: Desk, storage: Faulty, disk_full_at_close: list[str], large: bytes
) -> None:
    work = desk.work(large, storage.put("/f", large))
    disk_full_at_close.append(os.path.realpath(work.part))
    assert [failure.kind for failure in desk.given_up(work).failures] == ["disk-full"]
    assert not os.path.exists(work.part) and not os.path.exists(work.part + RECORD_SUFFIX)
    desk.fetched(work)
    assert desk.content(work) == large and len(storage.requests()) == 6


def test_a_file_that_is_taken_back_is_so_though_its_part_does_not_close_well(
    desk: Desk, storage: Faulty, disk_full_at_close: list[str], large: bytes
) -> None:
    work = desk.work(large, storage.put("/f", large, Manner(slice_seconds=0.005)))
    disk_full_at_close.append(os.path.realpath(work.part))
    desk.mover.submit(work)
    until(lambda: os.path.exists(work.part))
    desk.mover.cancel(work.id)
    assert desk.next() == Cancelled(work.id) and disk_full_at_close == []


def test_a_record_that_does_not_close_well_is_closed_once_and_delays_nothing(
    desk: Desk, storage: Faulty, disk_full_at_close: list[str], large: bytes
) -> None:
    work = desk.work(large, storage.put("/f", large))
    disk_full_at_close.append(os.path.realpath(work.part + RECORD_SUFFIX))
    desk.fetched(work)
    assert desk.content(work) == large and disk_full_at_close == []


def test_a_certificate_that_is_not_trusted_is_told(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "Zürich")  # not ASCII, as a user's home may be
    with Faulty(authority.server()) as storage:
        url = storage.put("/f", SMALL)
        assert [failure.kind for failure in desk.given_up(desk.work(SMALL, url)).failures] == ["untrusted"]
        desk.credential = lambda *_: Plain(ca_file=str(authority.certificate))
        desk.fetched(desk.work(SMALL, url, name="g"))


@pytest.fixture
def plain_port(storage: Faulty) -> str:
    """An https address where nobody speaks TLS."""
    return storage.put("/f", SMALL).replace("http://", "https://")


def test_where_no_handshake_succeeds_the_next_replica_is_asked(
    desk: Desk, other: Faulty, plain_port: str
) -> None:
    outcome = desk.fetched(desk.work(SMALL, plain_port, other.put("/f", SMALL)))
    assert outcome.rse == "RSE2"
    assert [failure.kind for failure in outcome.passed_over] == ["no-handshake"]


def test_without_a_handshake_anywhere_it_is_given_up_with_a_remedy(desk: Desk, plain_port: str) -> None:
    (failure,) = desk.given_up(desk.work(SMALL, plain_port)).failures
    assert (failure.kind, failure.problem().do) == ("no-handshake", "report")
    assert failure.sentence == "RSE1 and this machine cannot agree on a secure connection."


def test_an_old_protocol_alone_is_no_handshake(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with Faulty(authority.server()) as storage:
        storage.speak_no_newer_than(ssl.TLSVersion.TLSv1)
        url = storage.put("/f", SMALL)
        desk.credential = lambda url, redirected_from: Plain(ca_file=str(authority.certificate))
        (failure,) = desk.given_up(desk.work(SMALL, url)).failures
        assert failure.kind == "no-handshake"


def test_a_storage_that_demands_a_certificate_refuses_who_has_none(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with Faulty(authority.server()) as storage:
        storage.demand_certificates(authority.certificate)
        url = storage.put("/f", SMALL)
        desk.credential = lambda url, redirected_from: Plain(ca_file=str(authority.certificate))
        for _ in range(
            10
        ):  # the connection's end may overtake the reason for it, and is then all that is told
            (failure,) = desk.given_up(desk.work(SMALL, url)).failures
            if failure.kind == "refused":
                break
            assert failure.kind == "cut"
        assert (failure.kind, failure.problem().do) == ("refused", "signin")


def test_many_small_files_come_over_few_connections(desk: Desk, storage: Faulty) -> None:
    works = [desk.work(SMALL[:n], storage.put(f"/{n}", SMALL[:n]), name=str(n)) for n in range(300)]
    for work in works:
        desk.mover.submit(work)
    assert all(isinstance(desk.next(), Fetched) for _ in works)
    assert all(desk.content(work) == SMALL[:n] for n, work in enumerate(works))
    assert storage.connections <= 2 * BRISK.connections
