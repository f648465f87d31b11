"""What files in flight still take, whatever becomes of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.staging.flights import Flight, Flights
from rucio_jupyterlab.staging.rows import FileRow

SIZES = st.none() | st.integers(0, 1 << 40)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1 << 41)))


def flight(number: int, size: int | None, lacking: int) -> Flight:
    row = FileRow(number, f"key{number}", "cern", Did("s", f"f{number}"), size, None, None, "queued", [])
    return Flight(row, {"job"}, lacking, None)


@given(st.lists(st.tuples(SIZES, st.integers(0, 1 << 40)), min_size=1, max_size=6), STEPS)
def test_what_is_to_come_is_that_of_the_files_that_are_flying(
    files: list[tuple[int | None, int]], steps: list[tuple[int, int]]
) -> None:
    flights = Flights()
    for number, (size, lacking) in enumerate(files):
        flights.begin(flight(number, size, lacking))
    for step, count in steps:
        each = flights.get(count % len(files))
        if each is None:
            flights.begin(flight(count % len(files), count, count // 2))
        elif step < 3:
            flights.received(each, count)
        elif step == 3:
            flights.end(each.row.id)
        elif each.landing:
            flights.take_off_again(each)
        else:
            flights.land(each)
        flying = [each for each in flights.all if not each.landing]
        assert flights.bytes_to_come == sum(each.bytes_to_come for each in flying)
        assert flights.bytes_in_all == sum(each.row.bytes or 0 for each in flights.all)


def test_nothing_is_to_come_once_all_have_ended() -> None:
    flights = Flights()
    flights.begin(flight(1, 100, 60))
    flights.received(flights.all[0], 20)
    assert flights.bytes_to_come == 40
    flights.end(1)
    assert (flights.bytes_to_come, flights.bytes_in_all) == (0, 0)
