"""Checksums of pieces are those of the whole."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.sources.checksum import (
    combine_adler32,
    combine_in_order,
    file_adler32,
    file_md5,
    normalized_adler32,
)


@given(st.binary(max_size=5000), st.binary(max_size=5000))
def test_two_pieces_combine_to_the_checksum_of_both(first: bytes, second: bytes) -> None:
    combined = combine_adler32(zlib.adler32(first), zlib.adler32(second), len(second))
    assert combined == zlib.adler32(first + second)


@given(st.lists(st.binary(max_size=300)))
def test_any_number_of_pieces_combines(pieces: list[bytes]) -> None:
    combined = combine_in_order((zlib.adler32(piece), len(piece)) for piece in pieces)
    assert combined == zlib.adler32(b"".join(pieces))


@given(st.integers(0, 1 << 50), st.integers(0, 0xFFFFFFFF))
def test_a_piece_longer_than_the_modulus_keeps_both_sums_in_their_range(length: int, checksum: int) -> None:
    a, b = (combined := combine_adler32(1, checksum, length)) & 0xFFFF, combined >> 16
    assert a < 65521 and b < 65521


@given(st.binary(min_size=1, max_size=4000), st.integers(0, 4000), st.integers(0, 4000))
def test_a_part_of_a_file_is_read_and_no_more(content: bytes, offset: int, length: int) -> None:
    descriptor = os.memfd_create("file")
    try:
        os.write(descriptor, content)
        covered = content[offset : offset + length]
        assert file_adler32(descriptor, offset, length) == (zlib.adler32(covered), len(covered))
        assert file_md5(descriptor, length) == hashlib.md5(content[:length]).hexdigest()
    finally:
        os.close(descriptor)


def test_a_whole_file_is_read_without_a_length(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as file:
        assert file_adler32(file.fileno()) == (zlib.adler32(content), len(content))
        assert file_md5(file.fileno()) == hashlib.md5(content).hexdigest()


@given(st.integers(0, 0xFFFFFFFF))
def test_a_checksum_is_read_with_and_without_leading_zeros(value: int) -> None:
    assert normalized_adler32(f"{value:08x}") == normalized_adler32(f"{value:X}") == value


@given(st.text())
def test_any_text_is_a_checksum_or_none(text: str) -> None:
    value = normalized_adler32(text)
    assert value is None or 0 <= value <= 0xFFFFFFFF
