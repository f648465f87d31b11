"""`jupyter rucio stage | status | cancel`."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rucio_jupyterlab.accounts.model import Instances
from rucio_jupyterlab.cli import main
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.errors import Problem
from rucio_jupyterlab.staging.model import JobState, TransferRow
from tests.cli.stand_in import EngineStandIn, info, on_tape, snapshot, staged
from tests.cli.waiting import until

STAGE = [sys.executable, "-m", "rucio_jupyterlab.cli", "stage", "user.alice:run1"]


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_staging_writes_the_folder(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.course = [snapshot("running"), snapshot("done", path="/data", files_total=1, files_done=1)]
    engine.rows = [staged("a.root")]
    assert main(["stage", "user.alice:run1", "--first", "3", "--yes"]) == 0
    said = capsys.readouterr()
    assert said.out == "/data\n" and "1 / 1 files" in said.err
    (asked,) = engine.questions(protocol.StartJob)
    assert (asked.job.first, asked.job.confirmed, asked.job.client) == (3, True, "shell")


def test_json_gives_snapshots_then_rows(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.course = [snapshot("running"), snapshot("done")]
    engine.rows = [staged("a.root"), staged("b.root")]
    assert main(["stage", "--json", "user.alice:run1"]) == 0
    said = lines(capsys.readouterr().out)
    assert [line["state"] for line in said] == ["running", "done", "done", "done"]
    assert [line["path"] for line in said[2:]] == ["/data/a.root", "/data/b.root"]


def test_a_partial_result_names_what_is_missing(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.course = [snapshot("partial", path="/data", files_total=2, files_done=1, files_unreachable=1)]
    engine.rows = [staged("a.root"), on_tape("b.root")]
    assert main(["stage", "user.alice:run1"]) == 3
    said = capsys.readouterr()
    assert said.out == "/data\n" and "user.alice:b.root: The file is on tape only." in said.err


def test_a_cloud_that_refuses_the_sign_in_is_named_while_the_job_waits(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = Problem("cs3-signin", "The CS3 gateway of CERNBOX refuses your sign-in.", "retry")
    engine.course = [snapshot("waiting", cause="signin", problem=refused), snapshot("done", path="/data")]
    assert main(["stage", "user.alice:run1"]) == 0
    said = capsys.readouterr().err
    assert refused.detail in said and "jupyter rucio signin" not in said


def test_a_failed_job_says_why(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.course = [snapshot("failed", problem=Problem("not-found", "There is no such DID."))]
    assert main(["stage", "user.alice:run1"]) == 1
    assert "There is no such DID." in capsys.readouterr().err


def test_nobody_to_ask_means_no(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.course = [snapshot("waiting", cause="confirm", files_total=4000, bytes_total=120 * 10**9)]
    assert main(["stage", "user.alice:run1"]) == 5
    assert "4,000 files, 120 GB" in capsys.readouterr().err
    assert engine.questions(protocol.CancelJob)


@pytest.mark.parametrize(
    ("answer", "code", "first"),
    [("y", 0, None), ("20", 0, 20), ("n", 5, None), ("0", 5, None), ("", 5, None)],
)
def test_on_a_terminal_the_user_is_asked(
    engine: EngineStandIn, answer: str, code: int, first: int | None
) -> None:
    engine.course = [snapshot("waiting", cause="confirm", files_total=4000, bytes_total=120 * 10**9)]
    ours, theirs = pty.openpty()
    with subprocess.Popen(STAGE, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.write(ours, f"{answer}\n".encode())
        assert process.wait(30) == code
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "Stage it?" in shown
    confirmed = engine.questions(protocol.ConfirmJob)
    assert [ask.first for ask in confirmed] == ([first] if code == 0 else [])
    assert bool(engine.questions(protocol.CancelJob)) == (code == 5)


def test_an_interrupt_cancels_the_job(engine: EngineStandIn) -> None:
    engine.course = [snapshot("running")]
    with subprocess.Popen(STAGE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: engine.questions(protocol.GetJob))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said and "Cancelling" in said
    assert engine.questions(protocol.CancelJob)


def test_an_interrupt_cancels_a_job_whose_number_is_not_known_yet(engine: EngineStandIn) -> None:
    engine.course, engine.start_seconds = [snapshot("running")], 0.5
    with subprocess.Popen(STAGE, stderr=subprocess.DEVNULL) as process:
        until(lambda: engine.questions(protocol.StartJob))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert engine.questions(protocol.CancelJob)


def test_an_interrupt_cancels_an_upload_whose_number_is_not_known_yet(engine: EngineStandIn) -> None:
    engine.start_seconds = 0.5
    with subprocess.Popen([*STAGE[:3], "put", "/a", "CLOUD", "user.alice"], stderr=subprocess.DEVNULL) as put:
        until(lambda: engine.questions(protocol.StartUpload))
        put.send_signal(signal.SIGINT)
        assert put.wait(30) == 130
    assert engine.questions(protocol.CancelUpload)


def test_an_engine_that_is_killed_before_the_report_does_not_spoil_it(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.cli.engine.IDLE_PAUSE", 0.01)
    engine.course, engine.rows = [snapshot("done", path="/data", files_done=1)], [staged("one")]
    engine.deaths = {protocol.GetJob, protocol.ListTransfers}
    assert main(["stage", "user.alice:run1"]) == 0
    assert capsys.readouterr().out == "/data\n"


def test_an_engine_that_is_killed_before_it_hears_of_the_end_does_not_keep_the_job(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.cli.engine.IDLE_PAUSE", 0.01)
    engine.course = [snapshot("waiting", cause="confirm")]
    engine.deaths = {protocol.CancelJob}
    assert main(["stage", "user.alice:run1"]) == 5
    assert len(engine.questions(protocol.CancelJob)) == 2


def test_an_interrupted_watch_leaves_the_job_alone(engine: EngineStandIn) -> None:
    engine.course = [snapshot("running")]
    watch = [*STAGE[:3], "status", "job1", "--wait"]
    with subprocess.Popen(watch, stderr=subprocess.DEVNULL) as process:
        until(lambda: engine.questions(protocol.GetJob))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not engine.questions(protocol.CancelJob)


def test_who_is_signed_out_is_told_before_anything_waits(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.instances = Instances([info(state="signed-out")], default="lab")
    assert main(["stage", "user.alice:run1"]) == 4
    assert "signed in at lab. Run `jupyter rucio signin`" in capsys.readouterr().err
    assert not engine.questions(protocol.StartJob)


def test_without_waiting_the_identifier_is_written(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stage", "user.alice:run1", "--no-wait"]) == 0
    assert capsys.readouterr().out == "job1\n"
    assert not engine.questions(protocol.GetJob)


def test_the_files_of_a_job_are_listed_with_their_paths(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.rows = [staged(f"{number:04}") for number in range(2500)]
    assert main(["status", "job1", "--files"]) == 0
    paths = capsys.readouterr().out.splitlines()
    assert len(paths) == 2500 and paths[-1] == "/data/2499"


def test_status_lists_all_jobs(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.course = [snapshot("running", files_total=2, files_done=1)]
    assert main(["status"]) == 0
    assert capsys.readouterr().out.split()[:2] == ["job1", "running"]


def test_a_problem_is_the_last_line_of_json(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cancel", "--json", "job1"]) == 1
    (problem,) = lines(capsys.readouterr().out)
    assert problem["type"] == "conflict" and problem["detail"] == "It has ended already."


@pytest.mark.parametrize(("state", "told"), [("running", "Cancelled."), ("partial", "ended before: partial")])
def test_whether_a_job_was_cancelled_is_told(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str], state: JobState, told: str
) -> None:
    engine.course = [snapshot(state)]
    assert main(["cancel", "job1"]) == 0
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("state", ["signed-in", "signed-out"])
def test_what_is_no_did_is_a_wrong_use(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    engine.instances = Instances([info(state=state)], default="lab")
    assert main(["stage", "nonsense"]) == 2
    assert "scope:name" in capsys.readouterr().err


def test_one_of_several_instances_must_be_named(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.instances = Instances([info("lab"), info("atlas")])
    assert main(["stage", "user.alice:run1"]) == 2
    assert "lab, atlas" in capsys.readouterr().err
    assert main(["stage", "user.alice:run1", "--instance", "atlas"]) == 0


def test_a_reader_that_has_enough_is_no_failure(engine: EngineStandIn) -> None:
    engine.rows = [staged(f"{number:06}") for number in range(20_000)]
    listing = [*STAGE[:3], "status", "job1", "--files"]
    with subprocess.Popen(listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize("stderr", [subprocess.PIPE, subprocess.STDOUT])
@pytest.mark.parametrize("job", ["job1", "none"])
def test_a_reader_that_is_gone_before_the_end_changes_nothing(
    engine: EngineStandIn, stderr: int, job: str
) -> None:
    """So little is written that Python would send it at its very end."""
    engine.unknown = {"none"}
    reader, writer = os.pipe()
    os.close(reader)
    said = subprocess.run(
        [*STAGE[:3], "status", job],
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        check=False,
        stdout=writer,
        stderr=stderr,
        timeout=60,
    )
    os.close(writer)
    assert said.returncode == (1 if job == "none" else 0)
    assert (said.stderr or b"").removeprefix(b"jupyter rucio: No such job.\n") == b""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_changes_nothing(engine: EngineStandIn, closed: str) -> None:
    command = shlex.join([*STAGE[:3], "status", "job1", "--json"])
    said = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], check=False, stderr=subprocess.PIPE, timeout=60
    )
    assert (said.returncode, said.stderr) == (0, b"")


def test_a_folder_that_is_gone_is_told(engine: EngineStandIn, tmp_path: Path) -> None:
    """The shell's, in which another one removed it."""
    (tmp_path / "gone").mkdir()
    rucio = shlex.join(STAGE[:3])
    script = f"rmdir ../gone && {rucio} status job1 && {rucio} put a b c"
    said = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path / "gone", check=False, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 2
    assert "the folder in which a would lie is gone" in said.stderr


def test_a_full_disk_under_the_answer_is_told(engine: EngineStandIn) -> None:
    with open("/dev/full", "w") as full:
        said = subprocess.run(
            [*STAGE[:3], "status", "job1"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert said.returncode == 1
    assert said.stderr == "jupyter rucio: No space left on device.\n"


@pytest.mark.parametrize("json_wanted", [True, False])
def test_names_reach_a_terminal_of_another_alphabet(engine: EngineStandIn, json_wanted: bool) -> None:
    engine.rows = [TransferRow(Did("user.alice", "größe–π"), "done", 10, 10, "ALPHA_DISK", "/data/größe–π")]
    said = subprocess.run(
        [*STAGE[:3], "status", "job1", "--files"] + json_wanted * ["--json"],
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    if json_wanted:
        assert json.loads(said.stdout)["did"]["name"] == "größe–π"
    else:
        assert "größe".encode("latin-1") in said.stdout


def test_our_own_words_are_plain_where_a_terminal_knows_no_others(engine: EngineStandIn) -> None:
    engine.course = [snapshot("running", files_total=2, files_done=1, bytes_total=20, bytes_done=10)]
    ascii_alone = os.environ | {"PYTHONIOENCODING": "ascii"}
    for arguments, words in (
        (["status", "job1"], b"user.alice:run1: 10 of 20 B - 1 / 2 files\n"),
        (["stage", "größe"], b'jupyter rucio: "gr\\xf6\\xdfe" is not a DID: write it as scope:name.\n'),
    ):
        said = subprocess.run(
            [*STAGE[:3], *arguments], check=False, env=ascii_alone, capture_output=True, timeout=60
        )
        assert said.stdout + said.stderr == words


@pytest.mark.parametrize("answer", ["²", "99999999999999999999999"])
def test_an_answer_that_is_no_number_of_files_stages_nothing(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    engine.course = [snapshot("waiting", cause="confirm", files_total=3)]
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["stage", "user.alice:run1"]) == 5
    assert engine.questions(protocol.CancelJob)
    assert not engine.questions(protocol.ConfirmJob)


def test_a_number_beyond_all_files_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["stage", "user.alice:run1", "--first", "9" * 30])
    assert ended.value.code == 2


def test_a_name_that_is_no_text_is_a_wrong_use(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stage", "user.alice:caf\udce9"]) == 2
    assert "UTF-8" in capsys.readouterr().err


def test_the_end_of_input_at_a_question_is_no_crash(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", ended)
    assert main(["signin", "--username", "alice"]) == 130
