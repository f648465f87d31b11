"""What others share with us on a CS3 cloud, made known to Rucio: files that stay where they are.

The RSE is one whose paths are not made from names (`deterministic` is false), and whose prefix covers the share: for
Open Cloud Mesh the place where the cloud mounts it. It is read as whoever the RSE's credential signs in, so that
account must be the one to whom the share was given, and who has accepted it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from rucio.common.exception import DataIdentifierAlreadyExists

from .client import Client
from .flow import summed
from .patience import Patience
from .pfn import folder_of
from .protocol import Default, sums_of
from .relay import WORKSHOP, Place, SourceFailed, Stream
from .resource import Resource
from .transfers import UNFINISHED

if TYPE_CHECKING:
    from rucio.client import Client as RucioClient

BATCH = 500
LONGEST_NAME = 250
DIGITS = 16
"""Of eight there would be two alike among some ten thousand files whose names are all in Chinese, say."""
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._/-]+")
"""Characters that Rucio's generic schema has in no name."""


class CannotRegister(Exception):
    """The share or the RSE does not allow it; the text says why."""


@dataclass(frozen=True)
class Registered:
    """What a registration has come to."""

    added: int
    """Files that Rucio knows now and did not before."""
    known: int
    """Files that were in the dataset already."""
    without_checksum: int
    """Of the added ones: the cloud tells none, so they cannot be verified."""


def register_share(
    rucio: RucioClient, rse: str, path: str, scope: str, dataset: str, *, read: bool = False
) -> Registered:
    """Make a dataset of all files at `path` on the RSE's cloud, or the one file there.

    Sizes and checksums are those that the cloud tells; with `read`, files of which it tells none are read, and their
    adler32 is ours. May be repeated: files that are new are added.
    Raises CannotRegister, Rucio's exceptions, or the Cs3Error of the cloud.
    """
    protocol = protocol_of(rucio, rse)
    protocol.connect()
    with closing(protocol):
        prefix = str(protocol.attributes["prefix"])
        mount = folder_of(path).rstrip("/")
        if not f"{mount}/".startswith(prefix):
            raise CannotRegister(f"{path} is not below {prefix}, the prefix of {rse}")
        cloud, _ = protocol.locate(protocol.path2pfn(f"{mount.removeprefix(prefix)}/x"))
        found = {name_of(dataset, mount, each.path): each for each in files_at(cloud, mount)}
        known = make_dataset(rucio, scope, dataset)
        new = [
            {
                "scope": scope,
                "name": name,
                "bytes": file.size,
                "pfn": protocol.path2pfn(file.path.removeprefix(prefix)),
                **(sums_of(file) or ({"adler32": sum_of(cloud, file)} if read else {})),
            }
            for name, file in found.items()
            if name not in known
        ]
    rest = iter(new)
    while batch := list(islice(rest, BATCH)):
        rucio.add_files_to_dataset(scope, dataset, batch, rse=rse)
    bare = sum(not {"adler32", "md5"} & each.keys() for each in new)
    return Registered(len(new), len(found) - len(new), bare)


def make_dataset(rucio: RucioClient, scope: str, dataset: str) -> set[str]:
    """What it holds already; nothing where it is new."""
    try:
        rucio.add_dataset(scope, dataset)
    except DataIdentifierAlreadyExists:
        return {each["name"] for each in rucio.list_content(scope, dataset)}
    return set()


def protocol_of(rucio: RucioClient, rse: str) -> Default:
    """The RSE's `cs3` protocol, not connected. Raises CannotRegister."""
    known = rucio.get_rse(rse)
    if known["deterministic"]:
        raise CannotRegister(f"{rse} makes paths from names: use an RSE with deterministic = False")
    token = rucio.auth_token if rucio.auth_type == "oidc" else None
    for each in known["protocols"]:
        if each["scheme"] == "cs3":
            return Default({**each, "auth_token": token}, known)
    raise CannotRegister(f"{rse} has no cs3 protocol")


def files_at(cloud: Client, path: str) -> Iterator[Resource]:
    """All files at or below a path, by the paths under which we found them, however the cloud calls them.

    Not those that somebody is about to upload, and that are not whole yet.
    """
    at = cloud.stat(path)
    if at.kind == "file":
        yield replace(at, path=path)
        return
    for each in cloud.list_container(path):
        name = each.path.rpartition("/")[2]
        below = f"{path}/{name}"
        if name == WORKSHOP or UNFINISHED.fullmatch(name):
            continue
        if each.kind == "container":
            yield from files_at(cloud, below)
        elif each.kind == "file":
            yield replace(each, path=below)


def sum_of(cloud: Client, file: Resource) -> str:
    """The adler32 of what the cloud sends. Raises CannotRegister."""
    patience = Patience(None)

    def opened(offset: int) -> Stream:
        return Stream(Place(cloud, file.path), offset, file.size, patience)

    try:
        return f"{summed(opened, 0, file.size, 1, patience):08x}"
    except SourceFailed as error:
        raise CannotRegister(str(error)) from None


def name_of(dataset: str, mount: str, path: str) -> str:
    """The file's name in Rucio: the dataset's, and what of the path is below the share.

    Where that cannot be a name, what is wrong is replaced by `_`, and digits made from the path keep it unique.
    """
    below = path.removeprefix(mount).lstrip("/") or path.rpartition("/")[2]
    name = f"{dataset}/{below}"
    clean = NOT_IN_NAMES.sub("_", name)
    if clean == name and len(name) <= LONGEST_NAME:
        return name
    digits = hashlib.sha256(below.encode()).hexdigest()[:DIGITS]
    return f"{clean[: LONGEST_NAME - DIGITS - 1]}-{digits}"
