"""A file from one cloud into another, while things go wrong on either side."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rucio_mesh.cs3.errors import OutOfSpace, Unavailable
from rucio_mesh.cs3.recall import Recall
from rucio_mesh.cs3.relay import Place, SourceFailed, Unwanted, relay, word_for
from rucio_mesh.cs3.settings import Upload
from rucio_mesh.cs3.transfers import Transferred
from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import ProfileName

from ..conftest import MakeGateway
from .conftest import ConnectTo, content

pytestmark = pytest.mark.usefixtures("no_pauses")

PAIRS: list[tuple[ProfileName, ProfileName]] = [
    ("eos", "opencloud"),
    ("opencloud", "eos"),
    ("localfs", "eos"),
    ("eos", "localfs"),
]
SIZE = 6_000_000
CONTENT = content(SIZE)
SUM = f"{zlib.adler32(CONTENT):08x}"
HALF = SIZE // 2


def always() -> bool:
    return True


def never() -> bool:
    return False


@dataclass
class Pair:
    """Two clouds, and the file that is to go from the first to the second."""

    source: Gateway
    destination: Gateway
    here: Place
    there: Place

    @property
    def workshop(self) -> str:
        return f"{self.there.path.rpartition('/')[0]}/.rucio-relay"

    def relay(
        self,
        *,
        size: int = SIZE,
        adler32: str | None = SUM,
        recall: Recall | None = None,
        confirm: Callable[[], bool] = always,
    ) -> Transferred:
        return relay(
            self.here,
            self.there,
            size=size,
            adler32=adler32,
            workshop=self.workshop,
            recall=recall or Recall(),
            confirm=confirm,
        )

    @property
    def original(self) -> Path:
        return self.source.path(self.here.path)

    @property
    def copy(self) -> Path:
        return self.destination.path(self.there.path)

    def unfinished(self) -> list[str]:
        folder = self.destination.path(self.workshop)
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


MakePair = Callable[..., Pair]


@pytest.fixture
def pair_of(cs3_gateway: MakeGateway, connect_to: ConnectTo) -> MakePair:
    def make(
        source: ProfileName = "eos",
        destination: ProfileName = "opencloud",
        *,
        uploads: tuple[Upload, ...] = ("simple", "tus"),
        data: bytes = CONTENT,
    ) -> Pair:
        one, two = cs3_gateway(source), cs3_gateway(destination)
        here, there = connect_to(one), connect_to(two, uploads=uploads)
        pair = Pair(one, two, Place(here, f"{here.home()}/f"), Place(there, f"{there.home()}/rucio/f"))
        pair.original.write_bytes(data)
        return pair

    return make


def test_a_file_is_not_relayed_onto_itself(pair_of: MakePair, connect_to: ConnectTo) -> None:
    pair = pair_of("localfs", "eos")
    pair.there = Place(connect_to(pair.source), pair.here.path)
    with pytest.raises(SourceFailed, match="the same place"):
        pair.relay()
    assert pair.original.read_bytes() == CONTENT


@pytest.mark.parametrize(("source", "destination"), PAIRS)
@pytest.mark.parametrize("size", [0, 1, SIZE])
def test_a_file_arrives_whole(
    pair_of: MakePair, source: ProfileName, destination: ProfileName, size: int
) -> None:
    pair = pair_of(source, destination, data=CONTENT[:size])
    done = pair.relay(size=size, adler32=f"{zlib.adler32(CONTENT[:size]):08x}")
    assert done.size == size
    assert pair.copy.read_bytes() == CONTENT[:size]
    assert pair.unfinished() == []


@pytest.mark.parametrize(("source", "destination"), PAIRS)
def test_a_source_that_breaks_is_asked_for_the_rest(
    pair_of: MakePair, source: ProfileName, destination: ProfileName
) -> None:
    pair = pair_of(source, destination)
    pair.source.faults.arm("cut_download", HALF)
    pair.relay()
    assert pair.copy.read_bytes() == CONTENT
    assert pair.destination.meter.bytes_received == SIZE
    # A local file system serves no ranges, so all is read again, and the beginning thrown away.
    assert pair.source.meter.bytes_served == (SIZE if source != "localfs" else HALF + SIZE)


@pytest.mark.parametrize("destination", ["localfs", "eos", "opencloud"])
def test_a_destination_that_breaks_gets_all_again_under_another_token(
    pair_of: MakePair, destination: ProfileName
) -> None:
    pair = pair_of("eos", destination, uploads=("simple",))
    pair.destination.faults.arm("cut_upload", HALF)
    pair.relay()
    assert pair.copy.read_bytes() == CONTENT
    assert pair.destination.counts["InitiateFileUpload"] == 2
    assert pair.unfinished() == []


def test_a_tus_upload_goes_on_where_the_destination_broke(pair_of: MakePair) -> None:
    pair = pair_of("eos", "opencloud", uploads=("tus",))
    pair.destination.faults.arm("cut_upload", HALF)
    pair.relay()
    assert pair.copy.read_bytes() == CONTENT
    assert pair.destination.counts["InitiateFileUpload"] == 1
    assert pair.destination.meter.bytes_received < SIZE + HALF


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_byte_that_is_changed_once_is_noticed_and_mended(pair_of: MakePair, side: str) -> None:
    pair = pair_of("eos", "eos")
    if side == "source":
        pair.source.faults.arm("flip_download", HALF)
    else:
        pair.destination.faults.arm("flip_upload", HALF)
    pair.relay()
    assert pair.copy.read_bytes() == CONTENT
    assert pair.unfinished() == []


def test_a_source_that_always_sends_a_wrong_byte_is_blamed(pair_of: MakePair) -> None:
    pair = pair_of()
    pair.source.faults.arm("flip_download", HALF, times=None)
    with pytest.raises(SourceFailed, match="adler32"):
        pair.relay()
    assert not pair.copy.exists()
    assert pair.unfinished() == []


@pytest.mark.parametrize("source", ["eos", "localfs"])
def test_a_source_that_is_not_the_catalogues_file_is_not_copied(
    pair_of: MakePair, source: ProfileName
) -> None:
    pair = pair_of(source)
    with pytest.raises(SourceFailed, match="not the catalogue's"):
        pair.relay(adler32="00c0ffee")
    with pytest.raises(SourceFailed, match="bytes, not"):
        pair.relay(size=SIZE + 1)
    assert not pair.copy.exists()


def test_without_the_catalogues_checksum_the_sources_own_is_compared(pair_of: MakePair) -> None:
    pair = pair_of("eos", "localfs")
    pair.source.faults.arm("flip_download", HALF)
    assert pair.relay(adler32=None).adler32 == SUM
    assert pair.copy.read_bytes() == CONTENT


def test_a_missing_source_is_told(pair_of: MakePair) -> None:
    pair = pair_of()
    pair.original.unlink()
    with pytest.raises(SourceFailed, match="NotFound"):
        pair.relay()


def test_a_source_that_is_down_is_blamed(pair_of: MakePair) -> None:
    pair = pair_of()
    pair.source.stop()
    with pytest.raises(SourceFailed, match="Unavailable"):
        pair.relay()


def test_a_destination_that_is_down_is_blamed(pair_of: MakePair) -> None:
    pair = pair_of()
    pair.destination.stop()
    with pytest.raises(Unavailable):
        pair.relay()


def test_a_full_quota_is_the_destinations(pair_of: MakePair) -> None:
    pair = pair_of("opencloud", "eos")
    pair.destination.faults.quota_full = True
    with pytest.raises(OutOfSpace):
        pair.relay()
    assert not pair.copy.exists()
    assert pair.unfinished() == []


def test_a_copy_that_is_there_already_is_not_made_again(pair_of: MakePair) -> None:
    pair = pair_of("localfs", "eos")
    pair.relay()
    pair.relay()
    assert pair.source.meter.bytes_served == SIZE


@pytest.mark.parametrize("other", [CONTENT[:HALF], CONTENT[:-1] + b"?"])
def test_another_file_in_the_place_makes_room(pair_of: MakePair, other: bytes) -> None:
    pair = pair_of("eos", "localfs")
    pair.there.client.make_containers(pair.there.path.rpartition("/")[0])
    pair.copy.write_bytes(other)
    pair.relay()
    assert pair.copy.read_bytes() == CONTENT


def test_what_a_killed_relay_has_left_is_removed_and_what_others_work_on_is_not(pair_of: MakePair) -> None:
    pair = pair_of("eos", "localfs")
    pair.there.client.make_containers(pair.workshop)
    workshop = pair.destination.path(pair.workshop)
    ours, others, old = f"{word_for(pair.there.path)}-1.part", "0123456789abcdef-1.part", "0-1.part"
    for name in (ours, others, old):
        (workshop / name).write_bytes(b"half")
    os.utime(workshop / old, (time.time() - 90_000,) * 2)
    pair.relay()
    assert pair.copy.read_bytes() == CONTENT
    assert pair.unfinished() == [others]


def test_a_relay_that_nobody_wants_any_more_ends_and_leaves_nothing(pair_of: MakePair) -> None:
    pair = pair_of("eos", "localfs")
    recall = Recall()
    recall.tell()
    with pytest.raises(Unwanted):
        pair.relay(recall=recall)
    assert pair.destination.meter.bytes_received == 0
    with pytest.raises(Unwanted):
        pair.relay(confirm=never)
    assert not pair.copy.exists()
    assert pair.unfinished() == []


def test_tokens_that_lapse_on_the_way_are_renewed_on_both_sides(pair_of: MakePair) -> None:
    pair = pair_of()
    pair.source.faults.arm("lapse", HALF)
    pair.source.faults.arm("cut_download", HALF)
    pair.destination.faults.arm("lapse", HALF)
    pair.relay()
    assert pair.copy.read_bytes() == CONTENT
