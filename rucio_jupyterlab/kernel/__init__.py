"""Rucio in a kernel: `%rucio`, and the same as plain functions.

    %load_ext rucio_jupyterlab.kernel
    files = %rucio stage scope:name

    from rucio_jupyterlab.kernel import stage
    files = stage("scope:name")

A thin client of the Jupyter server; without one, of the command `jupyter rucio`. It needs the
standard library and IPython alone, for a kernel may be another Python than the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .actions import Staging, ls, search, stage, start, status
from .failures import ConfirmationNeeded, NoService, RucioError, SignInNeeded, StageFailed, Unreachable
from .files import Files
from .listings import Dids, JobList

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "ConfirmationNeeded",
    "Dids",
    "Files",
    "JobList",
    "NoService",
    "RucioError",
    "SignInNeeded",
    "StageFailed",
    "Staging",
    "Unreachable",
    "load_ipython_extension",
    "ls",
    "search",
    "stage",
    "start",
    "status",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give the shell its `%rucio`."""
    from .magic import rucio

    shell.register_magic_function(rucio, "line", "rucio")
