"""Paths: where the state lives, and which file on a mount a PFN means. Pure functions."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import BadConfiguration, SourceFailure
from .model import Cloud


def state_folder(environ: Mapping[str, str]) -> Path:
    """Folder of tokens, journal and socket; whoever makes it makes it 0700. Raises BadConfiguration."""
    folder = _state_folder(environ)
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        shown = str(folder).encode(errors="backslashreplace").decode()
        raise BadConfiguration(
            f"The path of the state folder, {shown}, is not UTF-8, which JSON demands. "
            "Set RUCIO_JUPYTERLAB_STATE to a folder whose path is."
        ) from None
    return folder


def _state_folder(environ: Mapping[str, str]) -> Path:
    if own := environ.get("RUCIO_JUPYTERLAB_STATE"):
        return Path(own)
    if shared := environ.get("XDG_STATE_HOME"):
        return Path(shared) / "rucio-jupyterlab"
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / "rucio-jupyterlab"
    raise BadConfiguration("No folder for the state: set HOME or RUCIO_JUPYTERLAB_STATE.")


def mounted_path(url: str, mount: str, begins_at: int) -> Path:
    """The file below `mount` that a PFN of the mounted RSE means.

    The first `begins_at` segments of the PFN's path are dropped. Raises SourceFailure where the path
    is too short or would leave the mount.
    """
    segments = _segments(urlsplit(url).path)
    if len(segments) <= begins_at:
        raise SourceFailure("The file's address is shorter than path_begins_at allows.", do="configure")
    return Path(mount, *segments[begins_at:])


def path_below_mounts(url: str, mounts: Iterable[str]) -> Path:
    """The file that a `file:` PFN means. Raises SourceFailure unless it lies below one of the mounts."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.hostname not in (None, "localhost"):
        raise SourceFailure("The file's address is not one of this machine.")
    path = "/" + "/".join(_segments(parts.path))
    for mount in mounts:
        root = posixpath.normpath(mount)
        if posixpath.isabs(root) and path.startswith(root.rstrip("/") + "/"):
            return Path(path)
    raise SourceFailure("The file's address lies outside the configured mounts.", do="configure")


def path_on_cloud_mount(url: str, clouds: Mapping[str, Cloud]) -> Path | None:
    """The file that a `cs3:` PFN means where its cloud is mounted here; None where it is not.

    Its path stands as it is, without escapes. Raises SourceFailure for one that would leave the mount.
    """
    authority, _, path = url.removeprefix("cs3://").partition("/")
    cloud = clouds.get(authority.lower()) or clouds.get(authority.lower().rpartition(":")[0])
    segments = path.split("/")
    mounts = sorted((cloud.mounts if cloud else {}).items(), key=lambda pair: -len(pair[0]))
    for prefix, mount in mounts:
        outer = [segment for segment in prefix.split("/") if segment]
        inner = segments[len(outer) :]
        if segments[: len(outer)] != outer or not inner:
            continue
        if any(segment in ("", ".", "..") or "\0" in segment for segment in inner):
            raise SourceFailure("The file's address leaves its folder.")
        return Path(mount, *inner)
    return None


def _segments(path: str) -> list[str]:
    """Decoded segments of a URL's path without empty ones and dots. Raises SourceFailure on an escape."""
    segments: list[str] = []
    for segment in unquote(path).split("/"):
        if segment in ("", "."):
            continue
        if segment == "..":
            if not segments:
                raise SourceFailure("The file's address leaves its folder.")
            segments.pop()
        elif "\0" in segment:
            raise SourceFailure("The file's address holds a character that no path can have.")
        else:
            segments.append(segment)
    return segments
