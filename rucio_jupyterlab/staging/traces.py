"""Traces: telling Rucio what was read, which feeds its notion of popularity and what it deletes.

Sent in batches from a thread of their own, and given up quietly where Rucio does not take them: no
job ever waits for a trace. Fields as in Rucio's own clients (`download` traces).
"""

from __future__ import annotations

import logging
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from .. import __version__
from ..accounts.accounts import Accounts
from ..errors import Failure
from .publisher import Arrived

logger = logging.getLogger(__name__)

BATCH = 500
"""The most traces in one message."""
GATHER_SECONDS = 10.0
"""How long traces wait for more, unless they are to be sent at once: each message costs Rucio work."""
MOST_WAITING = 20_000
SHARE = 4
"""Of Rucio's time, traces take at most one part in so many: a server may have a single process."""
LOOK_SECONDS = 0.5
"""Between two looks whether a plan is still being read."""


class Traces:
    """`note` never waits; all public methods belong to one thread."""

    def __init__(self, accounts: Accounts, enabled: bool, rucio_is_needed: Callable[[], bool]) -> None:
        """While `rucio_is_needed`, asked from a thread, no trace is sent: somebody waits for Rucio's answer."""
        self.enabled = enabled
        self._accounts = accounts
        self._rucio_is_needed = rucio_is_needed
        self._waiting: deque[tuple[Arrived, float]] = deque(maxlen=MOST_WAITING)  # the oldest are dropped
        self._noted = threading.Event()
        self._due = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, files: list[Arrived]) -> None:
        """Files that were read from storage; those that were here already are none of Rucio's business."""
        read = [file for file in files if file.rse]
        if not self.enabled or not read:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="traces", daemon=True)
            self._thread.start()
        at = time.time()
        self._waiting.extend((file, at) for file in read)
        self._noted.set()

    def send_now(self) -> None:
        """No more are to be expected."""
        self._due.set()

    def close(self) -> None:
        """Drop what is not sent: an engine that ends does not wait for Rucio."""
        self._closing.set()
        self._due.set()
        self._noted.set()

    def _send_all(self) -> None:
        while not self._closing.is_set():
            self._noted.wait()
            self._due.wait(GATHER_SECONDS)
            self._noted.clear()
            self._due.clear()
            while self._waiting and self._wait_for_leisure():
                began = time.monotonic()
                self._send_batch([self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))])
                self._closing.wait((SHARE - 1) * (time.monotonic() - began))

    def _wait_for_leisure(self) -> bool:
        """Wait until nobody else needs Rucio; False where the engine ends."""
        while self._rucio_is_needed() and not self._closing.is_set():
            self._closing.wait(LOOK_SECONDS)
        return not self._closing.is_set()

    def _send_batch(self, batch: list[tuple[Arrived, float]]) -> None:
        for instance in {file.row.instance for file, _ in batch}:
            self._send(instance, [trace_of(file, at) for file, at in batch if file.row.instance == instance])

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
