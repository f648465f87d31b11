"""What staging gives back: the paths, as a list, and what is not among them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from html import escape
from typing import TYPE_CHECKING, List, overload  # noqa: UP035 - subscripted below, on Python 3.8

from . import words
from .html import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import SupportsIndex

    from .model import Job, Transfer

SHOWN = 10
"""Paths and missing files that a representation shows."""


class Files(List[str]):  # noqa: UP006 - on Python 3.8
    """The absolute paths of the staged files, in the order of their names, as a list.

    Every path in it can be opened. What could not be had is never in it as a path:
    `missing` tells which files and why.
    """

    def __init__(self, transfers: Iterable[Transfer], job: Job) -> None:
        every = sorted(transfers, key=lambda transfer: transfer.did)
        self.job = job
        """The job as it ended."""
        self.available: tuple[Transfer, ...] = tuple(t for t in every if t.path is not None)
        """The files behind the paths, in the same order: their DID, size, RSE."""
        self.missing: tuple[Transfer, ...] = tuple(t for t in every if t.path is None)
        """Files of the job that cannot be opened; each has a `reason`."""
        super().__init__(t.path for t in self.available if t.path is not None)

    @property
    def failed(self) -> tuple[Transfer, ...]:
        """Those of `missing` whose transfer failed: staging again may mend it."""
        return tuple(t for t in self.missing if t.state == "failed")

    @property
    def unverified(self) -> tuple[Transfer, ...]:
        """Files that are here, but for which Rucio knows no checksum."""
        return tuple(t for t in self.available if not t.verified)

    @property
    def folder(self) -> str | None:
        """Absolute path of the folder they lie in, or of the one file."""
        return self.job.path

    @property
    def bytes(self) -> int:
        """Size of all that is here."""
        return sum(t.bytes or 0 for t in self.available)

    def select(self, pattern: str) -> Files:
        """Those whose name, or its last part, matches a shell pattern such as `*.root`."""
        return self._where(lambda t: _matches(t.did, pattern))

    def _where(self, wanted: Callable[[Transfer], bool]) -> Files:
        return Files(filter(wanted, self.available + self.missing), self.job)

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Files: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str | Files:
        if not isinstance(index, slice):
            return super().__getitem__(index)
        paths = super().__getitem__(index)
        behind = {t.path: t for t in self.available}
        part = Files((), self.job)
        part.available = tuple(behind[path] for path in paths if path in behind)
        part.extend(paths)
        return part

    def __repr__(self) -> str:
        lines = [f"{self._headline()}{f' in {self.folder}' if self.folder else ''}"]
        lines += [f"  {path}" for path in list(self)[:SHOWN]]
        if len(self) > SHOWN:
            lines.append(f"  … and {len(self) - SHOWN:,} more")
        if self.missing:
            lines.append(f"{words.count(len(self.missing), 'file')} missing:")
            lines += [f"  {t.did}: {t.reason}" for t in self.missing[:SHOWN]]
            if len(self.missing) > SHOWN:
                lines.append(f"  … and {len(self.missing) - SHOWN:,} more, see .missing")
        return "\n".join(map(words.printable, lines))

    def _repr_html_(self) -> str:
        folder = f" in <code>{escape(self.folder)}</code>" if self.folder else ""
        here = table(
            ["File", "Size", "Path"],
            [(_name(t.did), words.size(t.bytes), t.path or "") for t in self.available[:SHOWN]],
            total=len(self),
            summary="Paths",
        )
        absent = table(
            ["File", "Why"],
            [(_name(t.did), t.reason or "") for t in self.missing[:SHOWN]],
            total=len(self.missing),
            summary=f"{words.count(len(self.missing), 'file')} missing",
            unfolded=True,
        )
        return f"<div><p><strong>{escape(self._headline())}</strong>{folder}</p>{absent}{here}</div>"

    def _headline(self) -> str:
        text = f"{words.count(len(self), 'file')}, {words.size(self.bytes)}"
        if self.unverified:
            text += f", {len(self.unverified):,} unverified"
        return text


def _name(did: str) -> str:
    return did.partition(":")[2]


def _matches(did: str, pattern: str) -> bool:
    name = _name(did)
    return fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[2], pattern)
