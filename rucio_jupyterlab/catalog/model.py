"""What the catalogue answers: immutable values, ready for the wire."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..did import Did, DidType

SearchType = Literal["all", "collection", "dataset", "container", "file"]
Comparison = Literal["=", "!=", "<", "<=", ">", ">="]
Media = Literal["disk", "tape"]
Reach = Literal["http", "mount", "root-only", "tape", "none"]
"""How the files can be had: over HTTP, on a mount, by xrootd alone, from tape after a recall, not at all."""


class MetadataFilter(msgspec.Struct, frozen=True):
    """One condition on the metadata; several are joined by AND."""

    key: str
    comparison: Comparison
    value: str | int | float | bool


class SearchQuery(msgspec.Struct, frozen=True, tag="search", tag_field="kind"):
    """DIDs of a scope by name; `*` stands for any text."""

    scope: str
    name: str = "*"
    type: SearchType = "collection"
    filters: list[MetadataFilter] = []


class ContentQuery(msgspec.Struct, frozen=True, tag="content", tag_field="kind"):
    """What a dataset or container holds, one level down."""

    did: Did


class DidListQuery(msgspec.Struct, frozen=True, tag="dids", tag_field="kind"):
    """DIDs that the user pasted, one a line; unknown ones are shown as such."""

    dids: list[Did]


ListingQuery = SearchQuery | ContentQuery | DidListQuery


class DidRow(msgspec.Struct, frozen=True):
    """One DID in a list, as cheap as Rucio's own answer; `DidSummary` tells the rest."""

    did: Did
    type: DidType
    bytes: int | None = None
    """Size in bytes; None where Rucio does not know it yet (an open collection)."""
    files: int | None = None
    adler32: str | None = None
    missing: bool = False
    """A pasted DID that Rucio does not know."""


class ListingPage(msgspec.Struct, frozen=True):
    """A page of a listing whose rest may still be arriving."""

    listing_id: str
    offset: int
    rows: list[DidRow]
    rows_so_far: int
    complete: bool
    """All of Rucio's answer is here."""
    cut: str | None = None
    """Why the answer ended early, as a sentence; then `complete` is false for good."""
    seconds: float = 0.0
    """Since the question was asked; stands still once the answer has ended."""


class DidSummary(msgspec.Struct, frozen=True):
    """What a row shows beyond its name; asked for the rows in sight alone."""

    did: Did
    type: DidType
    bytes: int | None
    files: int | None
    open: bool
    """Still growing: files may be attached."""
    rses: int
    reach: Reach
    staged_files: int
    """Of its files, how many are in the store."""
    staged_path: str | None = None
    """The folder or file in the view; None where nothing is staged, or only among the files of a larger
    collection, which have one folder together."""


class RseReplicas(msgspec.Struct, frozen=True):
    """The replicas of one DID at one RSE."""

    rse: str
    files: int
    """How many of the DID's files are available here."""
    files_total: int
    bytes: int
    media: Media
    schemes: list[str]
    """Protocols that Rucio offers here: `davs`, `https`, `root`, `file`."""
    reach: Reach
    state: str
    """Rucio's word where all are alike (`AVAILABLE`), else `MIXED`; `SUSPENDED` where nobody may read for now."""
    bytes_per_second: float | None = None
    """Measured when last read from; None where it never was."""


class ReplicaTable(msgspec.Struct, frozen=True):
    """Where a DID's files are."""

    did: Did
    rses: list[RseReplicas]
    files_total: int
    files_without_replica: int = 0
    files_in_archives: int = 0
    """Constituents of zip archives, which cannot be taken out yet."""
    pfns: list[str] = []
    """For a single file: its addresses, signed ones without their query."""


class Rule(msgspec.Struct, frozen=True):
    id: str
    account: str
    rse_expression: str
    copies: int
    state: str
    locks_ok: int
    locks_replicating: int
    locks_stuck: int
    expires_at: str | None = None
    """ISO 8601, UTC."""
    error: str | None = None


class Metadata(msgspec.Struct, frozen=True):
    did: Did
    values: dict[str, Any]
    """Sorted by key; keys without a value are left out."""


class Scopes(msgspec.Struct, frozen=True):
    """Scopes that match, most fitting first."""

    scopes: list[str]
    total: int
    """How many match; `scopes` may be cut to the limit asked for."""


class Pfn(msgspec.Struct, frozen=True):
    """One address of a file; for staging, not for the wire: it may be signed."""

    url: str
    rse: str
    scheme: str
    media: Media
    in_archive: bool = False
    """The address is that of a zip archive which holds the file, not the file's own."""
    hosts: tuple[str, ...] = ()
    """The `host:port` of the RSE's protocols, the only ones that a secret for this RSE may go to."""
    takes_tokens: bool = False
    """The RSE takes the user's OIDC token."""
    is_local: bool = False
    """The RSE is at the site of the instance's configuration, and this is its address for the site's own network."""


class FileReplicas(msgspec.Struct, frozen=True):
    """One file and where it can be had from, in Rucio's order; without addresses, it is nowhere."""

    did: Did
    bytes: int | None
    adler32: str | None
    md5: str | None
    pfns: list[Pfn]


class Description(msgspec.Struct, frozen=True):
    """What Rucio knows of a DID, counted down to its files."""

    did: Did
    type: DidType
    bytes: int
    files: int
    open: bool
    """Still growing: files may be attached."""
