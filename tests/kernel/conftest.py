from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.contract import TOKEN, JupyterStandIn


@pytest.fixture
def jupyter(monkeypatch: pytest.MonkeyPatch) -> Iterator[JupyterStandIn]:
    """A server that this process takes for its Jupyter server."""
    with JupyterStandIn() as stand_in:
        monkeypatch.setenv("RUCIO_JUPYTERLAB_URL", stand_in.url)
        monkeypatch.setenv("RUCIO_JUPYTERLAB_TOKEN", TOKEN)
        yield stand_in
