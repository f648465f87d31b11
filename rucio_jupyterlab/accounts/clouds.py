"""How the user signs in at CS3 gateways: what the configuration says, cut down to what `destinations` lets go there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from ..config import Instance
from ..config.sources import cloud_section_of_rucio_cfg
from .destinations import GatewaySecret, gateway_secret_for

HOSTS_VARIABLE = "RUCIO_CS3_HOSTS"
_TOKEN_VARIABLES = ("RUCIO_CS3_TOKEN_FILE", "RUCIO_CS3_TOKEN", "RUCIO_CS3_TOKEN_KIND")


class CloudSignIn(msgspec.Struct, frozen=True):
    """Where the secret for one gateway comes from; it is read only when it is shown."""

    secret: GatewaySecret = "nothing"  # noqa: S105 - the kind of a secret
    section: dict[str, str] = {}
    """The options of a section `[cs3:HOST]`."""
    variables: dict[str, str] = {}
    """Those of RUCIO_CS3_* that are for this gateway."""

    def __repr__(self) -> str:  # a section of rucio.cfg may hold the secret itself
        return f"CloudSignIn({self.secret!r})"


def sign_in_at(
    instance: Instance,
    host: str,
    port: int,
    environ: Mapping[str, str],
    *,
    takes_rucio_tokens: bool,
    has_oidc: Callable[[], bool],
) -> CloudSignIn:
    """What may be shown to the gateway at `host` and `port` for the sake of an instance's RSE."""
    cloud = instance.cs3.get(f"{host}:{port}") or instance.cs3.get(host)
    own = cloud.section() if cloud else {}
    trusted = instance.source != "user"  # an instance that the site does not know gets its own keys alone
    section = cloud_section_of_rucio_cfg(environ, host, port) if trusted and not own else {}
    named = {one.strip().lower() for one in environ.get(HOSTS_VARIABLE, "").split(",") if one.strip()}
    secret = gateway_secret_for(
        own=bool(own),
        section=bool(section),
        variables=trusted and host in named,
        rucio_token=takes_rucio_tokens and has_oidc(),
    )
    if secret in ("own", "section"):
        return CloudSignIn(secret, own or section)
    if secret == "variables":  # noqa: S105 - the kind of a secret
        told = {key: environ[key] for key in (HOSTS_VARIABLE, *_TOKEN_VARIABLES) if key in environ}
        return CloudSignIn(secret, variables=told)
    return CloudSignIn(secret)
