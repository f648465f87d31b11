"""From parts to files that can be opened, and what stands in the way."""

from __future__ import annotations

import errno
import os
import queue
import threading
import time
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import Problem
from rucio_jupyterlab.staging.evictor import Evictor
from rucio_jupyterlab.staging.journal import Journal
from rucio_jupyterlab.staging.layout import object_key
from rucio_jupyterlab.staging.publisher import (
    Adopted,
    Arrived,
    Failed,
    Linked,
    NotAdopted,
    NotPublished,
    Published,
    Publisher,
    Report,
)
from rucio_jupyterlab.staging.rebuild import rebuild, sweep_orphans
from rucio_jupyterlab.staging.rows import FileRow, FoundLink, PlannedFile
from rucio_jupyterlab.staging.store import Store, shared_object
from rucio_jupyterlab.staging.views import View

SECONDS = 20.0


class House:
    """Journal, store, view and publisher in one folder."""

    def __init__(self, folder: Path, view: View | None = None) -> None:
        self.folder = folder
        self.views = folder / "views"
        self.journal = Journal(str(folder / "journal.sqlite"))
        self.store = Store(str(self.views / ".store"))
        self.store.make()
        self.view = view or View(str(self.views), "symlink")
        self.reports: queue.Queue[Report] = queue.Queue()
        self.publisher = Publisher(self.journal, self.store, self.view, self.reports.put)
        self.publisher.start()

    def plan(self, job: str, contents: dict[str, bytes], *, missed: bool = False) -> list[FileRow]:
        files = [
            PlannedFile(
                object_key("lab", Did("s", name)),
                "lab",
                Did("s", name),
                len(content),
                f"{zlib.adler32(content):08x}",
                None,
                "queued",
                [],
                f"s/{job}/{name}",
                collection=Did("s", job),
                missed=missed,
            )
            for name, content in contents.items()
        ]
        self.journal.admit(job, files, 1.0)
        return self.journal.queued(job, 0, 1000)

    def arrive(self, job: str, contents: dict[str, bytes], *, missed: bool = False) -> list[FileRow]:
        """Files of a job whose parts are complete."""
        rows = self.plan(job, contents, missed=missed)
        for row in rows:
            Path(self.store.part(row.key)).write_bytes(contents[row.did.name])
            self.publisher.publish(Arrived(row, "ALPHA", row.bytes or 0, verified=True))
        return rows

    def next(self) -> Report:
        return self.reports.get(timeout=SECONDS)

    def published(self, count: int) -> list[Published]:
        found: list[Published] = []
        while sum(len(each.files) for each in found) < count:
            report = self.next()
            assert isinstance(report, Published), report
            found.append(report)
        return found

    def read(self, path: str) -> bytes:
        return (self.views / path).read_bytes()

    def object(self, row: FileRow) -> Path:
        return Path(self.store.path(row.key))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.publisher.close()
    made.journal.close()


def test_parts_become_files_that_nobody_writes_to(house: House) -> None:
    rows = house.arrive("run", {f"f{n}": b"x" * n for n in range(40)})
    reports = house.published(40)
    assert {member.file for report in reports for member in report.members} == {row.id for row in rows}
    assert house.read("s/run/f7") == b"xxxxxxx"
    assert {house.object(row).stat().st_mode & 0o777 for row in rows} == {0o444}
    assert list(house.store.parts()) == []


def test_a_part_that_is_longer_is_cut_and_one_that_is_missing_or_short_is_told(house: House) -> None:
    rows = house.plan("run", {"long": b"abc", "missing": b"abc", "short": b"abc"})
    long, _, short = rows
    Path(house.store.part(long.key)).write_bytes(b"abcdef")
    Path(house.store.part(short.key)).write_bytes(b"ab")
    for row in rows:
        house.publisher.publish(Arrived(row, "A", 3, verified=True))
    shown: set[str] = set()
    lost: set[str] = set()
    while len(shown | lost) < len(rows):
        report = house.next()
        assert isinstance(report, Published)
        shown |= {each.row.did.name for each in report.files}
        lost |= {each.row.did.name for each in report.lost}
    assert (shown, lost) == ({"long"}, {"missing", "short"})
    assert house.read("s/run/long") == b"abc" and not (house.views / "s/run/short").exists()


def test_an_older_object_of_the_same_size_is_not_taken_for_a_part_that_is_missing(house: House) -> None:
    house.arrive("one", {"a": b"old"})
    house.published(1)
    (row,) = house.plan("one", {"a": b"new"}, missed=True)
    house.publisher.publish(Arrived(row, "ALPHA", 3, verified=True))
    report = house.next()
    assert isinstance(report, Published) and [each.row.id for each in report.lost] == [row.id]
    Path(house.store.part(row.key)).write_bytes(b"new")
    house.publisher.publish(Arrived(row, "ALPHA", 3, verified=True))
    house.published(1)
    assert house.read("s/one/a") == b"new"


def test_a_file_for_two_jobs_appears_twice_and_is_told_once_for_each(house: House) -> None:
    house.plan("two", {"a": b"abc"})
    house.arrive("one", {"a": b"abc"})
    (report,) = house.published(1)
    assert sorted(member.job for member in report.members) == ["one", "two"]
    assert house.read("s/one/a") == house.read("s/two/a") == b"abc"
    Path(house.store.part(report.files[0].row.key)).write_bytes(b"abc")
    house.publisher.publish(report.files[0])
    (again,) = house.published(1)
    assert again.members == [] and again.again == {"one", "two"}
    house.arrive("one", {"a": b"abc"}, missed=True)
    (planned_anew,) = house.published(1)
    assert [member.job for member in planned_anew.members] == ["one"]
    assert planned_anew.again == {"two"}


def test_a_disk_that_refuses_is_tried_until_it_takes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.publisher.SECONDS_BETWEEN_TRIES", 0.01)
    objects = Path(house.store.root) / "objects"
    rows = house.plan("run", {"a": b"abc"})
    folder = objects / rows[0].key[:2]
    Path(house.store.part(rows[0].key)).write_bytes(b"abc")
    elsewhere = folder.rename(objects / "elsewhere")
    folder.write_text("in the way")
    house.publisher.publish(Arrived(rows[0], "A", 3, verified=True))
    assert isinstance(house.next(), NotPublished)
    folder.unlink()
    elsewhere.rename(folder)
    while isinstance(report := house.next(), NotPublished):
        continue
    assert isinstance(report, Published) and house.read("s/run/a") == b"abc"


def refuse_to_sync(monkeypatch: pytest.MonkeyPatch, parts: set[str], code: int) -> None:
    """Each of these parts meets an error at its first fsync, as the kernel tells it: once."""
    sync, told = os.fsync, set[str]()

    def fsync(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if path in parts - told:
            told.add(path)
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_what_the_disk_did_not_take_is_lost_and_the_rest_is_published(
    house: House, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.publisher.SECONDS_BETWEEN_TRIES", 0.01)
    contents = {f"f{number}": b"abc" for number in range(20)}
    spoiled = {"f3", "f11", "f19"}
    parts = {os.path.realpath(house.store.part(object_key("lab", Did("s", name)))) for name in spoiled}
    refuse_to_sync(monkeypatch, parts, code)
    house.arrive("run", contents)
    shown, lost, problems = set[str](), set[str](), 0
    while len(shown | lost) < len(contents):
        report = house.next()
        if isinstance(report, NotPublished):
            problems += 1
            continue
        assert isinstance(report, Published)
        shown |= {each.row.did.name for each in report.files}
        lost |= {each.row.did.name for each in report.lost}
    assert (shown, lost) == (contents.keys() - spoiled, spoiled) and problems
    assert list(house.store.parts()) == []


def test_a_spoiled_part_that_cannot_be_removed_is_not_published_either(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = "a" * 64, "b" * 64
    for key in (good, bad):
        Path(house.store.part(key)).write_bytes(b"abc")
    refuse_to_sync(monkeypatch, {os.path.realpath(house.store.part(bad))}, errno.EIO)

    def unlink(path: str) -> None:
        raise OSError(errno.EROFS, "read-only", path)

    with monkeypatch.context() as read_only:
        read_only.setattr(os, "unlink", unlink)
        for _ in range(2):
            with pytest.raises(OSError):
                house.store.publish({good: 3, bad: 3}, set())
    assert house.store.size(bad) is None
    published: set[str] = set()
    house.store.publish({good: 3, bad: 3}, published)
    assert published == {good}
    assert list(house.store.parts()) == []


def test_a_descriptor_that_does_not_close_well_leaks_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [letter * 64 for letter in "abc"]
    for key in keys:
        Path(house.store.part(key)).write_bytes(b"abc")
    close, closed = os.close, list[int]()

    def fail_to_close(descriptor: int) -> None:
        close(descriptor)
        closed.append(descriptor)
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as failing:
        failing.setattr(os, "close", fail_to_close)
        published: set[str] = set()
        house.store.publish(dict.fromkeys(keys, 3), published)
    assert published == {*keys} and len(closed) == 3


@pytest.fixture
def full_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It takes no link while this object lies in the store, and is tried again at once."""
    (row,) = house.arrive("old", {"old": b"old"})
    house.published(1)
    monkeypatch.setattr("rucio_jupyterlab.staging.publisher.SECONDS_BETWEEN_TRIES", 0.01)
    symlink, ballast = os.symlink, house.object(row)

    def symlink_where_room_is(target: str, name: str, *, dir_fd: int) -> None:
        if ballast.exists():
            raise OSError(errno.ENOSPC, "full")
        symlink(target, name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "symlink", symlink_where_room_is)
    return ballast


@pytest.mark.parametrize("asked_before", [True, False])
def test_room_is_made_for_what_waits_for_it(house: House, full_disk: Path, asked_before: bool) -> None:
    evictor = Evictor(house.journal.inventory, house.store, house.view)
    held_up = threading.Event()
    house.publisher.ask(held_up.wait)
    house.arrive("new", {"new": b"new"})
    if not asked_before:
        held_up.set()
        assert isinstance(house.next(), NotPublished)
    made = house.publisher.ask(lambda: evictor.make_room(3, 3, list))
    held_up.set()
    assert made.result(SECONDS)
    while isinstance(report := house.next(), NotPublished):
        continue
    assert isinstance(report, Published) and house.read("s/new/new") == b"new"
    assert not full_disk.exists() and not os.path.lexists(house.views / "s/old/old")


def test_what_comes_while_the_disk_refuses_keeps_its_order(house: House, full_disk: Path) -> None:
    problem = Problem("gone", "It is gone.", "retry", 502)
    (gone,) = house.plan("third", {"gone": b"1"})
    house.arrive("first", {"a": b"1"})
    assert isinstance(house.next(), NotPublished)
    house.publisher.link_what_is_here("first")
    house.publisher.fail(gone, problem)
    house.arrive("second", {"b": b"2"})
    house.publisher.link_what_is_here("second")
    assert house.publisher.ask(lambda: "answered").result(SECONDS) == "answered"
    full_disk.unlink()
    reports: list[Report] = []
    while len(reports) < 5:
        if not isinstance(report := house.next(), NotPublished):
            reports.append(report)
    assert [type(report) for report in reports] == [Published, Linked, Failed, Published, Linked]
    for report in reports:
        if isinstance(report, Linked):
            assert [(each.state, each.linked, each.files) for each in report.tallies] == [("done", True, 1)]


def test_what_waits_for_its_turn_is_not_asked_for_twice(house: House, full_disk: Path) -> None:
    swept: list[str] = []
    house.arrive("first", {"a": b"1"})
    assert isinstance(house.next(), NotPublished)
    for _ in range(9):
        house.publisher.link_what_is_here("first")
        house.publisher.call_once("sweep", lambda: swept.append("swept"))
    full_disk.unlink()
    while isinstance(report := house.next(), NotPublished):
        continue
    assert isinstance(report, Published) and isinstance(house.next(), Linked)
    house.publisher.call_once("sweep", lambda: swept.append("once more"))
    house.publisher.ask(lambda: None).result(SECONDS)
    assert swept == ["swept", "once more"] and house.reports.empty()
    house.publisher.link_what_is_here("first")
    assert isinstance(house.next(), Linked)


def test_a_publisher_that_waits_for_the_disk_ends_at_once_and_keeps_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.staging.publisher.SECONDS_BETWEEN_TRIES", 10 * SECONDS)
    house = House(tmp_path)

    def rename(*args: str) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "rename", rename)
    (first,) = house.arrive("run", {"a": b"abc"})
    assert isinstance(house.next(), NotPublished)
    (second,) = house.arrive("more", {"b": b"abc"})
    asked = house.publisher.ask(lambda: "answered")
    begun = time.monotonic()
    house.publisher.close()
    assert time.monotonic() - begun < SECONDS and asked.result(0) == "answered"
    assert set(house.store.parts()) == {first.key, second.key}
    house.journal.close()


class Refusing(View):
    """Of a user who made one folder his own; root would not be stopped by its mode."""

    def link(self, path: str, target: str, *, outside: bool = False, ours: Collection[str] = ()) -> str:
        if path.startswith("s/his/"):
            raise PermissionError(errno.EACCES, "not yours")
        return super().link(path, target, outside=outside, ours=ours)


def test_a_folder_that_takes_no_links_holds_up_nobody_else(tmp_path: Path) -> None:
    house = House(tmp_path, Refusing(str(tmp_path / "views"), "symlink"))
    house.arrive("his", {"a": b"1"})
    house.arrive("ours", {"b": b"2"})
    failed: Failed | None = None
    while failed is None or not (house.views / "s/ours/b").exists():
        report = house.next()
        assert not isinstance(report, NotPublished)
        failed = report if isinstance(report, Failed) else failed
    assert failed.row.did.name == "a" and [member.job for member in failed.members] == ["his"]
    assert house.journal.listed("his", "failed", 0, 1)[0][0].problem is not None
    house.publisher.close()


def test_what_a_folder_takes_no_link_to_takes_no_room_either(tmp_path: Path) -> None:
    house = House(tmp_path, Refusing(str(tmp_path / "views"), "symlink"))
    house.plan("ours", {"a": b"1"})
    (row,) = house.arrive("his", {"a": b"1"})
    report, failed = house.next(), house.next()
    assert isinstance(report, Published) and [each.row for each in report.hidden] == [row]
    assert isinstance(failed, Failed) and sorted(each.job for each in failed.members) == ["his", "ours"]
    assert not house.object(row).exists() and not os.path.lexists(house.views / "s/ours/a")
    assert house.journal.inventory.links_of([row.id]) == []
    house.publisher.close()
    house.journal.close()


def test_what_another_job_has_shown_before_stays(tmp_path: Path) -> None:
    house = House(tmp_path, Refusing(str(tmp_path / "views"), "symlink"))
    house.arrive("ours", {"a": b"1"})
    assert isinstance(house.next(), Published)
    (row,) = house.arrive("his", {"a": b"1"}, missed=True)
    report, failed = house.next(), house.next()
    assert isinstance(report, Published) and [each.row for each in report.hidden] == [row]
    assert isinstance(failed, Failed)
    assert house.object(row).exists() and (house.views / "s/ours/a").read_bytes() == b"1"
    house.publisher.close()
    house.journal.close()


def test_what_lies_in_the_store_is_read_before_it_is_believed(house: House) -> None:
    right, wrong = house.plan("run", {"right": b"abc", "wrong": b"abc"})
    house.object(right).write_bytes(b"abc")
    house.object(wrong).write_bytes(b"abd")
    house.journal.take_in([], [FoundLink("s/old", wrong.key)], {})
    house.view.link("s/old", str(house.object(wrong)))
    house.publisher.adopt(right)
    house.publisher.adopt(wrong)
    assert house.next() == Adopted(right, True, 3)
    assert house.next() == Adopted(wrong, False)
    assert house.object(right).exists()
    assert not house.object(wrong).exists() and not os.path.lexists(house.views / "s/old")
    assert [row.did.name for row in house.journal.queued("run", 0, 9)] == ["right", "wrong"]


def test_an_object_that_cannot_be_read_now_stays_and_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = house.plan("run", {"a": b"abc"})
    house.object(row).write_bytes(b"abc")
    with monkeypatch.context() as broken:
        broken.setattr("rucio_jupyterlab.staging.publisher.file_adler32", failing)
        house.publisher.adopt(row)
        assert isinstance(house.next(), NotPublished)
        assert house.next() == NotAdopted(row)
    house.publisher.adopt(row)
    assert house.next() == Adopted(row, True, 3)


def test_an_object_that_can_never_be_read_is_fetched_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = house.plan("run", {"a": b"abc"})
    house.object(row).write_bytes(b"abc")
    monkeypatch.setattr("rucio_jupyterlab.staging.publisher.file_adler32", failing)
    house.publisher.adopt(row)
    assert isinstance(house.next(), NotPublished)
    assert house.next() == NotAdopted(row)
    house.publisher.adopt(row)
    assert house.next() == Adopted(row, False)
    assert not house.object(row).exists()


def test_a_wrong_object_that_cannot_be_removed_now_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = house.plan("run", {"a": b"abc"})
    house.object(row).write_bytes(b"abd")
    with monkeypatch.context() as broken:
        broken.setattr(house.store, "remove", failing)
        house.publisher.adopt(row)
        assert isinstance(house.next(), NotPublished)
        assert house.next() == NotAdopted(row)
    house.publisher.adopt(row)
    assert house.next() == Adopted(row, False)


def failing(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_what_is_here_is_linked_and_counted(house: House) -> None:
    house.arrive("one", {"a": b"abc"})
    house.published(1)
    outside = house.folder / "mounted"
    outside.write_bytes(b"mounted")
    house.journal.admit(
        "two",
        [
            PlannedFile(
                object_key("lab", Did("s", "a")),
                "lab",
                Did("s", "a"),
                3,
                "1",
                None,
                "done",
                [],
                "s/two/a",
                True,
            ),
            PlannedFile(
                "k" * 64, "lab", Did("s", "m"), 7, None, None, "done", [], "s/two/m", True, str(outside)
            ),
        ],
        1.0,
    )
    house.publisher.link_what_is_here("two")
    report = house.next()
    assert isinstance(report, Linked) and report.problem is None
    assert sum(each.files for each in report.tallies if each.linked and each.here) == 2
    assert (house.read("s/two/a"), house.read("s/two/m")) == (b"abc", b"mounted")


def test_what_was_believed_to_be_here_and_is_gone_waits_for_a_plan(house: House) -> None:
    (row,) = house.arrive("one", {"a": b"abc"})
    house.published(1)
    key, did = object_key("lab", Did("s", "a")), Did("s", "a")
    believed = PlannedFile(key, "lab", did, 3, "1", None, "done", [], "s/two/a", True)
    house.journal.admit("two", [believed], 1.0)
    house.journal.finish_plan("two")
    house.object(row).unlink()
    house.publisher.link_what_is_here("two")
    report = house.next()
    assert isinstance(report, Linked) and report.gone
    assert not os.path.lexists(house.views / "s/two/a") and not os.path.lexists(house.views / "s/one/a")
    assert not house.journal.plan_is_complete("two")
    assert house.journal.queued("two", 0, 9) == []  # nobody knows from where


def test_an_action_that_fails_does_not_end_the_publisher(house: House) -> None:
    def fails() -> None:
        raise OSError(5, "broken")

    house.publisher.call(fails)
    assert isinstance(house.next(), NotPublished)
    house.arrive("run", {"a": b"abc"})
    house.published(1)


# Room


def test_eviction_takes_the_oldest_and_leaves_no_link_behind(house: House) -> None:
    for job in ("one", "two", "three"):
        house.arrive(job, {job: b"x" * 100})
        house.published(1)
    evictor = Evictor(house.journal.inventory, house.store, house.view)
    assert evictor.lacking(needed=100, quota=300, holding=lambda: ["one"]) == 0
    assert [each.name for each in sorted((house.views / "s").iterdir())] == ["one", "three"]
    assert evictor.lacking(needed=1000, quota=300, holding=lambda: ["one", "three"]) == 900
    assert house.read("s/one/one") == b"x" * 100


def test_what_the_disk_does_not_let_go_is_here_still_and_others_go_before_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, FileRow] = {}
    for job in ("one", "two", "three"):
        (rows[job],) = house.arrive(job, {job: b"x" * 100})
        house.published(1)
    evictor = Evictor(house.journal.inventory, house.store, house.view)
    removed = Store.remove

    def refuse(store: Store, key: str) -> int:
        if key == rows["one"].key:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), store.path(key))
        return removed(store, key)

    monkeypatch.setattr(Store, "remove", refuse)
    with pytest.raises(PermissionError):
        evictor.lacking(needed=100, quota=300, holding=list)
    assert house.journal.inventory.usage() == (3, 300, 0)
    assert evictor.lacking(needed=100, quota=300, holding=list) == 0
    assert house.object(rows["one"]).exists() and not house.object(rows["two"]).exists()
    monkeypatch.undo()
    assert evictor.lacking(needed=300, quota=300, holding=list) == 0
    assert house.journal.inventory.usage() == (0, 0, 0) and not house.object(rows["one"]).exists()


def test_evicting_ten_thousand_names_touches_only_its_own(house: House) -> None:
    house.arrive("run", {f"f{n}": b"x" for n in range(300)})
    house.arrive("other", {"o": b"y"})
    house.published(301)
    (house.views / "s/run/notes.txt").write_text("mine")
    evictor = Evictor(house.journal.inventory, house.store, house.view)
    freed = evictor.remove(evictor.claim("lab", Did("s", "run"), list))
    assert (freed.files, freed.bytes) == (300, 300)
    assert [each.name for each in (house.views / "s/run").iterdir()] == ["notes.txt"]
    assert house.read("s/other/o") == b"y"


def test_orphans_are_swept_and_what_is_wanted_stays(house: House) -> None:
    rows = house.plan("run", {"a": b"abc"})
    Path(house.store.part(rows[0].key)).write_bytes(b"ab")
    Path(house.store.part("f" * 64)).write_bytes(b"orphan")
    Path(house.store.part("e" * 64) + ".ranges").write_bytes(b"orphan")
    (Path(house.store.root) / "objects/00").rmdir()
    sweep_orphans(house.journal, house.store)
    assert list(house.store.parts()) == [rows[0].key]


def test_a_lost_journal_is_rebuilt_from_store_and_views(house: House, tmp_path: Path) -> None:
    house.arrive("run", {"a": b"abc", "b": b"d"})
    house.published(2)
    (house.views / "s/mine").write_text("not ours")
    (house.views / "s/dangling").symlink_to("nowhere")
    fresh = Journal(str(tmp_path / "fresh.sqlite"))
    rebuild(fresh, house.store, str(house.views), ["lab"], [])
    assert fresh.inventory.usage() == (2, 4, 0)
    assert fresh.inventory.staged_in("lab", Did("s", "run")) == 2
    fresh.close()


def test_a_link_whose_name_is_no_text_is_the_users(house: House, tmp_path: Path) -> None:
    (row,) = house.arrive("run", {"a": b"abc"})
    house.published(1)
    os.symlink(house.store.path(row.key), house.views / os.fsdecode(b"s/caf\xe9"))
    fresh = Journal(str(tmp_path / "fresh.sqlite"))
    rebuild(fresh, house.store, str(house.views), ["lab"], [])
    assert fresh.inventory.usage() == (1, 3, 0)
    assert fresh.inventory.staged_in("lab", Did("s", "run")) == 1
    fresh.close()


def test_a_shared_store_is_believed_only_where_the_size_fits(house: House) -> None:
    (row,) = house.arrive("run", {"a": b"abc"})
    house.published(1)
    stores = ("/nowhere", house.store.root)
    assert (
        shared_object(stores, row.key, 3) == shared_object(stores, row.key, None) == house.store.path(row.key)
    )
    assert shared_object(stores, row.key, 4) is None and shared_object(stores, "f" * 64, 3) is None


def test_what_leaves_a_shared_store_under_our_eyes_is_not_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = house.arrive("run", {"a": b"abc"})
    house.published(1)

    def seen_just_before_it_leaves(path: str) -> bool:
        os.unlink(path)
        return True

    monkeypatch.setattr(os.path, "isfile", seen_just_before_it_leaves)
    assert shared_object([house.store.root], row.key, 3) is None
