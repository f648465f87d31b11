"""The texts that docs/cs3.md explains are those that the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import grpc
import pytest
from cs3.rpc.v1beta1 import code_pb2 as codes

import rucio_mesh

PACKAGE = Path(rucio_mesh.__file__).parent
DOCUMENT = Path(__file__).parents[4] / "docs" / "cs3.md"
NOT_OURS = {
    *(
        "STUCK",
        "MISMATCH_SCHEME",
        "NO_SOURCES",
        "The FTS job lost",
        "RSE does not support requested protocol",
    ),
    "No module named 'rucio_mesh'",
}
"""Texts of Rucio's, and of Python's."""
LEFT_OPEN = re.compile(r"'…'|…|\b(?:HOST|N|M)\b|\(\w+\)")
STATUSES = {*codes.Code.keys(), *grpc.StatusCode.__members__}


def explained() -> list[str]:
    rows = DOCUMENT.read_text().split("## Troubleshooting by error text")[1].splitlines()
    texts = [row.split(" | ")[0] for row in rows if row.startswith("| ")]
    return [text for cell in texts for text in re.findall(r"`([^`]+)`", cell) if text not in NOT_OURS]


def said() -> list[str]:
    """All literal pieces of texts in the code."""
    files = (*(PACKAGE / "cs3").glob("*.py"), PACKAGE / "cli.py")
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


PIECES = said()


def unsaid(words: list[str]) -> list[str]:
    """What is left of a text when the pieces are taken from its beginning; a plain word alone is none."""
    while words:
        runs = (count for count in range(len(words), 0, -1) if is_said(words[:count]))
        if not (count := next(runs, 0)):
            return words
        words = words[count:]
    return []


def is_said(words: list[str]) -> bool:
    text = " ".join(words).strip(":,")
    if text in STATUSES or text.isdigit():
        return True
    is_plain_word = text.isalpha() and text.islower()
    return not is_plain_word and any(text in each for each in PIECES)


@pytest.mark.parametrize("text", explained())
def test_a_text_that_is_explained_is_said_somewhere(text: str) -> None:
    fragments = LEFT_OPEN.split(text)
    assert [left for fragment in fragments if (left := unsaid(fragment.strip(" :,").split()))] == []


def test_a_text_that_nothing_says_is_noticed() -> None:
    assert len(explained()) > 40
    assert unsaid(["no", "sign", "of", "death", "from", "the", "data", "endpoint"]) != []
