from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stand_in import EngineStandIn


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
