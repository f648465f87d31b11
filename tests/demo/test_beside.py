"""The demo beside a Jupyter server that was there first: started, told of and ended through its routes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.demo import names, run
from rucio_jupyterlab.demo.beside import DemoBeside
from rucio_jupyterlab.errors import EngineDown
from rucio_jupyterlab.installing import install_command
from tests.api.calls import Fetch, call
from tests.demo.process import SECOND_START
from tests.engine.processes import end
from tests.lab.lab import server_python
from tests.lab.processes import assert_nothing_left

SERVER = """
import asyncio, sys
from pathlib import Path
from rucio_jupyterlab.demo.beside import DemoBeside

async def offer(instance):
    print("offered" if instance else "gone", flush=True)

async def main():
    demo = DemoBeside(offer, Path(sys.argv[1]))
    await demo.start()
    await asyncio.sleep(600)

asyncio.run(main())
"""
"""Stands for a Jupyter server that is killed."""


@pytest.fixture
def home(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's home in which the demo has run before; answers its state folder."""
    data, state = tmp_path / "data", tmp_path / "state"
    (data / "rucio-jupyterlab").mkdir(parents=True)
    (data / "rucio-jupyterlab" / "demo").symlink_to(prepared)
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    monkeypatch.setenv("RUCIO_JUPYTERLAB_STATE", str(state))
    monkeypatch.setenv("RUCIO_MESH_SERVER_PYTHON", str(server_python()))
    monkeypatch.setenv("RUCIO_HOME", str(tmp_path / "nothing"))
    monkeypatch.delenv("RUCIO_CONFIG", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # a site's, which knows nothing of this machine
    yield state
    end(state)


@pytest.fixture
def jp_server_config(home: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"rucio_jupyterlab": True}},
        "RucioConfig": {"views_dir": str(tmp_path / "views")},
    }


async def demo_until(fetch: Fetch, state: str) -> Any:
    """What the demo's route tells once it is in this state."""
    deadline = time.monotonic() + 2 * SECOND_START
    while (told := (await call(fetch, "GET demo")).body)["state"] != state:
        assert told["problem"] is None and time.monotonic() < deadline, told
        await asyncio.sleep(0.1)
    return told


async def test_it_starts_beside_a_server_and_its_instance_is_signed_in(
    jp_fetch: Fetch, prepared: Path
) -> None:
    async def ask(route: str, fields: dict[str, Any] | None = None) -> Any:
        outcome = await call(jp_fetch, route, {"instance": "demo"}, fields or {}, request_timeout=30)
        assert outcome.status == 200, outcome.body
        return outcome.body

    assert (await ask("GET demo"))["state"] == "stopped"
    assert (await ask("GET instances"))["instances"] == []

    assert (await ask("POST demo/start"))["state"] == "starting"
    told = await demo_until(jp_fetch, "up")
    assert (told["instance"], told["scope"]) == ("demo", names.SCOPE)
    assert [step["seconds"] is not None for step in told["steps"]] == [True]
    assert names.SCOPE in (await ask("GET instances/{instance}/scopes"))["scopes"]
    (instance,) = (await ask("GET instances"))["instances"]
    assert (instance["source"], instance["account"]["account"]) == ("demo", "alice")

    assert (await ask("POST demo/stop"))["state"] == "stopped"
    assert (await ask("GET instances"))["instances"] == []
    assert_nothing_left(prepared, seconds=0)


async def test_what_keeps_it_from_starting_is_told_with_its_log(jp_fetch: Fetch, prepared: Path) -> None:
    with (prepared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await call(jp_fetch, "POST demo/start")
        for _ in range(300):
            told = (await call(jp_fetch, "GET demo")).body
            if told["state"] == "stopped":
                break
            await asyncio.sleep(0.1)
    assert "A demo runs in" in told["problem"]
    assert told["state"] == "stopped"
    assert await asyncio.to_thread(Path(told["log"]).exists)


async def test_an_engine_that_cannot_be_told_ends_it_with_the_reason(home: Path, prepared: Path) -> None:
    async def refuse(instance: dict[str, Any] | None) -> None:
        raise EngineDown("The engine ended.")

    demo = DemoBeside(refuse, prepared)
    await demo.start()
    for _ in range(20 * SECOND_START):
        if (await demo.status()).state == "stopped":
            break
        await asyncio.sleep(0.1)
    assert (await demo.status()).problem == "The engine ended."
    assert_nothing_left(prepared, seconds=20)


async def test_what_the_extra_lacks_is_told_with_the_command_that_brings_it(
    jp_fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "NEEDED", ("no_such_module",))
    told = (await call(jp_fetch, "POST demo/start")).body
    assert (told["state"], told["needs"]) == ("missing", install_command("demo"))


async def test_the_servers_loop_never_looks_for_the_extra_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[threading.Thread] = []

    def lacking() -> list[str]:
        looked.append(threading.current_thread())
        return ["no_such_module"]

    async def offer(instance: dict[str, Any] | None) -> None: ...

    monkeypatch.setattr(run, "lacking", lacking)
    demo = DemoBeside(offer, tmp_path)
    await demo.status()
    await demo.start()
    assert looked and threading.main_thread() not in looked


def test_it_ends_with_a_server_that_is_killed(prepared: Path) -> None:
    variables = os.environ | {"RUCIO_MESH_SERVER_PYTHON": str(server_python())}
    command = [sys.executable, "-c", SERVER, str(prepared)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as server:
        assert server.stdout
        try:
            assert server.stdout.readline() == "offered\n"
        finally:
            server.send_signal(signal.SIGKILL)
    assert_nothing_left(prepared, seconds=20)
