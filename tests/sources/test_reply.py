"""What a reply's head says, whatever a server may send."""

from __future__ import annotations

import email.utils
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.pauses import LONGEST_PAUSE_ASKED_FOR
from rucio_jupyterlab.sources.failures import ReplicaFailure
from rucio_jupyterlab.sources.http.reply import ReplyHead


def head(status: int, **fields: str) -> ReplyHead:
    made = ReplyHead()
    made.feed(f"HTTP/1.1 {status} Word\r\n".encode())
    for name, value in fields.items():
        made.feed(f"{name.replace('_', '-').title()}: {value}\r\n".encode())
    assert made.feed(b"\r\n") == (status >= 200)
    return made


def kind(made: ReplyHead, *, ranged: bool = False, offset: int = 0, signed: bool = False) -> str | None:
    failure = made.failure("RSE", offset=offset, ranged=ranged, signed=signed)
    return failure.kind if failure else None


def test_the_reply_that_was_asked_for_is_no_failure() -> None:
    assert kind(head(200)) is None
    assert kind(head(206, content_range="bytes 5-9/100"), ranged=True, offset=5) is None


@pytest.mark.parametrize(
    ("content_range", "expected"),
    [(None, "ignores-ranges"), ("bytes */100", "ignores-ranges"), ("bytes */5", "wrong-size")],
)
def test_a_storage_may_refuse_any_range(content_range: str | None, expected: str) -> None:
    made = head(416, content_range=content_range) if content_range else head(416)
    assert kind(made, ranged=True, offset=5) == expected


def test_a_whole_file_is_no_answer_to_a_range() -> None:
    assert kind(head(200, content_length="100"), ranged=True) == "ignores-ranges"


@pytest.mark.parametrize("content_range", ["bytes 6-9/100", "bytes */100", "5-9/100", "bytes 5-9/x", ""])
def test_another_range_is_no_answer(content_range: str) -> None:
    made = head(206, content_range=content_range) if content_range else head(206)
    assert kind(made, ranged=True, offset=5) == "ignores-ranges"


@pytest.mark.parametrize(
    ("status", "signed", "expected"),
    [
        (404, False, "missing"),
        (410, True, "missing"),
        (401, False, "refused"),
        (403, True, "lapsed"),
        (416, False, "wrong-size"),
        (429, False, "busy"),
        (503, False, "busy"),
        (500, False, "server-error"),
        (408, False, "server-error"),
        (425, False, "server-error"),
        (418, False, "refused"),
        (304, False, "server-error"),
        (302, False, "bad-redirect"),
    ],
)
def test_every_status_has_its_kind(status: int, signed: bool, expected: str) -> None:
    assert kind(head(status), signed=signed) == expected


def test_a_redirect_with_an_address_is_none() -> None:
    made = head(307, location="/there")
    assert kind(made) is None and made.location == "/there"
    assert head(200, location="/there").location is None


def test_only_the_last_head_counts() -> None:
    made = ReplyHead()
    for line in (b"HTTP/1.1 100 Continue\r\n", b'ETag: "early"\r\n'):
        assert not made.feed(line)
    assert not made.feed(b"\r\n")
    made.feed(b"HTTP/1.1 200 OK\r\n")
    assert made.feed(b"\r\n") and made.validator is None


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"HTTP/1.1 206\r\n", 206),
        (b"HTTP/1.1  206  Partial\r\n", 206),
        (b"HTTP/1.0 206Partial\r\n", 206),
        (b"HTTP/1.1 \r\n", 0),
        (b"HTTP/\r\n", 0),
    ],
)
def test_a_status_is_read_however_it_is_written(line: bytes, status: int) -> None:
    made = ReplyHead()
    made.feed(line)
    assert made.status == status
    assert kind(made) == "server-error"


def test_a_weak_etag_gives_way_to_the_time() -> None:
    assert head(200, etag='"x"', last_modified="then").validator == '"x"'
    assert head(200, etag='W/"x"', last_modified="then").validator == "then"
    assert head(200, etag='W/"x"').validator is None


def test_a_pause_is_read_in_seconds_and_as_a_date() -> None:
    assert head(503, retry_after="7").retry_after == 7.0
    soon = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 90 < (head(503, retry_after=soon).retry_after or 0) <= 100
    assert head(503, retry_after="Wed, 21 Oct 2015 07:28:00 GMT").retry_after == 0.0
    assert head(503).retry_after is None
    for far in ("86400", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert head(503, retry_after=far).retry_after == LONGEST_PAUSE_ASKED_FOR


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60))
def test_no_header_breaks_the_reading(value: str) -> None:
    made = ReplyHead()
    made.feed(b"HTTP/1.1 206 Partial Content\r\n")
    for name in (b"Retry-After", b"Content-Length", b"Content-Range", b"ETag", b"Location"):
        made.feed(name + b": " + value.encode("latin-1") + b"\r\n")
    assert made.retry_after is None or made.retry_after >= 0
    made.total()
    failure = made.failure("RSE", offset=0, ranged=True, signed=False)
    assert failure is None or isinstance(failure, ReplicaFailure)


@pytest.mark.parametrize("value", ["²", "9" * 5000, "Mon, 99 Foo 99999999999 99:99:99 +9999", "-1"])
def test_what_is_no_number_is_none(value: str) -> None:
    made = ReplyHead()
    made.feed(b"HTTP/1.1 200 OK\r\n")
    made.feed(f"Retry-After: {value}\r\n".encode("latin-1"))
    made.feed(f"Content-Length: {value}\r\n".encode("latin-1"))
    assert made.retry_after is None and made.total() is None
