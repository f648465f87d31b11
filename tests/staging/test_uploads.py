"""Uploads that an earlier engine has left, without a Rucio or a cloud behind them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from msgspec.structs import replace

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.catalog.registry import Registry
from rucio_jupyterlab.config import Options, configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import (
    Conflict,
    Denied,
    Failure,
    NotFound,
    RucioFault,
    RucioRefused,
    SignInNeeded,
)
from rucio_jupyterlab.staging.fleet import Fleet
from rucio_jupyterlab.staging.model import Stored, UploadRequest, UploadSnapshot
from rucio_jupyterlab.staging.outgoing import Means
from rucio_jupyterlab.staging.records import Records
from rucio_jupyterlab.staging.registration import is_about_the_file
from rucio_jupyterlab.staging.upload import Upload, UploadRecord, begun
from rucio_jupyterlab.staging.uploads import MOST_ENDED, Uploads
from tests.cli.waiting import until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "result.root"
    path.write_bytes(b"result")
    return path


@pytest.fixture
def unfinished(tmp_path: Path) -> Records[UploadRecord]:
    """What the engine before has left."""
    return Records(tmp_path / "state" / "uploads", UploadRecord)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Uploads]]:
    """A new engine's uploads; nobody is signed in at “lab”."""
    state = tmp_path / "state"
    instance = {"name": "lab", "rucio_base_url": "https://127.0.0.1:1"}
    accounts = Accounts(configuration_from({"instances": [instance]}, {}), state, lambda name: None)
    catalog = Catalog(accounts, state / "spool")
    started: list[Uploads] = []

    def take_up() -> Uploads:
        uploads = Uploads(state, accounts, catalog, Options)
        started.append(uploads)
        uploads.take_up()
        return uploads

    yield take_up
    for uploads in started:
        uploads.close()
    catalog.close()
    accounts.close()


def record(file: Path, number: str = "abc1", instance: str = "lab") -> UploadRecord:
    return begun(number, UploadRequest(instance, [str(file)], "CLOUD", "user.alice"))


def asking(registry: Callable[[], Registry]) -> Means:
    """Means with which nothing can be sent."""

    def writer(escort: object) -> NoReturn:
        raise AssertionError("nothing is to be sent")

    return Means(registry, lambda: None, writer, lambda: None)


def outcome(uploads: Uploads, number: str = "abc1") -> UploadSnapshot:
    until(lambda: uploads.get(number).state != "running")
    return uploads.get(number)


def test_one_goes_on_under_its_number_and_waits_where_nobody_is_signed_in(
    file: Path, unfinished: Records[UploadRecord], start: Callable[[], Uploads]
) -> None:
    unfinished.save(record(file))
    uploads = start()
    waiting = outcome(uploads)
    assert waiting.state == "waiting" and waiting.problem is not None and waiting.problem.do == "signin"
    assert not uploads.busy
    uploads.close()
    assert unfinished.get("abc1") is not None
    again = start()
    assert outcome(again).state == "waiting"
    again.cancel("abc1")
    assert again.get("abc1").state == "cancelled"


def test_after_a_sign_in_it_goes_on(tmp_path: Path, file: Path) -> None:
    signed_in = False

    def registry() -> Registry:
        raise NotFound("Rucio was asked.") if signed_in else SignInNeeded("Sign in.")

    upload = Upload(
        record(file),
        Records(tmp_path / "uploads", UploadRecord),
        asking(registry),
        Fleet(),
        taken_up=True,
    )
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(upload.run)
        until(lambda: not upload.goes_on_by_itself)
        signed_in = True
        upload.wake()
        last = running.result(30)
    assert last is not None and last.problem == NotFound("Rucio was asked.").problem()


def test_a_file_that_is_gone_or_changed_ends_it_with_a_sentence(
    tmp_path: Path, file: Path, unfinished: Records[UploadRecord], start: Callable[[], Uploads]
) -> None:
    changed = tmp_path / "changed"
    changed.write_bytes(b"before")
    unfinished.save(record(file))
    unfinished.save(record(changed, "abc2"))
    file.unlink()
    changed.write_bytes(b"afterwards")
    uploads = start()
    for number, sentence in (("abc1", "is gone"), ("abc2", "has changed since its upload began")):
        ended = outcome(uploads, number)
        assert ended.state == "failed" and ended.problem is not None and sentence in ended.problem.detail
        kept = unfinished.get(number)
        assert kept is not None and kept.state == "failed", "something may be left half on the cloud"


def test_files_that_are_stored_already_need_not_be_there_any_more(
    tmp_path: Path, file: Path, unfinished: Records[UploadRecord], start: Callable[[], Uploads]
) -> None:
    other = tmp_path / "plot.png"
    other.write_bytes(b"png")
    two = begun("abc2", UploadRequest("lab", [str(file), str(other)], "CLOUD", "user.alice"))
    stored = Stored(Did("user.alice", file.name), "CLOUD", 6, "08aa0289")
    unfinished.save(replace(record(file), stored=[stored]))
    unfinished.save(replace(two, stored=[stored]))
    file.unlink()
    uploads = start()
    done, waiting = outcome(uploads), outcome(uploads, "abc2")
    assert (done.state, done.stored, done.bytes_done) == ("done", [stored], 6)
    assert (waiting.state, waiting.stored, waiting.files_total) == ("waiting", [stored], 2)


def test_one_of_an_instance_that_is_gone_fails_alone(
    file: Path, unfinished: Records[UploadRecord], start: Callable[[], Uploads]
) -> None:
    unfinished.save(record(file, instance="elsewhere"))
    unfinished.save(record(file, "abc2"))
    uploads = start()
    ended = outcome(uploads)
    assert ended.state == "failed" and ended.problem is not None and "elsewhere" in ended.problem.detail
    assert outcome(uploads, "abc2").state == "waiting"


def test_one_that_was_cancelled_waits_for_a_sign_in_before_it_is_forgotten_and_disturbs_nobody(
    file: Path, unfinished: Records[UploadRecord], start: Callable[[], Uploads]
) -> None:
    unfinished.save(replace(record(file), state="cancelled"))
    uploads = start()
    until(lambda: not uploads.busy)
    assert uploads.get("abc1").state == "cancelled"
    assert unfinished.get("abc1") is not None, "something may be left half on the cloud"


def test_a_damaged_record_is_set_aside_and_the_others_go_on(
    tmp_path: Path, file: Path, unfinished: Records[UploadRecord], start: Callable[[], Uploads]
) -> None:
    unfinished.save(record(file))
    folder = tmp_path / "state" / "uploads"
    (folder / "abc2.json").write_bytes(b'{"id": "abc2", "requ')
    (folder / "abc3.json").write_bytes(b"\xff\xfe")
    uploads = start()
    assert outcome(uploads).state == "waiting"
    assert sorted(path.name for path in folder.iterdir()) == ["abc1.json", "abc2.damaged", "abc3.damaged"]
    with pytest.raises(NotFound, match="Put the files again"):
        uploads.get("abc2")


def test_what_is_no_number_names_no_file(tmp_path: Path, start: Callable[[], Uploads]) -> None:
    (tmp_path / "state" / "other.json").write_bytes(msgspec.json.encode(record(Path(__file__))))
    with pytest.raises(NotFound):
        start().get("../other")


def test_the_newest_of_those_that_ended_are_kept(
    tmp_path: Path, file: Path, unfinished: Records[UploadRecord], start: Callable[[], Uploads]
) -> None:
    ended = Records(tmp_path / "state" / "uploads-ended", UploadRecord)
    stored = Stored(Did("user.alice", file.name), "CLOUD", 6, "08aa0289")
    for number in range(MOST_ENDED + 10):
        ended.save(replace(record(file, f"old{number}"), state="done"))
        at = time.time() - 1_000 + number
        os.utime(tmp_path / "state" / "uploads-ended" / f"old{number}.json", (at, at))
    unfinished.save(replace(record(file), state="cancelled", stored=[stored]))
    uploads = start()
    until(lambda: unfinished.get("abc1") is None)
    newest = {"abc1"} | {f"old{number}" for number in range(11, MOST_ENDED + 10)}
    until(lambda: {path.stem for path in (tmp_path / "state" / "uploads-ended").iterdir()} == newest)
    assert uploads.get("old11").state == "done"


def test_what_nobody_foresaw_ends_the_upload_and_not_the_engine(tmp_path: Path, file: Path) -> None:
    def registry() -> Registry:
        raise ZeroDivisionError

    files = Records(tmp_path / "uploads", UploadRecord)
    last = Upload(record(file), files, asking(registry), Fleet(), taken_up=False).run()
    assert last is not None and last.problem is not None
    assert (last.state, last.problem.type) == ("failed", "internal")


def test_an_end_that_cannot_be_kept_is_told_all_the_same(
    file: Path,
    unfinished: Records[UploadRecord],
    start: Callable[[], Uploads],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(files: object, record: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    unfinished.save(record(file))
    file.unlink()
    monkeypatch.setattr(Records, "save", full)
    uploads = start()
    assert outcome(uploads).state == "failed" and not uploads.busy


@pytest.mark.parametrize(
    ("refusal", "is_about_it"),
    [
        (RucioRefused("No such thing.", exception="ScopeNotFound"), True),
        (Denied("Not you.", exception="AccessDenied"), True),
        (Conflict("There is another file of that name."), True),
        (RucioRefused("It answers with HTTP 404."), False),
        (Denied("It answers with HTTP 403."), False),
        (RucioFault("It reports an error of its own.", exception="DatabaseException"), False),
    ],
)
def test_only_what_rucio_or_we_say_of_a_file_takes_it_away_again(refusal: Failure, is_about_it: bool) -> None:
    assert is_about_the_file(refusal) is is_about_it
