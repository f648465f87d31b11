"""The uploads under way, the oldest first, and how they keep out of each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..did import Did

if TYPE_CHECKING:
    from .upload import Upload


class Fleet:
    """May be used by several threads."""

    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}

    def __iter__(self) -> Iterator[Upload]:
        """As they are now."""
        return iter(tuple(self._uploads.values()))

    def add(self, upload: Upload) -> None:
        self._uploads[upload.record.id] = upload

    def remove(self, number: str) -> None:
        del self._uploads[number]

    def get(self, number: str) -> Upload | None:
        return self._uploads.get(number)

    def ahead_of(self, upload: Upload) -> dict[Did, Upload]:
        """Files that older uploads are to bring to the same RSE, each with the oldest of these."""
        found: dict[Did, Upload] = {}
        for other in self._older(upload):
            if other.may_send:
                for file in other.record.left():
                    found.setdefault(file.did, other)
        return found

    def asks(self, upload: Upload) -> bool:
        """Whether it is this upload that asks a cloud which refuses the sign-in; the oldest one does, for all."""
        return not any(other.asks_a_cloud for other in self._older(upload))

    def _older(self, upload: Upload) -> Iterator[Upload]:
        """Those to the same RSE."""
        request = upload.record.request
        for other in self:
            if other is upload:
                return
            if (other.record.request.instance, other.record.request.rse) == (request.instance, request.rse):
                yield other
