"""What is in the store, counted as it changes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import Problem
from rucio_jupyterlab.staging.journal import Journal
from rucio_jupyterlab.staging.layout import object_key
from rucio_jupyterlab.staging.model import TransferState
from rucio_jupyterlab.staging.rows import Finished, Member, PlannedFile

FILES = 4
JOBS = ("one", "two")
Step = tuple[str, str, int]

steps = st.tuples(
    st.sampled_from(["plan", "here", "outside", "tape", "finish", "fail", "evict", "again", "pin", "unpin"]),
    st.sampled_from(JOBS),
    st.integers(0, FILES - 1),
)


def planned(number: int, state: TransferState, outside: str | None = None) -> PlannedFile:
    did = Did("s", f"f{number}")
    size = None if number == 0 else 10**number
    key = object_key("lab", did)
    return PlannedFile(key, "lab", did, size, None, None, state, [], f"s/f{number}", outside=outside)


def take(journal: Journal, step: Step) -> None:
    """Do what happens to a job and a file."""
    action, job, number = step
    key = object_key("lab", Did("s", f"f{number}"))
    states: dict[str, tuple[TransferState, str | None]] = {
        "plan": ("queued", None),
        "here": ("done", None),
        "outside": ("done", "/mount/file"),
        "tape": ("tape", None),
    }
    if action in states:
        journal.admit(job, [planned(number, *states[action])], 1.0)
    elif action == "pin":
        journal.inventory.pin(job)
    elif action == "unpin":
        journal.inventory.unpin(job, list)
    elif action == "again":
        journal.requeue(job, ["failed", "done"])
    elif known := journal._database.read("SELECT id FROM files WHERE key = ?", (key,)):
        ((file,),) = known
        if action == "finish":
            member = Member(job, file, f"s/f{number}")
            journal.finished([Finished(file, "ALPHA", 7, True, None, None)], [(member, member.path)], 1.0)
        elif action == "fail":
            journal.failed(file, Problem("missing", "It is gone.", "choose"))
        else:
            journal.inventory.claim_all("lab", Did("s", f"f{number}"), list)
            journal.inventory.gone([file])


@given(st.lists(steps, max_size=25))
def test_the_store_is_counted_rightly_whatever_happens(happens: Sequence[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(str(Path(folder, "journal.sqlite")))
        journal.take_in([(object_key("lab", Did("s", "f3")), 3, 0.0)], [], {})
        for step in happens:
            take(journal, step)
        counted = journal._database.read(
            "SELECT count(*), total(bytes), total(pinned) FROM files"
            " WHERE state IN ('done', 'kept') AND outside IS NULL"
        )
        assert [journal.inventory.usage()] == [tuple(map(int, row)) for row in counted]
        journal.close()
        again = Journal(str(Path(folder, "journal.sqlite")))
        assert [again.inventory.usage()] == [tuple(map(int, row)) for row in counted]
        again.close()


def test_a_pin_holds_what_another_pinned_job_only_names(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "journal.sqlite"))
    pinned = list(JOBS)  # the second was cancelled before its files were pinned
    for job in JOBS:
        take(journal, ("here", job, 1))
    journal.inventory.pin("one")
    assert journal.inventory.usage()[2] == 1
    journal.inventory.unpin("one", lambda: pinned)
    assert journal.inventory.usage()[2] == 1
    journal.inventory.unpin("two", lambda: ["two"])
    assert journal.inventory.usage()[2] == 0
    journal.close()


def test_an_end_of_a_pin_lets_go_of_what_its_job_no_longer_names(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "journal.sqlite"))
    take(journal, ("plan", "one", 1))
    journal.inventory.pin("one")
    journal.begin_plan("one")
    journal.finish_plan("one")
    take(journal, ("here", "two", 1))
    assert journal.inventory.usage()[2] == 1
    journal.inventory.unpin("one", lambda: ["one"])
    assert journal.inventory.usage()[2] == 0
    journal.close()
