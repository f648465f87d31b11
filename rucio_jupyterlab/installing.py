"""The command that installs what an extra of this package brings."""

from __future__ import annotations

from typing import Literal

from . import __version__

Extra = Literal["cs3", "demo"]


def install_command(extra: Extra) -> str:
    """A line for a shell, where `dist` holds this version's wheels as the README builds them.

    The version is pinned: pip would else take the older extension of this name from PyPI over a
    pre-release, or where it finds no `rucio-mesh`.
    """
    return f"python -m pip install --find-links dist 'rucio-jupyterlab[{extra}]=={__version__}'"
