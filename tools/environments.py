"""Set up what a checkout needs, each part once.

    python3 -m tools.environments PART…

It runs before anything is installed, so it needs the standard library alone. A part leaves the hash of
what it was made from beside what it made, and is left alone while that hash holds.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JUPYTER = ROOT / ".venv"
RUCIO = ROOT / ".venv-rucio"
LABEXTENSION = JUPYTER / "share/jupyter/labextensions/rucio-jupyterlab"
"""Where JupyterLab looks for the bundle; a link to the one of the checkout."""


class CannotSetUp(Exception):
    """A part cannot be made; the text says what the user can do."""


@dataclass(frozen=True)
class Part:
    """Something that is made once, from files whose hash tells when to make it again."""

    title: str
    make: Callable[[], None]
    inputs: tuple[str, ...]
    """Glob patterns below the root."""
    stamp: str
    """File below the root that remembers the hash; it lies in what was made, and so goes with it."""
    result: str
    """File below the root that exists once the part was made."""

    def fingerprint(self) -> str:
        digest = hashlib.sha256(
            f"{sys.version}\0{ROOT}".encode()
        )  # a moved checkout's programs name the old place
        for path in sorted(path for pattern in self.inputs for path in ROOT.glob(pattern) if path.is_file()):
            digest.update(f"{path.relative_to(ROOT)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def is_current(self) -> bool:
        stamp = ROOT / self.stamp
        return (ROOT / self.result).exists() and stamp.exists() and stamp.read_text() == self.fingerprint()

    def ensure(self) -> None:
        """Make it unless it is current. Raises CannotSetUp."""
        if self.is_current():
            return
        print(f"Setting up {self.title} …", flush=True)
        (ROOT / self.stamp).unlink(missing_ok=True)  # what is interrupted is half of both
        self.make()
        (ROOT / self.stamp).write_text(self.fingerprint())


def make_jupyter() -> None:
    make_virtual_environment(JUPYTER)
    if LABEXTENSION.is_symlink():
        LABEXTENSION.unlink()  # else pip writes through the link into the checkout
    # The bundle is a part of its own: pip need not build it.
    install(JUPYTER, "-e", "mesh[testing]", "-e", ".[dev]", SKIP_JUPYTER_BUILDER="1")
    shutil.rmtree(LABEXTENSION)
    LABEXTENSION.symlink_to(ROOT / "rucio_jupyterlab/labextension")


def make_rucio() -> None:
    make_virtual_environment(RUCIO)
    install(RUCIO, "-e", "mesh[server,testing]", "hypothesis>=6.100", "pytest>=8")


def make_javascript() -> None:
    run(str(JUPYTER / "bin/jlpm"), "install", "--immutable", PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD="1")


def make_bundle() -> None:
    run(str(JUPYTER / "bin/jlpm"), "build:prod")


JAVASCRIPT_INPUTS = ("package.json", "yarn.lock", ".yarnrc.yml")
PARTS = {
    "jupyter": Part(
        "the Jupyter environment (.venv)",
        make_jupyter,
        inputs=("pyproject.toml", "mesh/pyproject.toml", "jupyter-config/**/*"),
        stamp=".venv/made-from",
        result=".venv/bin/jupyter-rucio",
    ),
    "rucio": Part(
        "the Rucio server's environment (.venv-rucio)",
        make_rucio,
        inputs=("mesh/pyproject.toml",),
        stamp=".venv-rucio/made-from",
        result=".venv-rucio/bin/gunicorn",
    ),
    "javascript": Part(
        "the JavaScript packages (node_modules)",
        make_javascript,
        inputs=JAVASCRIPT_INPUTS,
        stamp="node_modules/.made-from",
        result="node_modules/.bin/tsc",
    ),
    "bundle": Part(
        "the front end's bundle",
        make_bundle,
        inputs=(*JAVASCRIPT_INPUTS, "tsconfig.json", "src/**/*", "style/**/*", "schema/**/*"),
        stamp="lib/.made-from",
        result="rucio_jupyterlab/labextension/package.json",
    ),
}
"""In the order in which they build on each other."""


def make_virtual_environment(where: Path) -> None:
    """Make an empty environment, or keep the one that is there if it is of this Python, whole, and made here."""
    made_at = where / "made-at"
    if (
        made_at.exists()
        and made_at.read_bytes() == os.fsencode(where)
        and version_of(where / "bin/python") == sys.version
    ):
        return
    shutil.rmtree(where, ignore_errors=True)
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        install_from_debian("python3-venv", "virtual environments")
    # Not the Python of the environment that has just been removed, which `make` finds first.
    run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(where))
    made_at.write_bytes(os.fsencode(where))


def version_of(python: Path) -> str | None:
    """What this Python calls itself; None if it does not run, or has no pip."""
    command = [str(python), "-I", "-c", "import pip, sys; sys.stdout.write(sys.version)"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def install(environment: Path, *requirements: str, **variables: str) -> None:
    pip = (str(environment / "bin/python"), "-I", "-m", "pip", "install", "--quiet")
    run(*pip, *requirements, **variables)


def ensure_browser() -> None:
    """Have a Chromium for the browser tests. Raises CannotSetUp."""
    if find_browser() is None:
        print("Setting up Chromium …", flush=True)
        install_from_debian("chromium", "the browser tests")


def find_browser() -> str | None:
    """Path of a Chromium, the one in `CHROMIUM` first."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def install_from_debian(package: str, purpose: str) -> None:
    """Install a package of the system where we may; else say how to get it."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise CannotSetUp(
            f"{package} is missing, for {purpose}. An administrator can install it:"
            f" `apt-get install {package}`, or what it is called on your system."
        )
    run("apt-get", "update", "-qq")
    options = ("-qq", "--yes", "--no-install-recommends")
    run("apt-get", "install", *options, package, DEBIAN_FRONTEND="noninteractive")


def run(*command: str, **variables: str) -> None:
    """Run a program in the root. Its output is shown only if it fails. Raises CannotSetUp."""
    environment = program_variables() | variables
    result = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if result.returncode != 0:
        sys.stdout.buffer.write(result.stdout)
        sys.stdout.flush()
        raise CannotSetUp(f"`{' '.join(command)}` failed; its output stands above.")


def program_variables() -> dict[str, str]:
    """Our environment variables, with the programs of the Jupyter environment, Node too, found first."""
    path = f"{JUPYTER / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Where a site has pip install for the user, it refuses to in a virtual environment.
    return {**os.environ, "PATH": path, "PIP_USER": "0"}


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other set-up of this checkout runs."""
    with (ROOT / "tools/environments.py").open("r+") as lock:  # NFS locks only what may be written
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def print_any_text() -> None:
    """From now on, what the terminal's encoding lacks is printed as a question mark, and ends nothing."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def main() -> int:
    print_any_text()
    parser = argparse.ArgumentParser(description="Set up what a checkout needs, each part once.")
    parser.add_argument("parts", nargs="+", choices=list(PARTS), metavar="PART", help=", ".join(PARTS))
    wanted = set(parser.parse_args().parts)
    if "bundle" in wanted:
        wanted.add("javascript")
    if "javascript" in wanted:
        wanted.add("jupyter")
    try:
        with alone():
            for name, part in PARTS.items():
                if name in wanted:
                    part.ensure()
    except CannotSetUp as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
