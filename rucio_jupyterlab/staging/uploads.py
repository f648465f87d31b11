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
from ..errors import BadConfiguration, BadRequest, NotFound, RucioUnreachable
from ..importing import one_at_a_time
from ..installing import install_command
from ..sources.clouds import Clouds, is_installed
from ..sources.escort import Escort
from .fleet import Fleet
from .model import UploadRequest, UploadSnapshot
from .outgoing import Means
from .records import Records
from .upload import Upload, UploadRecord, begun, save, snapshot_of

if TYPE_CHECKING:
    from ..sources.sending import CloudWriter

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
        self._fleet = Fleet()
        """Those that have not ended, or whose end could not be kept."""
        self._threads: dict[str, threading.Thread] = {}

    @property
    def busy(self) -> bool:
        """One is on its way, or will go on without anybody's help."""
        return any(upload.goes_on_by_itself for upload in self._fleet)

    def take_up(self) -> None:
        """Go on with what an earlier engine has left, under the same numbers; after what was cancelled, tidy up."""
        for record in self._unfinished.load():
            logger.info("Taking up the upload %s.", record.id)
            self._begin(record, taken_up=True)

    def start(self, request: UploadRequest) -> UploadSnapshot:
        """Begin an upload, or join the one of the same files that is under way.

        Raises BadRequest for files that cannot be put, or an RSE that is no CS3 cloud; BadConfiguration; and what
        Rucio says. One that does not answer is waited for.
        """
        _check_installed()
        with contextlib.suppress(RucioUnreachable):
            self._check_rse(request)
        # Takes as long as Rucio's next answers, which are waited for meanwhile.
        threading.Thread(target=_writer_class, name="importing", daemon=True).start()
        with self._lock:
            for upload in self._fleet:
                if upload.record.request == request and upload.record.state == "running":
                    upload.wake()
                    return upload.snapshot()
            record = begun(secrets.token_hex(6), request)
            save(self._unfinished, record)
            return self._begin(record, taken_up=False).snapshot()

    def get(self, number: str, known: int = 0) -> UploadSnapshot:
        """Raises NotFound."""
        if held := self._fleet.get(number):
            return held.snapshot(known)
        if ended := self._ended.get(number):
            return snapshot_of(ended, known)
        raise NotFound(
            "This upload is not known here any more. Put the files again; "
            "what is stored already is not sent a second time."
        )

    def cancel(self, number: str) -> UploadSnapshot:
        """Raises NotFound."""
        if held := self._fleet.get(number):
            held.cancel()
        return self.get(number)

    def account_changed(self, instance: str) -> None:
        """Uploads that wait for a sign-in go on where there is one now."""
        for upload in self._fleet:
            hindrance = upload.hindrance
            waits = hindrance is not None and hindrance.cause == "signin"
            if waits and upload.record.request.instance == instance and self._accounts.is_signed_in(instance):
                upload.wake()

    def close(self) -> None:
        """Leave them to the next engine; what the clouds hold half is taken away, if that is quick."""
        ends = time.monotonic() + CLOSING_SECONDS
        for upload in self._fleet:
            upload.leave_to_the_next_engine()
        for thread in tuple(self._threads.values()):
            thread.join(max(0.0, ends - time.monotonic()))

    def _begin(self, record: UploadRecord, *, taken_up: bool) -> Upload:
        request = record.request
        means = Means(
            lambda: Registry(self._accounts.client(request.instance)),
            functools.partial(self._check_rse, request),
            functools.partial(self._writer, request.instance, request.rse, record.id),
            lambda: self._options().bandwidth_limit,
        )
        upload = Upload(record, self._unfinished, means, self._fleet, taken_up=taken_up)
        thread = threading.Thread(target=self._see_through, args=(upload,), name="upload", daemon=True)
        self._fleet.add(upload)
        self._threads[record.id] = thread
        thread.start()
        return upload

    def _see_through(self, upload: Upload) -> None:
        """In a thread of the upload's."""
        last = upload.run()
        if last is None:
            return
        if self._file_away(last):
            self._fleet.remove(last.id)
            del self._threads[last.id]
        else:
            upload.settle()

    def _file_away(self, record: UploadRecord) -> bool:
        """Whether the end could be kept. If not, or only it, the next engine finds everything stored."""
        if not save(self._ended, record):
            return False
        with contextlib.suppress(OSError):
            self._unfinished.forget(record.id)
            self._ended.keep_newest(MOST_ENDED)
        return True

    def _check_rse(self, request: UploadRequest) -> None:
        """Raises BadRequest where it is no CS3 cloud, and what Rucio says."""
        if not self._catalog.rse(request.instance, request.rse).gateways:
            raise BadRequest(
                f"{request.rse} is not known as a CS3 cloud, to which alone files can be put yet."
            )

    def _writer(self, instance: str, rse: str, number: str, escort: Escort) -> CloudWriter:
        _check_installed()
        clouds = Clouds(self._accounts, self._catalog, self._options().stall_timeout / 2)
        return _writer_class()(clouds, instance, rse, escort, mark=number)


def _writer_class() -> type[CloudWriter]:
    """Imported with the first upload: gRPC takes memory."""
    with one_at_a_time:
        from ..sources.sending import CloudWriter

    return CloudWriter


def _check_installed() -> None:
    if not is_installed():
        raise BadConfiguration(f"Writing to CS3 clouds needs more packages; run `{install_command('cs3')}`.")
