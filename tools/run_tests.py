"""Run every test and end with one line per part; the exit status is 0 only if all ran and all passed.

    python -m tools.run_tests [PART…]

A part that runs no test fails. With `CI=true` a skipped test is a failure too. `other-rucio` is run on wish alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tools import other_rucio
from tools.environments import (
    JUPYTER,
    ROOT,
    RUCIO,
    CannotSetUp,
    ensure_browser,
    find_browser,
    print_any_text,
    program_variables,
)

IN_CI = os.environ.get("CI") == "true"


@dataclass(frozen=True)
class Tally:
    """How many tests of a part passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    flaky: tuple[str, ...] = ()
    """The names of those among the passed that had failed at first."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.flaky + other.flaky,
        )

    def __str__(self) -> str:
        words = [f"{self.passed} passed"]
        words += [f"{self.failed} failed"] if self.failed else []
        words += [f"{self.skipped} skipped"] if self.skipped else []
        return ", ".join(words) + self.doubt

    @property
    def doubt(self) -> str:
        """Names the flaky tests, where there are some, to follow the numbers."""
        return f" (only at the second attempt: {'; '.join(self.flaky)})" if self.flaky else ""


@dataclass(frozen=True)
class Outcome:
    """How one part ended."""

    part: str
    tally: Tally
    seconds: float
    fault: str | None = None
    """Why the part failed although no test of it did."""

    @property
    def failed(self) -> bool:
        return self.fault is not None or self.tally.failed > 0

    def __str__(self) -> str:
        return f"{self.part}: {self.tally} in {self.seconds:.0f} s" + (
            f" – {self.fault}" if self.fault else ""
        )


Runner = Callable[[Path], tuple[int, Tally]]
"""Runs a part; gives its exit status and tally. The folder is for reports."""


PYTEST_RUNS = (
    (JUPYTER, "tests"),
    (JUPYTER, "mesh/tests/client"),
    (RUCIO, "mesh/tests/client"),
    (RUCIO, "mesh/tests/server"),
)
"""Environments and folders: the Rucio side's client part runs beside Rucio's client and beside its server."""


def run_pytest(folder: Path) -> tuple[int, Tally]:
    return run_pytest_in(folder, PYTEST_RUNS)


def run_other_rucio(folder: Path) -> tuple[int, Tally]:
    if other_rucio.VERSION is None:
        print(other_rucio.REMINDER)
        return 0, Tally()
    try:
        server, clients = other_rucio.environments(other_rucio.VERSION)
    except CannotSetUp as reason:
        print(reason)
        return 1, Tally()
    runs = ((clients, "mesh/tests/client"), (server, "mesh/tests/client"), (server, "mesh/tests/server"))
    return run_pytest_in(folder, runs, RUCIO_MESH_SERVER_PYTHON=str(server / "bin/python"))


def run_pytest_in(folder: Path, runs: Iterable[tuple[Path, str]], **variables: str) -> tuple[int, Tally]:
    worst, total = 0, Tally()
    for environment, tests in runs:
        if (ROOT / tests).is_dir():
            report = folder / "pytest.xml"
            python = str(environment / "bin/python")
            command = (python, "-m", "pytest", "--quiet", f"--junit-xml={report}", tests)
            worst = max(worst, run(*command, **variables))
            total += read_pytest(report)
            report.unlink()
    return worst, total


def read_pytest(report: Path) -> Tally:
    tally = Tally()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        tally += Tally(tests - failures - errors - skipped, failures + errors, skipped)
    return tally


def run_jest(folder: Path) -> tuple[int, Tally]:
    report = folder / "jest.json"
    status = run("jlpm", "test", "--json", f"--outputFile={report}")
    return status, read_jest(json.loads(report.read_bytes()))


def read_jest(report: dict[str, Any]) -> Tally:
    broken_files = report["numRuntimeErrorTestSuites"]
    skipped = report["numPendingTests"] + report["numTodoTests"]
    return Tally(report["numPassedTests"], report["numFailedTests"] + broken_files, skipped)


def run_ui(folder: Path) -> tuple[int, Tally]:
    try:
        ensure_browser()
    except CannotSetUp as reason:
        print(reason)
        return 0, Tally(skipped=1)
    report = folder / "ui.json"
    status = run(
        *("jlpm", "test:ui", "--reporter=list,json"),
        CHROMIUM=find_browser() or "",
        PLAYWRIGHT_JSON_OUTPUT_NAME=str(report),
    )
    return status, read_ui(json.loads(report.read_bytes()))


def read_ui(report: dict[str, Any]) -> Tally:
    stats = report["stats"]
    return Tally(
        stats["expected"] + stats["flaky"],
        stats["unexpected"] + len(report["errors"]),
        stats["skipped"],
        tuple(name for suite in report["suites"] for name in _flaky(suite)),
    )


def _flaky(suite: dict[str, Any]) -> Iterator[str]:
    """The names of a suite's tests that passed at the second attempt only."""
    for spec in suite.get("specs", ()):
        if any(test["status"] == "flaky" for test in spec["tests"]):
            yield spec["title"]
    for inner in suite.get("suites", ()):
        yield from _flaky(inner)


PARTS: dict[str, Runner] = {
    "pytest": run_pytest,
    "jest": run_jest,
    "ui": run_ui,
    "other-rucio": run_other_rucio,
}


def run(*command: str, **variables: str) -> int:
    return subprocess.run(command, cwd=ROOT, env=program_variables() | variables, check=False).returncode


def outcome(part: str) -> Outcome:
    """Run one part; never raises for what a test or its runner did."""
    print(f"\n── {part} ──", flush=True)
    started = time.monotonic()
    status, tally, fault = 0, Tally(), None
    with tempfile.TemporaryDirectory(prefix="rucio-tests-") as folder:
        try:
            status, tally = PARTS[part](Path(folder))
        except (OSError, ValueError, KeyError, ElementTree.ParseError) as problem:
            fault = f"the runner left no report ({type(problem).__name__})"
    if fault is None and tally.passed + tally.failed == 0 and not (tally.skipped and not IN_CI):
        fault = "no test ran"
    if fault is None and tally.skipped and IN_CI:
        fault = "nothing may be skipped here"
    if fault is None and status and not tally.failed:
        fault = f"the runner ended with status {status}"
    return Outcome(part, tally, time.monotonic() - started, fault)


def parts_by_default() -> list[str]:
    return [part for part in PARTS if part != "other-rucio" or other_rucio.VERSION]


def main() -> int:
    print_any_text()
    parser = argparse.ArgumentParser(description="Run every test and end with one line per part.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args().parts or parts_by_default()
    # A shell starts what runs in its background deaf to Ctrl-C, and that is inherited; tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    outcomes = [outcome(part) for part in chosen]
    total = sum((each.tally for each in outcomes), Tally())
    faults = sum(each.fault is not None and not each.tally.failed for each in outcomes)
    print("", *outcomes, sep="\n")
    if "other-rucio" not in chosen:
        print(other_rucio.REMINDER)
    print(f"{total.passed} passed, {total.failed + faults} failed{total.doubt}")
    return int(any(each.failed for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
