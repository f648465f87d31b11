"""The repository as the house rules see it: its files, and the imports in its Python."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """One imported module, by its absolute name."""

    module: str
    line: int
    at_top: bool
    """Runs when the importing module is loaded; false inside functions and under TYPE_CHECKING."""


@cache
def repository_files() -> tuple[Path, ...]:
    """Files that belong to the repository, relative to its root; what git ignores is left out."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (Path(name) for name in listing.stdout.split("\0") if name)
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


def python_files(*folders: str) -> list[Path]:
    """Python files of the repository below any of the folders."""
    return [
        path
        for path in repository_files()
        if path.suffix == ".py" and any(path.is_relative_to(folder) for folder in folders)
    ]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, wherever it stands."""
    top = set(statements_at_top(tree(path)))
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, node in top)
        elif isinstance(node, ast.ImportFrom):
            base = absolute_base(path, node)
            yield Import(base, node.lineno, node in top)
            for alias in node.names:  # `from rucio import core` imports rucio.core
                yield Import(f"{base}.{alias.name}", node.lineno, node in top)


def statements_at_top(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is loaded."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from statements_at_top(child)


def absolute_base(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.parts[1:-1] if path.parts[0] == "mesh" else path.parts[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join((*base, *([node.module] if node.module else [])))


def below(module: str, *packages: str) -> bool:
    """The module is one of the packages, or lies in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)
