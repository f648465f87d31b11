"""What a user gets: the wheel, built from this checkout as a packager builds it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from rucio_jupyterlab import __version__
from tests.house.sources import ROOT, repository_files

BUNDLE_LIMIT = 300 * 1024
SHARED = f"rucio_jupyterlab-{__version__}.data/data"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout, and the wheel that was built from it without Node."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(
        command, check=True, capture_output=True, timeout=300, env={**os.environ, "npm_execpath": ""}
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_bundle_and_switches_the_extension_on(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    extension = f"{SHARED}/share/jupyter/labextensions/rucio-jupyterlab"
    assert f"{extension}/package.json" in names
    assert f"{extension}/install.json" in names
    assert f"{extension}/static/style.js" in names
    assert any(name.startswith(f"{extension}/schemas/") for name in names)
    assert f"{SHARED}/etc/jupyter/jupyter_server_config.d/rucio_jupyterlab.json" in names


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    package = [str(path) for path in repository_files() if path.parts[0] == "rucio_jupyterlab"]
    assert sorted(set(package) - set(wheel.namelist())) == []
    for kind in ("openapi.json", ".yaml", ".ipynb", "py.typed"):
        assert any(name.endswith(kind) for name in package)


def test_the_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    beside = f"rucio_jupyterlab-{__version__}"
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"rucio_jupyterlab", f"{beside}.data", f"{beside}.dist-info"}


def test_the_rucio_side_carries_its_licence_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT / "mesh")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (path,) = tmp_path.glob("*.whl")
    licence = f"rucio_mesh-{__version__}.dist-info/licenses/LICENSE"
    assert zipfile.ZipFile(path).read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_sdist_carries_the_finished_bundle(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        assert any(
            name.endswith("/rucio_jupyterlab/labextension/static/style.js") for name in sdist.getnames()
        )


def test_the_front_end_is_small(wheel: zipfile.ZipFile) -> None:
    extension = f"{SHARED}/share/jupyter/labextensions/rucio-jupyterlab/"
    assert (
        sum(entry.file_size for entry in wheel.infolist() if entry.filename.startswith(extension))
        <= BUNDLE_LIMIT
    )


def test_the_wheel_installs_into_an_empty_environment_and_the_server_loads_it(
    built: Path, tmp_path: Path
) -> None:
    (wheel,) = built.glob("*.whl")
    programs = tmp_path / "environment" / "bin"
    subprocess.run([sys.executable, "-m", "venv", programs.parent], check=True, timeout=120)
    subprocess.run([programs / "pip", "install", "--quiet", wheel], check=True, timeout=300)
    isolated = {"HOME": str(tmp_path), "PATH": f"{programs}{os.pathsep}{os.defpath}"}

    def said_by(*command: str) -> str:
        result = subprocess.run(command, env=isolated, capture_output=True, text=True, timeout=60, check=True)
        return result.stdout + result.stderr

    assert __version__ in said_by("jupyter", "rucio", "--version")
    assert re.search(
        rf"rucio_jupyterlab {re.escape(__version__)} .*OK", said_by("jupyter", "server", "extension", "list")
    )
