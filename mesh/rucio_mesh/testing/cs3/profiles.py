"""The three kinds of storage behind a CS3 gateway, and how they differ on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ProfileName = Literal["localfs", "eos", "opencloud"]
Algorithm = Literal["adler32", "md5", "sha1"]
UploadProtocol = Literal["simple", "tus"]


@dataclass(frozen=True)
class Profile:
    """What a client can notice of one storage driver. The defaults are those of Reva v3."""

    name: ProfileName
    home: str
    """A user's folder: `{user}` and `{initial}` are filled in."""
    projects: str
    """A second provider, which all users share."""
    upload_protocols: tuple[UploadProtocol, ...]
    checksums: tuple[Algorithm, ...] = ()
    """Those that the storage keeps; the first is the one in `ResourceInfo.checksum`."""
    trims_checksums: bool = False
    """Leading zeros of an adler32 are dropped, and an empty file has none."""
    ids_from_paths: bool = False
    """A file's id changes when it is moved."""
    tree_sizes: bool = False
    """A folder's size is that of all below it, not of its inode."""
    locks: bool = True
    touches: bool = True
    """Else TouchFile is INTERNAL."""
    serves_ranges: bool = True
    """Else any range that could be served is answered 416."""
    needs_length: bool = False
    """A PUT without Upload-Length is answered 500."""
    publishes_truncated: bool = False
    """An interrupted PUT still makes a file, of the bytes that came."""
    sessions: bool = True
    """An upload token is good for one file once; else every PUT begins anew."""
    applies_mtime: bool = True
    careful_moves: bool = True
    """A missing source or parent is NOT_FOUND, else INTERNAL; an existing file is not overwritten."""
    keeps_name: bool = True
    """There is a file of the name at every moment while it is overwritten."""
    makes_parents: bool = False
    """A PUT makes the folders that are missing above it, else it is answered 500."""
    shares_in_place: bool = False
    """What was shared is at its own path at once, else in /MyShares when it is accepted."""
    opencloud: bool = False
    """OpenCloud's line: conditions and checksums of uploads are honoured, parents, quota and empty files are
    dealt with at Initiate, spaces are listed, and relative references get relative answers."""


PROFILES: dict[ProfileName, Profile] = {
    "localfs": Profile(
        "localfs",
        home="/home",
        projects="/projects",
        upload_protocols=("simple", "tus"),
        ids_from_paths=True,
        locks=False,
        touches=False,
        serves_ranges=False,
        publishes_truncated=True,
        applies_mtime=False,
        careful_moves=False,
        keeps_name=False,
    ),
    "eos": Profile(
        "eos",
        home="/eos/user/{initial}/{user}",
        projects="/eos/project",
        upload_protocols=("simple",),
        checksums=("adler32",),
        trims_checksums=True,
        tree_sizes=True,
        needs_length=True,
        sessions=False,
        makes_parents=True,
        shares_in_place=True,
    ),
    "opencloud": Profile(
        "opencloud",
        home="/users/{user}",
        projects="/projects",
        upload_protocols=("simple", "tus"),
        checksums=("sha1", "md5", "adler32"),
        tree_sizes=True,
        opencloud=True,
    ),
}
