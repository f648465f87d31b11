"""Rucio's own client, bound to one instance. Needs `rucio-clients`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rucio.client import Client

if TYPE_CHECKING:
    from .instance import Instance


class InstanceClient(Client):  # type: ignore[misc, unused-ignore]
    """Signed in, in one of the ways that Rucio's client knows.

    Its token lies in the instance's folder: Rucio's default path is shared between all servers.
    """

    def __init__(
        self,
        instance: Instance,
        account: str,
        auth_type: Literal["userpass", "x509", "x509_proxy"],
        credentials: dict[str, str],
    ) -> None:
        """`credentials` are what Rucio's client takes: `username` and `password`, `client_cert`, …"""
        self._tokens = instance.home / "tokens"
        super().__init__(
            rucio_host=instance.url,
            auth_host=instance.url,
            account=account,
            ca_cert=str(instance.ca) if instance.ca else None,
            auth_type=auth_type,
            creds=credentials,
            timeout=60,
            user_agent="rucio-mesh-testing",
            vo="def",
        )

    def _get_auth_tokens(self) -> tuple[str | None, str, str, str]:
        token = f"{self._tokens}/{self.account}.{self.auth_type}"
        return None, f"{token}.expires", token, str(self._tokens)
