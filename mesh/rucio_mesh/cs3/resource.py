"""What a gateway tells of a file or a container."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from cs3.storage.provider.v1beta1 import resources_pb2 as spr

Kind = Literal["file", "container", "other"]

KINDS: dict[int, Kind] = {spr.RESOURCE_TYPE_FILE: "file", spr.RESOURCE_TYPE_CONTAINER: "container"}
SUMS = {
    spr.RESOURCE_CHECKSUM_TYPE_ADLER32: "adler32",
    spr.RESOURCE_CHECKSUM_TYPE_MD5: "md5",
    spr.RESOURCE_CHECKSUM_TYPE_SHA1: "sha1",
}
DIGITS = {"adler32": 8, "md5": 32, "sha1": 40}
HEXADECIMAL = re.compile(r"[0-9a-f]+")
OWNCLOUD_SUMS = "http://owncloud.org/ns/checksums"
ADLER32_OF_NOTHING = "00000001"


@dataclass(frozen=True)
class ResourceId:
    """A name for a file that does not depend on its path; on some storages it changes with the path all the same."""

    storage: str
    opaque: str
    space: str = ""

    @classmethod
    def of(cls, message: Any) -> ResourceId:
        """From a gateway's ResourceId."""
        return cls(message.storage_id, message.opaque_id, message.space_id)

    def message(self) -> Any:
        """As a gateway takes it."""
        return spr.ResourceId(storage_id=self.storage, opaque_id=self.opaque, space_id=self.space)


@dataclass(frozen=True)
class Resource:
    """A file or a container, as it was at one moment."""

    path: str
    """Absolute, without a slash at its end."""
    kind: Kind
    size: int
    """Bytes; of a container it may be anything."""
    id: ResourceId
    etag: str = ""
    modified: float | None = None
    """Seconds since the epoch."""
    checksums: dict[str, str] = field(default_factory=dict)
    """What the storage knows: `adler32` (8 digits), `md5`, `sha1`, in lower case; often nothing."""
    metadata: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, info: Any) -> Resource:
        """From a ResourceInfo."""
        return cls(
            path=info.path,
            kind=KINDS.get(info.type, "other"),
            size=info.size,
            id=ResourceId.of(info.id),
            etag=info.etag,
            modified=info.mtime.seconds + info.mtime.nanos / 1e9 if info.HasField("mtime") else None,
            checksums=checksums(info),
            metadata=dict(info.arbitrary_metadata.metadata),
        )


def checksums(info: Any) -> dict[str, str]:
    """From all the places where storages put them.

    EOS gives its adler32 without leading zeros, and for an empty file a sum of type INVALID; decomposed file
    systems give sha1, and the other two in the opaque map or in ownCloud's metadata.
    """
    said = [(SUMS.get(info.checksum.type, ""), info.checksum.sum)]
    said += [
        (name.lower(), entry.value.decode("ascii", "replace")) for name, entry in info.opaque.map.items()
    ]
    listed = info.arbitrary_metadata.metadata.get(OWNCLOUD_SUMS, "")
    for word in listed.replace(",", " ").split():
        name, _, value = word.partition(":")
        said.append((name.lower(), value))
    known: dict[str, str] = {}
    for name, value in said:
        if clean := normal_sum(name, value):
            known.setdefault(name, clean)
    if info.type == spr.RESOURCE_TYPE_FILE and info.size == 0:
        known["adler32"] = ADLER32_OF_NOTHING
    return known


def normal_sum(name: str, value: str) -> str | None:
    """The sum with its full number of digits, in lower case; None where it is not one."""
    digits, clean = DIGITS.get(name, 0), value.strip().lower()
    if not HEXADECIMAL.fullmatch(clean) or len(clean) > digits:
        return None
    if name == "adler32":
        return clean.zfill(digits)
    return clean if len(clean) == digits else None
