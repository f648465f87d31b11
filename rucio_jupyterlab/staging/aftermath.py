"""After a cancelled upload: what it has left half on the cloud is taken away."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ..catalog.reach import CS3
from ..catalog.registry import Places
from .model import UploadRequest
from .retries import Retries
from .shipment import Means, Outgoing

TIDY_SECONDS = 60.0
"""For so long a Rucio or a cloud that does not answer is asked again; then what is left stays."""


def tidy_up(request: UploadRequest, files: Sequence[Outgoing], means: Means, retries: Retries) -> bool:
    """Whether nothing of these files is left half. Raises Stopped, and what Rucio or the cloud says."""
    registry = retries.insist(0, means.registry)
    places = Places([file.did for file in files], lambda dids: registry.places(request.rse, dids, CS3))
    with means.writer(lambda position, count: None, lambda failure: retries.hold(0, failure)) as writer:
        for file in files:
            if retries.over:
                return False
            place = retries.insist(0, functools.partial(places.of, file.did))
            retries.insist(0, functools.partial(writer.tidy, place))
    return True
