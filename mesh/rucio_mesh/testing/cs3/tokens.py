"""JSON web tokens, signed with HS256: the gateway's own, and those of single transfers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any


class Mint:
    """Makes tokens of one kind, and knows its own."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        """How long a token is valid that is made from now on."""
        self._key = secrets.token_bytes(32)
        self._made: dict[str, dict[str, Any]] = {}
        """The claims of all tokens that have not lapsed by `lapse`."""

    def issue(self, **claims: Any) -> str:
        now = time.time()
        claims |= {
            "aud": ["reva"],
            "iat": int(now),
            "exp": int(now + self.seconds),
            "jti": secrets.token_hex(8),
        }
        head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        body = _encode(json.dumps(claims).encode())
        token = f"{head}.{body}.{self._signature(f'{head}.{body}')}"
        self._made[token] = claims
        return token

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims; None if the token is not ours, or no longer valid."""
        claims = self._made.get(token)
        return claims if claims and claims["exp"] > time.time() else None

    def lapse(self) -> None:
        """From now on no token made before is valid."""
        self._made = {}

    def _signature(self, text: str) -> str:
        return _encode(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
