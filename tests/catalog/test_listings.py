"""Searching, opening collections and pasting DIDs at the real Rucio, page by page."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.catalog.model import (
    ContentQuery,
    DidListQuery,
    DidRow,
    ListingPage,
    ListingQuery,
    MetadataFilter,
    SearchQuery,
)
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import OpenListing
from rucio_jupyterlab.errors import BadRequest, NotFound
from tests.lab.lab import Lab


@pytest.fixture(scope="module")
def scope(lab: Lab) -> str:
    """Two datasets of five files, a container of them, and metadata in columns and in JSON."""
    name = lab.scope()
    for run in (1, 2):
        contents = {f"run{run}/file.{number}.root": b"x" * number for number in range(5)}
        files = lab.put_many(name, contents)
        dataset = lab.collection(name, f"run{run}", files, metadata={"run": run, "detector": "mu"})
        lab.client().set_metadata(name, dataset.name, "project", f"zmm{run}")
    lab.collection(name, "runs", [(name, "run1"), (name, "run2")], kind="CONTAINER")
    lab.collection(name, "growing", still_open=True)
    return name


def rows(catalog: Catalog, query: ListingQuery) -> list[DidRow]:
    """The whole answer."""
    page = catalog.open_listing(OpenListing("lab", query, limit=1000))
    while not page.complete:
        assert page.cut is None
        page = catalog.read_listing(page.listing_id, 0, 1000)
    catalog.close_listing(page.listing_id)
    return page.rows


def names(catalog: Catalog, query: ListingQuery) -> list[str]:
    return sorted(row.did.name for row in rows(catalog, query))


def test_collections_of_a_scope_are_found_by_default(catalog: Catalog, scope: str) -> None:
    found = {row.did.name: row for row in rows(catalog, SearchQuery(scope))}

    assert sorted(found) == ["growing", "run1", "run2", "runs"]
    assert found["run1"] == DidRow(Did(scope, "run1"), "dataset", bytes=10, files=5)
    assert found["runs"].type == "container"
    assert found["growing"].bytes is None


def test_names_are_found_by_wildcards_and_type(catalog: Catalog, scope: str) -> None:
    assert names(catalog, SearchQuery(scope, "run*")) == ["run1", "run2", "runs"]
    assert names(catalog, SearchQuery(scope, "run%", "dataset")) == ["run1", "run2"]
    assert names(catalog, SearchQuery(scope, "*.3.root", "file")) == ["run1/file.3.root", "run2/file.3.root"]
    assert len(names(catalog, SearchQuery(scope, "*", "all"))) == 14
    assert names(catalog, SearchQuery(scope, "nothing*")) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([MetadataFilter("run", "=", 1)], ["run1"]),
        ([MetadataFilter("run", ">=", 1), MetadataFilter("run", "<", 2)], ["run1"]),
        ([MetadataFilter("detector", "=", "mu")], ["run1", "run2"]),
        ([MetadataFilter("project", "=", "zmm2")], ["run2"]),
        ([MetadataFilter("project", "!=", "zmm2"), MetadataFilter("detector", "=", "mu")], ["run1"]),
        ([MetadataFilter("bytes", ">", 1), MetadataFilter("run", "!=", 1)], ["run2"]),
        ([MetadataFilter("run", "=", 7)], []),
    ],
)
def test_metadata_filters_join_columns_and_json(
    catalog: Catalog, scope: str, filters: list[MetadataFilter], found: list[str]
) -> None:
    listed = rows(catalog, SearchQuery(scope, filters=filters))

    assert sorted(row.did.name for row in listed) == found
    assert all(row.files == 5 for row in listed)


@pytest.mark.parametrize(
    "filters",
    [
        [MetadataFilter("a.b", "=", 1)],
        [MetadataFilter("", "=", 1)],
        [MetadataFilter("run", "=", 1), MetadataFilter("run", "=", 2)],
        [MetadataFilter("name", "=", "run1")],
    ],
)
def test_filters_that_rucio_could_not_understand_are_refused(
    catalog: Catalog, scope: str, filters: list[MetadataFilter]
) -> None:
    with pytest.raises(BadRequest):
        catalog.open_listing(OpenListing("lab", SearchQuery(scope, "*2", filters=filters)))


def test_a_filter_may_be_on_the_name(catalog: Catalog, scope: str) -> None:
    assert names(catalog, SearchQuery(scope, filters=[MetadataFilter("name", "=", "run1")])) == ["run1"]
    assert names(catalog, SearchQuery(scope, "run*", filters=[MetadataFilter("name", "!=", "run1")])) == [
        "run2",
        "runs",
    ]


def test_a_quote_in_a_filter_stays_a_value(catalog: Catalog, scope: str) -> None:
    hostile = "x'}, {'name': '*"

    assert names(catalog, SearchQuery(scope, filters=[MetadataFilter("detector", "=", hostile)])) == []
    assert names(catalog, SearchQuery(scope, filters=[MetadataFilter("project", "=", hostile)])) == []


def test_a_collection_is_opened_one_level_down(catalog: Catalog, scope: str) -> None:
    assert names(catalog, ContentQuery(Did(scope, "runs"))) == ["run1", "run2"]
    files = rows(catalog, ContentQuery(Did(scope, "run1")))
    assert [(row.type, row.bytes) for row in files] == [("file", number) for number in range(5)]
    assert all(row.adler32 for row in files)


def test_what_is_not_there_is_told(catalog: Catalog, scope: str) -> None:
    with pytest.raises(NotFound, match="The lab says"):
        catalog.open_listing(OpenListing("lab", ContentQuery(Did(scope, "nowhere"))))
    with pytest.raises(BadRequest, match=r"“\.\.”"):
        catalog.open_listing(OpenListing("lab", ContentQuery(Did("..", "a"))))
    with pytest.raises(NotFound, match="No Rucio is configured"):
        catalog.open_listing(OpenListing("elsewhere", SearchQuery(scope)))
    for no_scope in ("", "user.*"):
        with pytest.raises(BadRequest, match="Name a scope"):
            catalog.open_listing(OpenListing("lab", SearchQuery(no_scope)))


def test_pasted_dids_keep_their_order_and_unknown_ones_are_marked(catalog: Catalog, scope: str) -> None:
    pasted = [Did(scope, name) for name in ("run2", "nowhere", "run1/file.4.root", "run2", "runs")]

    listed = rows(catalog, DidListQuery(pasted))

    assert [row.did.name for row in listed] == ["run2", "nowhere", "run1/file.4.root", "runs"]
    assert [row.missing for row in listed] == [False, True, False, False]
    assert (listed[0].type, listed[0].files, listed[2].bytes) == ("dataset", 5, 4)


@pytest.mark.parametrize("wrong", ["a*b", "name with space", "a:b", "n" * 300, None])
def test_a_pasted_did_that_can_be_none_costs_no_other(
    catalog: Catalog, scope: str, wrong: str | None
) -> None:
    culprit = Did("no scope!", "run1") if wrong is None else Did(scope, wrong)
    pasted = [Did(scope, "run2"), culprit, Did(scope, "run1/file.4.root"), Did(scope, "runs")]

    listed = rows(catalog, DidListQuery(pasted))

    assert [row.did for row in listed] == pasted
    assert [row.missing for row in listed] == [False, True, False, False]
    assert [one.files for one in catalog.summarize("lab", pasted)] == [5, None, 1, 10]


def test_pages_are_read_anywhere(catalog: Catalog, lab: Lab) -> None:
    scope = lab.scope()
    lab.collection(scope, "many", lab.put_many(scope, {f"f{number:04}": b"" for number in range(1000)}))
    page = catalog.open_listing(OpenListing("lab", ContentQuery(Did(scope, "many")), limit=10))
    expected = [f"f{number:04}" for number in range(1000)]

    assert [row.did.name for row in page.rows] == expected[:10]
    page = wait_for_all(catalog, page)
    for offset, limit in ((0, 1000), (255, 2), (256, 256), (511, 3), (999, 5), (1000, 5), (5000, 5), (17, 0)):
        page = catalog.read_listing(page.listing_id, offset, limit)
        assert [row.did.name for row in page.rows] == expected[offset : offset + limit]
        assert (page.offset, page.rows_so_far) == (offset, 1000)


def test_the_time_stands_still_once_all_is_there(catalog: Catalog, scope: str) -> None:
    page = wait_for_all(catalog, catalog.open_listing(OpenListing("lab", SearchQuery(scope))))

    time.sleep(0.05)

    assert catalog.read_listing(page.listing_id, 0, 1).seconds == page.seconds > 0


def test_the_rows_lie_on_disk_where_nobody_else_can_read_them(
    catalog: Catalog, scope: str, tmp_path: Path
) -> None:
    page = catalog.open_listing(OpenListing("lab", SearchQuery(scope)))

    (file,) = (tmp_path / "spool").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600

    catalog.close_listing(page.listing_id)
    catalog.close_listing(page.listing_id)
    assert list((tmp_path / "spool").iterdir()) == []
    with pytest.raises(NotFound, match="expired"):
        catalog.read_listing(page.listing_id, 0, 1)


def test_a_listing_that_nobody_reads_expires(
    catalog: Catalog, scope: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = catalog.open_listing(OpenListing("lab", SearchQuery(scope)))
    monkeypatch.setattr("rucio_jupyterlab.catalog.listing.IDLE", 0.0)
    catalog.open_listing(OpenListing("lab", SearchQuery(scope)))

    with pytest.raises(NotFound):
        catalog.read_listing(first.listing_id, 0, 1)


def test_rows_of_an_engine_that_died_are_swept_away(accounts: Accounts, tmp_path: Path) -> None:
    spool = tmp_path / "old"
    spool.mkdir()
    (spool / "left").write_text("x")

    Catalog(accounts, spool)

    assert list(spool.iterdir()) == []


def test_a_site_may_forbid_wildcards(lab: Lab, scope: str, accounts: Accounts, catalog: Catalog) -> None:
    instance = lab.configuration(wildcard_enabled=False)
    accounts.configure(configuration_from({"instances": [instance]}, {}))

    assert names(catalog, SearchQuery(scope, "run1")) == ["run1"]
    assert len(names(catalog, SearchQuery(scope, "*"))) == 4
    with pytest.raises(BadRequest, match="no wildcards"):
        catalog.open_listing(OpenListing("lab", SearchQuery(scope, "run*")))


def wait_for_all(catalog: Catalog, page: ListingPage) -> ListingPage:
    """The same page once the whole answer is there."""
    while not page.complete:
        page = catalog.read_listing(page.listing_id, page.offset, len(page.rows))
    return page
