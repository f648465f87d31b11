"""The Jupyter server extension: traits, routes, and the link to the engine; nothing else."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

from jupyter_events import EventLogger
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from traitlets import Bool, Dict, Enum, Float, Int, List, Unicode
from traitlets.config import Configurable
from traitlets.config.loader import DeferredConfig, LazyConfigValue

from . import __version__
from .api.bus import Events
from .api.handlers import BODY_LIMIT, handlers
from .api.local import Server
from .api.model import Environment
from .config import Configuration, configuration_from, state_folder
from .config.reading import lazy_value, read_instance
from .demo.beside import DemoBeside
from .engine.link import EngineLink
from .engine.protocol import PAGE_LIMIT, SUMMARIES_LIMIT

POLL_INTERVAL = 10.0
"""Seconds between two looks of the panel at the jobs while no events arrive."""


class RucioConfig(Configurable):
    """The options of sites and users, for `c.RucioConfig` and `--help-all`.

    Only their description: the values are read one by one, so that a wrong one costs no other.
    """

    instances = List(
        Dict(),
        help="""The Rucio instances that users can talk to, one table each. Keys that every instance needs:
        `name` (unique), `display_name`, `rucio_base_url`. Optional: `rucio_auth_url`, `rucio_webui_url`,
        `rucio_ca_cert` (a file or folder), `mode` (`replica` or `download`, default `download`),
        `destination_rse`, `rse_mount_path` and `path_begins_at` (for mode `replica`), `site_name`, `vo`,
        `app_id`, `wildcard_enabled`, `token_rses`, `oidc_auth` (`env` or `file`) with `oidc_env_name` or
        `oidc_file_name`, `cs3` (how to sign in at CS3 clouds), `replication_rule_lifetime_days`, `voms_*`, and
        `$url`, an https address that gives further keys, kept until `cache_expires_at`.
        Default: none; then the variables `RUCIO_*` and the user's `rucio.cfg` are read.""",
    ).tag(config=True)
    default_instance = Unicode(
        help="The name of the instance that is chosen at first. Default: the first one."
    ).tag(config=True)
    default_auth_type = Enum(
        ["userpass", "x509", "x509_proxy", "oidc"],
        default_value=None,
        allow_none=True,
        help="The way to sign in that is offered first. Default: the first one that an instance offers.",
    ).tag(config=True)
    log_level = Enum(
        ["debug", "info", "warning", "error", "critical"],
        default_value="warning",
        help="What is written to the engine's log, which never holds secrets. Default: `warning`.",
    ).tag(config=True)
    views_dir = Unicode(help="The folder with readable names for staged files. Default: `~/rucio`.").tag(
        config=True
    )
    store_dir = Unicode(
        help="The folder in which staged files live once. Default: `.store` inside `views_dir`."
    ).tag(config=True)
    shared_stores = List(
        Unicode(),
        help="Stores of the site: folders from which files are linked and never removed. Default: none.",
    ).tag(config=True)
    mounts = List(Unicode(), help="Folders below which `file:` addresses may be read. Default: none.").tag(
        config=True
    )
    quota_bytes = Int(
        None, allow_none=True, help="The most bytes that the store may take. Default: what the disk has."
    ).tag(config=True)
    confirm_bytes = Int(
        2_000_000_000, help="Jobs of more bytes than this ask before they start. Default: 2 GB."
    ).tag(config=True)
    confirm_files = Int(
        10_000, help="Jobs of more files than this ask before they start. Default: 10,000."
    ).tag(config=True)
    bandwidth_limit = Int(
        None, allow_none=True, help="Bytes per second over all transfers together. Default: no limit."
    ).tag(config=True)
    max_connections = Int(32, help="Connections to storages at one time. Default: 32.").tag(config=True)
    max_connections_per_host = Int(16, help="Connections to one storage host at one time. Default: 16.").tag(
        config=True
    )
    connect_timeout = Float(10.0, help="Seconds within which Rucio must take a connection. Default: 10.").tag(
        config=True
    )
    request_timeout = Float(
        60.0, help="Seconds without a byte from Rucio after which a question has failed. Default: 60."
    ).tag(config=True)
    stall_timeout = Float(
        20.0, help="Seconds without a byte from a storage after which its replica is left. Default: 20."
    ).tag(config=True)
    link = Enum(
        ["symlink", "reflink", "copy"],
        default_value="symlink",
        help="How a staged file stands in `views_dir`: a link into the store, or a copy of its own that shares "
        "the disk's blocks (`reflink`) or does not (`copy`). Default: `symlink`.",
    ).tag(config=True)
    send_traces = Bool(
        True,
        help="Tell Rucio which files were read, as its own clients do; it keeps popular data longer. "
        "Default: true.",
    ).tag(config=True)
    cell_templates = Dict(
        Unicode(),
        help="Code for notebook cells by file ending, beside the built-in ones: `{'.root': '...'}`. `{paths}` "
        "becomes the list of paths, `{name}` a name for the variable. Default: none.",
    ).tag(config=True)


class RucioExtension(ExtensionApp):
    """`rucio_jupyterlab` as the Jupyter server loads it; a wrong configuration never keeps it from loading."""

    name = "rucio_jupyterlab"
    classes = [RucioConfig]
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Read the configuration, and register the events before anybody subscribes."""
        configuration = configuration_from(configured_values(self.config.get("RucioConfig", {})), os.environ)
        if configuration.problem:
            self.log.warning("Rucio's configuration: %s", configuration.problem)
        server = cast("ServerApp", self.serverapp)  # set by now
        self.events = Events(cast("EventLogger", server.event_logger))
        self._configuration = configuration
        self._link = EngineLink(
            partial(state_folder, os.environ),
            configuration.to_dict(),
            self.events.tell_update,
            self.events.tell_link,
        )
        self._demo = DemoBeside(self._offer_demo)
        self._server = Server(self._link, environment(configuration, server.root_dir), self._demo)

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(handlers(self._server))

    async def stop_extension(self) -> None:
        """End the demo, and leave the engine to its work."""
        await self._demo.stop()
        self._link.close()

    async def _offer_demo(self, instance: dict[str, Any] | None) -> None:
        """Add the demo's instance to those that were configured, or take it away again."""
        configuration = self._configuration
        if instance:
            configuration = configuration.with_instance(read_instance(instance, source="demo"))
        await self._link.configure(configuration.to_dict())


def environment(configuration: Configuration, root_dir: str) -> Environment:
    """What the panel is told of this server."""
    return Environment(
        version=__version__,
        root_dir=str(Path.cwd() / root_dir),
        cell_templates=configuration.options.cell_templates,
        poll_interval=POLL_INTERVAL,
        page_limit=PAGE_LIMIT,
        summaries_limit=SUMMARIES_LIMIT,
        body_limit=BODY_LIMIT,
    )


def configured_values(section: dict[str, Any]) -> dict[str, Any]:
    """The section's plain values, whichever way they were written; wrong ones come along as they are."""
    values: dict[str, Any] = {}
    traits = RucioConfig.class_traits(config=True)
    for name, value in section.items():
        if isinstance(value, LazyConfigValue):
            values[name] = lazy_value(value)
        elif isinstance(value, DeferredConfig) and name in traits:  # from the command line
            with suppress(ValueError):  # given twice, where one value is wanted: told as it is
                value = value.get_value(traits[name])  # noqa: PLW2901
            values[name] = value
        else:
            values[name] = value
    return values
