"""After a cancelled upload: what it has left half on the cloud is taken away."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ..catalog.reach import CS3
from ..did import Did
from .model import UploadRequest
from .retries import Retries
from .shipment import Means, Outgoing

TIDY_SECONDS = 60.0
"""For so long a Rucio or a cloud that does not answer is asked again; then what is left stays."""


def tidy_up(request: UploadRequest, files: Sequence[Outgoing], means: Means, retries: Retries) -> bool:
    """Whether nothing of these files is left half. Raises Stopped, and what Rucio or the cloud says."""

    def places() -> dict[Did, str]:
        return means.registry().places(request.rse, [file.did for file in files], CS3)

    found = retries.insist(0, places)
    with means.writer(lambda position, count: None, lambda failure: retries.hold(0, failure)) as writer:
        for file in files:
            if retries.over:
                return False
            retries.insist(0, functools.partial(writer.tidy, found[file.did]))
    return True
