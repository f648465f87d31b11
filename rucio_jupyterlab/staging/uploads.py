"""The uploads: each in threads of its own, known by a number that outlives the engine."""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..accounts.accounts import Accounts
from ..catalog.catalog import Catalog
from ..catalog.registry import Registry
from ..config import Options
from ..errors import BadConfiguration, BadRequest, NotFound
from ..sources.clouds import Clouds, is_installed
from ..sources.showing import credentials_of
from .model import UploadRequest, UploadSnapshot
from .records import Records
from .shipment import Means
from .upload import Upload, UploadRecord, begun, save, snapshot_of

if TYPE_CHECKING:
    from ..sources.sending import CloudWriter, Watch

logger = logging.getLogger(__name__)

CLOSING_SECONDS = 2.0
"""For what was sent to be taken away again, when the engine ends."""
MOST_ENDED = 50
"""Uploads that can still be asked about after their end."""


class Uploads:
    """May be called by several threads; `start` blocks until Rucio has said what the RSE is."""

    def __init__(
        self, state: Path, accounts: Accounts, catalog: Catalog, options: Callable[[], Options]
    ) -> None:
        self._accounts = accounts
        self._catalog = catalog
        self._options = options
        self._unfinished = Records(state / "uploads", UploadRecord)
        self._ended = Records(state / "uploads-ended", UploadRecord)
        self._lock = threading.Lock()
        self._uploads: dict[str, tuple[Upload, threading.Thread]] = {}
        """Those that have not ended, or whose end could not be kept."""

    @property
    def busy(self) -> bool:
        """One is on its way, or will go on without anybody's help."""
        return not all(upload.waiting or upload.ended for upload, _ in tuple(self._uploads.values()))

    def take_up(self) -> None:
        """Go on with what an earlier engine has left, under the same numbers, but for what was cancelled."""
        for record in self._unfinished.load():
            if record.state == "running":
                logger.info("Taking up the upload %s.", record.id)
                self._begin(record, taken_up=True)
            else:
                self._file_away(record)

    def start(self, request: UploadRequest) -> UploadSnapshot:
        """Begin an upload, or join the one of the same files that is under way.

        Raises BadRequest for files that cannot be put, or an RSE that is no CS3 cloud; BadConfiguration; and what
        Rucio says.
        """
        _check_installed()
        if not self._catalog.rse(request.instance, request.rse).gateways:
            raise BadRequest(
                f"{request.rse} is not known as a CS3 cloud, to which alone files can be put yet."
            )
        with self._lock:
            for upload, _ in tuple(self._uploads.values()):
                if upload.record.request == request and upload.record.state == "running":
                    upload.wake()
                    return upload.snapshot()
            record = begun(secrets.token_hex(6), request)
            save(self._unfinished, record)
            return self._begin(record, taken_up=False).snapshot()

    def get(self, number: str, known: int = 0) -> UploadSnapshot:
        """Raises NotFound."""
        if held := self._uploads.get(number):
            return held[0].snapshot(known)
        if ended := self._ended.get(number):
            return snapshot_of(ended, known)
        raise NotFound(
            "This upload is not known here any more. Put the files again; "
            "what is stored already is not sent a second time."
        )

    def cancel(self, number: str) -> UploadSnapshot:
        """Raises NotFound."""
        if held := self._uploads.get(number):
            held[0].cancel()
        return self.get(number)

    def account_changed(self, instance: str) -> None:
        """Uploads that wait for a sign-in go on where there is one now."""
        for upload, _ in tuple(self._uploads.values()):
            if upload.record.request.instance == instance and self._signed_in(instance):
                upload.wake()

    def close(self) -> None:
        """Leave them to the next engine; what the clouds hold half is taken away, if that is quick."""
        ends = time.monotonic() + CLOSING_SECONDS
        held = tuple(self._uploads.values())
        for upload, _ in held:
            upload.leave_to_the_next_engine()
        for _, thread in held:
            thread.join(max(0.0, ends - time.monotonic()))

    def _begin(self, record: UploadRecord, *, taken_up: bool) -> Upload:
        request = record.request
        means = Means(
            lambda: Registry(self._accounts.client(request.instance)),
            functools.partial(self._writer, request.instance, request.rse, record.id),
            lambda: self._options().bandwidth_limit,
        )
        upload = Upload(record, self._unfinished, means, taken_up=taken_up)
        thread = threading.Thread(target=self._see_through, args=(upload,), name="upload", daemon=True)
        self._uploads[record.id] = upload, thread
        thread.start()
        return upload

    def _see_through(self, upload: Upload) -> None:
        """In a thread of the upload's."""
        last = upload.run()
        if last is None:
            return
        if self._file_away(last):
            del self._uploads[last.id]
        else:
            upload.settle(last)

    def _file_away(self, record: UploadRecord) -> bool:
        """Whether the end could be kept. If not, or only it, the next engine finds everything stored."""
        if not save(self._ended, record):
            return False
        with contextlib.suppress(OSError):
            self._unfinished.forget(record.id)
            self._ended.keep_newest(MOST_ENDED)
        return True

    def _signed_in(self, instance: str) -> bool:
        try:
            return self._accounts.info(instance).account.state in ("signed-in", "lapsing")
        except NotFound:  # the instance was taken off the list
            return False

    def _writer(self, instance: str, rse: str, number: str, watch: Watch) -> CloudWriter:
        _check_installed()
        from ..sources.http.stream import Pace  # only now: libcurl and gRPC take memory
        from ..sources.sending import CloudWriter

        options = self._options()
        clouds = Clouds(self._accounts, self._catalog, options.stall_timeout / 2)
        pace = Pace(options.connect_timeout, options.stall_timeout)
        return CloudWriter(clouds, credentials_of(self._accounts), pace, instance, rse, watch, mark=number)


def _check_installed() -> None:
    if not is_installed():
        raise BadConfiguration("Writing to CS3 clouds needs more packages: rucio-jupyterlab[cs3].")
