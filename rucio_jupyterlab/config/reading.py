"""One key at a time: a wrong value costs that key, and the problem names it."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

import msgspec

from .model import MOST, Cloud, Instance, Options

AUTH_TYPES = {
    "userpass": "userpass",
    "x509": "x509",
    "x509_proxy": "x509_proxy",
    "oidc": "token",
    "token": "token",
}
"""The names of ways to sign in, those that sites write among them."""

INSTANCE_KEYS: tuple[str, ...] = (
    "name",
    "display_name",
    "mode",
    "rucio_base_url",
    "rucio_auth_url",
    "rucio_webui_url",
    "rucio_ca_cert",
    "app_id",
    "site_name",
    "vo",
    "destination_rse",
    "rse_mount_path",
    "path_begins_at",
    "replication_rule_lifetime_days",
    "wildcard_enabled",
    "oidc_auth",
    "oidc_env_name",
    "oidc_file_name",
    "voms_enabled",
    "voms_vomses_path",
    "voms_certdir_path",
    "voms_vomsdir_path",
    "cache_expires_at",
    "token_rses",
    "cs3",
)
LOCAL_KEYS = frozenset({"name", "display_name", "mode", "cache_expires_at", "cs3"})
"""Keys that a remote configuration cannot set."""

BESIDE_OPTIONS = ("instances", "default_instance", "default_auth_type")
"""Keys of `c.RucioConfig` that are no options."""

_ADDRESS = re.compile(r"https?://\S+")
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def read_instance(plain: Mapping[str, Any], **given: Any) -> Instance:
    """An Instance from a site's keys; unknown keys are ignored, wrong ones become its `problem`.

    `given` are fields that the caller knows better: source, defaults of the user.
    """
    problems: list[str] = []
    fields = _read_fields(Instance, INSTANCE_KEYS, plain, problems)
    if "$url" in plain:
        fields["local_keys"] = tuple(fields)
        fields["remote_url"] = plain["$url"]
        if not isinstance(plain["$url"], str) or not is_safe_url(plain["$url"]):
            problems.append("The key “$url” must be an https address.")
            fields["remote_url"] = None
    name = fields.get("name") or fields.get("display_name") or "unnamed"
    fields |= {"name": name, "display_name": fields.get("display_name") or name}
    if "cs3" in fields:
        fields["cs3"] = {host.lower(): cloud for host, cloud in fields["cs3"].items()}
    instance = Instance(**(fields | given))
    if not instance.remote_url:
        problems += complaints(instance, plain)
    return msgspec.structs.replace(instance, problem=as_told(problems))


def read_options(plain: Mapping[str, Any], problems: list[str]) -> Options:
    """Options from a mapping of the same names; a wrong value is told in `problems` and left at its default.

    A name that is no option is told too: whoever misspelt one would believe that it holds.
    """
    known = (*Options.__struct_fields__, *BESIDE_OPTIONS)
    for key in plain:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"; did you mean “{near[0]}”?" if near else "."
            problems.append(f"The key “{key}” of RucioConfig is not known{meant}")
    fields = _read_fields(Options, Options.__struct_fields__, plain, problems)
    for key in ("views_dir", "store_dir"):
        if key in fields and not _is_absolute(from_home(fields[key])):
            problems.append(f"The key “{key}” must be an absolute path, or one that begins with “~/”.")
            del fields[key]
    for key in ("shared_stores", "mounts"):
        if not all(map(_is_absolute, fields.get(key, ()))):
            problems.append(f"The key “{key}” must be a list of absolute paths.")
            del fields[key]
    return Options(**fields)


def as_told(problems: Sequence[str]) -> str | None:
    """Sentences as one text, which can be handed on whatever the values hold that they repeat; None for none."""
    return " ".join(problems).encode(errors="backslashreplace").decode() or None


def lazy_value(value: Any) -> Any:
    """What `c.RucioConfig.instances.append(…)` or `c.RucioConfig.cell_templates.update(…)` makes of nothing.

    `value` is a LazyConfigValue of traitlets.
    """
    return value.get_value({} if "update" in value.to_dict() else [])


def read_auth_type(value: Any, problems: list[str]) -> Any:
    """The way to sign in that a site calls `userpass`, `x509`, `x509_proxy` or `oidc`; None if unknown."""
    if value in (None, ""):
        return None
    if not isinstance(value, str) or value not in AUTH_TYPES:
        problems.append("The key “default_auth_type” must be one of userpass, x509, x509_proxy, oidc.")
        return None
    return AUTH_TYPES[value]


def complaints(instance: Instance, plain: Mapping[str, Any]) -> list[str]:
    """What keeps a complete instance from being used, one sentence each; `plain` is what was written."""
    found: list[str] = []
    if _is_blank(plain.get("rucio_base_url")):
        found.append("The key “rucio_base_url” is missing.")
    for key in ("rucio_base_url", "rucio_auth_url"):
        url = getattr(instance, key)
        if url and not is_safe_url(url):
            found.append(f"The key “{key}” must be an https address (http is for this machine alone).")
    if instance.mode == "replica":
        found += [
            f"The key “{key}” is missing, which mode “replica” needs."
            for key in ("destination_rse", "rse_mount_path")
            if _is_blank(plain.get(key))
        ]
    needed = {"env": "oidc_env_name", "file": "oidc_file_name"}.get(instance.oidc_auth or "")
    if needed and _is_blank(plain.get(needed)):
        found.append(f"The key “{needed}” is missing, which oidc_auth “{instance.oidc_auth}” needs.")
    found += [
        f"The key “{key}” must be an absolute path."
        for key in ("rucio_ca_cert", "oidc_file_name", "rse_mount_path")
        if not _is_absolute(getattr(instance, key) or "/")
    ]
    ca = instance.rucio_ca_cert or "/"
    if _is_absolute(ca) and not os.access(ca, os.R_OK):
        found.append(f"The key “rucio_ca_cert” names {ca}, which cannot be read.")
    for host, cloud in instance.cs3.items():
        if cloud.auth != "bearer" and not cloud.user:
            found.append(f"The key “cs3” lacks “user” for {host}, which auth “{cloud.auth}” needs.")
        if cloud.secret_file and cloud.secret_env:
            found.append(f"The key “cs3” has both “secret_file” and “secret_env” for {host}.")
        if cloud.ca_file == "":
            found.append(f"The key “cs3” has an empty “ca_file” for {host}: name a file, or remove it.")
        rewrites = cloud.data_endpoint_rewrite or {}
        if not all(_ADDRESS.fullmatch(each) for pair in rewrites.items() for each in pair):
            found.append(
                f"The key “cs3” has a “data_endpoint_rewrite” for {host} that is not of http addresses."
            )
    return found


def is_safe_url(url: str) -> bool:
    """Whether secrets may travel there: https, or http on loopback, without a user in the address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def from_home(path: str) -> str:
    """A path with `~` filled in, as it stands where there is no such user."""
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError:
        return path


def _is_absolute(path: str) -> bool:
    """The engine works in another folder; and no path can have a null character."""
    return path.startswith("/") and "\0" not in path


def _is_blank(value: Any) -> bool:
    return value is None or value == ""


def _read_fields(
    kind: type[_Struct], keys: tuple[str, ...], plain: Mapping[str, Any], problems: list[str]
) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    fields: dict[str, Any] = {}
    for key in keys:
        if _is_blank(plain.get(key)):
            continue
        try:
            value = msgspec.convert(plain[key], hints[key], strict=False)
            msgspec.json.encode(value)  # as the engine is told it
            fields[key] = value
        except msgspec.ValidationError:
            problems.append(f"The key “{key}” must be {_expected(hints[key])}.")
        except UnicodeEncodeError:
            problems.append(f"The key “{key}” holds a character that is not UTF-8.")
    return fields


def _expected(hint: Any) -> str:
    """What a key takes, in words: `a whole number of at least 1`, `one of “replica”, “download”`."""
    info = msgspec.inspect.type_info(hint)
    kinds = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    match next(kind for kind in kinds if not isinstance(kind, msgspec.inspect.NoneType)):
        case msgspec.inspect.LiteralType(values):
            return "one of " + ", ".join(f"“{value}”" for value in values)
        case msgspec.inspect.IntType(ge=least, le=most) if most == MOST:
            return f"a whole number of at least {least} and of at most {len(str(MOST)) - 1} digits"
        case msgspec.inspect.IntType(ge=least, le=most):
            return f"a whole number from {least} to {most}"
        case msgspec.inspect.FloatType(gt=below, le=most):
            return f"a number above {below} and at most {most}"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.StrType():
            return "a text"
        case msgspec.inspect.VarTupleType():
            return "a list of texts"
        case msgspec.inspect.DictType(value_type=msgspec.inspect.StructType()):
            return f"a table of hosts, each with some of {', '.join(Cloud.__struct_fields__)}"
    return "a table of texts"
