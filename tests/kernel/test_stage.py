"""Staging from a kernel, through HTTP."""

from __future__ import annotations

import _thread
import itertools
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from rucio_jupyterlab import kernel
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import Problem
from rucio_jupyterlab.kernel import actions, service
from rucio_jupyterlab.staging.model import TransferRow
from tests.cli.stand_in import on_tape, snapshot, staged
from tests.kernel.contract import JupyterStandIn


def test_staging_gives_the_paths(jupyter: JupyterStandIn) -> None:
    jupyter.course = [
        snapshot("planning"),
        snapshot("running", files_total=2),
        snapshot("done", path="/data"),
    ]
    jupyter.rows = [staged("a.root"), staged("b.root")]

    files = kernel.stage("user.alice:run1", first=5, rse="ALPHA_DISK", yes=True)

    assert files == ["/data/a.root", "/data/b.root"]
    assert files.folder == "/data" and not files.missing
    (body,) = jupyter.asked("POST", "jobs")
    asked = body["job"]
    assert asked["dids"] == [{"scope": "user.alice", "name": "run1"}]
    assert (asked["instance"], asked["client"]) == ("lab", "kernel")
    assert (asked["first"], asked["rse"], asked["confirmed"]) == (5, "ALPHA_DISK", True)


def test_a_hundred_thousand_files_are_fetched_page_by_page(jupyter: JupyterStandIn) -> None:
    jupyter.rows = [staged(f"{number:06}") for number in range(100_000)]
    files = kernel.stage("user.alice:run1")
    assert len(files) == 100_000 and files[-1] == "/data/099999"
    assert len(repr(files)) < 2000 and len(files._repr_html_()) < 5000


def test_what_could_not_be_had_is_told_and_is_no_path(jupyter: JupyterStandIn) -> None:
    failed = Problem("source-failed", "The checksum differs at ALPHA_DISK and there is no other replica.")
    jupyter.course = [snapshot("partial", files_unreachable=1, files_failed=1)]
    jupyter.rows = [
        staged("a.root"),
        on_tape("b.root"),
        TransferRow(Did("user.alice", "c.root"), "failed", 10, problem=failed),
    ]

    files = kernel.stage("user.alice:run1")

    assert list(files) == ["/data/a.root"]
    assert [(each.did, each.reason) for each in files.missing] == [
        ("user.alice:b.root", "The file is on tape only."),
        ("user.alice:c.root", failed.detail),
    ]
    assert [each.did for each in files.failed] == ["user.alice:c.root"]
    assert "None" not in repr(files) + files._repr_html_()


def test_a_job_that_asks_first_is_cancelled_and_says_how_to_agree(jupyter: JupyterStandIn) -> None:
    jupyter.course = [
        snapshot("waiting", cause="confirm", files_total=4000, bytes_total=120 * 10**9, free_bytes=80 * 10**9)
    ]
    with pytest.raises(kernel.ConfirmationNeeded, match=r"4,000 files, 120 GB; 80\.0 GB are free.*--yes"):
        kernel.stage("user.alice:run1")
    assert jupyter.asked("POST", "jobs/job1/cancel")


def test_a_job_that_needs_a_sign_in_says_where_and_goes_on(
    jupyter: JupyterStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    jupyter.course = [snapshot("waiting", cause="signin"), snapshot("done")]
    jupyter.rows = [staged("a.root")]
    assert kernel.stage("user.alice:run1") == ["/data/a.root"]
    assert "Use the Rucio panel" in capsys.readouterr().err


def test_an_interrupt_cancels_the_job(jupyter: JupyterStandIn) -> None:
    jupyter.course = [snapshot("running")]
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        kernel.stage("user.alice:run1")
    assert jupyter.asked("POST", "jobs/job1/cancel")


def test_an_interrupt_that_comes_too_late_shows_how_the_job_ended(
    jupyter: JupyterStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    jupyter.course, jupyter.cancelled = [snapshot("running")], snapshot("done", files_total=1, files_done=1)
    threading.Timer(0.5, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        kernel.stage("user.alice:run1")
    shown = capsys.readouterr().err
    assert "1 / 1 files" in shown and "cancelled" not in shown


def interrupted_at(step: int) -> bool:
    """Stage, and interrupt that at its `step`-th line of our code; whether it has come so far."""
    lines = itertools.count()

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != actions.__file__:
            return None
        if event == "line" and next(lines) == step:
            sys.settrace(None)
            raise KeyboardInterrupt
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        kernel.stage("user.alice:run1")
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_interrupt_at_any_moment_leaves_no_job_running(
    jupyter: JupyterStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in itertools.count():
        jupyter.requests.clear()
        if not interrupted_at(step):
            break
        seen_to_end = jupyter.asked("GET", "jobs/job1")
        assert seen_to_end or len(jupyter.asked("POST", "jobs")) == len(
            jupyter.asked("POST", "jobs/job1/cancel")
        )
    assert step > 20


def test_an_interrupt_whose_cancelling_fails_says_that_the_job_may_run_on(
    jupyter: JupyterStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    jupyter.course = [snapshot("running")]
    monkeypatch.setattr(jupyter, "cancelled", Problem("engine-down", "The engine ended.", status=503))
    threading.Timer(0.5, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt, match=r"The engine ended\. It may run on; `%rucio status`"):
        kernel.stage("user.alice:run1")


def test_a_server_that_refuses_for_a_while_does_not_end_the_wait(jupyter: JupyterStandIn) -> None:
    jupyter.course = [snapshot("running")]
    jupyter.rows = [staged("a.root")]
    threading.Timer(0.3, setattr, (jupyter, "extension", False)).start()
    threading.Timer(0.6, setattr, (jupyter, "course", [snapshot("done")])).start()
    threading.Timer(0.6, setattr, (jupyter, "extension", True)).start()
    assert kernel.stage("user.alice:run1") == ["/data/a.root"]


def test_a_server_that_refuses_for_good_leaves_word_of_the_job(
    jupyter: JupyterStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PATIENCE", 0.0)
    staging = kernel.start("user.alice:run1")
    jupyter.extension = False
    with pytest.raises(kernel.NoService, match=r"no Rucio extension\. The job may run on; `%rucio status`"):
        staging.wait()


def test_a_start_whose_answer_is_lost_says_where_to_look(jupyter: JupyterStandIn) -> None:
    jupyter.lost = lambda method, path: (method, path) == ("POST", "jobs")
    with pytest.raises(kernel.Unreachable, match=r"`%rucio status` tells whether the job has begun"):
        kernel.stage("user.alice:run1")
    assert jupyter.asked("POST", "jobs")


def test_the_paths_come_though_one_answer_is_lost(jupyter: JupyterStandIn) -> None:
    jupyter.rows = [staged("a.root")]
    lost = iter([True])
    jupyter.lost = lambda method, path: path.endswith("/transfers") and next(lost, False)
    assert kernel.stage("user.alice:run1") == ["/data/a.root"]


def test_a_failed_job_raises_its_reason(jupyter: JupyterStandIn) -> None:
    jupyter.course = [snapshot("failed", problem=Problem("not-found", "There is no such DID."))]
    with pytest.raises(kernel.StageFailed, match="There is no such DID"):
        kernel.stage("user.alice:run1")


def test_an_engine_that_is_started_again_does_not_end_the_wait(jupyter: JupyterStandIn) -> None:
    down = Problem("engine-down", "The engine does not answer.", "retry", 503)
    jupyter.course = [snapshot("running"), down, snapshot("done")]
    jupyter.rows = [staged("a.root")]
    assert kernel.stage("user.alice:run1") == ["/data/a.root"]


def test_an_engine_that_was_left_dead_is_started_again_by_a_command(jupyter: JupyterStandIn) -> None:
    jupyter.dead = True
    jupyter.rows = [staged("a.root")]
    assert kernel.stage("user.alice:run1") == ["/data/a.root"]

    jupyter.dead = jupyter.dead_for_good = True
    with pytest.raises(kernel.Unreachable, match="The engine ended"):
        kernel.status()
    assert len(jupyter.asked("POST", "engine/retry")) == 2


def test_without_waiting_the_job_can_be_waited_for_later(jupyter: JupyterStandIn) -> None:
    jupyter.rows = [staged("a.root")]
    staging = kernel.start("user.alice:run1")
    assert not jupyter.asked("GET", "jobs/job1")
    assert staging.wait() == ["/data/a.root"]


def test_what_is_no_did_is_refused_before_anything_is_asked(jupyter: JupyterStandIn) -> None:
    with pytest.raises(kernel.RucioError, match="scope:name"):
        kernel.stage("no-did")
    with pytest.raises(kernel.RucioError, match=r"not a list; for several write `stage\(\*dids\)`"):
        kernel.stage(["user.alice:run1"])  # type: ignore[arg-type]
    assert not jupyter.requests


def test_values_that_make_no_sense_are_refused_before_anything_is_asked(jupyter: JupyterStandIn) -> None:
    with pytest.raises(kernel.RucioError, match="`first` must be a whole number above 0, not 0"):
        kernel.stage("user.alice:run1", first=0)
    with pytest.raises(kernel.RucioError, match="“nope” is no type of DID; there are collection"):
        kernel.search("user.alice:*", type="nope")
    for ask in (kernel.search, kernel.ls):
        with pytest.raises(kernel.RucioError, match="`limit` must be"):
            ask("user.alice:run1", limit=0)
    assert not jupyter.requests


def test_status_lists_the_jobs(jupyter: JupyterStandIn) -> None:
    jupyter.course = [snapshot("running", files_total=3, files_done=1)]
    jobs = kernel.status()
    assert [job.state for job in jobs] == ["running"]
    assert repr(jobs) == "user.alice:run1: running, 1 / 3 files" and "1 / 3 files" in jobs._repr_html_()
    jupyter.course = [snapshot("failed")]
    assert repr(kernel.status()) == "user.alice:run1: failed"
