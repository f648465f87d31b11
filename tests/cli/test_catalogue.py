"""`jupyter rucio search | ls`."""

from __future__ import annotations

import json

import pytest

from rucio_jupyterlab.catalog.model import ContentQuery, SearchQuery
from rucio_jupyterlab.cli import main
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from tests.cli.stand_in import EngineStandIn, page


def test_a_search_shows_rows_as_columns(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.pages = [page(["a"], 0, 1, complete=False), page(["b"], 1, 2, complete=True)]
    assert main(["search", "user.alice:*"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "dataset  2 files  1.0 kB  user.alice:a",
        "dataset  2 files  1.0 kB  user.alice:b",
    ]
    (asked,) = engine.questions(protocol.OpenListing)
    assert asked.query == SearchQuery("user.alice", "*", "collection")
    assert engine.questions(protocol.CloseListing)


def test_content_is_asked_for_by_did(engine: EngineStandIn) -> None:
    engine.pages = [page(["a"], 0, 1, complete=True)]
    assert main(["ls", "user.alice:run1"]) == 0
    (asked,) = engine.questions(protocol.OpenListing)
    assert asked.query == ContentQuery(Did("user.alice", "run1"))


def test_json_ends_with_how_the_answer_ended(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.pages = [page(["a", "b"], 0, 100, complete=False)]
    assert main(["search", "--json", "--limit=2", "user.alice:*"]) == 0
    *rows, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert [row["did"]["name"] for row in rows] == ["a", "b"]
    assert not end["complete"] and end["rows"] == [] and end["cut"] is None


def test_a_cut_answer_is_a_failure(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.pages = [page(["a"], 0, 1, complete=False, cut="Rucio hung up.")]
    assert main(["search", "user.alice:*"]) == 1
    said = capsys.readouterr()
    assert "user.alice:a" in said.out and "Rucio hung up." in said.err


def test_an_engine_that_is_killed_after_the_last_row_spoils_no_answer(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.pages = [page(["a"], 0, 1, complete=True)]
    engine.deaths = {protocol.CloseListing}
    assert main(["search", "--json", "user.alice:*"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["complete"]


def test_nothing_found_is_said(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.pages = [page([], 0, 0, complete=True)]
    assert main(["search", "user.alice:*"]) == 0
    assert capsys.readouterr().err == "Nothing found.\n"


def test_that_nothing_is_in_it_is_said(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.pages = [page([], 0, 0, complete=True)]
    assert main(["ls", "user.alice:a.root"]) == 0
    assert capsys.readouterr().err == "It holds no DIDs.\n"


def test_a_name_cannot_steer_the_terminal(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    engine.pages = [page(["a\x1b[2Jb"], 0, 1, complete=True)]
    assert main(["search", "user.alice:*"]) == 0
    assert "\x1b" not in capsys.readouterr().out
