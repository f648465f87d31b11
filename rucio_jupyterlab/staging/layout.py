"""Where a file lies in the store and what it is called in a view. Pure functions.

The store's names are hashes, so that every DID has one, of one length. A view's names are the
catalogue's, with `/` making folders and only what a file system cannot hold percent-escaped.
"""

from __future__ import annotations

import hashlib
import os

from ..did import Did

KEY_LENGTH = 64
PART_SUFFIX = ".part"
LONGEST_SEGMENT = 255
"""Bytes of one path segment on every common file system."""


def object_key(instance: str, did: Did) -> str:
    """The name of a file in the store: 64 hexadecimal digits."""
    text = "\0".join((instance, did.scope, did.name))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def object_path(store: str, key: str) -> str:
    """Where an object lies below the folder of its store."""
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
    """The folder in which the files of a collection appear, below a view's folder for its instance."""
    return file_path(scope, None, name)


def origin(path: str, key: str, instance: str) -> tuple[Did, Did | None] | None:
    """Of a file at `path` below its instance's folder: its DID, and the collection that it was asked for with.

    The key proves it; None where it is another instance's, or where the place does not tell: names that
    had to be escaped, files of another scope than their collection's.
    """
    scope, *steps = path.split("/")
    for above in range(len(steps)):
        did = Did(scope, "/".join(steps[above:]))
        if object_key(instance, did) == key:
            return did, Did(scope, "/".join(steps[:above])) if above else None
    return None


def instance_folder(instance: str) -> str:
    """The folder of an instance's views, where there are several."""
    return _legal(instance.replace("/", "%2F"))


def folded(path: str) -> str:
    """A path whose last folder is part of the name: `a/b/c` becomes `a/b%2Fc`."""
    folder, _, last = path.rpartition("/")
    above, slash, inner = folder.rpartition("/")
    return f"{above}{slash}{_shortened(f'{inner}%2F{last}')}"


def escaped_twin(path: str, attempt: int) -> str:
    """Another name for a path that is taken: its first letters escaped, one more with every attempt.

    The result stays readable, and distinct even where case does not count.
    """
    folder, slash, last = path.rpartition("/")
    front = "".join(f"%{byte:02X}" for byte in last[:attempt].encode())
    return f"{folder}{slash}{_shortened(front + last[attempt:])}"


def marked_twin(path: str, target: str) -> str:
    """The name of last resort, told apart by what it leads to: `run~1b2c….root`."""
    folder, slash, last = path.rpartition("/")
    stem, ending = os.path.splitext(last)
    mark = hashlib.sha256(target.encode()).hexdigest()[:12]
    return f"{folder}{slash}{_shortened(f'{stem}~{mark}{ending}')}"


def way(folder: str, target: str) -> str:
    """The relative path from one absolute folder to another."""
    return os.path.relpath(target, folder)


def _legal(segment: str) -> str:
    """One segment as a file name: a leading dot, controls and what no name may have are escaped."""
    shown = "".join(
        f"%{ord(letter):02X}"
        if letter < " " or letter in "\x7f\\" or "\ud800" <= letter <= "\udfff"
        else letter
        for letter in segment
    )
    if shown.startswith("."):
        shown = "%2E" + shown[1:]
    return _shortened(shown) or "%"


def _shortened(segment: str) -> str:
    """At most 255 bytes, told apart by a hash of the whole; the ending stays."""
    encoded = segment.encode()
    if len(encoded) <= LONGEST_SEGMENT:
        return segment
    mark = "~" + hashlib.sha256(encoded).hexdigest()[:12]
    ending = encoded[-32:]
    kept = encoded[: LONGEST_SEGMENT - len(mark) - len(ending)]
    return kept.decode("utf-8", "ignore") + mark + ending.decode("utf-8", "ignore")
