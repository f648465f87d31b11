"""The Rucio side beside another release of Rucio than that of `.venv-rucio`, for who wishes to test it there.

    RUCIO_TEST_VERSION=38.6.4 make test

Its server and its clients get an environment each, which is made once.
"""

from __future__ import annotations

import os
from pathlib import Path

from tools.environments import ROOT, Part, alone, install, make_virtual_environment

VERSION = os.environ.get("RUCIO_TEST_VERSION")
REMINDER = "Not run: the Rucio side beside another release of Rucio (set RUCIO_TEST_VERSION=38.6.4)."
FOLDER = ROOT / ".venv-other-rucio"


def environments(version: str) -> tuple[Path, Path]:
    """The server's and the clients' environment of that release. Raises CannotSetUp."""
    server, clients = FOLDER / f"{version}-server", FOLDER / f"{version}-clients"
    with alone():
        make(server, f"rucio=={version}", "mesh[server,testing]")
        make(clients, f"rucio-clients=={version}", "mesh[testing]")
    return server, clients


def make(where: Path, rucio: str, ours: str) -> None:
    def make_it() -> None:
        make_virtual_environment(where)
        install(where, rucio, "-e", ours, "hypothesis>=6.100", "pytest>=8")

    place = where.relative_to(ROOT)
    Part(
        rucio, make_it, ("mesh/pyproject.toml",), stamp=f"{place}/made-from", result=f"{place}/bin/pytest"
    ).ensure()
