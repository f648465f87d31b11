"""Where clients come in: the socket and the notice of it, which stay there while the engine lives."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from ..errors import BadConfiguration
from . import place
from .server import SocketServer

LOOK_SECONDS = 5.0
"""Between two looks at what others may have removed, as a login session's end does with its runtime folder.

Who starts an engine waits longer for one that holds the lock; and the state folder may be on a network's disk.
"""

log = logging.getLogger(__name__)


class Door:
    """Opened once, by the holder of the lock."""

    def __init__(self, state: Path, lock: int, server: SocketServer) -> None:
        self._state = state
        self._lock = lock
        self._server = server
        self._path: Path | None = None
        self._listening: asyncio.Server | None = None

    async def open(self) -> None:
        """Accept clients where that is possible, and tell where. Raises BadConfiguration."""
        for path in place.socket_paths(self._state):
            try:
                listening = await self._server.listen(path)
            except OSError as error:
                log.warning("No socket can be made in %s: %s.", path.parent, error.strerror)
                continue
            if self._listening:
                self._listening.close()
            self._path, self._listening = path, listening
            place.announce(self._lock, path)
            return

    async def keep(self) -> None:
        """Open it again where it was removed; return once the state folder is no longer ours."""
        while await asyncio.to_thread(place.holds, self._lock, self._state):
            if not await asyncio.to_thread(place.leads_here, self._state):
                log.warning("The socket or the notice of it is gone; both are made again.")
                with suppress(BadConfiguration, OSError):  # no room for it now; the next look may find some
                    await self.open()
            await asyncio.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Accept nobody any more."""
        if self._listening:
            self._listening.close()
        if self._path and place.holds(self._lock, self._state):  # else it may be another engine's
            self._path.unlink(missing_ok=True)
