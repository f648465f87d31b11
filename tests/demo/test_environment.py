"""Where the demo's Rucio server is installed, and what is said when it, or something else, cannot be."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

import pytest

from rucio_jupyterlab.demo import environment, run
from rucio_jupyterlab.demo.telling import Terminal
from rucio_jupyterlab.installing import install_command
from rucio_mesh.testing.service import ServiceFailed

DECLARED = [
    "rucio<42,>=41.5.1; extra == 'server'",
    "grpcio<2,>=1.62; extra == 'cs3'",
    "cryptography>=43; extra == 'testing'",
]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `pip install` of wheels: there is no checkout."""
    monkeypatch.delenv("RUCIO_MESH_SERVER_PYTHON", raising=False)
    monkeypatch.setattr(environment, "CHECKOUT", Path("/nowhere"))


@pytest.mark.usefixtures("installed")
def test_the_server_is_what_the_extras_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _name: DECLARED)
    assert environment.server_requirements() == ["grpcio<2,>=1.62", "rucio<42,>=41.5.1"]


@pytest.mark.usefixtures("installed")
def test_a_failed_installation_is_named_and_tried_again_the_next_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "server_requirements", lambda: [str(tmp_path / "no-such-package")])
    for _ in range(2):
        with pytest.raises(ServiceFailed, match="installation of the Rucio server failed") as caught:
            environment.server_python(tmp_path, Terminal())
        assert str(tmp_path / "server-environment.log") in str(caught.value)
    assert capsys.readouterr().out.count("Installing the Rucio server, this once") == 2


@pytest.mark.usefixtures("installed")
def test_it_is_installed_where_pip_installs_for_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setattr(environment, "server_requirements", lambda: ["pip"])
    assert environment.server_python(tmp_path, Terminal()).exists()


def test_another_environment_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUCIO_MESH_SERVER_PYTHON", "/opt/rucio/bin/python")
    assert environment.server_python(tmp_path, Terminal()) == Path("/opt/rucio/bin/python")


def test_an_environment_that_make_has_not_finished_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RUCIO_MESH_SERVER_PYTHON", raising=False)
    monkeypatch.setattr(environment, "CHECKOUT", tmp_path / "checkout")
    monkeypatch.setattr(environment, "server_requirements", lambda: [str(tmp_path / "no-such-package")])
    with pytest.raises(ServiceFailed):
        environment.server_python(tmp_path, Terminal())
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "made-from").touch()
    assert environment.server_python(tmp_path, Terminal()) == tmp_path / "checkout" / "bin" / "python"


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "lock").write_text("the user's")
    assert run.main(["--folder", str(tmp_path)]) == 1
    assert f"{tmp_path} holds other things than a demo." in capsys.readouterr().err
    assert (tmp_path / "lock").read_text() == "the user's"
    assert (tmp_path / "state").is_dir()


def test_a_folder_in_which_rucio_cannot_be_set_up_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "100%"
    assert run.main(["--folder", str(folder)]) == 1
    assert f"{folder}: there must be no “%” in it" in capsys.readouterr().err
    assert not folder.exists()


def test_a_folder_of_an_earlier_version_is_the_demos_for_good(tmp_path: Path) -> None:
    earlier = tmp_path / "grid" / "rucio"
    earlier.mkdir(parents=True)
    (earlier / "data-version").touch()
    assert run._may_be_used(tmp_path)
    (earlier / "data-version").unlink()  # its data are made anew, and that is interrupted
    assert run._may_be_used(tmp_path)


def test_what_the_extra_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uproot" else object())
    assert run.main(["--folder", str(tmp_path)]) == 1
    assert f"needs uproot: {install_command('demo')}" in capsys.readouterr().err
