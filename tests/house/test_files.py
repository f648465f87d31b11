"""What the repository's files are called, and what none of them may hold."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from rucio_jupyterlab import __version__
from rucio_jupyterlab.installing import install_command
from tests.house.sources import ROOT, python_files, repository_files, tree

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
REGISTRY = re.compile(r"https?://[\w.-]*(registr|pythonhosted|pypi)[\w.-]*/", re.IGNORECASE)
MACHINE_PATH = re.compile(r"""(?:^|["'`\s=(:])/(?:root|work|home/\w+|Users/\w+|tmp)/[\w.-]""")
THIS_FILE = Path(__file__).resolve().relative_to(ROOT)


def texts() -> list[tuple[Path, str]]:
    """Every text file of the repository but this one and lists that a tool keeps."""
    found = []
    for path in repository_files():
        if path == THIS_FILE or path.name == "yarn.lock":
            continue
        try:
            found.append((path, (ROOT / path).read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # a picture
    return found


def test_a_name_says_what_is_inside() -> None:
    assert [
        path for path in repository_files() if {part.split(".")[0] for part in path.parts} & VAGUE_NAMES
    ] == []


def test_no_file_names_a_package_registry() -> None:
    everything = [*texts(), (Path("yarn.lock"), (ROOT / "yarn.lock").read_text(encoding="utf-8"))]
    assert [path for path, text in everything if REGISTRY.search(text)] == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    named = [
        f"{path}: {line.strip()}"
        for path, text in texts()
        for line in text.splitlines()
        if MACHINE_PATH.search(line) and "noqa: S108 -" not in line  # a fixed place, with its reason
    ]
    assert named == []


def test_whoever_installs_an_extra_gets_this_version() -> None:
    """An older extension of this name is on PyPI, and pip takes it where no version is pinned."""
    unpinned = re.compile(rf"pip install[^\n]*rucio-jupyterlab\[\w+\](?!=={re.escape(__version__)}['`])")
    told = [
        (path, text) for path, text in texts() if path.suffix == ".md" or path.parts[0] == "rucio_jupyterlab"
    ]
    told.append((Path("installing"), f"{install_command('cs3')}\n{install_command('demo')}"))
    assert [path for path, text in told if unpinned.search(text)] == []
    assert install_command("demo") in (ROOT / "README.md").read_text(encoding="utf-8")


def test_no_room_is_empty() -> None:
    rooms = {path.parent for path in python_files("rucio_jupyterlab", "mesh/rucio_mesh")}
    empty = [
        room
        for room in rooms
        if not any(path.is_relative_to(room) and path.name != "__init__.py" for path in repository_files())
    ]
    assert empty == []


@pytest.mark.parametrize("package", ["rucio_jupyterlab", "mesh/rucio_mesh"])
def test_the_types_are_published(package: str) -> None:
    assert Path(package, "py.typed") in repository_files()


def test_all_parts_have_one_version() -> None:
    package = (ROOT / "rucio_jupyterlab/__init__.py").read_text(encoding="utf-8")
    mesh = (ROOT / "mesh/pyproject.toml").read_text(encoding="utf-8")
    front_end = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"]
    version = re.search(r'__version__ = "(.+)"', package)
    mesh_version = re.search(r'^version = "(.+)"', mesh, re.MULTILINE)
    assert version is not None
    assert mesh_version is not None
    assert version[1] == mesh_version[1] == front_end.replace("-alpha.", "a")


def test_an_extra_brings_the_plugins_of_this_version() -> None:
    """Another version of them may have other names, and so may a stranger's package."""
    needed = re.findall(r'"rucio-mesh\[\w+\](.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(needed) == {f"=={__version__}"}


def test_no_exception_is_swallowed_unseen() -> None:
    silent = [
        f"{path}:{handler.lineno}"
        for path in python_files("rucio_jupyterlab", "mesh/rucio_mesh", "tools", "bench")
        for handler in ast.walk(tree(path))
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"})
        and all(isinstance(statement, ast.Pass | ast.Continue) for statement in handler.body)
    ]
    assert silent == []
