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
        return f"{head}.{body}.{self._signature(f'{head}.{body}')}"

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims; None if the token is not ours, or no longer valid."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        body = signed.rpartition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims if claims["exp"] > time.time() else None

    def lapse(self) -> None:
        """From now on no token made before is valid."""
        self._key = secrets.token_bytes(32)

    def _signature(self, text: str) -> str:
        return _encode(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
