"""What a part holds after any end of the process."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.sources.part import (
    RECORD_SUFFIX,
    Heading,
    Range,
    RangeRecord,
    discard,
    gaps,
    read_record,
    verified_ranges,
)

SIZE = 4000
HEADING = Heading("lab", Did("test", "a\nb"), SIZE)
CONTENT = bytes(number * 7 % 251 for number in range(SIZE))

pieces = st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)).map(
    lambda pair: (pair[0], min(pair[1], SIZE - pair[0]))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


def piece_of(offset: int, length: int) -> Range:
    return Range(offset, length, zlib.adler32(CONTENT[offset : offset + length]), "ALPHA", '"v1"')


def written(folder: Path, ranges: list[tuple[int, int]]) -> str:
    """A part with these ranges, as the writer leaves it."""
    part = str(folder / "file.part")
    discard(part)
    record = RangeRecord(part, HEADING, fresh=True)
    content = bytearray(SIZE)
    for offset, length in ranges:
        content[offset : offset + length] = CONTENT[offset : offset + length]
        record.append(piece_of(offset, length))
    record.close()
    Path(part).write_bytes(content)
    return part


def assert_true_and_disjoint(part: str, ranges: list[Range]) -> None:
    content = Path(part).read_bytes()
    position = 0
    for piece in ranges:
        assert piece.offset >= position and piece.length > 0 and piece.end <= SIZE
        assert zlib.adler32(content[piece.offset : piece.end]) == piece.adler32
        position = piece.end


@settings(deadline=None)
@given(st.lists(pieces, max_size=8))
def test_what_was_recorded_is_found_again(folder: Path, ranges: list[tuple[int, int]]) -> None:
    part = written(folder, ranges)
    found = verified_ranges(part, HEADING)
    assert_true_and_disjoint(part, found)
    assert bool(found) == bool(ranges)


@settings(deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6), st.integers(0, 2000))
def test_a_record_torn_anywhere_never_lies(folder: Path, ranges: list[tuple[int, int]], kept: int) -> None:
    part = written(folder, ranges)
    record = Path(part + RECORD_SUFFIX)
    record.write_bytes(record.read_bytes()[:kept])
    found = verified_ranges(part, HEADING)
    assert_true_and_disjoint(part, found)
    assert {(piece.offset, piece.length) for piece in found} <= set(ranges)


@settings(deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6), st.integers(0, 2000), pieces)
def test_a_torn_record_is_continued(
    folder: Path, ranges: list[tuple[int, int]], torn_at: int, more: tuple[int, int]
) -> None:
    part = written(folder, [*ranges, more])
    record = Path(part + RECORD_SUFFIX)
    whole = record.read_bytes()
    heading_end = whole.index(b"\n") + 1
    record.write_bytes(whole[: max(heading_end, torn_at)])
    continued = RangeRecord(part, HEADING, fresh=False)
    continued.append(piece_of(*more))
    continued.close()
    assert piece_of(*more) in read_record(part)[1]
    assert_true_and_disjoint(part, verified_ranges(part, HEADING))


@settings(deadline=None)
@given(
    st.lists(pieces, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(1, 255)), max_size=4),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=4),
    st.integers(0, SIZE),
)
def test_flipped_bytes_and_a_short_part_are_never_believed(
    folder: Path,
    ranges: list[tuple[int, int]],
    in_part: list[tuple[int, int]],
    in_record: list[tuple[int, int]],
    length: int,
) -> None:
    part = written(folder, ranges)
    for path, flips in ((Path(part), in_part), (Path(part + RECORD_SUFFIX), in_record)):
        content = bytearray(path.read_bytes())
        for place, flip in flips:
            content[place % len(content)] ^= flip
        path.write_bytes(content)
    os.truncate(part, length)
    assert_true_and_disjoint(part, verified_ranges(part, HEADING))


@pytest.mark.parametrize(
    "line",
    [
        b'[-5,10,1,"A","v"]',
        b'[-1180591620717411303424,1180591620717411303425,1,"A","v"]',
        b'[0,1180591620717411303424,1,"A","v"]',
        b'[0,0,1,"A","v"]',
        b'[3990,20,1,"A","v"]',
        b'{"offset":0}',
        b"\xff\xfe",
    ],
)
def test_impossible_claims_are_passed_over(folder: Path, line: bytes) -> None:
    part = written(folder, [(100, 50)])
    with Path(part + RECORD_SUFFIX).open("ab") as record:
        record.write(line + b"\n")
    assert verified_ranges(part, HEADING) == [piece_of(100, 50)]


@pytest.mark.parametrize(
    "heading",
    [
        Heading("other", HEADING.did, SIZE),
        Heading("lab", Did("test", "b"), SIZE),
        Heading("lab", HEADING.did, SIZE + 1),
    ],
)
def test_the_part_of_another_file_is_of_no_use(folder: Path, heading: Heading) -> None:
    assert verified_ranges(written(folder, [(0, 10)]), heading) == []


def test_without_part_or_record_nothing_is_there(folder: Path) -> None:
    part = written(folder, [(0, 10)])
    Path(part).unlink()
    assert verified_ranges(part, HEADING) == []
    discard(part)
    assert verified_ranges(part, HEADING) == []
    discard(part)


@given(st.lists(pieces, max_size=8), st.integers(1, SIZE))
def test_gaps_fill_exactly_what_is_missing(ranges: list[tuple[int, int]], longest: int) -> None:
    done: list[Range] = []
    for offset, length in sorted(ranges):
        if not done or offset >= done[-1].end:
            done.append(piece_of(offset, length))
    covered = [*((piece.offset, piece.length) for piece in done), *gaps(done, SIZE, longest)]
    assert list(positions(sorted(covered))) == list(range(SIZE))
    assert all(0 < length <= longest for _, length in gaps(done, SIZE, longest))


def positions(ranges: list[tuple[int, int]]) -> Iterator[int]:
    for offset, length in ranges:
        yield from range(offset, offset + length)
