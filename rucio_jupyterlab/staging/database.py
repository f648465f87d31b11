"""The journal's file: SQLite in the state folder, set aside and made anew where it cannot be read."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ..errors import NoSpace

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 4
_IN_STORE = "{row}state IN ('done', 'kept') AND {row}outside IS NULL"
IN_STORE = _IN_STORE.format(row="")
"""Of a file: it is an object of the store. `kept` ones are believed when a plan names them again."""
ANY_OF = "(SELECT value FROM json_each(?))"
"""For a list of any length by one text, for SQLite keeps every text compiled; `json_list` makes its value."""
COLLECTION = "SELECT id FROM collections WHERE instance = ? AND scope = ? AND name = ?"
_IS, _WAS = (f"({_IN_STORE.format(row=row)})" for row in ("NEW.", "OLD."))
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    instance TEXT, scope TEXT, name TEXT,
    bytes INTEGER, adler32 TEXT, md5 TEXT,
    state TEXT NOT NULL,
    rse TEXT, problem BLOB, pfns BLOB,
    outside TEXT,
    verified INTEGER NOT NULL DEFAULT 1,
    pinned INTEGER NOT NULL DEFAULT 0,
    used_at REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS files_by_use ON files (used_at) WHERE {IN_STORE} AND NOT pinned;
CREATE INDEX IF NOT EXISTS files_failed ON files (id) WHERE state = 'failed';
CREATE TABLE IF NOT EXISTS collections (
    id INTEGER PRIMARY KEY,
    instance TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL,
    UNIQUE (instance, scope, name)
);
CREATE TABLE IF NOT EXISTS members (
    job TEXT NOT NULL, file INTEGER NOT NULL,
    path TEXT NOT NULL,
    collection INTEGER,
    here INTEGER NOT NULL DEFAULT 0,
    wanted INTEGER NOT NULL DEFAULT 1,
    named INTEGER NOT NULL DEFAULT 1,
    shown TEXT,
    PRIMARY KEY (job, file, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_by_file ON members (file);
CREATE TABLE IF NOT EXISTS links (
    path TEXT PRIMARY KEY, file INTEGER NOT NULL, collection INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_file ON links (file);
CREATE INDEX IF NOT EXISTS links_by_collection ON links (collection) WHERE collection IS NOT NULL;
CREATE TABLE IF NOT EXISTS store (files INTEGER NOT NULL, bytes INTEGER NOT NULL, pinned INTEGER NOT NULL);
INSERT INTO store SELECT 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM store);
CREATE TRIGGER IF NOT EXISTS file_is_known AFTER INSERT ON files WHEN {_IS} BEGIN
    UPDATE store SET files = files + 1, bytes = bytes + ifnull(NEW.bytes, 0), pinned = pinned + NEW.pinned;
END;
CREATE TRIGGER IF NOT EXISTS file_changes AFTER UPDATE OF state, bytes, outside, pinned ON files
WHEN {_IS} OR {_WAS} BEGIN
    UPDATE store SET
        files = files + {_IS} - {_WAS},
        bytes = bytes + {_IS} * ifnull(NEW.bytes, 0) - {_WAS} * ifnull(OLD.bytes, 0),
        pinned = pinned + {_IS} * NEW.pinned - {_WAS} * OLD.pinned;
END;
CREATE TABLE IF NOT EXISTS plans (job TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS speeds (
    instance TEXT, rse TEXT, bytes_per_second REAL, PRIMARY KEY (instance, rse)
) WITHOUT ROWID;
"""


def json_list(values: Sequence[object]) -> str:
    """A list as the one value that `ANY_OF` takes."""
    return msgspec.json.encode(values).decode()


class Database:
    """One connection for all threads. Raises NoSpace on a full disk."""

    def __init__(self, path: str, place: str) -> None:
        """`place` names the store and the views that it is about; what tells of another one is set aside."""
        # SQLite keeps 31 bits for us, and 0 in a file where nobody wrote any.
        self._mark = zlib.crc32(f"{SCHEMA_VERSION} {place}".encode("utf-8", "surrogateescape")) >> 1 | 1
        self._lock = threading.RLock()
        self.fresh = False
        """Nothing of an earlier time is known: what lies in the store has to be taken in."""
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                raise NoSpace(
                    "The disk of the state folder is full. Free some space, then try again."
                ) from None
            logger.error("The journal is damaged, or that of another store; it is set aside and made anew.")
            self._db.close()
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(path + suffix, f"{path}.broken{suffix}")
            self._open(path)

    def _open(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA cache_size = -4096")
        (mark,) = self._db.execute("PRAGMA user_version").fetchone()
        if mark == 0:
            self._db.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            self.fresh = True
        elif mark != self._mark:
            raise sqlite3.DatabaseError("another version's or another store's")
        elif self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("pages are damaged")

    def settle(self) -> None:
        """Within a transaction: what lies in the store is known now; until then a start begins anew."""
        self._db.execute(f"PRAGMA user_version = {self._mark}")

    def shrink(self) -> None:
        """Let go of the pages that are held in memory."""
        with self._lock:
            self._db.execute("PRAGMA shrink_memory")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Whole or not at all; others wait until it has ended."""
        with self._lock, _full_disk_told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:  # whatever ends it: no transaction stays open
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def read(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of an answer."""
        with self._lock, _full_disk_told():
            return self._db.execute(query, values).fetchall()


@contextlib.contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error) or "disk I/O" in str(error):
            raise NoSpace("The disk of the state folder is full. Free some space there.") from None
        raise
