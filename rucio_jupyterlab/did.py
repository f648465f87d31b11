"""The data identifier: how Rucio names a file, a dataset or a container."""

from __future__ import annotations

from typing import Literal

import msgspec

from .errors import BadRequest

DidType = Literal["file", "dataset", "container"]


class Did(msgspec.Struct, frozen=True, order=True):
    """`scope:name`, unique within one Rucio instance."""

    scope: str
    name: str

    def __str__(self) -> str:
        return f"{self.scope}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Did:
        """Read `scope:name`; the name may hold further colons. Raises BadRequest."""
        scope, colon, name = text.strip().partition(":")
        if not (scope and colon and name):
            raise BadRequest(f"“{text.strip()}” is not a DID: write it as scope:name.")
        return cls(scope, name)
