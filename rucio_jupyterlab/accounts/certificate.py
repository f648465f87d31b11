"""When a PEM file's certificates expire, without a library for it: the little of DER that this needs."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timezone
from pathlib import Path

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_UTC_TIME = 0x17
_VERSION = 0xA0


def expires_at(pem: Path) -> float | None:
    """When the first certificate of a chain lapses, in seconds since 1970; None if there is none to read.

    Of a proxy file that is the earliest: a proxy lapses with the certificate that it was made from.
    """
    try:
        blocks = _PEM.findall(pem.read_bytes())
        return min((_not_after(base64.b64decode(block)) for block in blocks), default=None)
    except (OSError, ValueError, IndexError, binascii.Error):
        return None


def _not_after(der: bytes) -> float:
    """`Certificate → tbsCertificate → validity → notAfter`."""
    _, certificate, _ = _element(der, 0)
    _, body, _ = _element(certificate, 0)
    tag, _, position = _element(body, 0)
    if tag != _VERSION:  # version 1 leaves it out
        position = 0
    for _ in ("serialNumber", "signature", "issuer"):
        _, _, position = _element(body, position)
    _, validity, _ = _element(body, position)
    _, _, position = _element(validity, 0)
    tag, text, _ = _element(validity, position)
    moment = text.decode("ascii")
    if tag == _UTC_TIME:  # two digits for the year: those from 50 on are of the last century
        moment = ("20" if moment < "50" else "19") + moment
    return datetime.strptime(moment, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()


def _element(der: bytes, start: int) -> tuple[int, bytes, int]:
    """The element at `start`: its tag, its content, and where the next one begins."""
    tag, length, start = der[start], der[start + 1], start + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[start : start + count], "big"), start + count
    return tag, der[start : start + length], start + length
