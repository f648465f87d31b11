"""Setting up a checkout, where the machine is not as most are."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tools import environments
from tools.environments import Part


def test_an_environment_is_filled_where_pip_installs_for_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_USER", "1")
    environments.make_virtual_environment(tmp_path / "environment")
    environments.install(tmp_path / "environment", "pip")


def test_a_terminal_without_our_characters_ends_no_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = BytesIO()
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "alone", nullcontext)
    part = Part("a file", (tmp_path / "made").touch, inputs=(), stamp="stamp", result="made")
    monkeypatch.setattr(environments, "PARTS", {"file": part})
    monkeypatch.setattr(sys, "argv", ["environments", "file"])
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="latin-1", write_through=True))
    assert environments.main() == 0
    assert written.getvalue() == b"Setting up a file ?\n"


def test_an_old_python_is_told_by_make_in_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python"
    pretend = "import sys; sys.version_info = (3, 6, 15); exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{pretend}" "$2"\n')
    old.chmod(0o755)
    command = ["make", f"PYTHON={old}", "lint"]
    ended = subprocess.run(
        command, cwd=environments.ROOT, check=False, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    assert "Python 3.10 or newer is needed; this is 3.6." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_bundle_for_development_is_not_taken_for_the_finished_one() -> None:
    scripts = json.loads((environments.ROOT / "package.json").read_text(encoding="utf-8"))["scripts"]
    assert f"rimraf {environments.PARTS['bundle'].stamp}" in scripts["build:labextension:dev"]
