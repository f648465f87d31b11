"""The journal: which files are wanted, which are here, and by what names.

It may be lost: jobs are kept beside it as files (`jobs.py`), ranges beside their parts
(`sources/part.py`), and `rebuild.py` reads the rest from the store and the views.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ..catalog.model import Pfn
from ..errors import Problem
from .admission import Collections, admit
from .database import ANY_OF, Database, json_list
from .inventory import Inventory
from .rows import (
    FILE_COLUMNS,
    FileRow,
    Finished,
    FoundLink,
    Known,
    Listed,
    Member,
    PlannedFile,
    Tally,
    file_row,
    listed_row,
)

Ended = Callable[[], bool]
"""Whether a job has not been begun anew: asked within a transaction, so that this cannot come in between."""


class Journal:
    """Safe to use from any thread; every method is one transaction. Raises NoSpace on a full disk."""

    def __init__(self, path: str, place: str = "") -> None:
        """`place` names the store and the views that it is about."""
        self._database = Database(path, place)
        self._read, self._transaction = self._database.read, self._database.transaction
        self.inventory = Inventory(self._database)
        self.fresh = self._database.fresh
        """Nothing of an earlier time is known: what lies in the store has to be taken in."""
        self.inherited = self._last_number()
        """Files up to this number are of an earlier engine, which may have died before it noted that
        one of them is here."""

    def close(self) -> None:
        self._database.close()

    def shrink(self) -> None:
        """Let go of the memory that it does not need at rest."""
        self._database.shrink()

    # Plans

    def begin_plan(self, job: str) -> None:
        """A plan is about to be read, from its beginning: it has named none of the job's files yet."""
        with self._transaction() as db:
            db.execute("UPDATE members SET named = 0 WHERE job = ?", (job,))

    def admit(self, job: str, files: Sequence[PlannedFile], now: float) -> int:
        """Write a batch of a job's plan. Files that other jobs brought are shared, not repeated.

        Returns the least number of the files: those that were known before have earlier ones.
        """
        with self._transaction() as db:
            return admit(db, job, files, now)

    def finish_plan(self, job: str) -> None:
        """All files of the job are admitted since `begin_plan`.

        What is not here, and was named by an earlier plan alone, is the job's no longer: its DIDs hold it no more.
        """
        with self._transaction() as db:
            db.execute(
                "DELETE FROM members WHERE job = ? AND NOT named AND EXISTS (SELECT 1 FROM files"
                " WHERE id = members.file AND state NOT IN ('done', 'kept'))",
                (job,),
            )
            db.execute("INSERT OR REPLACE INTO plans VALUES (?)", (job,))

    def plan_is_complete(self, job: str) -> bool:
        return bool(self._read("SELECT 1 FROM plans WHERE job = ?", (job,)))

    def known(self, keys: Sequence[str]) -> dict[str, Known]:
        """What was noted of those files that are known, by key."""
        rows = self._read(
            f"SELECT key, state, bytes, adler32, md5, outside FROM files WHERE key IN {ANY_OF}",
            (json_list(keys),),
        )
        return {key: Known(*noted) for key, *noted in rows}

    # Transfers

    def queued(self, job: str, after: int, limit: int) -> list[FileRow]:
        """Files of a job that are still to come, in order, behind number `after`."""
        rows = self._read(
            f"SELECT {FILE_COLUMNS} FROM members m JOIN files f ON f.id = m.file"
            " WHERE m.job = ? AND m.file > ? AND m.wanted AND f.state = 'queued'"
            " GROUP BY m.file ORDER BY m.file LIMIT ?",
            (job, after, limit),
        )
        return [file_row(row) for row in rows]

    def bytes_queued(self, job: str) -> int:
        """Of a job's files that are still to come, as far as the plan is read."""
        ((size,),) = self._read(
            "SELECT total(bytes) FROM files WHERE state = 'queued' AND"
            " id IN (SELECT file FROM members WHERE job = ? AND wanted)",
            (job,),
        )
        return int(size)

    def still_queued(self, file: int) -> FileRow | None:
        """A file as it is known now; None where it is not to come any more."""
        rows = self._read(f"SELECT {FILE_COLUMNS} FROM files f WHERE id = ? AND state = 'queued'", (file,))
        return file_row(rows[0]) if rows else None

    def set_pfns(self, pfns: Mapping[int, list[Pfn]]) -> None:
        """The replicas of these files have other addresses now."""
        values = [(msgspec.json.encode(addresses), file) for file, addresses in pfns.items()]
        with self._transaction() as db:
            db.executemany("UPDATE files SET pfns = ? WHERE id = ?", values)

    def members_of(self, files: Sequence[int]) -> list[Member]:
        """Who wants these files."""
        rows = self._read(
            "SELECT job, file, path, shown IS NOT NULL, collection FROM members"
            f" WHERE wanted AND file IN {ANY_OF}",
            (json_list(files),),
        )
        return [
            Member(str(job), file, str(path), bool(shown), collection)
            for job, file, path, shown, collection in rows
        ]

    def unlinked(self, job: str, after: Member | None, limit: int) -> list[tuple[Member, str, str | None]]:
        """Files of a job that are here but not yet in its view, behind one of them: member, key, outside path."""
        rows = self._read(
            "SELECT f.id, f.key, m.path, f.outside, m.collection FROM members m JOIN files f ON f.id = m.file"
            " WHERE m.job = ? AND (m.file, m.path) > (?, ?) AND m.wanted AND m.shown IS NULL AND f.state = 'done'"
            " ORDER BY m.file, m.path LIMIT ?",
            (job, after.file if after else 0, after.path if after else "", limit),
        )
        return [
            (Member(job, file, path, collection=collection), key, outside)
            for file, key, path, outside, collection in rows
        ]

    def finished(self, files: Iterable[Finished], links: Iterable[tuple[Member, str]], now: float) -> None:
        """Note files that are in the store, and the names under which they appear (member, path)."""
        with self._transaction() as db:
            db.executemany(
                "UPDATE files SET state = 'done', rse = ?, bytes = ?, verified = ?, adler32 = ?, md5 = ?,"
                " problem = NULL, pfns = NULL, outside = NULL, used_at = ? WHERE id = ?",
                [
                    (each.rse, each.bytes, int(each.verified), each.adler32, each.md5, now, each.file)
                    for each in files
                ],
            )
            self._note_links(db, links)

    def linked(self, links: Iterable[tuple[Member, str]]) -> None:
        """Note the names under which files appear (member, path)."""
        with self._transaction() as db:
            self._note_links(db, links)

    def _note_links(self, db: sqlite3.Connection, links: Iterable[tuple[Member, str]]) -> None:
        made = list(links)
        db.executemany(
            "UPDATE members SET shown = ? WHERE job = ? AND file = ? AND path = ?",
            [(path, member.job, member.file, member.path) for member, path in made],
        )
        db.executemany(
            "INSERT OR REPLACE INTO links VALUES (?, ?, ?)",
            [(path, member.file, member.collection) for member, path in made],
        )

    def failed(self, file: int, problem: Problem) -> None:
        """Note that a file could not be had, and why."""
        with self._transaction() as db:
            db.execute(
                "UPDATE files SET state = 'failed', problem = ? WHERE id = ?",
                (msgspec.json.encode(problem), file),
            )

    def withdraw(self, job: str, ended: Ended) -> None:
        """The job wants nothing any more."""
        with self._transaction() as db:
            if ended():
                db.execute("UPDATE members SET wanted = 0 WHERE job = ? AND wanted", (job,))

    def forget_job(self, job: str, ended: Ended) -> None:
        """The job is gone; its files and their names stay."""
        with self._transaction() as db:
            if ended():
                db.execute("DELETE FROM members WHERE job = ?", (job,))
                db.execute("DELETE FROM plans WHERE job = ?", (job,))

    def forget_files(self) -> None:
        """Those that are not here and that no job has named are gone, too. To be called while none is on its way."""
        with self._transaction() as db:
            db.execute(
                "DELETE FROM files WHERE state NOT IN ('done', 'kept')"
                " AND NOT EXISTS (SELECT 1 FROM members WHERE file = files.id)"
                " AND NOT EXISTS (SELECT 1 FROM links WHERE file = files.id)"
            )
        self.inherited = self._last_number()

    def forget_plan(self, job: str) -> None:
        """The job is to be planned again; what is here stays."""
        with self._transaction() as db:
            db.execute("DELETE FROM plans WHERE job = ?", (job,))

    # Looking

    def tallies(self, job: str) -> list[Tally]:
        """A job's files, counted by what is known of them."""
        rows = self._read(
            "SELECT f.state, m.here, f.verified, m.shown IS NOT NULL, count(*), total(f.bytes) FROM members m"
            " JOIN files f ON f.id = m.file WHERE m.job = ? GROUP BY 1, 2, 3, 4",
            (job,),
        )
        return [
            Tally(str(state), bool(here), bool(verified), bool(linked), int(files), int(size))
            for state, here, verified, linked, files, size in rows
        ]

    def listed(self, job: str, state: str | None, offset: int, limit: int) -> tuple[list[Listed], int]:
        """A page of a job's files in the order of their numbers, and how many there are."""
        where, values = "m.job = ?", [job]
        if state in ("done", "linked"):
            where += " AND f.state IN ('done', 'kept') AND m.here = ?"
            values.append("1" if state == "linked" else "0")
        elif state is not None:
            where += " AND f.state = ?"
            values.append(state)
        source = f"FROM members m JOIN files f ON f.id = m.file WHERE {where}"
        ((total,),) = self._read(f"SELECT count(*) {source}", values)
        rows = self._read(
            "SELECT f.id, f.scope, f.name, f.bytes, f.state, f.rse, ifnull(m.shown, m.path), m.here,"
            f" m.shown IS NOT NULL, f.verified, f.problem {source} ORDER BY m.file, m.path LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return [listed_row(row) for row in rows], int(total)

    # The beginning of a fresh journal

    def take_in(
        self,
        objects: Iterable[tuple[str, int, float]],
        links: Iterable[FoundLink],
        jobs: Mapping[str, Sequence[FoundLink]],
    ) -> None:
        """What a fresh journal finds on disk: objects (key, bytes, last use), links, and whose they are.

        The objects count as `kept`: present, but believed only when a plan names them again. `jobs` are
        those that have ended, by their number, with the links that they made.
        """
        with self._transaction() as db:
            collections = Collections(db)
            db.executemany(
                "INSERT OR IGNORE INTO files (key, bytes, state, used_at) VALUES (?, ?, 'kept', ?)", objects
            )
            for link in links:
                number = link.instance and collections.number(link.instance, link.collection)
                db.execute(
                    "INSERT OR IGNORE INTO links SELECT ?, id, ? FROM files WHERE key = ?",
                    (link.path, number, link.key),
                )
                if link.did is not None:
                    db.execute(
                        "UPDATE files SET instance = ?, scope = ?, name = ? WHERE key = ?",
                        (link.instance, link.did.scope, link.did.name, link.key),
                    )
            for job, its_links in jobs.items():
                db.executemany(
                    "INSERT OR IGNORE INTO members (job, file, path, shown, collection)"
                    " SELECT ?, file, path, path, collection FROM links WHERE path = ?",
                    [(job, link.path) for link in its_links],
                )
            self._database.settle()
        self.inherited = self._last_number()

    def _last_number(self) -> int:
        return int(self._read("SELECT ifnull(max(id), 0) FROM files")[0][0])

    # Trying again

    def requeue(self, job: str, states: Sequence[str]) -> None:
        """Files of the job in one of these states are to be fetched (again)."""
        with self._transaction() as db:
            db.execute("UPDATE members SET wanted = 1 WHERE job = ?", (job,))
            db.execute(
                "UPDATE files SET state = 'queued', problem = NULL WHERE"
                f" state IN {ANY_OF} AND id IN (SELECT file FROM members WHERE job = ?)",
                (json_list(states), job),
            )

    def wanted_keys(self) -> set[str]:
        """Keys of all files that some job waits for or can be told to try again; their parts are not orphans."""
        rows = self._read(
            "SELECT key FROM files f WHERE state IN ('queued', 'failed') AND"
            " EXISTS (SELECT 1 FROM members m WHERE m.file = f.id AND m.wanted)"
        )
        return {str(key) for (key,) in rows}

    # Speeds

    def speeds(self) -> dict[tuple[str, str], float]:
        """Measured bytes per second, by (instance, RSE)."""
        return {(i, r): s for i, r, s in self._read("SELECT instance, rse, bytes_per_second FROM speeds")}

    def note_speeds(self, speeds: dict[tuple[str, str], float]) -> None:
        """For the next engine."""
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO speeds VALUES (?, ?, ?)",
                [(instance, rse, speed) for (instance, rse), speed in speeds.items()],
            )


def now() -> float:
    """Seconds since 1970."""
    return time.time()
