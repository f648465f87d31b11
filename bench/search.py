"""The first page of a search among 200,000 DIDs."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import requests

from rucio_jupyterlab.catalog.model import ListingPage, SearchQuery
from rucio_jupyterlab.engine import protocol
from rucio_mesh.testing import seeding
from rucio_mesh.testing.grid import Grid
from rucio_mesh.testing.seeding import File

from .ours import INSTANCE, FreshEngine
from .results import Comparison, at_most_above, medians, seconds
from .staging import RSE

SCOPE = "bench.search"
COUNT = 200_000
PAGE = 200
MARGIN = 100
"""Milliseconds beyond Rucio's own time."""


def search(grid: Grid, work: Path) -> list[Comparison]:
    have_dids(grid)
    root = grid.client()
    session = requests.Session()
    session.trust_env = False
    session.verify = str(grid.authority.certificate)
    session.headers["X-Rucio-Auth-Token"] = root.auth_token

    def timed_rucio() -> float:
        session.get(f"{grid.rucio.url}/ping", timeout=60)  # an answer half read has ended the connection
        return seconds(ask_rucio) * 1000

    def ask_rucio() -> None:
        """The first page as Rucio itself gives it, over a connection that is open."""
        address = f"{grid.rucio.url}/dids/{SCOPE}/dids/search"
        question = {"type": "file", "name": "*", "long": "True", "recursive": "False"}
        with session.get(address, params=question, stream=True, timeout=60) as answer:
            answer.raise_for_status()
            rows = list(islice(answer.iter_lines(), PAGE))
        assert len(rows) == PAGE

    with FreshEngine(grid, work) as engine:

        def ask_engine() -> None:
            query = SearchQuery(SCOPE, type="file")
            page = engine.ask(protocol.OpenListing(INSTANCE, query, limit=PAGE))
            assert isinstance(page, ListingPage)
            opened = page.listing_id
            while len(page.rows) < PAGE:
                page = engine.ask(protocol.ReadListing(opened, limit=PAGE))
                assert isinstance(page, ListingPage)
            closing.append(opened)

        closing: list[str] = []

        def timed() -> float:
            elapsed = seconds(ask_engine) * 1000
            engine.ask(protocol.CloseListing(closing.pop()))
            return elapsed

        timed()
        mine, rucio = medians(timed, timed_rucio)
    return [at_most_above("search", mine, rucio, MARGIN, "ms")]


def have_dids(grid: Grid) -> None:
    made = grid.folder / "made" / SCOPE
    if made.exists():
        return
    print(f"Making {COUNT:,} DIDs in {SCOPE} …", flush=True)
    root = grid.client()
    seeding.add_scope(root, SCOPE)
    seeding.register(
        root, RSE, (File(SCOPE, f"data.{number:06d}.root", 1, "00000001") for number in range(COUNT))
    )
    made.parent.mkdir(exist_ok=True)
    made.touch()
