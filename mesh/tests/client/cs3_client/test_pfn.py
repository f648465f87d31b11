"""Addresses of files, for any name that a file can have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rucio_mesh.cs3.pfn import NotAPfn, Pfn, checked_path, folder_of, parent_of, plain_host

segments = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30
).filter(lambda text: text not in (".", ".."))
paths = st.lists(segments, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
hosts = st.sampled_from(["cernbox.example.org", "localhost", "127.0.0.1", "::1", "2001:db8::17"])
ports = st.integers(0, 65535)


@given(hosts, ports, paths)
def test_every_address_survives_the_way_through_text(host: str, port: int, path: str) -> None:
    pfn = Pfn(host, port, path)
    assert Pfn.parse(str(pfn)) == pfn


@given(paths, paths)
def test_two_paths_never_share_an_address(one: str, other: str) -> None:
    same = str(Pfn("localhost", 1, one)) == str(Pfn("localhost", 1, other))
    assert same == (one == other)


@given(paths)
def test_the_path_stands_in_the_address_as_it_is(path: str) -> None:
    assert str(Pfn("localhost", 9142, path)) == f"cs3://localhost:9142{path}"


@given(st.text())
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        pfn = Pfn.parse(f"cs3://localhost:1/{text}")
    except NotAPfn:
        return
    assert pfn.path == f"/{text}"


@pytest.mark.parametrize(
    "path", ["/a/../b", "/a/./b", "/..", "/a//b", "/a/", "/", "a", "", "/a\0b", "/\ud800"]
)
def test_a_path_that_a_gateway_would_take_for_another_is_refused(path: str) -> None:
    with pytest.raises(NotAPfn):
        checked_path(path)


@pytest.mark.parametrize(
    "text",
    [
        *("https://localhost:1/a", "cs3s://localhost:1/a", "cs3:/a", "cs3:///a", "cs3://localhost:1"),
        *("cs3://user:secret@localhost:1/a", "cs3://local host:1/a", "cs3://localhost:99999/a", "cs3://:1/a"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotAPfn):
        Pfn.parse(text)


def test_an_ipv6_host_is_read_with_and_without_brackets() -> None:
    assert Pfn.parse("cs3://[2001:DB8::17]:9142/a") == Pfn.parse("cs3://2001:db8::17:9142/a")
    assert Pfn.parse("cs3://[::1]/a").port == 0


@pytest.mark.parametrize("prefix", ["/home/rucio/", "home/rucio", "//home//rucio//", "/home/rucio"])
def test_a_prefix_is_read_as_operators_write_it(prefix: str) -> None:
    assert folder_of(prefix) == "/home/rucio/"


def test_the_top_is_its_own_parent() -> None:
    assert [parent_of(path) for path in ("/a/b", "/a", "/")] == ["/a", "/", "/"]
    assert folder_of("") == folder_of("/") == "/"
    assert plain_host("[::1]") == "::1"
