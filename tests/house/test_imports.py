"""Who may import whom, where import-linter cannot tell."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.sources import ROOT, below, imports, python_files, tree

KERNEL = "rucio_jupyterlab/kernel"
THREADED = [
    f"rucio_jupyterlab/{room}" for room in ("accounts", "catalog", "config", "engine", "sources", "staging")
]
SERVER_INTERNALS = ("rucio.core", "rucio.db", "rucio.gateway", "rucio.daemons")
BESIDE_A_SERVER = (
    "wsgi",
    "register",
    "resolver",
    "buckets",
    "namespaces",
    "policy",
    "testing",
    "cs3/transfertool",
    "cs3/conveyor",
)


def test_the_kernel_part_imports_the_standard_library_and_ipython_only() -> None:
    allowed = (*sys.stdlib_module_names, "IPython", "rucio_jupyterlab.kernel")
    strangers = [
        f"{path}:{found.line} {found.module}"
        for path in python_files(KERNEL, "rucio_jupyterlab/kernels")
        for found in imports(path)
        if not below(found.module, *allowed)
    ]
    assert strangers == []


def test_the_package_itself_imports_nothing() -> None:
    path = Path("rucio_jupyterlab/__init__.py")
    assert [
        found.module for found in imports(path) if found.at_top and not below(found.module, "__future__")
    ] == []


def test_importing_the_package_loads_no_other_package() -> None:
    script = "import sys, rucio_jupyterlab; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {script}"]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()
    assert set(loaded) - set(sys.stdlib_module_names) == {"__main__", "rucio_jupyterlab"} - set(
        sys.stdlib_module_names
    )


def test_only_the_http_source_imports_pycurl() -> None:
    importers = {
        path
        for path in python_files("rucio_jupyterlab", "mesh/rucio_mesh")
        for found in imports(path)
        if below(found.module, "pycurl")
    }
    assert {path for path in importers if not str(path).startswith("rucio_jupyterlab/sources/http")} == set()


def test_only_modules_that_run_beside_a_server_import_rucios_internals() -> None:
    allowed = tuple(f"mesh/rucio_mesh/{name}" for name in BESIDE_A_SERVER)
    strangers = [
        f"{path}:{found.line} {found.module}"
        for path in python_files("mesh/rucio_mesh", "rucio_jupyterlab")
        for found in imports(path)
        if below(found.module, *SERVER_INTERNALS) and not str(path).startswith(allowed)
    ]
    assert strangers == []


def test_testing_imports_rucios_internals_only_where_the_server_runs() -> None:
    server_only = "rucio_mesh.testing.wsgi"
    strangers = [
        f"{path}:{found.line} {found.module}"
        for path in python_files("mesh/rucio_mesh/testing")
        for found in imports(path)
        if found.at_top and below(found.module, *SERVER_INTERNALS, server_only)
    ]
    assert [stranger for stranger in strangers if "testing/wsgi.py" not in stranger] == []


def test_one_module_imports_rucios_client() -> None:
    # Its default token path is shared between servers, and importing it reads a configuration.
    importers = {
        path
        for path in python_files("rucio_jupyterlab", "mesh/rucio_mesh")
        for found in imports(path)
        if found.at_top and below(found.module, "rucio.client") and "testing" not in path.parts
    }
    assert importers == {Path("rucio_jupyterlab/accounts/isolation.py")}


def test_rucios_client_is_subclassed_once_and_constructed_nowhere() -> None:
    nodes = [(path, node) for path in python_files("rucio_jupyterlab") for node in ast.walk(tree(path))]
    subclasses = [
        f"{path} {node.name}"
        for path, node in nodes
        if isinstance(node, ast.ClassDef) and "Client" in [ast.unparse(base) for base in node.bases]
    ]
    constructed = [
        f"{path}:{node.lineno}"
        for path, node in nodes
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "Client"
        # A cloud's client is another one.
        and not any(below(found.module, "rucio_mesh.cs3.client") for found in imports(path))
    ]
    assert len(subclasses) == 1
    assert constructed == []


def test_threads_import_one_at_a_time() -> None:
    at_once = [
        f"{path}:{node.lineno} {ast.unparse(node)}"
        for path in python_files(*THREADED)
        for node in late_imports(tree(path))
    ]
    assert at_once == []


def late_imports(node: ast.AST, inside: bool = False) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports inside functions that no lock guards."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.With) and ast.unparse(child.items[0]) == "one_at_a_time":
            continue
        if isinstance(child, ast.Import | ast.ImportFrom) and inside:
            yield child
        yield from late_imports(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))
