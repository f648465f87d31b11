"""JupyterLab extension for Rucio.

Importing this package imports nothing else: a kernel of another Python does so too.
"""

from __future__ import annotations

__version__ = "50.0.0a1"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "rucio-jupyterlab"}]


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    from .extension import RucioExtension

    return [{"module": "rucio_jupyterlab.extension", "app": RucioExtension}]
