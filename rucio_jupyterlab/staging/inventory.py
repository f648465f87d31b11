"""The journal's knowledge of the store: what is in it, what appears of it in the views, what may leave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..did import Did
from .database import ANY_OF, COLLECTION, IN_STORE, Database, json_list
from .layout import object_key

HELD = f"SELECT 1 FROM members WHERE file = files.id AND wanted AND job IN {ANY_OF}"
MAY_LEAVE = f"{IN_STORE} AND NOT pinned AND NOT EXISTS ({HELD})"
"""What no pin and none of some jobs holds; its index is `files_by_use`."""


class Inventory:
    """Safe to use from any thread; every method is one transaction. Raises NoSpace on a full disk."""

    def __init__(self, database: Database) -> None:
        self._read, self._transaction = database.read, database.transaction

    def usage(self) -> tuple[int, int, int]:
        """Files in the store, their bytes, and how many of them are pinned."""
        ((files, size, pinned),) = self._read("SELECT files, bytes, pinned FROM store")
        return int(files), int(size), int(pinned)

    # What is staged

    def staged_among(self, instance: str, did: Did) -> str | None:
        """The view path of a staged file, or None."""
        rows = self._read(
            "SELECT l.path FROM files f JOIN links l ON l.file = f.id"
            " WHERE f.key = ? AND f.state IN ('done', 'kept') LIMIT 1",
            (object_key(instance, did),),
        )
        return str(rows[0][0]) if rows else None

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

    def files_of(self, instance: str, did: Did) -> list[tuple[int, str, int]]:
        """The objects of a DID, a file or a collection that was staged: number, key, bytes."""
        return self._read(
            f"SELECT id, key, bytes FROM files WHERE {IN_STORE} AND"
            f" (key = ? OR id IN (SELECT file FROM links WHERE collection = ({COLLECTION})))",
            (object_key(instance, did), instance, did.scope, did.name),
        )

    def links_of(self, files: Sequence[int]) -> list[str]:
        """The view paths of these files."""
        rows = self._read(f"SELECT path FROM links WHERE file IN {ANY_OF}", (json_list(files),))
        return [str(path) for (path,) in rows]

    # What may leave

    def evictable(self, keep_jobs: Sequence[str], limit: int) -> list[tuple[int, str, int]]:
        """The least recently used objects that no pin and none of these jobs hold: number, key, bytes."""
        return self._read(
            f"SELECT id, key, bytes FROM files WHERE {MAY_LEAVE} ORDER BY used_at LIMIT ?",
            (json_list(keep_jobs), limit),
        )

    def evictable_bytes(self, keep_jobs: Sequence[str]) -> int:
        """What `evictable` could take away in all."""
        ((size,),) = self._read(f"SELECT total(bytes) FROM files WHERE {MAY_LEAVE}", (json_list(keep_jobs),))
        return int(size)

    def failed_keys(self, keep_jobs: Sequence[str]) -> list[str]:
        """Files that failed and that none of these jobs wants; a part of them may be in the store."""
        rows = self._read(
            f"SELECT key FROM files WHERE state = 'failed' AND NOT EXISTS ({HELD})", (json_list(keep_jobs),)
        )
        return [str(key) for (key,) in rows]

    def held(self, file: int, jobs: Sequence[str]) -> bool:
        """Whether a pin or one of these jobs holds the file."""
        return bool(
            self._read(
                f"SELECT 1 FROM files WHERE id = ? AND (pinned OR EXISTS ({HELD}))", (file, json_list(jobs))
            )
        )

    def removed(self, files: Sequence[int], state: Literal["evicted", "queued"]) -> None:
        """Files that left the store, and the views with it; `queued` ones are to come again."""
        numbers = [(file,) for file in files]
        with self._transaction() as db:
            db.executemany("DELETE FROM links WHERE file = ?", numbers)
            db.executemany("UPDATE members SET shown = NULL, here = 0 WHERE file = ?", numbers)
            db.executemany(f"UPDATE files SET state = '{state}' WHERE id = ?", numbers)

    def pin(self, job: str, pinned: bool) -> None:
        with self._transaction() as db:
            db.execute(
                "UPDATE files SET pinned = ? WHERE id IN (SELECT file FROM members WHERE job = ?)",
                (int(pinned), job),
            )
