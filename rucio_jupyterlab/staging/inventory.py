"""The journal's knowledge of the store: what is in it, what appears of it in the views, what may leave it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from ..did import Did
from .database import ANY_OF, COLLECTION, IN_STORE, Database, json_list
from .layout import object_key

HELD = f"SELECT 1 FROM members WHERE file = files.id AND wanted AND job IN {ANY_OF}"
MAY_LEAVE = f"{IN_STORE} AND NOT pinned AND NOT EXISTS ({HELD})"
"""What no pin and none of some jobs holds; its index is `files_by_use`."""
OF_DID = f"key = ? OR id IN (SELECT file FROM links WHERE collection = ({COLLECTION}))"
"""A file, or the files of a collection that was staged."""
CLAIMED = "id, key, bytes, outside, state"
NOT_SHOWN = "UPDATE members SET shown = NULL, here = 0 WHERE file = ?"
ROWS = 200

Holding = Callable[[], list[str]]
"""Tells the jobs that hold their files: asked within a transaction, so that none begins unseen."""


class Leaving(msgspec.Struct, frozen=True):
    """A file that is on its way out: no plan believes that it is here any more."""

    file: int
    key: str
    bytes: int
    outside: str | None
    """Absolute path outside of the store, where it was only linked from there."""
    before: str = "kept"
    """What it was; after a kill it is believed no more than is known."""


class Inventory:
    """Safe to use from any thread; every method is one transaction. Raises NoSpace on a full disk."""

    def __init__(self, database: Database) -> None:
        self._read, self._transaction = database.read, database.transaction

    def usage(self) -> tuple[int, int, int]:
        """Files in the store, their bytes, and how many of them are pinned."""
        ((files, size, pinned),) = self._read("SELECT files, bytes, pinned FROM store")
        return int(files), int(size), int(pinned)

    # What is staged

    def staged_as(self, instance: str, did: Did) -> list[str]:
        """The view paths of a staged file."""
        rows = self._read(
            "SELECT l.path FROM files f JOIN links l ON l.file = f.id"
            " WHERE f.key = ? AND f.state IN ('done', 'kept')",
            (object_key(instance, did),),
        )
        return [str(path) for (path,) in rows]

    def staged_in(self, instance: str, did: Did) -> int:
        """How many files of a collection appear in the views."""
        rows = self._read(
            f"SELECT count(*) FROM links WHERE collection = ({COLLECTION})", (instance, did.scope, did.name)
        )
        return int(rows[0][0])

    def shows_anything(self) -> bool:
        """Whether any file appears in the views."""
        return bool(self._read("SELECT 1 FROM links LIMIT 1"))

    def here(self, keys: Sequence[str]) -> int:
        """How many of these objects are here."""
        rows = self._read(
            f"SELECT count(*) FROM files WHERE state = 'done' AND key IN {ANY_OF}", (json_list(keys),)
        )
        return int(rows[0][0])

    def links_of(self, files: Sequence[int]) -> list[str]:
        """The view paths of these files."""
        return [path for names in self.names_of(files).values() for path in names]

    def names_of(self, files: Sequence[int]) -> dict[int, set[str]]:
        """The view paths of each of these files that has any."""
        names: dict[int, set[str]] = {}
        for file, path in self._read(
            f"SELECT file, path FROM links WHERE file IN {ANY_OF}", (json_list(files),)
        ):
            names.setdefault(file, set()).add(path)
        return names

    # What may leave

    def claim_oldest(self, needed: int, holding: Holding) -> list[Leaving]:
        """Of the least recently used objects that nothing holds, some that have so many bytes.

        `gone` or `stay` follows for each.
        """
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {CLAIMED} FROM files WHERE {MAY_LEAVE} ORDER BY used_at LIMIT {ROWS}",
                (json_list(holding()),),
            )
            oldest = [_leaving(row) for row in rows]
            return _claim(db, _first(oldest, needed))

    def claim_all(self, instance: str, did: Did, holding: Holding) -> list[Leaving] | None:
        """The files of a DID, those from outside of the store among them. None where one is held.

        `gone` or `stay` follows for each; what was claimed before is among them, too.
        """
        values = (object_key(instance, did), instance, did.scope, did.name)
        with self._transaction() as db:
            files = f"SELECT {CLAIMED} FROM files WHERE state IN ('done', 'kept', 'leaving') AND ({OF_DID})"
            held = f"SELECT 1 FROM files WHERE ({OF_DID}) AND (pinned OR EXISTS ({HELD})) AND state IN ('done', 'kept')"
            if db.execute(held, (*values, json_list(holding()))).fetchone():
                return None
            return _claim(db, [_leaving(row) for row in db.execute(files, values)])

    def leaving(self, among: Sequence[int] | None = None) -> list[Leaving]:
        """What was claimed and is not gone: all of it, or those among some that no plan has named again."""
        some = "" if among is None else f" AND id IN {ANY_OF}"
        values = () if among is None else (json_list(among),)
        rows = self._read(f"SELECT {CLAIMED} FROM files WHERE state = 'leaving'{some}", values)
        return [_leaving(row) for row in rows]

    def gone(self, files: Sequence[int]) -> None:
        """They have left the store and the views; what a plan has named again meanwhile is still wanted."""
        numbers = [(file,) for file in files]
        with self._transaction() as db:
            db.executemany("DELETE FROM links WHERE file = ?", numbers)
            db.executemany(
                "UPDATE files SET state = 'evicted', outside = NULL WHERE id = ? AND state = 'leaving'",
                numbers,
            )

    def stay(self, files: Sequence[Leaving], now: float) -> None:
        """They could not be taken away: they are what they were, and go last; what was named again is wanted."""
        with self._transaction() as db:
            db.executemany(
                "UPDATE files SET state = ?, used_at = ? WHERE id = ? AND state = 'leaving'",
                [(each.before, now, each.file) for each in files],
            )

    def evictable_bytes(self, holding: Holding) -> int:
        """What `claim_oldest` could take away in all."""
        ((size,),) = self._read(f"SELECT total(bytes) FROM files WHERE {MAY_LEAVE}", (json_list(holding()),))
        return int(size)

    def failed_keys(self, holding: Holding) -> list[str]:
        """Files that failed and that no job wants; a part of them may be in the store."""
        rows = self._read(
            f"SELECT key FROM files WHERE state = 'failed' AND NOT EXISTS ({HELD})", (json_list(holding()),)
        )
        return [str(key) for (key,) in rows]

    def lost(self, files: Sequence[int], state: Literal["queued", "evicted"]) -> None:
        """Objects that are not there, or not right, and whose links are gone.

        `queued` ones come again at once, `evicted` ones when a plan has told from where.
        """
        numbers = [(file,) for file in files]
        with self._transaction() as db:
            db.executemany("DELETE FROM links WHERE file = ?", numbers)
            db.executemany(NOT_SHOWN, numbers)
            db.executemany("UPDATE files SET state = ? WHERE id = ?", [(state, file) for file in files])

    def pin(self, job: str) -> None:
        """Keep the files of a job whatever room is needed."""
        with self._transaction() as db:
            db.execute(
                "UPDATE files SET pinned = 1 WHERE id IN (SELECT file FROM members WHERE job = ?)", (job,)
            )

    def unpin(self, job: str, holding: Holding) -> None:
        """The job's pin keeps nothing any more, nor what an earlier plan of it had named.

        What another job is `holding` by a pin stays.
        """
        with self._transaction() as db:
            db.execute(
                "UPDATE files SET pinned = 0 WHERE pinned AND NOT EXISTS"
                f" (SELECT 1 FROM members WHERE file = files.id AND job <> ? AND job IN {ANY_OF})",
                (job, json_list(holding())),
            )


def _leaving(row: tuple[Any, ...]) -> Leaving:
    number, key, size, outside, state = row
    return Leaving(number, key, size or 0, outside, "done" if state == "done" else "kept")


def _claim(db: sqlite3.Connection, files: list[Leaving]) -> list[Leaving]:
    numbers = [(each.file,) for each in files]
    db.executemany(NOT_SHOWN, numbers)
    db.executemany("UPDATE files SET state = 'leaving' WHERE id = ?", numbers)
    return files


def _first(files: list[Leaving], needed: int) -> list[Leaving]:
    """As many of the files as it takes to have so many bytes."""
    enough = 0
    while enough < len(files) and needed > 0:
        needed -= files[enough].bytes
        enough += 1
    return files[:enough]
