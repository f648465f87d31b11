"""`rucio_mesh.wsgi`, fit for one process on SQLite. Runs in the server's environment.

Three things differ from it: caches live in the process, for there is no memcached; JSON metadata
work on SQLite, which Rucio excludes by name; and the name in a client's certificate reaches Rucio under the
variables that Apache's mod_ssl would set.

Import this before anything of `rucio.core`: its caches are made when its modules are imported. One worker
process per instance: entries of another one's cache would be stale until they expire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import rucio.common.cache
import rucio.db.sqla.util
from dogpile.cache.region import CacheRegion

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
    "domainComponent": "DC",
    "emailAddress": "emailAddress",
}


class MemoryRegion(CacheRegion):
    """Stands in for `rucio.common.cache.MemcacheRegion`; takes the same arguments."""

    def __init__(
        self,
        expiration_time: int,
        function_key_generator: Callable[..., Any] | None = None,
        memcached_expire_time: int | None = None,
    ) -> None:
        own_keys = {"function_key_generator": function_key_generator} if function_key_generator else {}
        super().__init__(**own_keys)  # type: ignore[arg-type]
        self.configure("dogpile.cache.memory_pickle", expiration_time=expiration_time)


def with_client_certificate(application: Wsgi) -> Wsgi:
    """Set SSL_CLIENT_S_DN and SSL_CLIENT_VERIFY from the TLS connection, and from nothing else."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for forged in [key for key in environ if key.removeprefix("HTTP_").startswith("SSL_CLIENT_")]:
            del environ[forged]
        peer = getattr(environ.get("gunicorn.socket"), "getpeercert", lambda: None)()
        environ["SSL_CLIENT_VERIFY"] = "SUCCESS" if peer else "NONE"
        if peer:
            environ["SSL_CLIENT_S_DN"] = distinguished_name(peer)
        return application(environ, start_response)

    return wrapped


def distinguished_name(certificate: dict[str, Any]) -> str:
    """The subject of `SSLSocket.getpeercert()` as the grid writes it: `/O=Rucio/CN=alice`."""
    parts = (pair for relative_name in certificate["subject"] for pair in relative_name)
    return "".join(f"/{SHORT_NAMES.get(name, name)}={value}" for name, value in parts)


def json_is_implemented(*, session: object = None) -> bool:
    return True


rucio.common.cache.MemcacheRegion = MemoryRegion
rucio.db.sqla.util.json_implemented = json_is_implemented

from rucio_mesh.wsgi import application as production_application  # noqa: E402

application = with_client_certificate(production_application)
