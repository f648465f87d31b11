"""Addresses of files: `cs3://host:port/path`, where the path stands as it is, without any escapes.

    >>> Pfn.parse("cs3://[::1]:9142/home/run 1#a?b.root")
    Pfn(host='::1', port=9142, path='/home/run 1#a?b.root')

`#`, `?`, `%` and spaces have no meaning in the path, so two names never share one file. A path in which a
gateway would see another one (empty segments, `.`, `..`) is not a path here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEME = "cs3"
SHAPE = re.compile(r"cs3://(?P<authority>[^/?#@\s]+)(?P<path>/.*)", re.DOTALL)
PORT_DIGITS = re.compile(r":(?P<port>[0-9]{1,5})\Z")


class NotAPfn(ValueError):
    """The text is no address of a file on a CS3 cloud."""


@dataclass(frozen=True)
class Pfn:
    """One file behind one gateway."""

    host: str
    """Lower case; an IPv6 address stands without its brackets."""
    port: int
    """0 where the text has none."""
    path: str
    """Absolute, as the gateway takes it."""

    @classmethod
    def parse(cls, text: str) -> Pfn:
        """Raises NotAPfn."""
        match = SHAPE.fullmatch(text)
        if not match:
            raise NotAPfn(f"{text!r} does not look like cs3://host:port/path")
        authority, port = match["authority"], 0
        # Rucio writes an RSE's host and port one after the other, so the port is last even after a bare `::1`.
        if found := PORT_DIGITS.search(authority):
            authority, port = authority[: found.start()], int(found["port"])
        if port > 65535 or not authority:
            raise NotAPfn(f"{text!r} has no host, or a port that cannot be")
        return cls(plain_host(authority), port, checked_path(match["path"]))

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"{SCHEME}://{bracketed(self.host)}{port}{self.path}"


def plain_host(host: str) -> str:
    """As hosts are compared: lower case, an IPv6 address without brackets."""
    return host.removeprefix("[").removesuffix("]").lower()


def bracketed(host: str) -> str:
    """As a host stands before a port."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def folder_of(prefix: str) -> str:
    """An RSE's prefix as operators write it, with exactly one slash at either end. Raises NotAPfn."""
    inner = "/".join(part for part in prefix.split("/") if part)
    return checked_path(f"/{inner}") + "/" if inner else "/"


def checked_path(path: str) -> str:
    """The path of a file, unchanged. Raises NotAPfn for one that no file on a CS3 cloud can have."""
    segments = path.split("/")[1:]
    if not path.startswith("/") or any(segment in ("", ".", "..") for segment in segments):
        raise NotAPfn(f"{path!r} has a segment that is empty, '.' or '..'")
    if "\0" in path:
        raise NotAPfn("a path cannot hold the character NUL")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise NotAPfn(f"{path!r} is not Unicode text") from None
    return path


def parent_of(path: str) -> str:
    """The container of a path; `/` for what is directly below it."""
    return path.rpartition("/")[0] or "/"
