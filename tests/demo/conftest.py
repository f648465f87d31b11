"""A demo whose first start is behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo.process import FIRST_START, RunningDemo
from tests.lab.processes import assert_nothing_left


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that was prepared; nothing runs in it."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    demo = RunningDemo(folder, "--prepare")
    assert demo.process.wait(FIRST_START) == 0, demo.output.read_text()
    assert_nothing_left(folder, seconds=0)
    return folder
