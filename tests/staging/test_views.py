"""Links are made where they belong, and nothing of the user's is ever touched."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rucio_jupyterlab.staging.layout import file_path
from rucio_jupyterlab.staging.views import LinkKind, View

KINDS: list[LinkKind] = ["symlink", "reflink", "copy"]


class Place:
    """A view beside a store."""

    def __init__(self, folder: Path, kind: LinkKind = "symlink") -> None:
        self.folder = folder
        self.root = folder / "views"
        self.store = folder / "store"
        self.store.mkdir(exist_ok=True)
        self.view = View(str(self.root), kind)

    def object(self, name: str, content: bytes = b"content") -> str:
        path = self.store / name
        path.write_bytes(content)
        path.chmod(0o444)
        return str(path)

    def link(self, path: str, name: str = "object", content: bytes | None = None) -> str:
        return self.view.link(path, self.object(name, name.encode() if content is None else content))

    def unlink(self, path: str) -> None:
        self.view.unlink([path], str(self.store))

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def all(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir())


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path, request.param)


@pytest.fixture
def linked(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_appears_under_its_name(place: Place) -> None:
    assert place.link("s/run/a.root") == "s/run/a.root"
    assert place.read("s/run/a.root") == b"object"
    assert not os.access(place.root / "s/run/a.root", os.W_OK) or os.geteuid() == 0


def test_linking_again_changes_nothing(place: Place) -> None:
    for _ in range(3):
        assert place.link("s/a") == "s/a"
    assert place.all() == ["s/a"]


def test_links_are_relative_and_copies_are_no_links(place: Place, tmp_path: Path) -> None:
    place.link("s/run/a")
    path = place.root / "s/run/a"
    if path.is_symlink():
        assert str(path.readlink()) == "../../../store/object"
    else:
        assert path.stat().st_nlink == 1


def test_a_view_that_is_moved_with_its_store_still_works(linked: Place, tmp_path: Path) -> None:
    linked.link("s/a")
    inner = tmp_path / "elsewhere" / "deeper"
    inner.mkdir(parents=True)
    linked.root.rename(inner / "views")
    linked.store.rename(inner / "store")
    assert (inner / "views/s/a").read_bytes() == b"object"


@pytest.mark.parametrize("real_depth", ["x", "x/y/z"])
def test_a_home_that_is_a_link_itself_does_no_harm(tmp_path: Path, real_depth: str) -> None:
    real = tmp_path / real_depth
    real.mkdir(parents=True)
    (tmp_path / "home").symlink_to(real)
    place = Place(tmp_path)
    place.view = View(str(tmp_path / "home" / "views"), "symlink")
    place.link("s/a")
    assert (tmp_path / "home" / "views" / "s" / "a").read_bytes() == b"object"
    place.unlink("s/a")
    assert not (real / "views" / "s").exists()


# What is there already


def test_a_users_file_is_never_overwritten(place: Place) -> None:
    (place.root / "s").mkdir(parents=True)
    (place.root / "s/a").write_text("mine")
    made = place.link("s/a")
    assert made != "s/a" and place.read(made) == b"object"
    assert place.read("s/a") == b"mine"


def test_a_users_folder_and_link_are_never_replaced(place: Place, tmp_path: Path) -> None:
    (place.root / "s/a").mkdir(parents=True)
    (tmp_path / "mine").write_text("mine")
    (place.root / "s/b").symlink_to(tmp_path / "mine")
    assert place.link("s/a") != "s/a" and place.link("s/b") != "s/b"
    assert (place.root / "s/a").is_dir() and place.read("s/b") == b"mine"


def test_what_is_ours_is_replaced_under_its_name_and_what_somebody_changed_is_not(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount/a").write_text("on the mount")
    for name in ("s/kept", "s/edited", "s/linked"):
        place.link(name)
    for name in ("s/edited", "s/linked"):
        (place.root / name).unlink()
    (place.root / "s/edited").write_text("mine")
    (place.root / "s/linked").symlink_to(tmp_path / "mine")
    names = {"s/kept", "s/edited", "s/linked"}
    outside = str(tmp_path / "mount/a")
    made = [place.view.link(name, outside, outside=True, ours=names) for name in sorted(names)]
    assert made == ["s/%65dited", "s/kept", "s/%6Cinked"]
    assert place.read("s/kept") == b"on the mount" and place.read("s/edited") == b"mine"
    new = place.object("new", b"new content")
    assert place.view.link("s/kept", new, ours=names) == "s/kept" and place.read("s/kept") == b"new content"
    newer = place.object("newer", b"new contenT")
    assert place.view.link("s/kept", newer, ours=names) == "s/kept" and place.read("s/kept") == b"new contenT"
    assert place.view.link("s/kept", new) == "s/%6Bept"


def test_a_copy_that_was_edited_is_the_users(tmp_path: Path) -> None:
    place = Place(tmp_path, "copy")
    place.link("s/a")
    (place.root / "s/a").chmod(0o644)
    (place.root / "s/a").write_text("edited by me")
    assert place.link("s/a") != "s/a"
    place.unlink("s/a")
    assert place.read("s/a") == b"edited by me"


def test_nothing_half_copied_is_left(tmp_path: Path) -> None:
    place = Place(tmp_path, "copy")
    place.link("s/" + "é" * 120 + ".root")
    assert len(list((place.root / "s").iterdir())) == 1


def test_nothing_half_copied_is_left_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: BinaryIO, copy: BinaryIO, length: int) -> None:
        copy.write(source.read(2))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    place = Place(tmp_path, "copy")
    with pytest.raises(OSError, match="No space left"):
        place.link("s/a")
    assert place.all() == []


def test_a_file_beside_a_folder_of_its_name(place: Place) -> None:
    first, second = place.link("s/a", "one"), place.link("s/a/b", "two")
    assert (place.read(first), place.read(second)) == (b"one", b"two")
    assert (first, second) == ("s/a", "s/a%2Fb")


def test_a_folder_beside_a_file_of_its_name(place: Place) -> None:
    second, first = place.link("s/a/b", "two"), place.link("s/a", "one")
    assert (place.read(first), place.read(second)) == (b"one", b"two")
    assert (second, first) == ("s/a/b", "s/%61")


def test_a_file_above_many_folders_folds_them_all(place: Place) -> None:
    place.link("s", "one")
    made = place.link("s/" + "/".join("abcdefghijklmnop"), "two")
    assert place.read(made) == b"two" and "/" not in made


def test_folding_long_names_keeps_them_legal(place: Place) -> None:
    long = "x" * 200
    place.link(f"s/{long}", "one")
    assert place.read(place.link(f"s/{long}/{long}", "two")) == b"two"


def test_a_name_taken_twenty_times_still_finds_places(place: Place) -> None:
    made = [place.link("s/run/a.root", f"object{number}") for number in range(20)]
    assert len(set(made)) == 20
    assert [place.read(path) for path in made] == [f"object{number}".encode() for number in range(20)]
    again = [place.link("s/run/a.root", f"object{number}") for number in range(20)]
    assert again == made


def test_case_twins_lie_side_by_side(place: Place) -> None:
    made = [place.link("s/Data", "one"), place.link("s/data", "two")]
    assert [place.read(path) for path in made] == [b"one", b"two"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s", "..", "S"]),
            st.lists(
                st.sampled_from(["a", "A", "..", ".", "b", "é" * 130, "x" * 255]), min_size=1, max_size=4
            ).map("/".join),
        ),
        max_size=12,
        unique=True,
    ),
    st.sampled_from(KINDS),
)
def test_whatever_the_names_every_file_can_be_opened_and_all_go_again(
    tmp_path_factory: pytest.TempPathFactory, dids: list[tuple[str, str]], kind: LinkKind
) -> None:
    place = Place(tmp_path_factory.mktemp("view"), kind)
    made = [
        place.link(file_path(scope, "run", name), f"o{number}") for number, (scope, name) in enumerate(dids)
    ]
    assert len(set(made)) == len(dids)
    assert [place.read(path) for path in made] == [f"o{number}".encode() for number in range(len(dids))]
    assert sorted(each.name for each in place.folder.iterdir()) == (["store", "views"] if dids else ["store"])
    for path in made:
        place.unlink(path)
    assert not dids or list(place.root.iterdir()) == []


# Attacks and accidents


def test_a_link_in_place_of_a_folder_is_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    place.root.mkdir()
    (place.root / "s").symlink_to(tmp_path / "victim")
    made = place.link("s/a")
    assert made == "s%2Fa" and place.read(made) == b"object"
    assert list((tmp_path / "victim").iterdir()) == []


def test_removing_does_not_follow_a_link_either(place: Place, tmp_path: Path) -> None:
    place.link("s/a")
    (place.root / "s").rename(tmp_path / "victim")
    (place.root / "s").symlink_to(tmp_path / "victim")
    place.unlink("s/a")
    assert os.path.lexists(tmp_path / "victim" / "a")


def test_a_folder_that_vanishes_in_between_is_made_again(place: Place) -> None:
    place.link("s/run/a", "one")
    (place.root / "s/run/a").unlink()
    (place.root / "s/run").rmdir()
    assert place.link("s/run/b", "two") == "s/run/b"
    assert place.read("s/run/b") == b"two"


def test_an_object_that_is_missing_is_an_error_and_no_endless_loop(tmp_path: Path) -> None:
    place = Place(tmp_path, "copy")
    with pytest.raises(FileNotFoundError):
        place.view.link("s/a", str(place.store / "missing"))


def test_a_root_that_is_a_file_is_an_error(linked: Place) -> None:
    linked.root.write_text("mine")
    with pytest.raises(OSError):
        linked.link("a")


# Taking away


def test_what_is_removed_takes_its_empty_folders_along(place: Place) -> None:
    place.link("s/run/deep/a")
    place.link("s/b")
    place.unlink("s/run/deep/a")
    assert place.all() == ["s/b"] and not (place.root / "s/run").exists()


def test_a_folder_with_something_of_the_users_stays(place: Place) -> None:
    place.link("s/run/a")
    (place.root / "s/run/notes.txt").write_text("mine")
    place.unlink("s/run/a")
    assert place.all() == ["s/run/notes.txt"]


def test_only_ours_is_removed(linked: Place, tmp_path: Path) -> None:
    linked.link("s/a")
    (tmp_path / "mine").write_text("mine")
    (linked.root / "s/b").symlink_to(tmp_path / "mine")
    (linked.root / "s/c").write_text("mine")
    (linked.root / "s/d").mkdir()
    for name in ("s/b", "s/c", "s/d", "s/missing", "t/missing", "s/a/b"):
        linked.unlink(name)
    assert linked.all() == ["s/a", "s/b", "s/c"] and (linked.root / "s/d").is_dir()


def test_a_link_of_ours_goes_too_when_what_it_led_to_is_gone(place: Place, tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount/a").write_text("on the mount")
    place.view.link("s/a", str(tmp_path / "mount/a"), outside=True)
    place.unlink("s/a")
    assert place.all() == ["s/a"]  # as far as the store knows, it is the user's
    (tmp_path / "mount/a").unlink()
    place.unlink("s/a")
    assert place.all() == []


def test_a_link_that_leads_who_knows_where_stays(linked: Place, tmp_path: Path) -> None:
    (linked.root / "s").mkdir(parents=True)
    (linked.root / "s/a").symlink_to("a")  # as on a mount that cannot be looked into
    (linked.root / "s/b").symlink_to(tmp_path / "a disk that is not plugged in")
    for name in ("s/a", "s/b"):
        linked.unlink(name)
    assert linked.all() == ["s/a", "s/b"]


def test_links_of_an_earlier_kind_are_still_ours(tmp_path: Path) -> None:
    Place(tmp_path, "symlink").link("s/a")
    copies = Place(tmp_path, "copy")
    copies.link("s/b")
    copies.unlink("s/a")
    Place(tmp_path, "symlink").unlink("s/b")
    assert copies.all() == []


def test_what_lies_outside_of_the_store_is_linked_and_not_copied(place: Place, tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount/a").write_text("on the mount")
    assert place.view.link("s/a", str(tmp_path / "mount/a"), outside=True) == "s/a"
    assert (place.root / "s/a").is_symlink() and place.read("s/a") == b"on the mount"
    place.unlink("s/a")
    assert place.all() == ["s/a"]
