"""Where instances come from: the Jupyter configuration, the environment, the user's `rucio.cfg`."""

from __future__ import annotations

import configparser
import os
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from ..accounts.files import is_own_file
from ..accounts.model import ConfigurationSource
from .model import Configuration, Instance
from .reading import AUTH_TYPES, INSTANCE_KEYS, as_told, read_auth_type, read_instance, read_options

VARIABLES = {f"RUCIO_{key.removeprefix('rucio_').upper()}": key for key in INSTANCE_KEYS if key != "cs3"}
"""Variables of the container image, each with the key it stands for: RUCIO_BASE_URL, RUCIO_MODE, …"""
OPTION_VARIABLES = {
    f"RUCIO_{key.upper()}": key for key in ("default_instance", "default_auth_type", "log_level")
}
"""Variables that count where `c.RucioConfig` is silent."""


class _Entry(NamedTuple):
    """The keys of one instance as they were written, and who wrote them."""

    plain: Mapping[str, Any]
    source: ConfigurationSource
    detail: str

    def is_called(self, name: str) -> bool:
        return name in (self.plain.get("name"), self.plain.get("display_name"))


def configuration_from(
    traits: Mapping[str, Any], environ: Mapping[str, str], traits_from: str = "Jupyter configuration"
) -> Configuration:
    """Everything that is configured on this machine; never raises for a wrong value.

    `traits` are those of `c.RucioConfig`: `instances`, `default_instance`, `default_auth_type` and the
    options. Where neither they nor the environment name an instance, the user's `rucio.cfg` is read.
    """
    problems: list[str] = []
    traits = {key: environ[variable] for variable, key in OPTION_VARIABLES.items() if variable in environ} | {
        key: value for key, value in traits.items() if value not in (None, "")
    }
    entries = _entries_of_traits(traits.get("instances") or [], traits_from, problems)
    entries += _entries_of_variables(environ, problems)
    chosen = _apply_swan(entries, environ, problems)
    instances = _instances_of(entries, problems)
    if not instances and not problems and (from_file := instance_of_rucio_cfg(environ)) is not None:
        instances = [from_file]
    default = chosen or traits.get("default_instance") or None
    if default and not isinstance(default, str):
        problems.append("The key “default_instance” must be a text.")
        default = None
    if default and default not in {instance.name for instance in instances}:
        problems.append(f"The key “default_instance” names “{default}”, which is not configured.")
        default = None
    return Configuration(
        instances=tuple(instances),
        default_instance=default or (instances[0].name if instances else None),
        default_auth_type=read_auth_type(traits.get("default_auth_type"), problems),
        options=read_options(traits, problems),
        problem=as_told(problems),
    )


def instance_of_rucio_cfg(environ: Mapping[str, str]) -> Instance | None:
    """The instance that the user's Rucio client talks to; None without a file that names one."""
    path = rucio_cfg_path(environ)
    if path is None:
        return None
    client = _client_section(path)
    if client is None:
        return Instance(
            name="rucio.cfg",
            display_name="rucio.cfg",
            source="rucio.cfg",
            source_detail=str(path),
            problem=f"The file {path} could not be read as a Rucio configuration.",
        )
    host = client.get("rucio_host")
    if not host:
        return None
    auth_type = client.get("auth_type", "")
    token = _token_of_user(environ, client) if auth_type == "oidc" else {}
    name = host.split("://")[-1].rstrip("/")
    return read_instance(
        {
            "name": name,
            "rucio_base_url": host,
            "rucio_auth_url": client.get("auth_host"),
            "rucio_ca_cert": _expanded(client.get("ca_cert"), environ),
            "vo": client.get("vo"),
            "wildcard_enabled": True,
            **token,
        },
        source="rucio.cfg",
        source_detail=str(path),
        default_auth_type=AUTH_TYPES.get(auth_type),
        default_account=environ.get("RUCIO_ACCOUNT") or client.get("account"),
        default_username=client.get("username"),
        client_certificate=_expanded(client.get("client_cert"), environ),
        client_key=_expanded(client.get("client_key"), environ),
        client_proxy=_expanded(client.get("client_x509_proxy"), environ),
    )


def password_of_rucio_cfg(instance: Instance, username: str | None) -> str | None:
    """The password that is kept for Rucio's own client, if it is this user's; read when needed, and never passed on."""
    if instance.source != "rucio.cfg" or not username:
        return None
    client = _client_section(Path(instance.source_detail)) or {}
    return client.get("password") or None if client.get("username") == username else None


def cloud_section_of_rucio_cfg(environ: Mapping[str, str], host: str, port: int) -> dict[str, str]:
    """`[cs3:HOST:PORT]`, else `[cs3:HOST]`, of the user's `rucio.cfg`; empty where there is neither."""
    path = rucio_cfg_path(environ)
    parser = _parsed(path) if path else None
    for name in (f"cs3:{host}:{port}", f"cs3:{host}"):
        if parser is not None and parser.has_section(name):
            defaults = parser.defaults()
            return {key: value for key, value in parser.items(name) if key not in defaults}
    return {}


def rucio_cfg_path(environ: Mapping[str, str]) -> Path | None:
    """The configuration file that Rucio's own client would take; None where there is none."""
    if named := environ.get("RUCIO_CONFIG"):
        return Path(named)
    homes = [environ[key] for key in ("RUCIO_HOME", "VIRTUAL_ENV", "CONDA_PREFIX") if environ.get(key)]
    for home in [*homes, "/opt/rucio"]:
        path = Path(home) / "etc" / "rucio.cfg"
        if path.is_file():
            return path
    return None


def _entries_of_traits(listed: Any, where: str, problems: list[str]) -> list[_Entry]:
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        problems.append("The key “instances” must be a list.")
        return []
    entries: list[_Entry] = []
    for position, plain in enumerate(listed):
        if not isinstance(plain, Mapping):
            problems.append(f"The entry {position + 1} of “instances” must be a table of keys.")
            continue
        if not plain.get("name"):
            problems.append(f"The key “name” is missing in the entry {position + 1} of “instances”.")
        entries.append(_Entry(plain, "jupyter", where))
    return entries


def _entries_of_variables(environ: Mapping[str, str], problems: list[str]) -> list[_Entry]:
    """The one instance that the container image's variables describe, if they do."""
    plain: dict[str, Any] = {
        key: environ[variable] for variable, key in VARIABLES.items() if environ.get(variable)
    }
    if not ("rucio_base_url" in plain or ("name" in plain and "mode" in plain)):
        return []  # RUCIO_HOME, RUCIO_CA_CERT and the like serve other programs too
    if "name" not in plain:
        problems.append("The variable “RUCIO_NAME” is missing, without which “RUCIO_BASE_URL” means nothing.")
        return []
    if "token_rses" in plain:
        plain["token_rses"] = [rse.strip() for rse in plain["token_rses"].split(",") if rse.strip()]
    return [_Entry(plain, "environment", "variables RUCIO_*")]


def _instances_of(entries: Sequence[_Entry], problems: list[str]) -> list[Instance]:
    """What was written, read; of two with the same name the first.

    The container image writes the instance of its variables into “instances” too: that is no mistake.
    """
    found: dict[str, Instance] = {}
    for entry in entries:
        instance = read_instance(entry.plain, source=entry.source, source_detail=entry.detail)
        first = found.setdefault(instance.name, instance)
        if first is instance:
            continue
        if first.source == instance.source:
            where = "in two entries of “instances”"
        elif first == replace(instance, source=first.source, source_detail=first.source_detail):
            continue
        else:
            where = "both in “instances” and in “RUCIO_NAME”, with other keys"
        problems.append(f"The key “name” is “{instance.name}” {where}; the first one counts.")
    return list(found.values())


def _apply_swan(entries: list[_Entry], environ: Mapping[str, str], problems: list[str]) -> str | None:
    """Put the RSE that the user chose in SWAN's form over what the site wrote; the name of the chosen one."""
    if environ.get("SWAN_USE_RUCIO", "").lower() != "true":
        return None
    chosen = environ.get("SWAN_RUCIO_INSTANCE", "")
    place = next((number for number, entry in enumerate(entries) if entry.is_called(chosen)), None)
    if place is None:
        problems.append(f"The variable “SWAN_RUCIO_INSTANCE” names “{chosen}”, which is not configured.")
        return None
    begins_at = environ.get("SWAN_RUCIO_RSE_PATH_BEGINS_AT") or environ.get("SWAN_RUCIO_RSE_PATH_NUMBER")
    told = {
        "destination_rse": environ.get("SWAN_RUCIO_RSE"),
        "rse_mount_path": environ.get("SWAN_RUCIO_RSE_PATH"),
        "path_begins_at": begins_at,
    }
    old = entries[place]
    plain = {**old.plain, **{key: value for key, value in told.items() if value}}
    entries[place] = _Entry(plain, old.source, f"{old.detail}, variables SWAN_RUCIO_*")
    return str(plain.get("name") or chosen)


def _client_section(path: Path) -> Mapping[str, str] | None:
    """The section of Rucio's client, empty if there is none; None for a file that cannot be read."""
    parser = _parsed(path)
    if parser is None:
        return None
    return parser["client"] if parser.has_section("client") else {}


def _parsed(path: Path) -> configparser.ConfigParser | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))  # Windows editors set a mark
    except (OSError, ValueError, configparser.Error):
        return None
    return parser


def _token_of_user(environ: Mapping[str, str], client: Mapping[str, str]) -> dict[str, str]:
    """Where the user's own token lies, by the rules of WLCG's bearer token discovery."""
    if environ.get("BEARER_TOKEN"):
        return {"oidc_auth": "env", "oidc_env_name": "BEARER_TOKEN"}
    user = f"bt_u{os.geteuid()}"
    candidates = [
        environ.get("BEARER_TOKEN_FILE"),
        str(Path(environ["XDG_RUNTIME_DIR"]) / user) if environ.get("XDG_RUNTIME_DIR") else None,
        f"/tmp/{user}",  # noqa: S108 - the place that the discovery rules name
        _expanded(client.get("auth_token_file_path"), environ),
    ]
    for candidate in candidates:
        if candidate and is_own_file(Path(candidate)):
            return {"oidc_auth": "file", "oidc_file_name": candidate}
    return {}


def _expanded(path: str | None, environ: Mapping[str, str]) -> str | None:
    """A path with `~` and variables filled in from `environ`."""
    if not path:
        return None
    path = string.Template(path).safe_substitute(environ)
    if path.startswith("~/") and environ.get("HOME"):
        path = environ["HOME"] + path[1:]
    return path
