"""The Python environment of the Rucio server, which cannot share that of Rucio's client."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from rucio_mesh.testing.service import Service

from .telling import Teller

INSTALL_SECONDS = 1800
CHECKOUT = Path(__file__).resolve().parents[2] / ".venv-rucio"
"""There in a checkout alone, where `make` makes it."""


def server_python(folder: Path, teller: Teller) -> Path:
    """The Python that can import Rucio's server; on first use an environment below `folder` is made for it.

    RUCIO_MESH_SERVER_PYTHON names another one. Raises ServiceFailed.
    """
    named = os.environ.get("RUCIO_MESH_SERVER_PYTHON")
    if named:
        return Path(named)
    if (CHECKOUT / "made-from").exists():  # else `make` has not finished it
        return CHECKOUT / "bin" / "python"
    requirements = server_requirements()
    environment, log = folder / "server", folder / "server-environment.log"
    stamp = environment / "made-for"
    wanted = hashlib.sha256(repr((sys.version, requirements)).encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(environment, ignore_errors=True)
        python = environment / "bin" / "python"
        log.unlink(missing_ok=True)
        pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        pip += ["--no-user"]  # a site may have set PIP_USER, which would be refused
        with teller.step("Installing the Rucio server, this once; it takes about a minute"):
            for command in ([sys.executable, "-m", "venv", str(environment)], [*pip, *requirements]):
                service = Service("The installation of the Rucio server", command, log=log)
                service.finish(seconds=INSTALL_SECONDS)
        stamp.write_text(wanted)
    return environment / "bin" / "python"


def server_requirements() -> list[str]:
    """What the extras `server` and `cs3` of rucio-mesh ask for, as arguments of pip."""
    declared = map(Requirement, metadata.requires("rucio-mesh") or ())
    return sorted(
        f"{each.name}{each.specifier}"
        for each in declared
        if each.marker
        and any(each.marker.evaluate({"extra": extra}) for extra in ("server", "cs3"))
        and not each.marker.evaluate({"extra": ""})
    )
