"""The configuration, resolved as the Jupyter server would resolve it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_config_path
from traitlets.config.loader import (
    Config,
    ConfigFileNotFound,
    JSONFileConfigLoader,
    LazyConfigValue,
    PyFileConfigLoader,
)

from ..config import Configuration, configuration_from
from ..config.reading import lazy_value

BASES = ("jupyter_config", "jupyter_rucio_jupyterlab_config", "jupyter_server_config")
"""Names of the files that a Jupyter server reads for its extension, the later ones on top."""

SWITCHES = "jupyter_server_config.d"


class Site(msgspec.Struct, frozen=True):
    """What is configured here, and by which files."""

    configuration: Configuration
    files: tuple[Path, ...]
    """Jupyter's configuration files that hold `c.RucioConfig`."""
    broken_files: tuple[Path, ...]
    """Those that could not be read; the server would say so in its log."""
    unread_files: tuple[Path, ...] = ()
    """Those in which Jupyter looks for the switches of extensions, and for nothing of ours."""

    @property
    def for_engine(self) -> dict[str, Any] | None:
        """What to hand to the engine; None where nothing was set, lest it forgets what the server set."""
        own = bool(self.files) or any(one.source == "environment" for one in self.configuration.instances)
        return self.configuration.to_dict() if own else None


def read_site(folders: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> Site:
    """Read every configuration file of `folders` (Jupyter's own, highest priority first), then `environ`."""
    folders = jupyter_config_path() if folders is None else folders
    merged = Config()
    files: list[Path] = []
    broken: list[Path] = []
    for base in BASES:
        for folder in reversed(folders):
            for path in (Path(folder, f"{base}.py"), Path(folder, f"{base}.json")):
                try:
                    loaded = _load(path)
                except Exception:  # noqa: BLE001 - a configuration file may raise anything
                    broken.append(path)
                    continue
                if "RucioConfig" in loaded:
                    files.append(path)
                    merged.merge(loaded)
    configuration = configuration_from(
        _plain(merged), environ, ", ".join(map(str, files)) or "Jupyter configuration"
    )
    unread = [
        path
        for folder in folders
        for path in sorted(Path(folder, SWITCHES).glob("*.json"))
        if _is_about_us(path)
    ]
    return Site(configuration, tuple(files), tuple(broken), tuple(unread))


def _load(path: Path) -> Config:
    loader = PyFileConfigLoader if path.suffix == ".py" else JSONFileConfigLoader
    try:
        with redirect_stdout(sys.stderr):  # where a file that prints spoils no answer
            loaded: Config = loader(path.name, str(path.parent)).load_config()
    except ConfigFileNotFound:
        return Config()
    return loaded


def _is_about_us(path: Path) -> bool:
    try:
        return "RucioConfig" in _load(path)
    except (OSError, TypeError, ValueError):  # not a table, or not JSON
        return False


def _plain(config: Config) -> dict[str, Any]:
    """The traits of `c.RucioConfig`; what was only added to is a list or a table of that."""
    traits = config.get("RucioConfig", {})
    return {
        name: lazy_value(value) if isinstance(value, LazyConfigValue) else value
        for name, value in traits.items()
    }
