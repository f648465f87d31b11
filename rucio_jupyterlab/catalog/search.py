"""From a question of ours to Rucio's: pure functions."""

from __future__ import annotations

from ..errors import BadRequest
from .model import Comparison, MetadataFilter, SearchQuery

COLUMN_KEYS = frozenset(
    {
        "access_cnt",
        "accessed_at",
        "adler32",
        "bytes",
        "campaign",
        "closed_at",
        "constituent",
        "created_after",
        "created_at",
        "created_before",
        "datatype",
        "deleted_at",
        "eol_at",
        "events",
        "expired_at",
        "guid",
        "hidden",
        "is_archive",
        "is_new",
        "length",
        "lifetime",
        "lumiblocknr",
        "md5",
        "name",
        "panda_id",
        "phys_group",
        "prod_step",
        "project",
        "provenance",
        "purge_replicas",
        "run_number",
        "stream_name",
        "task_id",
        "transient",
        "version",
    }
)
"""Metadata that Rucio keeps in columns; all else is JSON, and one question cannot ask for both."""

_SUFFIXES: dict[Comparison, str] = {"=": "", "!=": ".ne", "<": ".lt", "<=": ".lte", ">": ".gt", ">=": ".gte"}
_WILDCARDS = frozenset("*%?")


def column_parameters(query: SearchQuery) -> dict[str, str]:
    """Parameters of the search that gives whole rows: name, type, and the filters on columns."""
    conditions = [one for one in query.filters if one.key in COLUMN_KEYS]
    return _parameters(query, conditions) | {"type": query.type, "long": "1"}


def json_parameters(query: SearchQuery) -> dict[str, str] | None:
    """Parameters of the search that gives the names that the JSON filters let through; None without any.

    It knows no types, so its answer must be joined with that of `column_parameters`.
    """
    conditions = [one for one in query.filters if one.key not in COLUMN_KEYS]
    return _parameters(query, conditions) | {"type": "all"} if conditions else None


def has_wildcards(text: str) -> bool:
    return bool(_WILDCARDS & set(text))


def _parameters(query: SearchQuery, conditions: list[MetadataFilter]) -> dict[str, str]:
    group: dict[str, str | int | float | bool] = {"name": query.name.replace("%", "*") or "*"}
    for condition in conditions:
        if not condition.key or "." in condition.key:
            raise BadRequest(f"“{condition.key}” is not a key of metadata: it must have no dot.")
        key = condition.key + _SUFFIXES[condition.comparison]
        if group.get(key, "*") != "*":
            raise BadRequest(f"Two conditions “{condition.key} {condition.comparison}” cannot be joined.")
        group[key] = condition.value
    return {"filters": repr([group])}
