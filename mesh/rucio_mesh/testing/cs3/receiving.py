"""Taking uploads: single requests (`simple`) and resumable ones (`tus`)."""

from __future__ import annotations

import email.utils
import os
import time
from collections.abc import Iterator
from email.message import Message

from .faults import ConnectionCut, Faults
from .locks import Locks
from .metadata import etag
from .profiles import Profile
from .records import Digest
from .refusal import HttpRefused
from .transfers import Offer, Transfers, Upload, modification_time
from .tree import CHUNK_OF_OLD, Tree

Body = Iterator[memoryview]
"""The pieces of a request's body, each valid until the next; raises ConnectionCut or ConnectionError."""

Headers = Message
"""Of a request; names in any case."""

TUS_VERSION = "1.0.0"
TUS_TYPE = "application/offset+octet-stream"
TUS_EXPIRES_SECONDS = 86_400


class Receiver:
    """Puts bodies into files. Each method returns the status and headers of its answer, or raises HttpRefused."""

    def __init__(
        self, tree: Tree, profile: Profile, faults: Faults, transfers: Transfers, locks: Locks
    ) -> None:
        self._tree, self._profile, self._faults = tree, profile, faults
        self._transfers, self._locks = transfers, locks

    def put(self, offer: Offer, upload: Upload, body: Body, headers: Headers) -> tuple[int, dict[str, str]]:
        """A whole file at once."""
        if offer.protocol == "tus":
            raise HttpRefused(501)
        told = headers.get("Upload-Length", "")
        if not told and not self._profile.needs_length:
            told = headers.get("Content-Length", "")
        length = int(told) if told.isdecimal() else None
        self._check(upload, length, headers)
        if CHUNK_OF_OLD.search(upload.place.path):
            for _piece in body:
                pass
            return 206, {}
        if not self._profile.sessions:
            self._begin_anew(upload)
        before = upload.received
        try:
            self._append(upload, body)
            self._check_received(upload, upload.received - before, length)
            self._publish(upload, headers)
        except (ConnectionCut, OSError):
            if self._profile.publishes_truncated:
                self._publish(upload, headers)
            raise
        finally:
            if not self._profile.sessions:
                upload.part.unlink(missing_ok=True)
        return 200, self._praise(upload)

    def patch(self, offer: Offer, upload: Upload, body: Body, headers: Headers) -> tuple[int, dict[str, str]]:
        """The next piece of a resumable upload; what came of a broken one is kept."""
        self._check_tus(offer, upload, headers)
        if headers.get("Content-Type") != TUS_TYPE:
            raise HttpRefused(400)
        if headers.get("Upload-Offset") != str(upload.received):
            raise HttpRefused(409)
        if upload.length is None:
            raise HttpRefused(400)
        self._check(upload, upload.length, headers)
        self._append(upload, body)
        if upload.received > upload.length:
            raise HttpRefused(413)
        if upload.received == upload.length:
            self._check_sum(upload, 460)
            self._publish(upload, headers)
        return 204, self._tus_headers(upload)

    def progress(self, offer: Offer, upload: Upload, headers: Headers) -> tuple[int, dict[str, str]]:
        """How far a resumable upload has come."""
        self._check_tus(offer, upload, headers)
        told = {"Upload-Length": str(upload.length)} if upload.length is not None else {}
        return 200, self._tus_headers(upload) | told | {"Cache-Control": "no-store"}

    def _check(self, upload: Upload, length: int | None, headers: Headers) -> None:
        """What is wrong before the first byte."""
        if length == 0 and self._profile.opencloud:
            raise HttpRefused(400)
        if upload.finished and self._profile.sessions:
            raise HttpRefused(500)
        if length is None and self._profile.needs_length:
            raise HttpRefused(500)
        parent = upload.place.file.parent
        if self._profile.makes_parents:
            parent.mkdir(parents=True, exist_ok=True)
        elif not parent.is_dir():
            raise HttpRefused(500)
        if not self._locks.opens(upload.place, headers):
            raise HttpRefused(409)
        if self._faults.quota_full or not self._transfers.has_room(length or 0):
            raise HttpRefused(507)

    def _begin_anew(self, upload: Upload) -> None:
        upload.part, upload.received, upload.digest = self._tree.part(), 0, Digest(upload.algorithms)

    def _append(self, upload: Upload, body: Body) -> None:
        """Put the bytes behind those that are there. Raises ConnectionCut, OSError, HttpRefused."""
        with upload.part.open("ab", buffering=0) as file:
            for piece in body:
                if self._faults.quota_full:
                    raise HttpRefused(507)
                file.write(piece)
                upload.digest.update(piece)
                upload.received += len(piece)

    def _check_received(self, upload: Upload, received: int, length: int | None) -> None:
        """Reva v3's local storage asks nothing."""
        if self._profile.publishes_truncated:
            return
        if length is not None and received != length:
            raise HttpRefused(206 if self._profile.opencloud else 500)
        self._check_sum(upload, 419)

    def _check_sum(self, upload: Upload, status: int) -> None:
        if upload.checksum and upload.digest.sums()[upload.checksum[0]] != upload.checksum[1]:
            upload.part.unlink(missing_ok=True)
            upload.finished = True
            raise HttpRefused(status)

    def _publish(self, upload: Upload, headers: Headers) -> None:
        """Give the file its name."""
        if upload.finished and self._profile.sessions:
            raise HttpRefused(500)  # another request was first
        file = upload.place.file
        if upload.if_match and not (file.exists() and etag(file.stat()) == upload.if_match):
            raise HttpRefused(412)
        mtime = modification_time(headers.get("X-OC-Mtime")) or upload.mtime
        if mtime and self._profile.applies_mtime:
            os.utime(upload.part, (mtime, mtime))
        try:
            record = self._tree.publish(upload.part, upload.place)
        except OSError as error:
            raise HttpRefused(500) from error
        upload.finished = True
        if upload.algorithms:
            self._tree.records.remember(file, upload.digest.sums())
        record.ready_at = time.time() + self._faults.postprocessing_seconds if self._profile.opencloud else 0

    def _praise(self, upload: Upload) -> dict[str, str]:
        if not self._profile.opencloud:
            return {}
        file = upload.place.file
        changed = email.utils.formatdate(file.stat().st_mtime, usegmt=True)
        return {
            "ETag": etag(file.stat()),
            "OC-FileId": f"{upload.place.mount.storage_id}!{self._tree.identity(upload.place)}",
            "Last-Modified": changed,
        }

    def _check_tus(self, offer: Offer, upload: Upload, headers: Headers) -> None:
        if offer.protocol != "tus":
            raise HttpRefused(501)
        if headers.get("Tus-Resumable") != TUS_VERSION:
            raise HttpRefused(412, Tus_Version=TUS_VERSION)
        if upload.finished:
            raise HttpRefused(404)

    def _tus_headers(self, upload: Upload) -> dict[str, str]:
        expires = email.utils.formatdate(time.time() + TUS_EXPIRES_SECONDS, usegmt=True)
        offset = {"Upload-Offset": str(upload.received), "Upload-Expires": expires}
        return {"Tus-Resumable": TUS_VERSION} | offset
