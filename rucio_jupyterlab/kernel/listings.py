"""What the catalogue and the list of jobs look like in a cell: sequences with a readable form."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Sequence, overload  # noqa: UP035 - subscripted below, on Python 3.8

from . import words
from .html import table

if TYPE_CHECKING:
    from .model import Found, Job, Listing

SHOWN = 20
"""Rows that a representation shows."""


class Dids(Sequence[str]):
    """DIDs of a search or of a collection, as `scope:name`; `rows` tells type, size and files."""

    def __init__(self, listing: Listing) -> None:
        self.rows: tuple[Found, ...] = listing.rows
        self.complete = listing.complete
        """False: there are more than these."""
        self.cut = listing.cut
        """Why Rucio's answer ended early, as a sentence; None where it did not."""

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [row.did for row in self.rows[index]]
        return self.rows[index].did

    def __len__(self) -> int:
        return len(self.rows)

    def _headline(self) -> str:
        text = words.count(len(self), "DID")
        if self.cut:
            return f"{text}, cut: {self.cut}"
        return text if self.complete else f"The first {text}; a higher limit shows more."

    def __repr__(self) -> str:
        lines = [f"  {row.did}  {_about(row)}" for row in self.rows[:SHOWN]]
        more = [f"  … and {len(self) - SHOWN:,} more"] if len(self) > SHOWN else []
        return "\n".join(map(words.printable, [self._headline(), *lines, *more]))

    def _repr_html_(self) -> str:
        return (
            table(
                ["DID", "Type", "Files", "Size"],
                [
                    (row.did, row.type, "" if row.files is None else f"{row.files:,}", _size(row.bytes))
                    for row in self.rows[:SHOWN]
                ],
                total=len(self),
                summary=self._headline(),
                unfolded=True,
            )
            or f"<p>{escape(self._headline())}</p>"
        )


class JobList(Sequence["Job"]):
    """Jobs, newest first."""

    def __init__(self, jobs: list[Job]) -> None:
        self._jobs = tuple(jobs)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Job, ...]: ...
    def __getitem__(self, index: int | slice) -> Job | tuple[Job, ...]:
        return self._jobs[index]

    def __len__(self) -> int:
        return len(self._jobs)

    def __repr__(self) -> str:
        return "\n".join(map(_line, self)) or "Nothing staged yet."

    def _repr_html_(self) -> str:
        rows = [
            (words.title(job), words.state(job), words.numbers(job), job.path or "") for job in self[:SHOWN]
        ]
        heading = words.count(len(self), "job")
        return (
            table(["DID", "State", "Progress", "Path"], rows, total=len(self), summary=heading, unfolded=True)
            or "<p>Nothing staged yet.</p>"
        )


def _line(job: Job) -> str:
    """`s:run1: done, 20.1 MB · 20 / 20 files`; without numbers as long as there are none."""
    said = ", ".join(filter(None, (words.state(job), words.numbers(job))))
    return words.printable(f"{words.title(job)}: {said}")


def _about(row: Found) -> str:
    parts = [row.type]
    if row.files is not None and row.type != "file":
        parts.append(words.count(row.files, "file"))
    if row.bytes is not None:
        parts.append(words.size(row.bytes))
    return " · ".join(parts)


def _size(count: int | None) -> str:
    return "" if count is None else words.size(count)
