"""Keys that a site keeps at one address for all its JupyterLabs: `$url`."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..accounts.files import read_private, write_private
from .model import Instance
from .reading import INSTANCE_KEYS, LOCAL_KEYS, read_instance

TIMEOUT = 10.0
"""Seconds for the whole answer."""
KEPT = 24 * 3600.0
_LARGEST = 256 * 1024


class _Kept(msgspec.Struct, frozen=True):
    keys: dict[str, Any]
    fetched_at: float


class RemoteConfigurations:
    """Fetches in the background; what was fetched before serves meanwhile, and when nobody answers.

    `resolved` is told, from another thread, each instance whose keys have come.
    """

    def __init__(self, folder: Path, resolved: Callable[[Instance], None]) -> None:
        self._folder = folder
        self._resolved = resolved

    def resolve(self, local: Instance) -> Instance:
        """The instance with the remote keys as far as they are known; local keys win. Never waits."""
        if not local.remote_url or local.problem:
            return local
        kept = read_private(self._file(local.remote_url), _Kept)
        if kept is None or self._stale(local, kept):
            thread = threading.Thread(
                target=self._fetch, args=(local,), name="remote configuration", daemon=True
            )
            thread.start()
        if kept is None:
            return msgspec.structs.replace(
                local, problem=f"“$url” ({local.remote_url}) has not answered yet."
            )
        return merged(local, kept.keys)

    def _fetch(self, local: Instance) -> None:
        url = local.remote_url or ""
        keys = fetch_keys(url)
        if isinstance(keys, dict):
            write_private(self._file(url), msgspec.json.encode(_Kept(keys, time.time())))
            self._resolved(merged(local, keys))
        elif read_private(self._file(url), _Kept) is None:
            self._resolved(msgspec.structs.replace(local, problem=keys))

    def _stale(self, local: Instance, kept: _Kept) -> bool:
        expires_at = local.cache_expires_at
        if expires_at is not None and kept.fetched_at < expires_at:
            return time.time() > expires_at
        return time.time() > kept.fetched_at + KEPT

    def _file(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode()).hexdigest()[:32]


def merged(local: Instance, keys: dict[str, Any]) -> Instance:
    """`local` with the known keys of a remote configuration that it does not set itself."""
    own = {key: getattr(local, key) for key in local.local_keys}
    usable = {key: value for key, value in keys.items() if key in INSTANCE_KEYS and key not in LOCAL_KEYS}
    return read_instance(
        usable | own | {"name": local.name, "display_name": local.display_name, "mode": local.mode},
        source=local.source,
        source_detail=f"{local.source_detail}, {local.remote_url}",
    )


def fetch_keys(url: str) -> dict[str, Any] | str:
    """The JSON object at `url`, or the problem as a sentence. Follows no redirect to an unsafe address."""
    import requests  # only where a site keeps its keys elsewhere

    failure = f"“$url” ({url}) does not answer."
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False) as response:
            if response.status_code != 200:
                return f"“$url” ({url}) answers with HTTP {response.status_code}."
            content = response.raw.read(_LARGEST + 1, decode_content=True)
        keys = msgspec.json.decode(content)
    except msgspec.MsgspecError:
        return f"“$url” ({url}) is not a JSON object."
    except (requests.RequestException, OSError):
        return failure
    return keys if isinstance(keys, dict) else f"“$url” ({url}) is not a JSON object."
