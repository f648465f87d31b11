"""Which file on a mount a PFN means, and where the state lives."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.config import (
    Cloud,
    mounted_path,
    path_below_mounts,
    path_on_cloud_mount,
    state_folder,
)
from rucio_jupyterlab.errors import BadConfiguration, SourceFailure

PFN = "root://xrd1:1094//rucio/test/49/ad/f1.txt"


def test_the_first_segments_are_dropped() -> None:
    assert mounted_path(PFN, "/eos/rucio", 1) == Path("/eos/rucio/test/49/ad/f1.txt")
    assert mounted_path(PFN, "/eos/rucio/", 0) == Path("/eos/rucio/rucio/test/49/ad/f1.txt")


@pytest.mark.parametrize("begins_at", [5, 6, 100])
def test_a_path_that_is_too_short_is_refused(begins_at: int) -> None:
    with pytest.raises(SourceFailure, match="path_begins_at"):
        mounted_path(PFN, "/eos", begins_at)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h/a%20b/c%2Bd", "/m/a b/c+d"),
        ("https://h/a//b/./c", "/m/a/b/c"),
        ("https://h/a/x/../b", "/m/a/b"),
        ("https://h/a/b?sign=1", "/m/a/b"),
        ("https://h/a%2Fb", "/m/a/b"),
    ],
)
def test_paths_are_decoded_and_normalised(url: str, path: str) -> None:
    assert mounted_path(url, "/m", 0) == Path(path)


@pytest.mark.parametrize("url", ["https://h/../etc/passwd", "https://h/a/%2e%2e/%2e%2e/b", "https://h/a%00b"])
def test_a_path_that_would_leave_the_mount_is_refused(url: str) -> None:
    with pytest.raises(SourceFailure):
        mounted_path(url, "/m", 0)


@given(st.lists(st.sampled_from(["..", ".", "a", "%2e%2e", "b%2F..%2F..", "", "%2F"])), st.integers(0, 3))
def test_no_address_leads_out_of_the_mount(segments: list[str], begins_at: int) -> None:
    try:
        path = mounted_path("https://h/" + "/".join(segments), "/mount/here", begins_at)
    except SourceFailure:
        return
    assert PurePosixPath("/mount/here") in PurePosixPath(path).parents
    assert ".." not in path.parts


CLOUDS = {
    "cloud.example.org": Cloud(mounts={"/eos/user/": "/mnt/eos", "/eos": "/eos"}),
    "other.example.org:9142": Cloud(mounts={"/": "/other"}),
}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("cs3://cloud.example.org:443/eos/user/a/f #1?%20", "/mnt/eos/a/f #1?%20"),
        ("cs3://Cloud.example.org/eos/project/f", "/eos/project/f"),
        ("cs3://other.example.org:9142/home/f", "/other/home/f"),
        ("cs3://other.example.org:443/home/f", None),
        ("cs3://third.example.org:443/eos/user/a/f", None),
        ("cs3://cloud.example.org:443/eosuser/f", None),
        ("cs3://cloud.example.org:443/eos/user", "/eos/user"),
    ],
)
def test_a_file_of_a_mounted_cloud_is_found(url: str, path: str | None) -> None:
    assert path_on_cloud_mount(url, CLOUDS) == (Path(path) if path else None)


@pytest.mark.parametrize(
    "path", ["eos/user/../../etc/passwd", "eos/user//f", "eos/user/a\0b", "eos/user/./f"]
)
def test_no_path_of_a_cloud_leads_out_of_its_mount(path: str) -> None:
    with pytest.raises(SourceFailure):
        path_on_cloud_mount(f"cs3://cloud.example.org:443/{path}", CLOUDS)


def test_file_addresses_lie_below_a_mount() -> None:
    assert path_below_mounts("file:///data/x/f", ["/eos", "/data"]) == Path("/data/x/f")
    assert path_below_mounts("file://localhost/data/f", ["/data/"]) == Path("/data/f")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file:///data/../etc/passwd",
        "file:///database/f",
        "file://other/data/f",
        "https://h/data/f",
        "file:///data",
    ],
)
def test_other_file_addresses_are_refused(url: str) -> None:
    with pytest.raises(SourceFailure):
        path_below_mounts(url, ["/data"])


def test_a_relative_mount_holds_nothing() -> None:
    with pytest.raises(SourceFailure):
        path_below_mounts("file:///data/f", ["data", ""])


def test_the_state_folder_is_the_first_that_is_named() -> None:
    environ = {"HOME": "/people/alice"}
    assert state_folder(environ) == Path("/people/alice/.local/state/rucio-jupyterlab")
    environ["XDG_STATE_HOME"] = "/state"
    assert state_folder(environ) == Path("/state/rucio-jupyterlab")
    environ["RUCIO_JUPYTERLAB_STATE"] = "/mine"
    assert state_folder(environ) == Path("/mine")
    with pytest.raises(BadConfiguration, match="HOME"):
        state_folder({})


def test_a_state_folder_whose_path_is_not_utf_8_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadConfiguration, match=r"/people/\\udcfcrsula/.*RUCIO_JUPYTERLAB_STATE"):
        state_folder({"HOME": "/people/\udcfcrsula"})
