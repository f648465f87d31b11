"""What the journal remembers, and that it may be lost at any time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from rucio_jupyterlab.catalog.model import Pfn
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import Problem
from rucio_jupyterlab.staging.journal import Journal
from rucio_jupyterlab.staging.layout import object_key
from rucio_jupyterlab.staging.model import TransferState
from rucio_jupyterlab.staging.rows import Finished, FoundLink, Member, PlannedFile

PROBLEM = Problem("missing", "ALPHA does not have the file.", "choose", 502)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "journal.sqlite")


@pytest.fixture
def journal(path: str) -> Journal:
    """A journal that has taken in what lay there: nothing."""
    made = Journal(path)
    made.take_in([], [], {})
    return made


def planned(
    name: str, state: TransferState = "queued", folder: str = "s/run", rse: str = "ALPHA"
) -> PlannedFile:
    did = Did("s", name)
    return PlannedFile(
        object_key("lab", did),
        "lab",
        did,
        10,
        "00000001",
        None,
        state,
        [Pfn(f"https://{rse}/{name}", rse, "https", "disk")],
        f"{folder}/{name}",
        problem=PROBLEM if state not in ("queued", "done") else None,
        collection=Did(*folder.split("/", 1)),
    )


def names(journal: Journal, job: str, after: int = 0) -> list[str]:
    return [row.did.name for row in journal.queued(job, after, 100)]


def finish(journal: Journal, job: str, now: float = 1.0) -> None:
    """Bring everything that a job still waits for."""
    rows = journal.queued(job, 0, 1000)
    members = journal.members_of([row.id for row in rows])
    journal.finished(
        [Finished(row.id, "ALPHA", 10, True, row.adler32, row.md5) for row in rows],
        [(each, each.path) for each in members],
        now,
    )


def states(journal: Journal, job: str) -> dict[str, str]:
    return {each.did.name: each.state for each in journal.listed(job, None, 0, 100)[0]}


def test_a_plan_is_found_again_by_the_next_engine(path: str, journal: Journal) -> None:
    journal.admit("one", [planned("a"), planned("b")], 1.0)
    journal.finish_plan("one")
    journal.close()
    again = Journal(path)
    assert not again.fresh and again.plan_is_complete("one")
    assert names(again, "one") == ["a", "b"]
    assert again.queued("one", 0, 1)[0].pfns == planned("a").pfns


def test_a_plan_that_is_read_again_repeats_nothing(journal: Journal) -> None:
    for _ in range(3):
        journal.admit("one", [planned("a"), planned("b")], 1.0)
    assert names(journal, "one") == ["a", "b"]
    assert journal.listed("one", None, 0, 10)[1] == 2


def test_what_a_plan_no_longer_names_is_the_jobs_only_while_it_is_here(journal: Journal) -> None:
    journal.admit("one", [planned(name) for name in ("here", "gone", "named")], 1.0)
    journal.admit("other", [planned("gone")], 1.0)
    finish(journal, "one")
    for name in ("gone", "named"):
        (leaving,) = journal.inventory.claim_all("lab", Did("s", name), list) or []
        journal.inventory.gone([leaving.file])
    journal.admit("one", [planned("waited for"), planned("on tape", "tape")], 1.0)
    journal.begin_plan("one")
    journal.admit("one", [planned("named")], 0.5)  # the clock was set back meanwhile
    journal.finish_plan("one")
    assert states(journal, "one") == {"here": "done", "named": "queued"}
    assert states(journal, "other") == {"gone": "evicted"}


def test_two_jobs_share_a_file(journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    journal.admit("two", [planned("a", folder="s/other")], 1.0)
    finish(journal, "one")
    assert states(journal, "two") == {"a": "done"}
    assert {each.path for each in journal.listed("two", None, 0, 10)[0]} == {"s/other/a"}


def test_a_file_of_two_datasets_in_one_job_appears_in_both(journal: Journal) -> None:
    journal.admit("one", [planned("a", folder="s/run1")], 1.0)
    journal.admit("one", [planned("a", folder="s/run2")], 1.0)
    assert names(journal, "one") == ["a"]
    finish(journal, "one")
    assert [each.path for each in journal.listed("one", None, 0, 10)[0]] == ["s/run1/a", "s/run2/a"]
    assert sum(each.files for each in journal.tallies("one") if each.linked) == 2


def test_a_job_that_cannot_have_a_file_does_not_stop_another_that_can(journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    journal.admit("two", [planned("a", "no-replica", rse="GAMMA")], 1.0)
    assert names(journal, "one") == ["a"] == names(journal, "two")
    assert journal.queued("one", 0, 1)[0].pfns == planned("a").pfns
    journal.withdraw("one", lambda: True)
    journal.admit("two", [planned("a", "no-replica")], 1.0)
    assert states(journal, "two") == {"a": "no-replica"}


@pytest.mark.parametrize("state", ["queued", "no-replica"])
def test_what_arrives_while_a_plan_is_read_is_not_fetched_again(
    journal: Journal, state: TransferState
) -> None:
    journal.admit("one", [planned("a")], 1.0)
    late = planned("a", state, folder="s/other")
    finish(journal, "one")
    journal.admit("two", [late], 2.0)
    assert (names(journal, "two"), states(journal, "two")) == ([], {"a": "done"})
    assert [member.path for member, _, _ in journal.unlinked("two", None, 9)] == ["s/other/a"]


def test_what_a_plan_missed_or_knows_with_other_bytes_comes_again(journal: Journal) -> None:
    journal.admit("one", [planned("a"), planned("b")], 1.0)
    finish(journal, "one")
    journal.admit("two", [replace(planned("a"), missed=True), replace(planned("b"), adler32="2")], 2.0)
    assert names(journal, "two") == ["a", "b"]


def test_a_job_that_takes_one_rse_alone_does_not_narrow_anothers_choice(journal: Journal) -> None:
    def rses() -> list[str]:
        (row,) = journal.queued("two", 0, 10)
        assert journal.still_queued(row.id) == row
        return [pfn.rse for pfn in row.pfns]

    journal.admit("one", [planned("a", rse="ALPHA")], 1.0)
    journal.admit("two", [planned("a", rse="BETA")], 1.0)
    assert rses() == ["BETA", "ALPHA"]
    journal.admit("two", [planned("a", rse="BETA")], 1.0)
    assert rses() == ["BETA", "ALPHA"]
    journal.withdraw("one", lambda: True)
    journal.admit("two", [planned("a", rse="BETA")], 1.0)
    assert rses() == ["BETA"]


def test_its_own_earlier_plan_does_not_keep_a_file_queued(journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    journal.admit("one", [planned("a", "tape")], 1.0)
    assert states(journal, "one") == {"a": "tape"}


def test_what_nobody_wants_any_more_is_not_fetched(journal: Journal) -> None:
    journal.admit("one", [planned("a"), planned("b")], 1.0)
    journal.admit("two", [planned("b")], 1.0)
    journal.withdraw("one", lambda: True)
    assert names(journal, "one") == [] and names(journal, "two") == ["b"]
    assert journal.wanted_keys() == {object_key("lab", Did("s", "b"))}
    journal.forget_job("two", lambda: True)
    assert journal.wanted_keys() == set()


def test_a_failure_is_told_and_tried_again(journal: Journal) -> None:
    journal.admit("one", [planned("a"), planned("b")], 1.0)
    journal.failed(journal.queued("one", 0, 1)[0].id, PROBLEM)
    failed, total = journal.listed("one", "failed", 0, 10)
    assert (total, failed[0].problem) == (1, PROBLEM)
    journal.requeue("one", ["failed"])
    assert names(journal, "one") == ["a", "b"]


def test_pages_and_states_of_a_list(journal: Journal) -> None:
    journal.admit("one", [planned(f"f{n:03}") for n in range(25)], 1.0)
    journal.admit("one", [planned("t", "tape")], 1.0)
    page, total = journal.listed("one", None, 10, 5)
    assert (total, [each.did.name for each in page]) == (26, [f"f{n:03}" for n in range(10, 15)])
    assert journal.listed("one", "tape", 0, 5)[1] == 1
    assert journal.listed("one", "linked", 0, 5)[1] == 0


def test_the_least_recently_used_goes_first_and_what_is_held_stays(journal: Journal) -> None:
    for number, name in enumerate("abcd"):
        journal.admit(name, [planned(name)], 1.0)
        finish(journal, name, now=float(10 - number))
    journal.inventory.pin("d")
    assert journal.inventory.evictable_bytes(lambda: ["c"]) == 20
    leaving = [each.key for each in journal.inventory.claim_oldest(1000, lambda: ["c"])]
    assert leaving == [object_key("lab", Did("s", name)) for name in "ba"]
    assert journal.inventory.usage() == (2, 20, 1)
    assert journal.inventory.claim_oldest(1000, lambda: ["c"]) == []


def test_what_is_evicted_is_told_as_such(journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    finish(journal, "one")
    assert journal.inventory.claim_all("lab", Did("s", "run"), lambda: ["one"]) is None
    (leaving,) = journal.inventory.claim_all("lab", Did("s", "run"), list) or []
    assert states(journal, "one") == {"a": "leaving"}
    number = leaving.file
    assert journal.inventory.links_of([number]) == ["s/run/a"]
    journal.inventory.gone([number])
    assert states(journal, "one") == {"a": "evicted"}
    assert journal.inventory.links_of([number]) == [] and journal.inventory.usage() == (0, 0, 0)
    assert journal.inventory.staged_in("lab", Did("s", "run")) == 0
    assert not any(each.linked for each in journal.tallies("one"))


def test_what_a_plan_names_while_it_leaves_is_fetched_again(journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    finish(journal, "one")
    (leaving,) = journal.inventory.claim_all("lab", Did("s", "run"), list) or []
    journal.admit("two", [planned("a")], 2.0)
    assert journal.inventory.leaving([leaving.file]) == []
    journal.inventory.gone([leaving.file])
    assert states(journal, "two") == {"a": "queued"}


def test_a_collections_files_are_not_those_of_one_that_is_named_like_it(journal: Journal) -> None:
    for folder in ("s/run", "s/run1", "s/run-", "s/run.x", "s/run/a"):
        journal.admit(folder, [planned(f"in {folder[2:]}", folder=folder)], 1.0)
        finish(journal, folder)
    assert journal.inventory.staged_in("lab", Did("s", "run")) == 1


def test_a_fresh_journal_takes_in_what_lies_there_and_believes_it_when_it_is_named_again(
    journal: Journal,
) -> None:
    key = object_key("lab", Did("s", "a"))
    did, run = Did("s", "a"), Did("s", "run")
    link = FoundLink("s/run/a", key, "lab", did, run)
    journal.take_in([(key, 10, 5.0)], [link, FoundLink("s/run/x", "unknown")], {"ended": [link]})
    assert journal.inventory.usage() == (1, 10, 0)
    assert journal.inventory.staged_in("lab", Did("s", "run")) == 1
    assert journal.known([key])[key].state == "kept"
    assert states(journal, "ended") == {"a": "kept"}
    assert journal.inventory.evictable_bytes(list) == 10
    journal.admit("one", [planned("a")], 1.0)
    assert names(journal, "one") == ["a"]


def test_an_engine_that_ends_before_all_is_taken_in_begins_again(path: str) -> None:
    Journal(path).close()
    assert Journal(path).fresh


def test_speeds_are_remembered(path: str, journal: Journal) -> None:
    journal.note_speeds({("lab", "ALPHA"): 1e6})
    journal.note_speeds({("lab", "ALPHA"): 2e6, ("lab", "BETA"): 3.0})
    journal.close()
    assert Journal(path).speeds() == {("lab", "ALPHA"): 2e6, ("lab", "BETA"): 3.0}


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(100_000))


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def another_version(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()


@pytest.mark.parametrize("harm", [garbage, torn, emptied, another_version, Path.unlink])
def test_a_journal_that_cannot_be_read_is_made_anew(
    path: str, journal: Journal, harm: Callable[[Path], None]
) -> None:
    journal.admit("one", [planned(f"f{n}") for n in range(300)], 1.0)
    journal.close()
    harm(Path(path))
    again = Journal(path)
    assert again.fresh
    again.admit("one", [planned("a")], 1.0)
    assert names(again, "one") == ["a"]


def test_a_journal_deleted_under_a_running_engine_does_not_stop_it(path: str, journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    for each in Path(path).parent.glob("journal.sqlite*"):
        each.unlink()
    journal.admit("one", [planned("b")], 1.0)
    finish(journal, "one")
    assert states(journal, "one") == {"a": "done", "b": "done"}
    journal.close()
    assert Journal(path).fresh


def test_a_member_is_shown_under_the_name_that_was_free(journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    finish_as(journal, "one", "s/run/%61")
    assert journal.listed("one", None, 0, 1)[0][0].path == "s/run/%61"
    assert journal.unlinked("one", None, 10) == []


def test_what_a_plan_names_again_is_to_be_linked_again(journal: Journal) -> None:
    journal.admit("one", [planned("a")], 1.0)
    finish_as(journal, "one", "s/run/%61")
    journal.admit("one", [planned("a", "done")], 1.0)
    assert [member.path for member, _, _ in journal.unlinked("one", None, 10)] == ["s/run/a"]
    assert journal.listed("one", None, 0, 10)[1] == 1


def test_what_is_to_be_linked_comes_in_pages_each_once(journal: Journal) -> None:
    both = [planned(f"f{n}", folder=folder) for n in range(5) for folder in ("s/run", "s/two")]
    journal.admit("before", both, 1.0)
    finish(journal, "before")
    journal.admit("one", [replace(each, state="done") for each in both], 1.0)
    seen: list[Member] = []
    while page := journal.unlinked("one", seen[-1] if seen else None, 3):
        seen += [member for member, _, _ in page]
    assert sorted(member.path for member in seen) == sorted(each.path for each in both)


def finish_as(journal: Journal, job: str, shown: str) -> None:
    (row,) = journal.queued(job, 0, 10)
    member = Member(job, row.id, "s/run/a")
    journal.finished([Finished(row.id, "ALPHA", 10, True, row.adler32, row.md5)], [(member, shown)], 1.0)
