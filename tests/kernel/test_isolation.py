"""The kernel's part runs where nothing but the standard library and an IPython is: `python -I -S`."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.stand_in import snapshot, staged
from tests.kernel.contract import TOKEN, JupyterStandIn

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, types
sys.path.insert(0, sys.argv[1])

class Shell:
    kernel = None
    config = {"IPKernelApp": {"connection_file": "/nowhere/kernel-1.json"}}
    magics = {}
    def register_magic_function(self, function, kind, name):
        self.magics[name] = function

class Handle:
    def update(self, view):
        shown.append(view._repr_html_())

def display(view, display_id=None):
    shown.append(view._repr_html_())
    return Handle()

shown, shell = [], Shell()
IPython = types.ModuleType("IPython")
IPython.get_ipython = lambda: shell
IPython.display = types.ModuleType("IPython.display")
IPython.display.display = display
sys.modules.update({"IPython": IPython, "IPython.display": IPython.display})

import rucio_jupyterlab.kernels.ipython as extension
extension.load_ipython_extension(shell)
files = shell.magics["rucio"]("stage user.alice:run1 --first 2")
assert list(files) == ["/data/a.root"], files
assert "<progress" in shown[0] and "Rucio" not in shown[-1], shown
strangers = {name.split(".")[0] for name in sys.modules} & {"msgspec", "tornado", "rucio", "jupyter_server"}
assert not strangers, strangers
assert not [name for name in sys.modules
            if name.startswith("rucio_jupyterlab.") and not name.startswith("rucio_jupyterlab.kernel")]
print(files._repr_html_())
"""


@pytest.mark.parametrize(
    "path", sorted((ROOT / "rucio_jupyterlab").glob("kernel*/*.py")), ids=lambda path: path.name
)
def test_its_syntax_is_that_of_an_old_python(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def interpreters() -> list[str]:
    """This Python, and older ones that happen to be here: kernels run on them too."""
    older = [shutil.which(f"python3.{minor}") for minor in range(8, 11)]
    return [sys.executable, *(path for path in older if path and runs(path))]


def runs(python: str) -> bool:
    """A version manager's stand-in may be there without the Python."""
    return subprocess.run([python, "-c", ""], check=False, capture_output=True, timeout=60).returncode == 0


@pytest.mark.parametrize("python", interpreters())
def test_it_needs_the_standard_library_and_ipython_alone(jupyter: JupyterStandIn, python: str) -> None:
    jupyter.course = [snapshot("running", files_total=1), snapshot("done", path="/data")]
    jupyter.rows = [staged("a.root")]
    environ = {**os.environ, "RUCIO_JUPYTERLAB_URL": jupyter.url, "RUCIO_JUPYTERLAB_TOKEN": TOKEN}
    run = subprocess.run(
        [python, "-I", "-S", "-B", "-c", SCRIPT, str(ROOT)],
        check=False,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert "1 file" in run.stdout and TOKEN not in run.stdout + run.stderr
