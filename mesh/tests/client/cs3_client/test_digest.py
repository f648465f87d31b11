"""Sums of what passes by, with and without a second thread."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rucio_mesh.cs3 import digest
from rucio_mesh.cs3.digest import Adler32

pieces = st.lists(st.binary(min_size=1, max_size=50), max_size=20)


@pytest.fixture(params=["in line", "by a slow sum on a second thread", "through a sink on a second thread"])
def sunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bytearray | None:
    """What the sink gets; None without one."""
    if request.param != "in line":
        monkeypatch.setattr(digest, "INLINE_BYTES", -1)
        monkeypatch.setattr(digest, "FAST", False)
    return bytearray() if "sink" in request.param else None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=pieces, before=st.binary(max_size=9))
def test_the_sum_is_that_of_all_pieces_in_their_order(
    sunk: bytearray | None, pieces: list[bytes], before: bytes
) -> None:
    whole = b"".join(pieces)
    if sunk is not None:
        sunk.clear()
    sink = None if sunk is None else sunk.extend
    with Adler32(50, value=zlib.adler32(before), sink=sink) as sum_:
        for piece in pieces:
            buffer = sum_.lend()
            buffer[: len(piece)] = piece
            sum_.take(buffer, len(piece))
    assert sum_.value == zlib.adler32(before + whole)
    assert sum_.hexdigest() == f"{zlib.adler32(before + whole):08x}"
    assert sunk is None or sunk == whole


@pytest.mark.parametrize("inline_bytes", [-1, 100])
def test_what_the_sink_raises_reaches_who_fills_the_buffers(
    inline_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "INLINE_BYTES", inline_bytes)

    def full(_piece: memoryview) -> None:
        raise OSError("no space")

    def fill(times: int) -> None:
        with Adler32(50, sink=full) as sum_:
            for _ in range(times):
                sum_.take(sum_.lend(), 10)

    for times in (1, 100):
        with pytest.raises(OSError, match="no space"):
            fill(times)
