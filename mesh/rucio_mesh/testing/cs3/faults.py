"""What can be made to go wrong, and how often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .profiles import UploadProtocol

MEBIBYTE = 1 << 20
SLOW_PIECE = 1 << 16

FaultName = Literal[
    "rpc_unavailable",
    "rpc_status",
    "rpc_answer_lost",
    "data_unavailable",
    "data_status",
    "data_answer_lost",
    "cut_download",
    "cut_upload",
    "flip_download",
    "flip_upload",
    "wrong_length",
    "no_length",
    "lapse",
    "lapse_access",
    "lapse_transfer",
    "redirect",
]

Lapses = Mapping[FaultName, Callable[[], None]]
"""What makes tokens void, by the fault that does it."""


@dataclass
class Fault:
    """One fault: its number, and how many more times it strikes (None: always)."""

    number: int = 0
    times: int | None = 1


@dataclass
class Faults:
    """The switches of one gateway. All are off at first; they may be set at any moment, from any thread.

    Those that strike a number of times are armed by `arm`:
    `rpc_unavailable`   a call is answered gRPC UNAVAILABLE
    `rpc_status`        a reply has that CS3 status and nothing else
    `rpc_answer_lost`   a call that changes files is carried out, and then answered gRPC UNAVAILABLE
    `data_unavailable`  a data request is answered 503
    `data_status`       a data request is answered with that HTTP status
    `data_answer_lost`  a piece of an upload is stored, and then the connection ends
    `cut_download`      the connection ends after so many bytes of the body
    `cut_upload`        likewise, of the body received
    `flip_download`     the byte at that offset of the file is sent wrong
    `flip_upload`       likewise, stored wrong
    `wrong_length`      the Content-Length of a download is off by so much, then the connection ends
    `no_length`         a download has no Content-Length, and so many bytes too many
    `lapse`             when so many bytes of a download's body or of an upload have passed, all tokens lapse; the
                        request that is under way still ends well
    `lapse_access`      likewise, those of the gateway lapse, and those of transfers do not
    `lapse_transfer`    the other way round
    `redirect`          a data request is answered 307, to `redirect_url`
    """

    quota_full: bool = False
    checksum: Literal["short", "absent", "sha1"] | None = None
    """What Stat says instead: an adler32 without its leading zeros, nothing, or a SHA-1."""
    protocols: tuple[UploadProtocol, ...] | None = None
    """The order in which upload protocols are offered; None is a random one."""
    seconds_per_mebibyte: float = 0.0
    """How slowly bodies are sent and taken."""
    storing_seconds: float = 0.0
    """How long after the last byte of an upload it is answered."""
    postprocessing_seconds: float = 0.0
    """How long a new file is known but not readable (OpenCloud)."""
    data_endpoint: str | None = None
    """What is handed out instead of the true address of the data gateway."""
    redirect_url: str = ""
    retry_after: str | None = None
    """What `data_unavailable` asks for."""
    _armed: dict[FaultName, Fault] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, name: FaultName, number: int = 0, *, times: int | None = 1) -> None:
        """Let the fault strike the next `times` times; None: until `disarm`."""
        with self._lock:
            self._armed[name] = Fault(number, times)

    def disarm(self, name: FaultName) -> None:
        with self._lock:
            self._armed.pop(name, None)

    def armed(self, name: FaultName) -> int | None:
        """The fault's number if it would strike now."""
        with self._lock:
            fault = self._armed.get(name)
            return fault.number if fault else None

    def strike(self, name: FaultName) -> int | None:
        """The fault's number if it strikes now, which counts; else None."""
        with self._lock:
            fault = self._armed.get(name)
            if fault is None:
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self._armed[name]
            return fault.number


class ConnectionCut(Exception):
    """A fault ends the connection here."""


class Passage:
    """One body on its way, and what befalls it."""

    def __init__(
        self, faults: Faults, way: Literal["download", "upload"], lapses: Lapses, *, before: int = 0
    ) -> None:
        """`before` are the bytes that earlier requests of the same upload have brought."""
        self._faults, self._lapses, self._before = faults, lapses, before
        self._cut: FaultName = "cut_download" if way == "download" else "cut_upload"
        self._flip: FaultName = "flip_download" if way == "download" else "flip_upload"
        self._passed = 0

    @property
    def plain(self) -> bool:
        """Whether the bytes stay as they are."""
        return self._faults.armed(self._flip) is None

    def room(self, wanted: int) -> int:
        """How many bytes may pass now, at most `wanted`; waits if they are slow. Raises ConnectionCut at the cut."""
        slowness = self._faults.seconds_per_mebibyte
        count = min(wanted, SLOW_PIECE) if slowness else wanted
        cut = self._faults.armed(self._cut)
        if cut is not None and self._passed >= cut and self._faults.strike(self._cut) is not None:
            raise ConnectionCut
        if cut is not None and self._passed < cut:
            count = min(count, cut - self._passed)
        if slowness:  # a sleep of no seconds takes a twentieth of a millisecond
            time.sleep(slowness * count / MEBIBYTE)
        return count

    def alter(self, data: memoryview, offset: int) -> None:
        """Flip the byte, if it is among these, which begin at that offset of the file."""
        flip = self._faults.armed(self._flip)
        if flip is None or not offset <= flip < offset + len(data):
            return
        if self._faults.strike(self._flip) is not None:
            data[flip - offset] ^= 0xFF

    def note(self, count: int) -> None:
        """So many bytes have passed."""
        self._passed += count
        for name, lapse in self._lapses.items():
            when = self._faults.armed(name)
            if (
                when is not None
                and self._before + self._passed >= when
                and self._faults.strike(name) is not None
            ):
                lapse()
