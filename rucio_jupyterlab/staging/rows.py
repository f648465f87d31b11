"""What the journal knows, as values: a file, a job's wish for it, and how they are listed."""

from __future__ import annotations

from typing import Any

import msgspec

from ..catalog.model import Pfn
from ..did import Did
from ..errors import Problem
from .model import TransferState

_pfns = msgspec.json.Decoder(list[Pfn])
_problem = msgspec.json.Decoder(Problem)


FILE_COLUMNS = "f.id, f.key, f.instance, f.scope, f.name, f.bytes, f.adler32, f.md5, f.state, f.pfns"


class FileRow(msgspec.Struct, frozen=True):
    """One file as the journal knows it."""

    id: int
    key: str
    instance: str
    did: Did
    bytes: int | None
    adler32: str | None
    md5: str | None
    state: str
    pfns: list[Pfn]


class PlannedFile(msgspec.Struct, frozen=True):
    """One file of a plan, ready for the journal."""

    key: str
    instance: str
    did: Did
    bytes: int | None
    adler32: str | None
    md5: str | None
    state: TransferState
    pfns: list[Pfn]
    path: str
    """Where it shall appear, relative to the views."""
    here: bool = False
    outside: str | None = None
    """Absolute path outside of the store: on a mount, or in a shared store."""
    problem: Problem | None = None
    collection: Did | None = None
    """The dataset or container that it was asked for with; None: by its own name."""
    missed: bool = False
    """It was noted as here, and is not, or is not what the catalogue says: it has to come again."""


class Known(msgspec.Struct, frozen=True):
    """What an earlier plan has noted of a file."""

    state: str
    bytes: int | None
    adler32: str | None
    md5: str | None
    outside: str | None
    """Absolute path outside of the store, where it was linked from there."""


class FoundLink(msgspec.Struct, frozen=True):
    """A link in the views into the store, and what its place tells of it."""

    path: str
    """Relative to the views."""
    key: str
    instance: str | None = None
    """None where the place does not tell whose file it is."""
    did: Did | None = None
    collection: Did | None = None


class Member(msgspec.Struct, frozen=True):
    """A job's wish for a file."""

    job: str
    file: int
    path: str
    """Where it shall appear, relative to the views; another name is found where that one is taken."""
    shown: bool = False
    """It appears in the view already."""
    collection: int | None = None
    """The journal's number of the collection that it was asked for with."""


class Finished(msgspec.Struct, frozen=True):
    """A file that is in the store now."""

    file: int
    rse: str
    bytes: int
    verified: bool
    adler32: str | None
    md5: str | None
    """What it was fetched by; a plan may have told others since."""


class Tally(msgspec.Struct, frozen=True):
    """How many files of a job are in one state, and their bytes."""

    state: str
    here: bool
    verified: bool
    linked: bool
    files: int
    bytes: int


class Listed(msgspec.Struct, frozen=True):
    """A file of a job as the panel lists it."""

    id: int
    did: Did
    bytes: int | None
    state: str
    rse: str | None
    path: str
    here: bool
    linked: bool
    verified: bool
    problem: Problem | None


def decoded_pfns(text: bytes | None) -> list[Pfn]:
    """Addresses as the journal keeps them; none for a file that is here."""
    return _pfns.decode(text) if text else []


def file_row(row: tuple[Any, ...]) -> FileRow:
    """Of `FILE_COLUMNS`."""
    number, key, instance, scope, name, size, adler32, md5, state, pfns = row
    return FileRow(number, key, instance, Did(scope, name), size, adler32, md5, state, decoded_pfns(pfns))


def listed_row(row: tuple[Any, ...]) -> Listed:
    """Of the columns that `Journal.listed` reads."""
    number, scope, name, size, state, rse, path, here, linked, verified, problem = row
    return Listed(
        number,
        Did(scope, name),
        size,
        state,
        rse,
        path,
        bool(here),
        bool(linked),
        bool(verified),
        _problem.decode(problem) if problem else None,
    )
