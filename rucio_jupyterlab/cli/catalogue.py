"""`jupyter rucio search | ls`."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing

from ..catalog.model import ContentQuery, DidRow, ListingPage, ListingQuery, SearchQuery
from ..did import Did
from ..kernel import words
from .engine import Engine
from .output import Exit, Output, columns

BATCH = 1000
"""Rows that are aligned together: the first are shown while the rest arrives."""


def search(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """DIDs of a scope by name."""
    scope, _, name = arguments.pattern.strip().partition(":")
    query = SearchQuery(scope, name or "*", arguments.type)
    return _list(query, arguments, engine, output, nothing="Nothing found.")


def ls(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """What a dataset or container holds."""
    query = ContentQuery(Did.parse(arguments.did))
    return _list(query, arguments, engine, output, nothing="It holds no DIDs.")


def _list(query: ListingQuery, arguments: Namespace, engine: Engine, output: Output, *, nothing: str) -> Exit:
    """Show the answer as it arrives; one that was cut is a failure, for it is not the answer."""
    batch: list[DidRow] = []
    instance = engine.instance(arguments.instance).name
    with closing(
        engine.listing(instance, query, arguments.limit)
    ) as rows:  # also where the output breaks off
        for row in rows:
            output.struct(row)
            if isinstance(row, ListingPage):
                _say(batch, output)
                return _end(row, output, nothing)
            batch.append(row)
            if len(batch) == BATCH:
                _say(batch, output)
                batch.clear()
    raise AssertionError("a listing ends with a page")


def _say(rows: list[DidRow], output: Output) -> None:
    for line in columns(_cells(row) for row in rows):
        output.say(line)


def _cells(row: DidRow) -> tuple[str, str, str, str]:
    files = "" if row.files is None else words.count(row.files, "file")
    size = "" if row.bytes is None else words.size(row.bytes)
    return row.type, files, size, str(row.did)


def _end(page: ListingPage, output: Output, nothing: str) -> Exit:
    if page.cut:
        output.note(f"Rucio's answer was cut: {page.cut}")
        return Exit.FAILED
    if not page.offset:
        output.note(nothing)
    elif not page.complete:
        output.note(f"These are the first {page.offset:,}; --limit shows more.")
    return Exit.OK
