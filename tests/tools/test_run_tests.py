"""The runner's verdict: what counts as passed, and what fails although no test did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import other_rucio, run_tests
from tools.environments import ROOT
from tools.run_tests import Tally, read_jest, read_pytest, read_ui


def part_with(tally: Tally, status: int = 0) -> dict[str, run_tests.Runner]:
    return {"part": lambda folder: (status, tally)}


def test_pytest_counts_errors_as_failures(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="7" failures="1" errors="2" skipped="1"/></testsuites>')
    assert read_pytest(report) == Tally(passed=3, failed=3, skipped=1)


def test_jest_counts_a_file_that_does_not_load_as_a_failure() -> None:
    report = {
        "numPassedTests": 4,
        "numFailedTests": 1,
        "numRuntimeErrorTestSuites": 1,
        "numPendingTests": 2,
        "numTodoTests": 0,
    }
    assert read_jest(report) == Tally(passed=4, failed=2, skipped=2)


def test_a_report_is_read_whatever_the_terminals_encoding(tmp_path: Path) -> None:
    report = {"numPassedTests": 1, "numFailedTests": 0, "numRuntimeErrorTestSuites": 0}
    text = json.dumps(report | {"numPendingTests": 0, "numTodoTests": 0, "title": "Z→μμ"}, ensure_ascii=False)
    (tmp_path / "jest.json").write_text(text, encoding="utf-8")
    read = "\n".join(
        [
            "import pathlib, sys",
            "from tools import run_tests",
            "run_tests.run = lambda *command, **variables: 0",
            "print(run_tests.run_jest(pathlib.Path(sys.argv[1]))[1])",
        ]
    )
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    told = subprocess.run(
        [sys.executable, "-c", read, tmp_path],
        cwd=ROOT,
        env=os.environ | ascii_alone,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout == "1 passed\n"


def test_the_browser_runner_counts_an_error_outside_of_tests_as_a_failure() -> None:
    report = {
        "stats": {"expected": 5, "flaky": 1, "unexpected": 0, "skipped": 0},
        "errors": [{"message": "x"}],
        "suites": [],
    }
    assert read_ui(report) == Tally(passed=6, failed=1)


def test_a_test_that_passed_at_the_second_attempt_only_is_named_in_the_last_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def spec(title: str, status: str) -> dict[str, Any]:
        return {"title": title, "tests": [{"status": status}]}

    inner = {"title": "jobs", "specs": [spec("a job resumes", "flaky"), spec("a job ends", "expected")]}
    report = {
        "stats": {"expected": 2, "flaky": 1, "unexpected": 0, "skipped": 0},
        "errors": [],
        "suites": [{"title": "file", "specs": [spec("the panel opens", "expected")], "suites": [inner]}],
    }
    tally = read_ui(report)
    assert tally == Tally(passed=3, flaky=("a job resumes",))
    monkeypatch.setattr(run_tests, "PARTS", {"part": lambda folder: (0, tally)})
    monkeypatch.setattr(sys, "argv", ["run_tests"])
    assert run_tests.main() == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "3 passed, 0 failed (only at the second attempt: a job resumes)"


def test_a_part_that_runs_no_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tests, "PARTS", part_with(Tally()))
    assert run_tests.outcome("part").fault == "no test ran"


def test_a_runner_that_breaks_off_fails_although_its_tests_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tests, "PARTS", part_with(Tally(passed=1), status=139))
    assert run_tests.outcome("part").fault == "the runner ended with status 139"


@pytest.mark.parametrize(("in_ci", "failed"), [(True, True), (False, False)])
def test_a_skip_is_a_failure_in_ci_alone(monkeypatch: pytest.MonkeyPatch, in_ci: bool, failed: bool) -> None:
    monkeypatch.setattr(run_tests, "IN_CI", in_ci)
    monkeypatch.setattr(run_tests, "PARTS", part_with(Tally(passed=2, skipped=1)))
    assert run_tests.outcome("part").failed is failed


def test_another_rucio_is_tested_where_it_is_named_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[tuple[str, ...], dict[str, str]]] = []

    def run(*command: str, **variables: str) -> int:
        ran.append((command, variables))
        (tmp_path / "pytest.xml").write_text('<testsuite tests="1"/>')
        return 0

    monkeypatch.setattr(run_tests, "run", run)
    monkeypatch.setattr(other_rucio, "environments", lambda version: (Path("/server"), Path("/clients")))
    monkeypatch.setattr(other_rucio, "VERSION", None)
    assert "other-rucio" not in run_tests.parts_by_default()
    assert run_tests.run_other_rucio(tmp_path) == (0, Tally())
    assert "RUCIO_TEST_VERSION" in capsys.readouterr().out and not ran

    monkeypatch.setattr(other_rucio, "VERSION", "38.6.4")
    assert "other-rucio" in run_tests.parts_by_default()
    assert run_tests.run_other_rucio(tmp_path) == (0, Tally(passed=3))
    assert [(command[0], command[-1]) for command, _ in ran] == [
        ("/clients/bin/python", "mesh/tests/client"),
        ("/server/bin/python", "mesh/tests/client"),
        ("/server/bin/python", "mesh/tests/server"),
    ]
    assert {variables["RUCIO_MESH_SERVER_PYTHON"] for _, variables in ran} == {"/server/bin/python"}
