"""`jupyter rucio … --json` as a service, where a kernel has no Jupyter server to ask.

Each question runs the command once and reads the structs that it writes, one JSON a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from .failures import NoService, RucioError, Unreachable, from_problem
from .model import Found, Job, Listing, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RUN = "import sys; sys.path = [*filter(None, sys.path)]; import rucio_jupyterlab.cli.__main__"
"""As `-m rucio_jupyterlab.cli`, but no file beside the notebook shadows a module."""
GRACE = 10.0
"""Seconds that the command has to end after it was interrupted."""
USAGE = 2
"""How it ends where it does not know what is asked."""


class CommandService:
    """Service of the command, run by `RUCIO_JUPYTERLAB_PYTHON` or by this Python."""

    sign_in_hint = "Run `jupyter rucio signin` in a terminal."

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = dict(environ)
        self._python = environ.get("RUCIO_JUPYTERLAB_PYTHON") or sys.executable

    def start(self, request: Mapping[str, Any]) -> Job:
        given = (name for name in ("instance", "rse", "first", "pattern") if request.get(name) is not None)
        options = ["--no-wait", *(f"--{name}={request[name]}" for name in given)]
        options += [flag for name, flag in _FLAGS.items() if request.get(name)]
        dids = [f"{did['scope']}:{did['name']}" for did in request["dids"]]
        return Job.from_wire(self._last("stage", *options, "--", *dids))

    def follow(self, job_id: str) -> Iterator[Job]:
        job = None
        for line in self._run("status", "--wait", "--", job_id):
            job = Job.from_wire(line)
            yield job
        if job is None or not (job.finished or job.cause == "confirm"):
            raise _broken_off("The job runs on; `%rucio status` tells how it goes.")

    def transfers(self, job_id: str) -> Iterator[Transfer]:
        for line in self._run("status", "--files", "--", job_id):
            yield Transfer.from_wire(line)

    def cancel(self, job_id: str) -> Job:
        return Job.from_wire(self._last("cancel", "--", job_id))

    def jobs(self) -> list[Job]:
        return [Job.from_wire(line) for line in self._run("status")]

    def listing(self, instance: str | None, query: Mapping[str, Any], limit: int) -> Listing:
        options = [f"--limit={limit}"] + ([f"--instance={instance}"] if instance else [])
        if query["kind"] == "search":
            options.append(f"--type={query['type']}")
            lines = self._run("search", *options, "--", f"{query['scope']}:{query['name']}")
        else:
            lines = self._run("ls", *options, "--", f"{query['did']['scope']}:{query['did']['name']}")
        *rows, end = _whole(lines)
        if "complete" not in end:
            raise _broken_off("Ask again.")
        return Listing(tuple(Found.from_wire(row) for row in rows), end["complete"], end["cut"])

    def _last(self, *arguments: str) -> Any:
        *_, line = _whole(self._run(*arguments))
        return line

    def _run(self, command: str, *arguments: str) -> Iterator[Any]:
        """The command's lines as they come; raises the RucioError that its last line tells."""
        line = [self._python, "-c", RUN, command, "--json", *arguments]
        with _started(line, self._environ) as process:
            assert process.stdout is not None
            lines = 0
            try:
                for text in process.stdout:
                    answer = json.loads(text)
                    if _is_problem(answer):
                        raise from_problem(answer, self.sign_in_hint)
                    lines += 1
                    yield answer
            except ValueError:
                raise RucioError("The command answered garbage.", "command-failed") from None
            finally:
                _end(process)
        if process.returncode < 0:
            raise _broken_off(f"Signal {-process.returncode} ended it.")
        if process.returncode == USAGE and not lines:
            raise RucioError(
                f"“{self._python} -m rucio_jupyterlab.cli” does not understand the question. Is the extension there "
                "older than the one of this kernel?",
                "bad-request",
            )
        if process.returncode and not lines:
            raise NoService(
                f"There is no Jupyter server with the Rucio extension to ask, and “{self._python} -m "
                "rucio_jupyterlab.cli” does not run. Set RUCIO_JUPYTERLAB_PYTHON to the Python in which "
                "the extension is installed.",
                "no-command",
            )


_FLAGS = {"confirmed": "--yes", "pin": "--pin", "download": "--download"}


def _started(line: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
    try:
        # A session of its own: an interrupt of the kernel goes to its whole group, and it is ours to pass on.
        return subprocess.Popen(
            line,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,
        )
    except OSError:
        raise NoService(
            f"There is no Jupyter server with the Rucio extension to ask, and {line[0]} cannot be run.",
            "no-command",
        ) from None


def _end(process: subprocess.Popen[str]) -> None:
    """Leave no process behind, whether it is done or its answer is no longer wanted."""
    if process.poll() is None and process.stdout is not None and not process.stdout.closed:
        process.stdout.close()
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _whole(lines: Iterator[Any]) -> list[Any]:
    """All lines; at least one."""
    every = list(lines)
    if not every:
        raise _broken_off("Ask again.")
    return every


def _broken_off(advice: str) -> Unreachable:
    return Unreachable(f"The command ended before it had said everything. {advice}", "command-failed")


def _is_problem(answer: Mapping[str, Any]) -> bool:
    return "detail" in answer and "did" not in answer
