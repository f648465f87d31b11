"""How the user stands with the CS3 clouds of an instance, as far as this machine can tell by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..accounts.login import token_expiry
from ..config import Cloud, Instance
from ..sources.clouds import is_installed
from . import findings
from .findings import Finding


def of_clouds(instance: Instance, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the secrets are there and fresh, and whether mounted clouds are mounted."""
    if instance.cs3 and not is_installed():
        yield findings.of_missing_cs3(instance.name)
    for host, cloud in instance.cs3.items():
        yield from _of_secret(instance.name, host, cloud, environ)
        for prefix, mount in cloud.mounts.items():
            yield findings.of_cloud_mount(instance.name, host, prefix, Path(mount), Path(mount).is_dir())


def _of_secret(instance: str, host: str, cloud: Cloud, environ: Mapping[str, str]) -> Iterator[Finding]:
    if cloud.secret_file:
        place, secret = f"the file {cloud.secret_file}", _content(Path(cloud.secret_file))
    elif cloud.secret_env:
        place, secret = f"the variable {cloud.secret_env}", environ.get(cloud.secret_env, "").strip()
    else:
        return
    expires_at = token_expiry(secret) if secret else None
    left = None if expires_at is None else expires_at - time.time()
    yield findings.of_cloud_secret(instance, host, place, there=bool(secret), seconds_left=left)


def _content(path: Path) -> str:
    """Empty where this user cannot read it."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
