"""How a plan enters the journal: files that other jobs brought, or wait for, are shared with them.

Functions within a transaction; `Journal` calls them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from ..catalog.model import Pfn
from ..did import Did
from .database import ANY_OF, COLLECTION, json_list
from .rows import PlannedFile, decoded_pfns

ON_ITS_WAY = (
    "excluded.state NOT IN ('queued', 'done') AND files.state = 'queued' AND"
    " EXISTS (SELECT 1 FROM members WHERE file = files.id AND wanted AND job <> ?14)"
)
"""A job that cannot have a file, for it takes one RSE alone, does not stop another job that can."""
ARRIVED_MEANWHILE = (
    "excluded.state <> 'done' AND files.state = 'done' AND NOT ?15"
    " AND files.adler32 IS excluded.adler32 AND files.md5 IS excluded.md5"
)
"""What was published since the plan looked is here, whatever the plan says."""
STAYS = f"({ON_ITS_WAY}) OR ({ARRIVED_MEANWHILE})"
ADMIT_FILE = (
    "INSERT INTO files (key, instance, scope, name, bytes, adler32, md5, state, pfns, outside,"
    " problem, verified, used_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (key) DO UPDATE SET instance=excluded.instance, scope=excluded.scope,"
    " name=excluded.name, bytes=excluded.bytes, adler32=excluded.adler32, md5=excluded.md5,"
    f" state=iif({STAYS}, state, excluded.state), pfns=excluded.pfns,"
    f" problem=iif({STAYS}, NULL, excluded.problem),"
    f" outside=iif({STAYS}, outside, excluded.outside),"
    " verified=excluded.verified, used_at=excluded.used_at"
    " RETURNING id"
)
"""Its 14th value is the job's number, for `ON_ITS_WAY`; the 15th is `PlannedFile.missed`."""
ADMIT_MEMBER = (
    "INSERT INTO members (job, file, path, here, collection) VALUES (?,?,?,?,?)"
    " ON CONFLICT (job, file, path) DO UPDATE SET here = max(here, excluded.here), wanted = 1,"
    " collection = excluded.collection, shown = NULL, named = 1"
)
"""The name counts when it leads there, and the user may have deleted it since it did."""


def admit(db: sqlite3.Connection, job: str, files: Sequence[PlannedFile], now: float) -> int:
    """Write a batch of a job's plan; the least number of the files.

    A file that another job still waits for keeps the replicas that this one does not name: a job that
    takes one RSE alone does not narrow another's choice.
    """
    collections = Collections(db)
    earlier = _awaited_elsewhere(db, job, files)
    return min(_admit(db, job, file, earlier.get(file.key), collections, now) for file in files)


def _admit(
    db: sqlite3.Connection,
    job: str,
    file: PlannedFile,
    earlier: list[Pfn] | None,
    collections: Collections,
    now: float,
) -> int:
    values = (
        file.key,
        file.instance,
        file.did.scope,
        file.did.name,
        file.bytes,
        file.adler32,
        file.md5,
        file.state,
        msgspec.json.encode(_joined(file, earlier)),
        file.outside,
        msgspec.json.encode(file.problem) if file.problem else None,
        int(bool(file.adler32 or file.md5)),
        now,
        job,
        file.missed,
    )
    ((number,),) = db.execute(ADMIT_FILE, values).fetchall()
    collection = collections.number(file.instance, file.collection)
    db.execute(ADMIT_MEMBER, (job, number, file.path, int(file.here), collection))
    return int(number)


def _awaited_elsewhere(
    db: sqlite3.Connection, job: str, files: Sequence[PlannedFile]
) -> dict[str, list[Pfn]]:
    """The replicas of those files that another job waits for, by key."""
    rows = db.execute(
        f"SELECT key, pfns FROM files WHERE key IN {ANY_OF} AND state = 'queued' AND"
        " EXISTS (SELECT 1 FROM members WHERE file = files.id AND wanted AND job <> ?)",
        (json_list([file.key for file in files]), job),
    )
    return {key: decoded_pfns(pfns) for key, pfns in rows}


def _joined(file: PlannedFile, earlier: list[Pfn] | None) -> list[Pfn]:
    """A file's replicas as a plan tells them, and what was told earlier of other RSEs."""
    if earlier is None:
        return file.pfns
    told = file.pfns if file.state == "queued" else []
    rses = {pfn.rse for pfn in told}
    return [*told, *(pfn for pfn in earlier if pfn.rse not in rses)]


class Collections:
    """The numbers of collections, within one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[tuple[str, Did], int] = {}

    def number(self, instance: str, did: Did | None) -> int | None:
        if did is None:
            return None
        if (instance, did) not in self._known:
            values = (instance, did.scope, did.name)
            self._db.execute(
                "INSERT OR IGNORE INTO collections (instance, scope, name) VALUES (?, ?, ?)", values
            )
            ((self._known[instance, did],),) = self._db.execute(COLLECTION, values).fetchall()
        return self._known[instance, did]
