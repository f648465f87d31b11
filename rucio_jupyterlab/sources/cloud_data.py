"""The data endpoint of a CS3 cloud, with someone who watches the bytes go.

Imported only where `clouds.is_installed`: it needs the extra `[cs3]`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import certifi

from rucio_mesh.cs3.data import DataEndpoint, DataServer
from rucio_mesh.cs3.exchange import Send
from rucio_mesh.cs3.settings import Settings

from ..accounts.destinations import is_forbidden
from .escort import Escort


class WatchedData(DataServer):
    """Tells of each piece before it is sent."""

    def __init__(self, settings: Settings, escort: Escort) -> None:
        super().__init__(settings)
        self._escort = escort

    def put(self, endpoint: DataEndpoint, what: str, size: int, body: Callable[[Send], None]) -> None:
        super().put(endpoint, what, size, self._watched(body, 0))

    def patch(
        self, endpoint: DataEndpoint, what: str, offset: int, size: int, body: Callable[[Send], None]
    ) -> int:
        return super().patch(endpoint, what, offset, size, self._watched(body, offset))

    def _watched(self, body: Callable[[Send], None], offset: int) -> Callable[[Send], None]:
        """The same bytes, from `offset` of the file on."""

        def watched(send: Send) -> None:
            position = offset

            def next_piece(piece: memoryview) -> None:
                nonlocal position
                self._escort.watch(position, len(piece))
                send(piece)
                position += len(piece)

            body(next_piece)
            self._escort.watch(position, 0)

        return watched

    def _trusting(self) -> ssl.SSLContext:
        context = super()._trusting()
        if self._settings.ca_file is None and ssl.get_default_verify_paths().cafile is None:
            context.load_verify_locations(certifi.where())  # as when we read
        return context

    def _is_forbidden(self, host: str) -> bool:
        return is_forbidden(host)
