"""The catalogue at a Rucio that is slow, dies in the middle, or leaves something out."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog import composed, listing, rses
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.catalog.model import ContentQuery, FileReplicas, MetadataFilter, SearchQuery
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import ListScopes, OpenListing, SignIn
from rucio_jupyterlab.errors import (
    NoSpace,
    NotFound,
    RucioFault,
    RucioRefused,
    RucioUnreachable,
    SignInNeeded,
)
from tests.accounts.wayward import Reply, Request, Wayward, in_turn, rucio_where, wayward

SEARCH = OpenListing("w", SearchQuery("s", "*", "all"), limit=10)
JOINED = OpenListing("w", SearchQuery("s", filters=[MetadataFilter("run", "=", 1)]))
DATASET = Did("s", "d")
PATIENCE = 1.0

Make = Callable[[dict[str, Reply]], tuple[Catalog, Wayward]]


@pytest.fixture
def catalog_at(tmp_path: Path) -> Iterator[Make]:
    """A catalogue at a server that does what the paths say."""
    with ExitStack() as stack:

        def make(paths: dict[str, Reply]) -> tuple[Catalog, Wayward]:
            server = stack.enter_context(wayward(rucio_where(paths)))
            traits = {
                "instances": [{"name": "w", "display_name": "Wayward", "rucio_base_url": server.url}],
                "request_timeout": PATIENCE,
            }
            accounts = Accounts(configuration_from(traits, {}), tmp_path / "state", lambda name: None)
            stack.callback(accounts.close)
            accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
            catalog = Catalog(accounts, tmp_path / "spool")
            stack.callback(catalog.close)
            return catalog, server

        yield make


def row(number: int, **more: Any) -> bytes:
    return json.dumps({"scope": "s", "name": f"n{number}", "did_type": "DATASET", **more}).encode() + b"\n"


def streamed(*chunks: bytes) -> Reply:
    def reply(request: Request) -> None:
        request.begin_stream()
        for chunk in chunks:
            request.chunk(chunk)
        request.send(b"0\r\n\r\n")

    return reply


def until(catalog: Catalog, listing_id: str, done: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 10
    while not done(page := catalog.read_listing(listing_id, 0, 10)):
        assert time.monotonic() < deadline
    return page


def test_pages_are_there_while_the_rest_arrives(catalog_at: Make) -> None:
    def slow(request: Request) -> None:
        request.begin_stream()
        for number in range(20):
            request.chunk(row(number))
            time.sleep(0.02)
        request.send(b"0\r\n\r\n")

    catalog, _ = catalog_at({"/dids/s/dids/search": slow})

    page = catalog.open_listing(SEARCH)
    assert 0 < len(page.rows) <= 10
    assert not page.complete

    page = until(catalog, page.listing_id, lambda page: page.complete)
    assert (page.rows_so_far, page.cut) == (20, None)


def test_who_asks_for_scopes_meanwhile_shares_the_answer(catalog_at: Make) -> None:
    another = threading.Event()
    catalog, server = catalog_at({"/scopes/": lambda request: None})

    def slow(request: Request) -> None:
        if server.paths.count("/scopes/") > 1:
            another.set()
        another.wait(0.3)
        request.answer(200, b'["a", "b"]')

    server.reply = rucio_where({"/scopes/": slow})
    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(lambda _: catalog.scopes(ListScopes("w")).scopes, range(6)))

    assert told == [["a", "b"]] * 6
    assert server.paths.count("/scopes/") == 1


def test_a_question_that_fails_fails_for_all_who_share_it_and_is_asked_anew(catalog_at: Make) -> None:
    replies = in_turn(lambda request: request.answer(500), lambda request: request.answer(200, b'["a"]'))
    catalog, _ = catalog_at({"/scopes/": replies})

    with pytest.raises(RucioRefused):
        catalog.scopes(ListScopes("w"))

    assert catalog.scopes(ListScopes("w")).scopes == ["a"]


def test_an_answer_that_is_cut_keeps_its_rows_and_says_so(catalog_at: Make) -> None:
    def cut(request: Request) -> None:
        request.begin_stream()
        request.chunk(row(1) + row(2))
        request.close_after = True

    catalog, _ = catalog_at({"/dids/s/dids/search": cut})

    page = until(catalog, catalog.open_listing(SEARCH).listing_id, lambda page: page.cut)

    assert [one.did.name for one in page.rows] == ["n1", "n2"]
    assert not page.complete
    assert page.cut == "The answer of Wayward broke off."


def test_an_answer_that_ends_within_a_row_is_cut(catalog_at: Make) -> None:
    catalog, _ = catalog_at({"/dids/s/dids/search": streamed(row(1), row(2)[:9])})

    page = until(catalog, catalog.open_listing(SEARCH).listing_id, lambda page: page.cut)

    assert len(page.rows) == 1
    assert not page.complete


def test_rows_cut_anywhere_by_the_network_are_whole(catalog_at: Make) -> None:
    answer = b"".join(row(number) for number in range(700))
    pieces = [answer[start : start + 37] for start in range(0, len(answer), 37)]
    catalog, _ = catalog_at({"/dids/s/dids/search": streamed(*pieces)})

    page = until(catalog, catalog.open_listing(SEARCH).listing_id, lambda page: page.complete)

    found = catalog.read_listing(page.listing_id, 0, 1000).rows
    assert [one.did.name for one in found] == [f"n{number}" for number in range(700)]


def test_a_first_row_that_takes_long_is_not_waited_for_without_end(
    catalog_at: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.catalog.listing._FIRST_ROW_PATIENCE", 0.1)

    seen = threading.Event()

    def late(request: Request) -> None:
        seen.wait(10)
        streamed(row(1))(request)

    catalog, _ = catalog_at({"/dids/s/dids/search": late})

    page = catalog.open_listing(SEARCH)
    assert (page.rows, page.complete) == ([], False)

    seen.set()
    assert len(until(catalog, page.listing_id, lambda page: page.complete).rows) == 1


def test_a_rucio_that_says_nothing_is_unreachable(catalog_at: Make) -> None:
    given_up = threading.Event()

    def silent(request: Request) -> None:
        given_up.wait(30)

    catalog, _ = catalog_at({"/dids/s/dids/search": silent})

    with pytest.raises(RucioUnreachable, match="too long"):
        catalog.open_listing(SEARCH)
    given_up.set()


@pytest.mark.parametrize(
    "reply",
    [
        lambda request: request.answer(200, b"<html>portal</html>", "text/html"),
        streamed(b"this is no row\n"),
        streamed(b'{"scope": "s"}\n'),
        streamed(b"\xff\xfe\n"),
    ],
)
def test_rubbish_is_told_as_such(catalog_at: Make, reply: Reply) -> None:
    catalog, _ = catalog_at({"/dids/": reply})

    for query in (SearchQuery("s"), ContentQuery(DATASET)):
        with pytest.raises(RucioRefused):
            catalog.open_listing(OpenListing("w", query))


@pytest.mark.parametrize("names", [streamed(b"no JSON\n"), streamed(b'{"a": 1}\n')])
def test_rubbish_among_the_names_of_a_joined_search_is_told(catalog_at: Make, names: Reply) -> None:
    catalog, _ = catalog_at({"/dids/s/dids/search": in_turn(names, streamed(row(1)))})

    with pytest.raises(RucioRefused, match="cannot be read"):
        catalog.open_listing(JOINED)


def endless(request: Request) -> None:
    request.begin_stream()
    number = 0
    while True:
        number += 1
        request.chunk(row(number) * 100)


def assert_it_ends(catalog: Catalog, server: Wayward, why: str) -> None:
    """The list ends with a sentence, its rows stay, and Rucio is asked for no more."""
    page = until(catalog, catalog.open_listing(SEARCH).listing_id, lambda page: page.cut)

    assert why in page.cut
    assert not page.complete
    assert server.hung_up.wait(timeout=5)
    assert len(catalog.read_listing(page.listing_id, page.rows_so_far - 3, 10).rows) == 3


def test_a_list_that_finds_no_room_is_told_and_what_came_can_be_read(
    catalog_at: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite

    def full_soon(file: int, data: Any, place: int) -> int:
        if place + len(data) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data, place)

    monkeypatch.setattr(os, "pwrite", full_soon)
    catalog, server = catalog_at({"/dids/s/dids/search": endless})

    assert_it_ends(catalog, server, "The disk has no room for this list.")


def test_a_list_without_end_is_cut_and_what_came_can_be_read(
    catalog_at: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST_BYTES", 300_000)
    catalog, server = catalog_at({"/dids/s/dids/search": endless})

    assert_it_ends(catalog, server, "This list is too long; narrow the search.")

    (spooled,) = (tmp_path / "spool").iterdir()
    assert spooled.stat().st_size < 600_000


def test_a_list_leaves_room_on_the_disk(catalog_at: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.statvfs_result((4096, 4096, 1_000_000, 40_000, 40_000, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "fstatvfs", lambda file: full)
    catalog, server = catalog_at({"/dids/s/dids/search": endless})

    assert_it_ends(catalog, server, "The disk has too little room for the rest of this list")


def test_what_was_not_read_for_longest_makes_room_where_all_together_are_too_large(
    catalog_at: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST_BYTES_TOGETHER", 150_000)
    monkeypatch.setattr(listing, "_LOOK_EVERY", 10_000)
    rows = streamed(*(row(number) * 100 for number in range(20)))
    catalog, _ = catalog_at({"/dids/s/dids/search": rows})
    whole = [
        until(catalog, catalog.open_listing(SEARCH).listing_id, lambda page: page.complete).listing_id
        for _ in range(3)
    ]

    with pytest.raises(NotFound, match="expired"):
        catalog.read_listing(whole[0], 0, 1)
    assert [catalog.read_listing(one, 0, 1).rows_so_far for one in whole[1:]] == [2000, 2000]


def test_names_without_end_are_too_many_for_a_joined_search(
    catalog_at: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(request: Request) -> None:
        request.begin_stream()
        for number in count():
            request.chunk(b'"n%d"\n' % number)

    monkeypatch.setattr(composed, "_MOST_PAGES", 10)
    catalog, server = catalog_at({"/dids/s/dids/search": names})

    with pytest.raises(NoSpace, match="narrow the search"):
        catalog.open_listing(JOINED)
    assert server.hung_up.wait(timeout=5)


def test_closing_ends_a_question_that_is_still_being_put(catalog_at: Make) -> None:
    asked, closed = threading.Event(), threading.Event()

    def names(request: Request) -> None:
        asked.set()
        closed.wait(5)
        request.begin_stream()
        while True:
            request.chunk(b'"n"\n')

    catalog, server = catalog_at({"/dids/s/dids/search": names})
    with ThreadPoolExecutor(1) as thread:
        thread.submit(catalog.open_listing, JOINED)
        asked.wait(5)
        catalog.close()
        closed.set()

    assert server.hung_up.wait(timeout=5)


def test_closing_ends_the_question_at_rucio(catalog_at: Make) -> None:
    catalog, server = catalog_at({"/dids/s/dids/search": endless})
    page = catalog.open_listing(SEARCH)

    catalog.close_listing(page.listing_id)

    assert server.hung_up.wait(timeout=5)


def columns(*kinds: str) -> Reply:
    """What the columns say of n0, n1, …, each a closed collection of that kind."""
    return streamed(
        *(row(number, did_type=kind, bytes=7, length=2, is_open=False) for number, kind in enumerate(kinds))
    )


def test_a_did_that_cannot_be_summarised_takes_no_other_with_it(catalog_at: Make) -> None:
    disk = json.dumps({"rse_type": "DISK", "protocols": []}).encode()
    catalog, server = catalog_at(
        {
            "/dids/bulkmeta": in_turn(columns(*["DATASET"] * 5, "CONTAINER"), streamed()),
            "/dids/s/n5": lambda request: request.answer(500),
            "/replicas/s/": streamed(b'{"rse": "A", "available_length": 2}\n'),
            "/rses/A": lambda request: request.answer(200, disk),
        }
    )
    dids = [Did("s", f"n{number}") for number in range(6)]

    told = catalog.summarize("w", dids)

    assert [(one.did, one.bytes, one.files, one.rses) for one in told] == [
        *((did, 7, 2, 1) for did in dids[:5]),
        (dids[5], 7, 2, 0),
    ]
    asked = len(server.paths)
    assert catalog.summarize("w", dids)[:5] == told[:5]
    assert server.paths[asked:] == ["/dids/bulkmeta"]


def test_where_nothing_can_be_summarised_the_failure_is_told(catalog_at: Make) -> None:
    catalog, _ = catalog_at(
        {
            "/dids/bulkmeta": columns("CONTAINER", "CONTAINER"),
            "/dids/s/": lambda request: request.answer(500),
        }
    )

    with pytest.raises(RucioRefused):
        catalog.summarize("w", [Did("s", "n0"), Did("s", "n1")])


def test_who_is_signed_out_meanwhile_is_told_whatever_else_came(catalog_at: Make) -> None:
    catalog, _ = catalog_at(
        {
            "/dids/bulkmeta": columns("DATASET", "CONTAINER"),
            "/dids/s/": lambda request: request.answer(401),
            "/replicas/s/": streamed(),
        }
    )

    with pytest.raises(SignInNeeded):
        catalog.summarize("w", [Did("s", "n0"), Did("s", "n1")])


def did_answer(files: int) -> Reply:
    body = {"scope": "s", "name": "d", "type": "DATASET", "bytes": 1.0, "length": files, "open": False}
    return lambda request: request.answer(200, json.dumps(body).encode())


def replica(number: int) -> bytes:
    return (
        json.dumps({"scope": "s", "name": f"n{number}", "bytes": 1, "pfns": {}, "states": {}}).encode()
        + b"\n"
    )


def test_files_that_rucio_leaves_out_are_asked_for_by_name(catalog_at: Make) -> None:
    catalog, _ = catalog_at(
        {
            "/dids/s/d/files": streamed(row(1), row(2)),
            "/dids/s/d": did_answer(2),
            "/replicas/list": in_turn(streamed(replica(1)), streamed(replica(2))),
        }
    )

    assert [one.did.name for one in catalog.files("w", DATASET)] == ["n1", "n2"]


def test_a_table_of_too_many_files_is_given_up_and_the_answer_closed(
    catalog_at: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(request: Request) -> None:
        request.begin_stream()
        for number in count():
            request.chunk(replica(number) * 100)

    monkeypatch.setattr("rucio_jupyterlab.catalog.catalog._TABLE_SECONDS", 0.2)
    catalog, server = catalog_at({"/dids/s/d": did_answer(10_000_000), "/replicas/list": endless})

    with pytest.raises(RucioUnreachable, match="too many to count"):
        catalog.replicas("w", DATASET)
    assert server.hung_up.wait(timeout=5)
    with pytest.raises(RucioUnreachable, match="too many to count"):
        catalog.replicas("w", DATASET)
    assert server.paths.count("/replicas/list") == 1, "it is not read in vain again"


@pytest.mark.parametrize(("large", "reads"), [(2, 1), (3, 2)])
def test_a_large_table_serves_for_a_while_and_a_small_one_is_read_anew(
    catalog_at: Make, monkeypatch: pytest.MonkeyPatch, large: int, reads: int
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.catalog.catalog._LARGE_TABLE", large)
    catalog, server = catalog_at(
        {"/dids/s/d": did_answer(2), "/replicas/list": streamed(replica(1), replica(2))}
    )

    assert [catalog.replicas("w", DATASET).files_total for _ in range(2)] == [2, 2]
    assert server.paths.count("/replicas/list") == reads


def test_a_short_answer_never_looks_whole(catalog_at: Make) -> None:
    catalog, _ = catalog_at(
        {
            "/dids/s/d/files": streamed(row(1), row(2), row(3)),
            "/dids/s/d": did_answer(3),
            "/replicas/list": streamed(replica(1)),
        }
    )
    found: list[FileReplicas] = []

    with pytest.raises(RucioUnreachable, match="did not tell about every file"):
        found.extend(catalog.files("w", DATASET))


def test_the_first_file_comes_before_the_last(catalog_at: Make) -> None:
    first_seen = threading.Event()

    def slow(request: Request) -> None:
        request.begin_stream()
        request.chunk(replica(1))
        first_seen.wait(10)
        request.chunk(replica(2))
        request.send(b"0\r\n\r\n")

    catalog, _ = catalog_at({"/dids/s/d": did_answer(2), "/replicas/list": slow})

    files = catalog.files("w", DATASET)
    assert next(files).did.name == "n1"
    first_seen.set()
    assert [one.did.name for one in files] == ["n2"]


def test_what_must_be_known_of_rses_is_asked_side_by_side_and_once(catalog_at: Make) -> None:
    together = threading.Barrier(2)

    def about_rse(request: Request) -> None:
        together.wait(timeout=PATIENCE)  # neither is answered before both are asked
        request.answer(200, json.dumps({"rse_type": "DISK", "protocols": []}).encode())

    def replica(name: str) -> bytes:
        pfns = {f"https://{rse}/{name}": {"rse": rse, "type": "DISK", "domain": "wan"} for rse in ("A", "B")}
        line = {"scope": "s", "name": name, "pfns": pfns, "states": dict.fromkeys("AB", "AVAILABLE")}
        return json.dumps(line).encode() + b"\n"

    described = json.dumps(
        {"scope": "s", "name": "d", "type": "DATASET", "length": 2, "open": False}
    ).encode()
    catalog, server = catalog_at(
        {
            "/rses/": about_rse,
            "/replicas/list": streamed(replica("a"), replica("b")),
            "/dids/s/d": lambda request: request.answer(200, described),
        }
    )
    files = list(catalog.files("w", DATASET))
    assert [[pfn.rse for pfn in file.pfns] for file in files] == [["A", "B"], ["A", "B"]]
    assert sorted(path for path in server.paths if path.startswith("/rses/")) == ["/rses/A", "/rses/B"]


def test_what_rucio_failed_to_tell_of_an_rse_is_asked_again(
    catalog_at: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rses, "FAULT_SECONDS", 2.0)
    told = json.dumps({"rse": "A", "rse_type": "TAPE", "protocols": []}).encode()
    pfns = {"https://a/f": {"rse": "A", "type": "DISK", "domain": "wan"}}
    replica = {"scope": "s", "name": "f", "pfns": pfns, "states": {"A": "AVAILABLE"}}
    catalog, _ = catalog_at(
        {
            "/rses/A": in_turn(
                lambda request: request.answer(500), lambda request: request.answer(200, told)
            ),
            "/replicas/list": streamed(json.dumps(replica).encode() + b"\n"),
        }
    )
    for _ in range(2):
        with pytest.raises(RucioFault):
            catalog.rse("w", "A")
    (listed,) = catalog.files_of("w", [Did("s", "f")])
    assert [(pfn.rse, pfn.hosts) for pfn in listed.pfns] == [("A", ())]
    time.sleep(2.1)
    assert catalog.rse("w", "A").media == "tape"
