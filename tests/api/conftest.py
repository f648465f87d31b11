"""A Jupyter server with the extension, whose engine is one of this test alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.processes import end


@pytest.fixture(autouse=True)
def engine_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    state = tmp_path / "state"
    monkeypatch.setenv("RUCIO_JUPYTERLAB_STATE", str(state))
    monkeypatch.delenv("RUCIO_CONFIG", raising=False)
    monkeypatch.setenv("RUCIO_HOME", str(tmp_path / "nothing"))
    yield state
    end(state)


@pytest.fixture
def rucio_config(tmp_path: Path) -> dict[str, Any]:
    """What stands in `c.RucioConfig`; test modules override it."""
    return {"views_dir": str(tmp_path / "views")}


@pytest.fixture
def jp_server_config(rucio_config: dict[str, Any]) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"rucio_jupyterlab": True}},
        "RucioConfig": rucio_config,
    }
