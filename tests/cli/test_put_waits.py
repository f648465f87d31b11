"""`jupyter rucio put` while Rucio or the cloud is away: what it tells, and what a death of the engine changes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from rucio_jupyterlab.engine.place import read_notice
from tests.cli.putting import LARGE, ended, putting, sending, upload, uploads
from tests.cli.shell import Shell
from tests.cli.waiting import until
from tests.engine.processes import alive
from tests.lab.cloud import Cloud
from tests.lab.lab import Lab
from tests.staging.dock import check_stored


@pytest.fixture(scope="module")
def keys(there: Cloud) -> dict[str, Any]:
    return there.keys()


@contextmanager
def away(there: Cloud) -> Iterator[None]:
    there.gateway.stop()
    try:
        yield
    finally:
        there.gateway.start()


def number_of(shell: Shell) -> str:
    """Of the one upload under way."""
    until(lambda: uploads(shell))
    (number,) = uploads(shell)
    return number


def waits(shell: Shell, number: str, cause: str) -> None:
    def reached() -> bool:
        now = upload(shell, number)
        assert now.state in ("running", "waiting"), now
        return now.cause == cause

    until(reached, 60)


def test_the_cause_is_told_live_and_taken_back_when_it_goes_on(
    lab: Lab, shell: Shell, there: Cloud, large: str
) -> None:
    scope = lab.scope("alice")
    with ExitStack() as outage:
        outage.enter_context(away(there))
        with putting(shell, large, there.rse, scope, limit=0) as command:
            watching = shell.start("put", large, there.rse, scope, stderr=subprocess.PIPE)
            assert watching.stderr is not None
            notes = iter(watching.stderr.readline, "")
            assert any("waiting for the network" in line for line in notes)
            assert f"{there.rse} does not answer" in next(notes)
            outage.close()
            status, answers, errors = ended(command)
            rest = watching.communicate(timeout=100)[1]
    assert status == 0 and watching.returncode == 0, errors
    assert "waiting" not in rest.splitlines()[-1]
    lines = [json.loads(line) for line in answers.splitlines()]
    causes = [line["cause"] for line in lines if "state" in line]
    assert causes[0] == "network" and causes[-1] is None
    assert [line["did"]["name"] for line in lines if "did" in line] == ["result.root"]
    check_stored(lab, there, scope, {"result.root": LARGE})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_that_ends_while_it_waits_is_followed_by_one_that_waits_on(
    lab: Lab, shell: Shell, there: Cloud, large: str, number: signal.Signals
) -> None:
    scope = lab.scope("alice")
    with sending(shell, there, large, scope) as command:
        with away(there):
            waits(shell, name := number_of(shell), "network")
            shell.kill_engine(number)
            waits(shell, name, "network")
            assert command.poll() is None
        status, _, notes = ended(command)
    assert status == 0, notes
    check_stored(lab, there, scope, {"result.root": LARGE})


def test_an_engine_that_is_left_alone_sees_a_wait_through(
    lab: Lab, shell: Shell, there: Cloud, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = lab.scope("alice")
    shell.kill_engine(signal.SIGKILL)
    monkeypatch.setitem(shell.environ, "RUCIO_JUPYTERLAB_IDLE_SECONDS", "0.2")
    # It may be this process that starts the engine.
    monkeypatch.setenv("RUCIO_JUPYTERLAB_IDLE_SECONDS", "0.2")
    assert shell.run("status").returncode == 0
    with away(there):
        with putting(shell, large, there.rse, scope, limit=0) as command:
            waits(shell, number_of(shell), "network")
            command.kill()
        notice = read_notice(shell.state)
        assert notice is not None
        time.sleep(1.0)
        assert alive(notice.pid)
    until(lambda: uploads(shell) == [], 60)
    until(lambda: not alive(notice.pid))  # lest it takes a limit of the next test with it
    check_stored(lab, there, scope, {"result.root": LARGE})


def test_ctrl_c_ends_a_wait_and_nothing_half_stays(lab: Lab, shell: Shell, there: Cloud, large: str) -> None:
    scope = lab.scope("alice")
    with sending(shell, there, large, scope) as command:
        with away(there):
            waits(shell, number_of(shell), "network")
            command.send_signal(signal.SIGINT)
            assert ended(command)[0] == 130
            shell.kill_engine(signal.SIGKILL)  # before anything could be taken away
        assert shell.run("status").returncode == 0
        until(lambda: uploads(shell) == [])
    assert there.partials() == [] and not there.path(scope, "result.root").exists()


def test_a_cloud_that_refuses_the_sign_in_is_waited_for_and_asked_at_once_by_whoever_puts_again(
    lab: Lab, shell: Shell, there: Cloud, large: str
) -> None:
    scope = lab.scope("alice")
    there.token_file.write_text("a.lapsed.token")
    there.gateway.lapse_tokens()
    try:
        with putting(shell, large, there.rse, scope, limit=0) as command:
            waits(shell, number_of(shell), "signin")
            there.renew_token()
            again = shell.run("put", "--json", large, there.rse, scope)
            status, answers, notes = ended(command)
    finally:
        there.renew_token()
    assert (status, again.returncode) == (0, 0), notes
    assert "Renew the token" in answers and "lapsed.token" not in answers + notes
    check_stored(lab, there, scope, {"result.root": LARGE})
