"""In which order the replicas of a file are tried."""

from __future__ import annotations

from rucio_jupyterlab.catalog.model import Pfn
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.staging.rows import FileRow
from rucio_jupyterlab.staging.works import UNKNOWN_SPEED, work_for


def order(*pfns: Pfn, chosen: str | None = None, **speeds: float) -> list[str]:
    """The RSEs as they are tried."""
    row = FileRow(1, "key", "lab", Did("s", "a"), 10, None, None, "queued", list(pfns))
    work = work_for(row, "part", {("lab", rse): speed for rse, speed in speeds.items()}, chosen)
    return [endpoint.rse for endpoint in work.endpoints]


def at(rse: str, *, is_local: bool = False) -> Pfn:
    return Pfn(f"davs://{rse}/a", rse, "davs", "disk", is_local=is_local)


def test_replicas_are_tried_as_rucio_sorted_them_where_they_are_about_as_fast() -> None:
    assert order(at("A"), at("B"), at("C"), A=9e6, C=11e6) == ["A", "B", "C"]


def test_a_much_faster_replica_is_tried_first_and_one_never_measured_before_a_slow_one() -> None:
    assert order(at("SLOW"), at("NEW"), at("FAST"), SLOW=1e6, FAST=50 * UNKNOWN_SPEED) == [
        "FAST",
        "NEW",
        "SLOW",
    ]


def test_a_replica_of_the_own_site_is_tried_before_a_faster_one() -> None:
    assert order(at("FAST"), at("NEAR", is_local=True), FAST=1e9, NEAR=1e6) == ["NEAR", "FAST"]


def test_the_rse_that_was_chosen_is_tried_before_all_others() -> None:
    assert order(at("NEAR", is_local=True), at("CHOSEN"), chosen="CHOSEN", NEAR=1e9) == ["CHOSEN", "NEAR"]
