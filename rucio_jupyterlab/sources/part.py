"""A file under assembly: `KEY.part`, and beside it `KEY.part.ranges`, the record of what is in it.

The record is the journal of ranges: a first line that names the file, then one line for each range
whose bytes are written. It alone suffices to go on after any end of the process; what it claims is
read again and compared before it is believed.
"""

from __future__ import annotations

import os

import msgspec

from ..did import Did
from .checksum import file_adler32

RECORD_SUFFIX = ".ranges"
RANGE_BYTES = 16 << 20
"""A range; also the largest file that comes in one request, and so without a record."""


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Bytes [offset, offset + length) of the part, and where they came from."""

    offset: int
    length: int
    adler32: int
    rse: str
    validator: str | None = None
    """ETag or Last-Modified of the replica when it was read."""

    @property
    def end(self) -> int:
        return self.offset + self.length


class Heading(msgspec.Struct, frozen=True):
    """What the part is a part of."""

    instance: str
    did: Did
    bytes: int


_encode = msgspec.json.Encoder().encode
_decode_range = msgspec.json.Decoder(Range).decode
_decode_heading = msgspec.json.Decoder(Heading).decode


class RangeRecord:
    """Appends ranges to a part's record. Lines are whole or, after a crash, ignored."""

    def __init__(self, part: str, heading: Heading, *, fresh: bool) -> None:
        """Continue the record, or begin it anew where `fresh`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if fresh else 0)
        self._fd = os.open(part + RECORD_SUFFIX, flags | os.O_CLOEXEC, 0o600)
        if fresh:
            self._write(_encode(heading))
        else:
            os.write(self._fd, b"\n")  # ends a line that a crash may have torn

    def append(self, done: Range) -> None:
        self._write(_encode(done))

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, line: bytes) -> None:
        os.write(self._fd, line + b"\n")


def read_record(part: str) -> tuple[Heading | None, list[Range]]:
    """What the record claims, torn lines left out; (None, []) where there is no usable record."""
    try:
        with open(part + RECORD_SUFFIX, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return None, []
    heading, ranges = None, []
    for number, line in enumerate(lines):
        if not line:
            continue
        try:
            if number == 0:
                heading = _decode_heading(line)
            else:
                ranges.append(_decode_range(line))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return (heading, ranges) if heading else (None, [])


def verified_ranges(part: str, expected: Heading) -> list[Range]:
    """The recorded ranges whose bytes are really in the part, disjoint and in order.

    Reads those bytes again: about 4 GiB/s from the page cache.
    """
    heading, claimed = read_record(part)
    if heading != expected:
        return []
    try:
        fd = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    good: list[Range] = []
    try:
        for piece in sorted(set(claimed), key=lambda piece: (piece.offset, -piece.length)):
            begins_at = good[-1].end if good else 0
            if piece.offset < begins_at or piece.length <= 0 or piece.end > expected.bytes:
                continue
            if file_adler32(fd, piece.offset, piece.length) == (piece.adler32, piece.length):
                good.append(piece)
    finally:
        os.close(fd)
    return good


def gaps(done: list[Range], size: int, longest: int) -> list[tuple[int, int]]:
    """What is missing of `size` bytes, as (offset, length) of at most `longest` bytes each, in order."""
    missing: list[tuple[int, int]] = []
    position = 0
    for start, end in [*((piece.offset, piece.end) for piece in done), (size, size)]:
        while position < start:
            length = min(longest, start - position)
            missing.append((position, length))
            position += length
        position = max(position, end)
    return missing


def discard(part: str) -> None:
    """Remove a part and its record; quiet where they are gone."""
    for path in (part, part + RECORD_SUFFIX):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
