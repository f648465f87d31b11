"""What a reply's head says, and whether it is the one that was asked for. Pure; libcurl feeds it lines."""

from __future__ import annotations

import re

from ...pauses import asked_for
from ..failures import ReplicaFailure, of_status

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUS = re.compile(rb"HTTP/\S+\s+(\d{3})", re.ASCII)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)$", re.ASCII)
_WHOLE_SIZE = re.compile(r"bytes \*/(\d{1,19})$", re.ASCII)
_NUMBER = re.compile(r"\d{1,19}", re.ASCII)
# The first bytes of the only lines that matter; the others are passed over unread.
_WANTED = (b"et", b"co", b"la", b"lo", b"re")


class ReplyHead:
    """Status and the few headers that decide what happens next."""

    __slots__ = ("_fields", "status")

    def __init__(self) -> None:
        self.status = 0
        self._fields: dict[bytes, bytes] = {}

    def clear(self) -> None:
        """Forget the last reply."""
        self.status = 0
        self._fields.clear()

    def tell(self, status: int, *, location: bytes | None, retry_after: int) -> None:
        """What libcurl knows of a head whose lines nobody read; 0 seconds stands for none."""
        self.clear()
        self.status = status
        if location:
            self._fields[b"location"] = location
        if retry_after:
            self._fields[b"retry-after"] = str(retry_after).encode()

    def feed(self, line: bytes) -> bool:
        """Take one line as it came; True when the head of a final reply is complete."""
        if line[:5] == b"HTTP/":
            self._fields.clear()
            match = _STATUS.match(line)
            self.status = int(match[1]) if match else 0
        elif line in (b"\r\n", b"\n"):
            return self.status >= 200
        elif line[:2].lower() in _WANTED:
            name, _, value = line.partition(b":")
            self._fields[name.lower()] = value.strip()
        return False

    def field(self, name: bytes) -> str | None:
        """One of the headers that are kept; `name` is in lower case."""
        value = self._fields.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def location(self) -> str | None:
        """Where a redirect points to; None for any other reply."""
        return self.field(b"location") if self.status in REDIRECTS else None

    @property
    def validator(self) -> str | None:
        """What changes when the file does: a strong ETag, else Last-Modified."""
        etag = self.field(b"etag")
        return etag if etag and not etag.startswith("W/") else self.field(b"last-modified")

    @property
    def retry_after(self) -> float | None:
        """Seconds, at most `LONGEST_PAUSE_ASKED_FOR`."""
        return asked_for(self.field(b"retry-after"))

    def total(self) -> int | None:
        """Size of the whole file in bytes, where the reply tells it."""
        if self.status == 206:
            match = _CONTENT_RANGE.match(self.field(b"content-range") or "")
            return int(match[3]) if match and match[3] != "*" else None
        length = self.field(b"content-length")
        return int(length) if length and _NUMBER.fullmatch(length) else None

    def failure(self, rse: str, *, offset: int, ranged: bool, signed: bool) -> ReplicaFailure | None:
        """Why this is not the reply that was hoped for, or None. A redirect is none."""
        if self.status in REDIRECTS:
            return None if self.location else ReplicaFailure("bad-redirect", rse, self.status)
        if ranged and self.status == 200:
            return ReplicaFailure("ignores-ranges", rse)
        if ranged and self.status == 416 and self._might_have(offset):
            return ReplicaFailure("ignores-ranges", rse)
        if self.status == (206 if ranged else 200):
            if ranged:
                match = _CONTENT_RANGE.match(self.field(b"content-range") or "")
                if match is None or int(match[1]) != offset:
                    return ReplicaFailure("ignores-ranges", rse)
            return None
        if self.status < 400:
            return ReplicaFailure("server-error", rse, self.status)
        return of_status(rse, self.status, signed=signed, retry_after=self.retry_after)

    def _might_have(self, offset: int) -> bool:
        """Whether a refused range may be there all the same: some storages refuse any range."""
        match = _WHOLE_SIZE.match(self.field(b"content-range") or "")
        return match is None or int(match[1]) > offset
