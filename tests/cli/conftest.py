from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.putting import LARGE
from tests.cli.shell import Shell
from tests.cli.stand_in import EngineStandIn
from tests.lab.cloud import Cloud, cloud
from tests.lab.lab import Lab


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is configured; the folder that it all lies in."""
    for variable in (
        "RUCIO_HOME",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "RUCIO_CONFIG",
        "HTTPS_PROXY",
        "https_proxy",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "nowhere"))
    monkeypatch.setenv("RUCIO_JUPYTERLAB_STATE", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def engine(alone: Path) -> Iterator[EngineStandIn]:
    """An engine that the command finds running."""
    with EngineStandIn(alone / "state") as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def there(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud that alice may write to, and where Rucio lets her register."""
    with cloud(lab, tmp_path_factory.mktemp("cloud"), kind="USERDISK") as running:
        lab.client().set_local_account_limit("alice", running.rse, -1)
        yield running


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    """Further keys of the instance that the shell knows; a module with clouds says which."""
    return {}


@pytest.fixture(scope="module")
def shell(lab: Lab, keys: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell in which alice is signed in."""
    shell = Shell(tmp_path_factory.mktemp("home"), lab, **keys)
    shell.sign_in()
    yield shell
    shell.kill_engine(signal.SIGTERM)


@pytest.fixture
def large(tmp_path: Path) -> str:
    """A file whose sending takes a while: `LARGE`, by the name `result.root`."""
    path = tmp_path / "result.root"
    path.write_bytes(LARGE)
    return str(path)
