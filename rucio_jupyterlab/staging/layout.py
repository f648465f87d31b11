"""Where a file lies in the store and what it is called in a view. Pure functions.

The store's names are hashes, so that every DID has one, of one length. A view's names are the
catalogue's, with `/` making folders and only what a file system cannot hold percent-escaped.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import PurePosixPath

from ..did import Did

PART_SUFFIX = ".part"
LONGEST_SEGMENT = 255
"""Bytes of one path segment on every common file system."""


def object_key(instance: str, did: Did) -> str:
    """The name of a file in the store: 64 hexadecimal digits."""
    text = "\0".join((instance, did.scope, did.name))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def object_path(store: str, key: str) -> str:
    return f"{store}/objects/{key[:2]}/{key}"


def segments(name: str) -> list[str]:
    """The path segments of a scope or a name in a view; never empty, hidden, `.` or `..`."""
    return [_legal(segment) for segment in name.split("/") if segment] or ["%2F"]


def file_path(scope: str, collection: str | None, name: str) -> str:
    """Where a file appears below a view's folder for its instance."""
    parts = [_legal(scope.replace("/", "%2F"))]
    if collection is not None:
        parts += segments(collection)
    return "/".join(parts + segments(name))


def collection_path(scope: str, name: str) -> str:
    return file_path(scope, None, name)


def escaped_twin(path: str, attempt: int) -> str:
    """Another name for a path that is taken: its last segment escaped further with every attempt.

    First the folders that a name's `/` made are folded into it, then its letters are escaped from the
    front, so that the result stays readable, stable and distinct even where case does not count.
    """
    folder, _, last = path.rpartition("/")
    shown = "".join(f"%{byte:02X}" for byte in last.encode()[:attempt]) + last.encode()[attempt:].decode(
        "utf-8", "replace"
    )
    return f"{folder}/{_shortened(shown)}" if folder else _shortened(shown)


def link_target(link: str, target: str) -> str:
    """The relative text of a symbolic link at absolute path `link` to absolute path `target`."""
    return os.path.relpath(target, PurePosixPath(link).parent)


def _legal(segment: str) -> str:
    """One segment as a file name: leading dots, controls and bytes that no name may have are escaped."""
    shown = "".join(
        f"%{ord(letter):02X}" if letter < " " or letter in "\x7f\\" else letter for letter in segment
    )
    if shown.startswith("."):
        shown = "%2E" + shown[1:]
    return _shortened(shown)


def _shortened(segment: str) -> str:
    """At most 255 bytes, told apart by a hash of the whole; the ending stays."""
    encoded = segment.encode("utf-8", "surrogatepass")
    if len(encoded) <= LONGEST_SEGMENT:
        return segment
    mark = "~" + hashlib.sha256(encoded).hexdigest()[:12]
    ending = encoded[-32:]
    kept = encoded[: LONGEST_SEGMENT - len(mark) - len(ending)]
    return kept.decode("utf-8", "ignore") + mark + ending.decode("utf-8", "ignore")
