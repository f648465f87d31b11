"""Rucio's WSGI application, with what these plugins need of a server.

    gunicorn rucio_mesh.wsgi:application

Where a client does not name protocols, Rucio gives it the addresses of the schemes in a list; `cs3` is on it here.
So `rucio download` works without `--protocol cs3`.
"""

from __future__ import annotations

from rucio.common.constants import SUPPORTED_PROTOCOLS
from rucio.web.rest.flaskapi.v1.main import application

__all__ = ["application"]

# The list that the handlers of requests for replicas look at.
SUPPORTED_PROTOCOLS.append("cs3")
