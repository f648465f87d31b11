"""Answers that are put together from several of Rucio's."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from ..did import Did
from ..errors import NoSpace, RucioRefused
from .bulk import bulk_lines
from .model import DidRow

if TYPE_CHECKING:
    from ..accounts.client import Lines, RucioClient

_BATCH = 100
_MOST_PAGES = 125_000
"""Of 4 KiB, for the names of a joined search: some ten million."""


class PastedDids:
    """Rows of the DIDs that a user pasted, in their order; those that Rucio does not know are marked."""

    def __init__(self, client: RucioClient, dids: Sequence[Did]) -> None:
        self._client = client
        self._dids = list(dict.fromkeys(dids))
        self._closed = False

    def blocks(self) -> Iterator[bytes]:
        for start in range(0, len(self._dids), _BATCH):
            if self._closed:
                return
            batch = self._dids[start : start + _BATCH]
            known = bulk_lines(self._client, batch)
            rows = (known[did].row() if did in known else DidRow(did, "file", missing=True) for did in batch)
            yield b"".join(msgspec.json.encode(row) + b"\n" for row in rows)

    def close(self) -> None:
        self._closed = True


class JoinedSearch:
    """Rows of one search whose names another search gives too; those names wait on disk, not in memory."""

    def __init__(
        self, client: RucioClient, path: str, rows: Mapping[str, str], names: Mapping[str, str]
    ) -> None:
        self._client = client
        self._path = path
        self._rows = rows
        self._names = names
        self._current: Lines | None = None
        self._closed = threading.Event()

    def blocks(self) -> Iterator[bytes]:
        try:
            # An empty name is a temporary file of SQLite's own, gone with the connection.
            with closing(sqlite3.connect("", isolation_level=None)) as database:
                database.execute(f"pragma max_page_count = {_MOST_PAGES}")
                database.execute("create table found (name text primary key) without rowid")
                database.execute("begin")
                yield from self._join(database)
        except msgspec.MsgspecError:
            raise RucioRefused("Rucio's answer holds rows that cannot be read.") from None
        except sqlite3.Error:  # the disk is full, or that file
            raise NoSpace("There is no room for this list; narrow the search.") from None

    def _join(self, database: sqlite3.Connection) -> Iterator[bytes]:
        read_name = msgspec.json.Decoder(str).decode
        for line in self._stream(self._names):
            database.execute("insert or ignore into found values (?)", (read_name(line),))
        read_row = msgspec.json.Decoder(_Named).decode
        for line in self._stream(self._rows):
            if database.execute("select 1 from found where name = ?", (read_row(line).name,)).fetchone():
                yield line + b"\n"

    def close(self) -> None:
        self._closed.set()
        if self._current is not None:
            self._current.close()

    def _stream(self, params: Mapping[str, str]) -> Iterator[bytes]:
        if self._closed.is_set():
            return
        self._current = self._client.stream(self._path, params=params)
        if self._closed.is_set():  # meanwhile
            self._current.close()
        yield from self._current


class _Named(msgspec.Struct):
    name: str
