"""Rucio's client class, imported so that the machine's `rucio.cfg` has no say in it.

The library reads one file per process, on import and in each constructor, and fails on a bad one. We talk
to several Rucios, and have read that file ourselves (`config.sources`).
"""

from __future__ import annotations

from configparser import ConfigParser

from rucio.common import config


class _NoFile:
    """Stands for the library's reader of a file; a section `client` makes the library a client."""

    def __init__(self) -> None:
        self.parser = ConfigParser()
        self.parser.read_dict({"client": {}})


config.Config = _NoFile
config.clean_cached_config()

from rucio.client.client import Client  # noqa: E402 - it reads the configuration
from rucio.common.constants import HTTPMethod  # noqa: E402

__all__ = ["Client", "HTTPMethod"]
