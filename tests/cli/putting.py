"""`jupyter rucio put` on its way, as tests see it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from rucio_jupyterlab.cli.engine import Engine
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.staging.model import UploadSnapshot
from tests.cli.shell import Shell
from tests.cli.waiting import until
from tests.lab.cloud import Cloud

LARGE = os.urandom(3_000_000)
SLOWLY = 100_000
"""Bytes per second, in force until the engine ends."""


@contextmanager
def putting(shell: Shell, *arguments: str, limit: int = SLOWLY) -> Iterator[subprocess.Popen[str]]:
    """`put`, slowly as long as this engine lives."""
    shell.limit_bandwidth(limit)
    with shell.start("put", "--json", *arguments, stderr=subprocess.PIPE) as command:
        try:
            yield command
        finally:
            command.kill()


@contextmanager
def sending(shell: Shell, there: Cloud, file: str, scope: str) -> Iterator[subprocess.Popen[str]]:
    """`put` of one file, of which the first bytes are on their way."""
    begun = there.gateway.counts["InitiateFileUpload"]
    with putting(shell, file, there.rse, scope) as command:
        until(lambda: there.gateway.counts["InitiateFileUpload"] > begun)
        yield command


def ended(command: subprocess.Popen[str]) -> tuple[int, str, str]:
    answers, notes = command.communicate(timeout=100)
    return command.returncode, answers, notes


def uploads(shell: Shell, folder: str = "uploads") -> list[str]:
    return [path.stem for path in (shell.state / folder).glob("*.json")]


def upload(shell: Shell, number: str) -> UploadSnapshot:
    with Engine(shell.state, None) as engine:
        found: UploadSnapshot = engine.ask(protocol.GetUpload(number))
    return found
