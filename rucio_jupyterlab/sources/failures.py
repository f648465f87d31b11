"""Why a replica could not be read, classified once.

Each kind says what follows from it. `BANNING`: this replica of this file is of no use, ask the next one.
`NETWORK`: the way there is broken, which burns no attempt. `LOCAL`: our own disk fails, so no replica helps.
Everything else is tried again later, a limited number of times.
"""

from __future__ import annotations

import errno
from typing import Literal

import msgspec

from ..errors import Problem, Remedy
from ..installing import install_command

Kind = Literal[
    "missing",
    "refused",
    "lapsed",
    "corrupt",
    "wrong-size",
    "stalled",
    "cut",
    "busy",
    "server-error",
    "unreachable",
    "no-network",
    "untrusted",
    "no-handshake",
    "bad-redirect",
    "ignores-ranges",
    "changed",
    "disk-full",
    "disk-error",
    "no-library",
    "no-cs3",
    "cs3-signin",
    "no-cs3-signin",
    "expired",
]

BANNING: frozenset[Kind] = frozenset(
    {
        *("missing", "refused", "lapsed", "corrupt", "wrong-size", "untrusted", "bad-redirect"),
        *("no-cs3", "cs3-signin", "no-cs3-signin"),
    }
)
NETWORK: frozenset[Kind] = frozenset({"unreachable", "no-network"})
LOCAL: frozenset[Kind] = frozenset({"disk-full", "disk-error"})

SENTENCES: dict[Kind, str] = {
    "missing": "{rse} does not have the file.",
    "refused": "{rse} refuses to give the file.",
    "lapsed": "The signed address for {rse} has lapsed.",
    "corrupt": "The checksum of the copy at {rse} differs from the catalogue's.",
    "wrong-size": "The copy at {rse} has another size than the catalogue says.",
    "stalled": "{rse} stopped sending.",
    "cut": "{rse} closed the connection before the end.",
    "busy": "{rse} is busy and asks to come back later.",
    "server-error": "{rse} reports an error of its own.",
    "unreachable": "{rse} does not answer.",
    "no-network": "The network does not reach {rse}.",
    "untrusted": "The certificate of {rse} is not one that this machine trusts.",
    "no-handshake": "{rse} and this machine cannot agree on a secure connection.",
    "bad-redirect": "{rse} points to an address that may not be followed.",
    "ignores-ranges": "{rse} cannot send a part of a file.",
    "changed": "The copy at {rse} changed while it was read.",
    "disk-full": "The disk or the quota of the store is full.",
    "disk-error": "The store's disk reports an error.",
    "no-library": "Storage cannot be read over HTTP here: the Python package pycurl is missing.",
    "no-cs3": f"The file is at {{rse}} reachable only by CS3; run `{install_command('cs3')}`.",
    "cs3-signin": "The CS3 gateway of {rse} refuses your sign-in.",
    "no-cs3-signin": "No sign-in is configured for the CS3 gateway of {rse}; the key cs3 of an instance names one.",
    "expired": "The right to read the file at {rse} has expired.",
}

REMEDIES: dict[Kind, Remedy] = {
    "refused": "signin",
    "untrusted": "configure",
    "no-handshake": "report",
    "no-library": "configure",
    "no-cs3": "configure",
    "no-cs3-signin": "configure",
    "disk-full": "free-space",
    "corrupt": "report",
    "wrong-size": "report",
    "missing": "choose",
}


class ReplicaFailure(msgspec.Struct, frozen=True):
    """One replica could not be read."""

    kind: Kind
    rse: str
    status: int | None = None
    """HTTP status, where there was one."""
    retry_after: float | None = None
    """Seconds that the server asks us to wait."""

    @property
    def sentence(self) -> str:
        """For a person; without any address."""
        text = SENTENCES[self.kind].format(rse=self.rse)
        return f"{text[:-1]} (HTTP {self.status})." if self.status else text

    def problem(self) -> Problem:
        """The same with its one remedy."""
        return Problem(self.kind, self.sentence, REMEDIES.get(self.kind, "retry"), 502)


def of_status(rse: str, status: int, *, signed: bool, retry_after: float | None = None) -> ReplicaFailure:
    """Classify an HTTP status that is not the one hoped for."""
    kind: Kind
    if status in (404, 410):
        kind = "missing"
    elif status in (401, 403):
        kind = "lapsed" if signed else "refused"
    elif status == 416:
        kind = "wrong-size"
    elif status in (429, 503):
        kind = "busy"
    elif status >= 500 or status in (408, 425):
        kind = "server-error"
    else:
        kind = "refused"
    return ReplicaFailure(kind, rse, status, retry_after)


def of_disk(error: OSError) -> ReplicaFailure:
    """Classify what our own disk said; the replica is not to blame."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return ReplicaFailure("disk-full" if full else "disk-error", "")


def summary(failures: list[ReplicaFailure]) -> Problem:
    """One problem out of all that was tried: every replica's sentence once, the last remedy."""
    if not failures:
        return Problem("no-replica", "No replica is left to try.", "retry", 502)
    sentences = list(dict.fromkeys(failure.sentence for failure in failures))
    if len(sentences) > 1 or failures[-1].kind in BANNING:
        sentences.append("There is no other replica to take it from.")
    return msgspec.structs.replace(failures[-1].problem(), detail=" ".join(sentences))
