"""HTML for a cell: plain elements in the notebook's own colours, every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG_WORD = 20
"""Characters; a longer word, a name or a path, may break anywhere so that the table keeps to its width."""


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    total: int,
    summary: str,
    unfolded: bool = False,
) -> str:
    """A folded table of `rows`, the first of `total`; nothing where there are none."""
    if not rows:
        return ""
    titles = "".join(f'<th scope="col" style="{_style(title)}">{escape(title)}</th>' for title in head)
    body = "".join(_row(row) for row in rows)
    more = f"<p>… and {total - len(rows):,} more</p>" if total > len(rows) else ""
    opened = " open" if unfolded else ""
    return (
        f"<details{opened}><summary>{escape(summary)}</summary>"
        f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{more}</details>"
    )


def _row(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f'<td style="{_style(cell)}">{escape(cell)}</td>' for cell in cells) + "</tr>"


def _style(cell: str) -> str:
    breaking = any(len(word) > LONG_WORD for word in cell.split())
    return "text-align: left" + ("; overflow-wrap: anywhere" if breaking else "")


def progress(title: str, fraction: float, line: str, remarks: Sequence[str]) -> str:
    """A title, a bar, a line of numbers, and what else there is to say."""
    said = "".join(f"<div>{escape(remark)}</div>" for remark in remarks)
    return (
        f'<div><div style="overflow-wrap: anywhere"><strong>{escape(title)}</strong></div>'
        f'<progress max="1" value="{fraction:.3f}" aria-label="{escape(title)}" '
        'style="width: 100%; max-width: 30em; accent-color: var(--jp-brand-color1)"></progress>'
        f"<div>{escape(line)}</div>{said}</div>"
    )
