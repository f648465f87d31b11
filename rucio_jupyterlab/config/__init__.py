"""What the site and the user configured: instances, options, and where the state lives."""

from __future__ import annotations

from .model import Cloud, Configuration, Instance, Options
from .paths import mounted_path, path_below_mounts, path_on_cloud_mount, state_folder
from .sources import configuration_from

__all__ = [
    "Cloud",
    "Configuration",
    "Instance",
    "Options",
    "configuration_from",
    "mounted_path",
    "path_below_mounts",
    "path_on_cloud_mount",
    "state_folder",
]
