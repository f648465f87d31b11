"""HTTP ranges, as Go's file server reads them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Some bytes of a file."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


class Unsatisfiable(Exception):
    """No byte of the file is in the ranges asked for, or they cannot be read."""


def spans(header: str, size: int) -> list[Span]:
    """The ranges to serve; none where the whole file is to be sent. Raises Unsatisfiable."""
    unit, _, text = header.partition("=")
    if unit.strip() != "bytes" or not size:
        return []
    found = [span for each in text.split(",") if each.strip() and (span := _span(each.strip(), size))]
    if not found:
        raise Unsatisfiable
    return found if sum(span.length for span in found) <= size else []


def _span(text: str, size: int) -> Span | None:
    """One range; None if it begins behind the end. Raises Unsatisfiable."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash or not (first or last) or not (first + last).isdecimal():
        raise Unsatisfiable
    if not first:
        length = min(int(last), size)
        return Span(size - length, length) if length else None
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        raise Unsatisfiable
    return Span(start, end - start + 1) if start < size else None
