"""What a gateway tells of a file, in all the forms that storages give it."""

from __future__ import annotations

from typing import Any

import pytest
from cs3.storage.provider.v1beta1 import resources_pb2 as spr
from cs3.types.v1beta1 import types_pb2 as types

from rucio_mesh.cs3.resource import OWNCLOUD_SUMS, Resource

MD5, SHA1 = "0123456789abcdef" * 2, "01234567" * 5
ADLER32 = spr.RESOURCE_CHECKSUM_TYPE_ADLER32


def info(kind: int = 0, said: str = "", *, size: int = 7, **opaque: str) -> Any:
    """A file with this checksum, and these in its opaque map."""
    entries = {
        name: types.OpaqueEntry(decoder="plain", value=value.encode()) for name, value in opaque.items()
    }
    return spr.ResourceInfo(
        type=spr.RESOURCE_TYPE_FILE,
        path="/home/f",
        size=size,
        checksum=spr.ResourceChecksum(type=kind, sum=said),
        opaque=types.Opaque(map=entries),
    )


@pytest.mark.parametrize(
    ("told", "understood"),
    [
        (info(ADLER32, "b150269"), {"adler32": "0b150269"}),  # EOS drops leading zeros
        (info(ADLER32, "1"), {"adler32": "00000001"}),
        (info(ADLER32, "0B150269"), {"adler32": "0b150269"}),
        (info(spr.RESOURCE_CHECKSUM_TYPE_MD5, MD5), {"md5": MD5}),
        (
            info(spr.RESOURCE_CHECKSUM_TYPE_SHA1, SHA1, md5=MD5, adler32="0b150269"),  # OpenCloud
            {"sha1": SHA1, "md5": MD5, "adler32": "0b150269"},
        ),
        (info(spr.RESOURCE_CHECKSUM_TYPE_INVALID, "0b150269"), {}),  # EOS, of a kind that CS3 has no name for
        (info(spr.RESOURCE_CHECKSUM_TYPE_UNSET), {}),  # a local file system
        (info(ADLER32, ""), {}),
        (info(ADLER32, "no sum"), {}),
        (info(ADLER32, "123456789"), {}),
        (info(spr.RESOURCE_CHECKSUM_TYPE_MD5, "abc"), {}),
        (info(spr.RESOURCE_CHECKSUM_TYPE_INVALID, size=0), {"adler32": "00000001"}),  # an empty file on EOS
        (info(sha1=SHA1, crc32="12345678", adler32="ünïcode"), {"sha1": SHA1}),
    ],
)
def test_checksums_come_out_in_full_and_in_lower_case(told: Any, understood: dict[str, str]) -> None:
    assert Resource.of(told).checksums == understood


@pytest.mark.parametrize("separator", [" ", ", "])
def test_checksums_in_owncloud_words_are_read_too(separator: str) -> None:
    told = info()
    listed = [f"SHA1:{SHA1}", f"MD5:{MD5.upper()}", "ADLER32:b150269"]
    told.arbitrary_metadata.metadata[OWNCLOUD_SUMS] = separator.join(listed)
    assert Resource.of(told).checksums == {"sha1": SHA1, "md5": MD5, "adler32": "0b150269"}


def test_what_is_not_told_is_none_or_empty() -> None:
    found = Resource.of(info())
    assert (found.modified, found.etag, found.metadata) == (None, "", {})
    assert Resource.of(spr.ResourceInfo(type=spr.RESOURCE_TYPE_CONTAINER)).checksums == {}
    assert Resource.of(spr.ResourceInfo(type=spr.RESOURCE_TYPE_SYMLINK)).kind == "other"
