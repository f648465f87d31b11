"""Files of the user's that go to a storage and into the catalogue.

The bytes are there, verified, before Rucio is told of them; what breaks off in between is taken up by putting the
file again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..catalog.registry import FileAnswer, Registry
from ..config import Options
from ..did import Did
from ..errors import BadConfiguration, BadRequest, Conflict, Denied, RucioRefused
from ..sources.checksum import normalized_adler32
from ..sources.clouds import Clouds, is_installed
from ..sources.showing import credentials_of
from .model import Stored

if TYPE_CHECKING:
    from ..sources.sending import CloudWriter

CS3 = "cs3"


class Uploads:
    """Blocking; may be called by several threads."""

    def __init__(self, accounts: Accounts, catalog: Catalog, options: Callable[[], Options]) -> None:
        self._accounts = accounts
        self._catalog = catalog
        self._options = options

    def put(self, instance: str, path: str, rse: str, did: Did, dataset: Did | None) -> Stored:
        """Store a file at an RSE as `did`, in a dataset that is made where it is missing.

        Raises BadRequest for a file that cannot be read, or an RSE that is no CS3 cloud; Conflict where something
        else is at its place; what `Registry` and `CloudWriter` raise.
        """
        if not is_installed():
            raise BadConfiguration("Writing to CS3 clouds needs more packages: rucio-jupyterlab[cs3].")
        if not (os.path.isfile(path) and os.access(path, os.R_OK)):
            raise BadRequest(f"{path} is no file that can be read.")
        if not self._catalog.rse(instance, rse).gateways:
            raise BadRequest(f"{rse} is not known as a CS3 cloud, to which alone files can be put yet.")
        registry = Registry(self._accounts.client(instance))
        known = registry.file(did)
        _check_same(did, known, size=os.stat(path).st_size)
        place = registry.place_of(rse, did, CS3)
        if dataset is not None:
            registry.ensure_dataset(dataset)
            registry.ensure_rule(dataset, rse)  # before any byte is sent: the quota may not allow it
        with self._writer(instance, rse) as writer:
            sent = writer.send(Path(path), place)
            try:
                _check_same(did, known, size=sent.size, adler32=sent.adler32)
                registry.add_replica(rse, did, sent.size, sent.adler32)
            except (BadRequest, Conflict, Denied, RucioRefused):
                writer.take_back(place)  # what Rucio does not want does not stay
                raise
        if dataset is not None:
            registry.attach(dataset, did)
        else:
            registry.ensure_rule(did, rse)
        return Stored(did, rse, sent.size, sent.adler32)

    def _writer(self, instance: str, rse: str) -> CloudWriter:
        from ..sources.http.stream import Pace  # only now: libcurl and gRPC take memory
        from ..sources.sending import CloudWriter

        options = self._options()
        clouds = Clouds(self._accounts, self._catalog, options.stall_timeout / 2)
        pace = Pace(options.connect_timeout, options.stall_timeout)
        return CloudWriter(clouds, credentials_of(self._accounts), pace, instance, rse)


def _check_same(did: Did, known: FileAnswer | None, *, size: int, adler32: str | None = None) -> None:
    """Raises Conflict where Rucio knows another file by this name."""
    if known is None:
        return
    sums = {normalized_adler32(known.adler32), normalized_adler32(adler32)} - {None}
    if known.bytes != size or len(sums) > 1:
        raise Conflict(f"Rucio knows {did} as another file; give yours another name.", do="choose")
