"""Why a server's certificate is not trusted here, more exactly than an HTTP library tells."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT = 10.0
"""Seconds."""

_EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 10, 62, 64
"""OpenSSL's numbers of what verification found."""

Explanation = tuple[str, str]
"""What is wrong, and what mends it; a sentence each."""


def explain_certificate(url: str, ca: str | None) -> Explanation | None:
    """What is wrong with the certificate at an https `url`, or with `ca` (a file, or a hashed folder).

    None where nothing is wrong with them, or the server cannot be asked.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    try:
        context = _context(ca)
    except OSError:  # ssl.SSLError among them
        return f"{ca} is no readable PEM file.", "Correct rucio_ca_cert."
    try:
        with socket.create_connection((parts.hostname, parts.port or 443), timeout=TIMEOUT) as connection:
            context.wrap_socket(connection, server_hostname=parts.hostname).close()
    except ssl.SSLCertVerificationError as error:
        return _explain(error.verify_code)
    except OSError:
        return None
    return None


def _context(ca: str | None) -> ssl.SSLContext:
    if ca is not None and Path(ca).is_dir():
        return ssl.create_default_context(capath=ca)
    return ssl.create_default_context(cafile=ca)


def _explain(verify_code: int) -> Explanation:
    if verify_code == _EXPIRED:
        return "Its certificate has expired.", "Tell who runs it; and check this machine's clock."
    if verify_code in (_OTHER_HOST, _OTHER_ADDRESS):
        return "Its certificate is for another host.", "Correct rucio_base_url."
    return (
        "Its certificate is signed by an authority that this machine does not trust.",
        "Set rucio_ca_cert to the PEM file of that authority.",
    )
