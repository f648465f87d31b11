"""The instances that the user added: `STATE/instances.json`, which nobody else can read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..accounts.files import read_private, write_private
from .model import Instance
from .reading import read_instance


def added_instance(
    url: str, name: str | None, ca_cert: str | None, auth_url: str | None, vo: str | None
) -> Instance:
    """An instance that the user typed in; its `problem` tells what is wrong with it."""
    plain = {
        "name": name or url.split("://")[-1].strip("/"),
        "rucio_base_url": url.rstrip("/"),
        "rucio_auth_url": auth_url,
        "rucio_ca_cert": ca_cert,
        "vo": vo,
        "wildcard_enabled": True,
    }
    return read_instance(plain, source="user", source_detail="added by you")


def read_added(state: Path) -> list[Instance]:
    """The instances that the user added; none if there are none, or the file is damaged."""
    return read_private(_file(state), list[Instance]) or []


def write_added(state: Path, instances: list[Instance]) -> None:
    write_private(_file(state), msgspec.json.encode(instances))


def _file(state: Path) -> Path:
    return state / "instances.json"
