"""Names in the store and in the views."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.staging.disk import file_system_in, file_system_of
from rucio_jupyterlab.staging.layout import (
    KEY_LENGTH,
    LONGEST_SEGMENT,
    collection_path,
    escaped_twin,
    file_path,
    folded,
    instance_folder,
    marked_twin,
    object_key,
    way,
)

names = st.text(min_size=1, max_size=300) | st.lists(
    st.sampled_from(["a", "..", ".", "", "b c", "é" * 200, "x" * 255, "x" * 256, ".hidden", "\0", "%2F"]),
    min_size=1,
).map("/".join)


def assert_legal(path: str) -> None:
    assert path and not path.startswith("/")
    for segment in path.split("/"):
        encoded = os.fsencode(segment)
        assert 0 < len(encoded) <= LONGEST_SEGMENT
        assert not segment.startswith(".")
        assert not any(byte < 32 for byte in encoded)


@given(names, st.none() | names, names)
def test_every_name_has_a_legal_visible_path(scope: str, collection: str | None, name: str) -> None:
    path = file_path(scope, collection, name)
    assert_legal(path)
    assert path == file_path(scope, collection, name)


@given(names, names, st.integers(1, 300))
def test_other_names_for_a_path_are_legal_and_other(scope: str, name: str, attempt: int) -> None:
    path = file_path(scope, None, name)
    for twin in (escaped_twin(path, attempt), marked_twin(path, "/store/x")):
        assert_legal(twin)
        assert twin.rpartition("/")[0] == path.rpartition("/")[0]
    shorter = folded(path)
    assert_legal(shorter)
    assert shorter.count("/") == path.count("/") - 1


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_distinct_dids_have_distinct_keys(scope: str, name: str, other_scope: str, other_name: str) -> None:
    key = object_key("lab", Did(scope, name))
    assert len(key) == KEY_LENGTH
    same = (scope, name) == (other_scope, other_name)
    if "\0" not in scope + other_scope:
        assert (object_key("lab", Did(other_scope, other_name)) == key) == same
    assert object_key("other", Did(scope, name)) != key


@given(names)
def test_an_instance_has_one_visible_folder(name: str) -> None:
    folder = instance_folder(name)
    assert "/" not in folder
    if name:
        assert_legal(folder)


def test_names_stay_readable() -> None:
    assert file_path("user.alice", "run1", "data/a.root") == "user.alice/run1/data/a.root"
    assert collection_path("s", "/CMS//x/") == "s/CMS/x"
    assert file_path("..", None, "../../etc/passwd") == "%2E./%2E./%2E./etc/passwd"
    assert file_path("s", None, "/") == "s/%2F"
    assert escaped_twin("s/Éa", 1) == "s/%C3%89a"
    assert folded("s/run/a.root") == "s/run%2Fa.root"
    assert marked_twin("s/a.root", "/x").startswith("s/a~") and marked_twin("s/a.root", "/x").endswith(
        ".root"
    )


def test_long_names_that_differ_in_the_middle_stay_apart() -> None:
    first, second = ("x" * 150 + middle + "y" * 150 + ".root" for middle in "12")
    paths = {file_path("s", None, name) for name in (first, second)}
    assert len(paths) == 2
    assert all(path.endswith(".root") for path in paths)


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc"), min_size=1))
def test_the_way_from_a_folder_leads_to_the_target(folder: list[str], target: list[str]) -> None:
    here, there = "/" + "/".join(folder), "/" + "/".join(target)
    text = way(here, there)
    assert not text.startswith("/")
    assert posixpath.normpath(f"{here}/{text}") == there


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /eos rw - fuse.eosxd eos rw
24 22 0:22 / /eos/user rw shared:2 master:1 - nfs4 server:/x rw
25 22 0:23 / /with\040blank rw - tmpfs tmpfs rw
26 22 0:24 / /eos/user rw - xfs /dev/x rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/u", "ext4"),
        ("/eos", "fuse.eosxd"),
        ("/eos/other", "fuse.eosxd"),
        ("/eos/user/u", "xfs"),
        ("/eosx", "ext4"),
        ("/with blank/x", "tmpfs"),
    ],
)
def test_the_innermost_mount_tells_the_kind_of_file_system(path: str, kind: str) -> None:
    assert file_system_in(MOUNTS, Path(path)) == kind


def test_without_mounts_the_kind_is_unknown(tmp_path: Path) -> None:
    assert file_system_in("", Path("/x")) == ""
    assert file_system_of(tmp_path)
