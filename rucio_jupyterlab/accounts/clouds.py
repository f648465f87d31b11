"""How the user signs in at CS3 gateways: what the configuration says, cut down to what `destinations` lets go there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from ..config import Cloud, Instance
from ..config.sources import cloud_section_of_rucio_cfg
from .destinations import GatewaySecret, gateway_secret_for

HOSTS_VARIABLE = "RUCIO_CS3_HOSTS"
_SIGN_IN_OPTIONS = {"auth", "user", "secret", "secret_file", "secret_env", "token_kind"}
_TOKEN_VARIABLES = ("RUCIO_CS3_TOKEN_FILE", "RUCIO_CS3_TOKEN", "RUCIO_CS3_TOKEN_KIND")


class CloudSignIn(msgspec.Struct, frozen=True):
    """Where the secret for one gateway comes from; it is read only when it is shown."""

    secret: GatewaySecret = "nothing"  # noqa: S105 - the kind of a secret
    section: dict[str, str] = {}
    """The options of a section `[cs3:HOST]`; also what it says beside the sign-in."""
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
    cloud = instance.cs3.get(f"{host}:{port}") or instance.cs3.get(host) or Cloud()
    trusted = instance.source != "user"  # an instance that the site does not know gets its own keys alone
    section = {} if cloud.signs_in or not trusted else cloud_section_of_rucio_cfg(environ, host, port)
    named = {one.strip().lower() for one in environ.get(HOSTS_VARIABLE, "").split(",") if one.strip()}
    secret = gateway_secret_for(
        own=cloud.signs_in,
        section=bool(section.keys() & _SIGN_IN_OPTIONS),
        variables=trusted and host in named,
        rucio_token=takes_rucio_tokens and has_oidc(),
    )
    shown = secret == "variables"  # noqa: S105 - the kind of a secret
    names = (HOSTS_VARIABLE, *_TOKEN_VARIABLES) if shown else ()
    variables = {key: environ[key] for key in names if key in environ}
    return CloudSignIn(secret, section | cloud.section(), variables)
