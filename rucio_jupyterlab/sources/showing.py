"""What a request shows to a storage: `accounts` decides, asked in the words of this room."""

from __future__ import annotations

from ..accounts.accounts import Accounts, Credential, HandedOut
from .model import CredentialFor, Endpoint


def credentials_of(accounts: Accounts) -> CredentialFor:
    """For the byte engine."""

    def credential(instance: str, endpoint: Endpoint, url: str, redirected_from: str | None) -> Credential:
        permit = endpoint.permit
        handed_out = HandedOut(endpoint.url, permit.headers, permit.ca_file) if permit else None
        return accounts.credential(
            instance, endpoint.hosts, url, endpoint.takes_tokens, redirected_from, handed_out
        )

    return credential
