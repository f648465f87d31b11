"""The engine's log: `STATE/engine.log`, for its user alone, of bounded size and without secrets."""

from __future__ import annotations

import logging
import logging.handlers
import os
from io import TextIOWrapper
from pathlib import Path

from ..config.model import LogLevel

SIZE = 1_000_000
"""Bytes after which a new file is begun."""
KEPT = 2
"""Older files that are kept."""


class _PrivateFile(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def open_log(path: Path) -> None:
    """Send this package's log there, and other libraries' nowhere: their lines may hold addresses."""
    handler = _PrivateFile(path, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("rucio_jupyterlab").addHandler(handler)
    logging.getLogger().addHandler(logging.NullHandler())


def set_level(level: LogLevel) -> None:
    logging.getLogger("rucio_jupyterlab").setLevel(level.upper())
