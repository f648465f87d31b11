"""Traces: telling Rucio what was read, which feeds its notion of popularity and what it deletes.

Sent in batches from a thread of their own, and given up quietly where Rucio does not take them: no
job ever waits for a trace. Fields as in Rucio's own clients (`download` traces).
"""

from __future__ import annotations

import logging
import queue
import socket
import threading
import time
import uuid
from typing import Any

from .. import __version__
from ..accounts.accounts import Accounts
from ..errors import Failure
from .publisher import Arrived

logger = logging.getLogger(__name__)

BATCH = 200
GATHER_SECONDS = 2.0
MOST_WAITING = 20_000


class Traces:
    """`note` may be called from any thread and never waits."""

    def __init__(self, accounts: Accounts, enabled: bool) -> None:
        self.enabled = enabled
        self._accounts = accounts
        self._waiting: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._closing = False

    def note(self, files: list[Arrived]) -> None:
        """Files that were read from storage; those that were here already are none of Rucio's business."""
        if not self.enabled:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="traces", daemon=True)
            self._thread.start()
        for file in files:
            if file.rse:
                try:
                    self._waiting.put_nowait((file.row.instance, trace_of(file, time.time())))
                except queue.Full:
                    logger.info(
                        "Rucio takes no traces; %d are waiting and the rest is dropped.", MOST_WAITING
                    )
                    return

    def close(self) -> None:
        """Drop what is not sent: an engine that ends does not wait for Rucio."""
        self._closing = True
        if self._thread is not None:
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                return  # the thread looks at `_closing` after its batch

    def _send_all(self) -> None:
        while not self._closing:
            batch = self._gather()
            for instance in {instance for instance, _ in batch}:
                self._send(instance, [trace for owner, trace in batch if owner == instance])

    def _gather(self) -> list[tuple[str, dict[str, Any]]]:
        """The next traces, after a moment in which more may come."""
        first = self._waiting.get()
        batch = [first] if first else []
        until = time.monotonic() + GATHER_SECONDS
        while first and len(batch) < BATCH and (left := until - time.monotonic()) > 0:
            try:
                item = self._waiting.get(timeout=left)
            except queue.Empty:
                break
            if item is None:
                break
            batch.append(item)
        return [] if self._closing else batch

    def _send(self, instance: str, traces: list[dict[str, Any]]) -> None:
        try:
            client = self._accounts.client(instance)
            for trace in traces:
                trace["account"] = client.account
            client.tell("traces/", traces)
        except Failure as failure:
            logger.info("Traces were not taken: %s", failure.type)


def trace_of(file: Arrived, at: float) -> dict[str, Any]:
    """One download trace; `account` is filled in when it is sent."""
    return {
        "uuid": uuid.uuid4().hex,
        "eventType": "download",
        "eventVersion": f"rucio-jupyterlab {__version__}",
        "hostname": socket.gethostname(),
        "localSite": "",
        "scope": file.row.did.scope,
        "filename": file.row.did.name,
        "datasetScope": "",
        "dataset": "",
        "filesize": file.bytes,
        "remoteSite": file.rse,
        "protocol": next((pfn.scheme for pfn in file.row.pfns if pfn.rse == file.rse), "https"),
        "transferStart": at,
        "transferEnd": at,
        "clientState": "DONE",
        "stateReason": "OK",
    }
