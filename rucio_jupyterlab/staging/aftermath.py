"""After an upload that was cancelled or failed: what has arrived is registered, what is left half is taken away."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ..catalog.reach import CS3
from ..catalog.registry import Places
from ..sources.escort import Escort
from .model import UploadRequest
from .outgoing import Arrived, Means, Outgoing
from .registration import Notes, Registration
from .retries import Retries

TIDY_SECONDS = 60.0
"""For so long a Rucio or a cloud that does not answer is asked again; then what is left stays."""


def tidy_up(
    request: UploadRequest,
    arrived: Sequence[Arrived],
    halves: Sequence[Outgoing],
    means: Means,
    notes: Notes,
    retries: Retries,
) -> bool:
    """Whether all is done. Raises Stopped, and what Rucio or the cloud says."""
    registry = retries.insist(0, means.registry)
    dids = [file.did for file in (*halves, *(each.file for each in arrived))]
    places = Places(dids, lambda some: registry.places(request.rse, some, CS3))
    Registration(request, means, retries, places.of, notes).register(arrived)
    if not halves:
        return True
    with means.writer(Escort(hold=functools.partial(retries.hold, 0))) as writer:
        for file in halves:
            if retries.over:
                return False
            place = retries.insist(0, functools.partial(places.of, file.did))
            retries.insist(0, functools.partial(writer.tidy, place))
    return True
