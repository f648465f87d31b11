"""The uploads of this engine: each in threads of its own, known by a number until the engine ends."""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..catalog.registry import Registry
from ..config import Options
from ..errors import BadConfiguration, BadRequest, NotFound
from ..sources.clouds import Clouds, is_installed
from ..sources.showing import credentials_of
from .model import UploadRequest, UploadSnapshot
from .upload import Upload

if TYPE_CHECKING:
    from ..sources.sending import CloudWriter, Watch

logger = logging.getLogger(__name__)

CLOSING_SECONDS = 2.0
"""For what was sent to be taken away again, when the engine ends."""


class Uploads:
    """May be called by several threads; `start` blocks until Rucio has said what the RSE is."""

    def __init__(self, accounts: Accounts, catalog: Catalog, options: Callable[[], Options]) -> None:
        self._accounts = accounts
        self._catalog = catalog
        self._options = options
        self._uploads: dict[str, tuple[Upload, threading.Thread]] = {}

    @property
    def busy(self) -> bool:
        return any(upload.running for upload, _ in tuple(self._uploads.values()))

    def start(self, request: UploadRequest) -> UploadSnapshot:
        """Raises BadRequest for files that cannot be put, or an RSE that is no CS3 cloud; BadConfiguration."""
        if not is_installed():
            raise BadConfiguration("Writing to CS3 clouds needs more packages: rucio-jupyterlab[cs3].")
        if not self._catalog.rse(request.instance, request.rse).gateways:
            raise BadRequest(
                f"{request.rse} is not known as a CS3 cloud, to which alone files can be put yet."
            )
        upload = Upload(
            secrets.token_hex(6),
            request,
            Registry(self._accounts.client(request.instance)),
            functools.partial(self._writer, request.instance, request.rse),
            lambda: self._options().bandwidth_limit,
        )
        thread = threading.Thread(target=upload.run, name="upload", daemon=True)
        self._uploads[upload.number] = upload, thread
        thread.start()
        return upload.snapshot()

    def get(self, number: str, known: int = 0) -> UploadSnapshot:
        """Raises NotFound."""
        return self._find(number).snapshot(known)

    def cancel(self, number: str) -> UploadSnapshot:
        """Raises NotFound."""
        upload = self._find(number)
        upload.stop()
        return upload.snapshot()

    def close(self) -> None:
        """End them; what the clouds hold half is taken away, if that is quick."""
        ends = time.monotonic() + CLOSING_SECONDS
        for upload, _ in self._uploads.values():
            upload.stop()
        for _, thread in self._uploads.values():
            thread.join(max(0.0, ends - time.monotonic()))

    def _find(self, number: str) -> Upload:
        found = self._uploads.get(number)
        if found is None:
            raise NotFound(
                "This upload is gone: the engine was started anew. Put the files again; "
                "what is stored already is not sent a second time."
            )
        return found[0]

    def _writer(self, instance: str, rse: str, watch: Watch) -> CloudWriter:
        from ..sources.http.stream import Pace  # only now: libcurl and gRPC take memory
        from ..sources.sending import CloudWriter

        options = self._options()
        clouds = Clouds(self._accounts, self._catalog, options.stall_timeout / 2)
        pace = Pace(options.connect_timeout, options.stall_timeout)
        return CloudWriter(clouds, credentials_of(self._accounts), pace, instance, rse, watch)
