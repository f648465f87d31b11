"""Telling Rucio of files that are at their place, until it has heard of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import msgspec

from ..catalog.answers import BulkLine
from ..catalog.registry import NewFile, Registry
from ..did import Did
from ..errors import BadRequest, Conflict, Denied, Failure, RucioFault, RucioRefused
from ..sources.checksum import normalized_adler32
from ..sources.escort import Escort
from .model import Stored, UploadRequest
from .outgoing import Arrived, Means
from .retries import Retries

REFUSALS = (BadRequest, Conflict, Denied, RucioRefused)
"""Rucio does not want a file; what does not answer at all may want it later."""
THIS_THREAD = -1
"""The one that registers, among those that may wait; senders have their own numbers."""


class Notes(msgspec.Struct, frozen=True):
    """Told of what the next engine has to know, should this one end in between."""

    arrived: Callable[[list[Stored]], None]
    """These are at their place, and Rucio is about to be told."""
    stored: Callable[[list[Stored]], None]
    """Rucio knows them, and they are to stay."""
    refused: Callable[[list[Stored]], None]
    """Rucio does not want them, and they are about to be taken away."""


class Registration:
    """For one thread. What Rucio does not want does not stay on the cloud."""

    def __init__(
        self,
        request: UploadRequest,
        means: Means,
        retries: Retries,
        place_of: Callable[[Did], str],
        notes: Notes,
    ) -> None:
        self._request = request
        self._means = means
        self._retries = retries
        self._place_of = place_of
        self._notes = notes
        self._rucio: Registry | None = None
        self.files_stored = 0

    def register(self, batch: Sequence[Arrived]) -> None:
        """Tell Rucio of a batch; where it refuses, of each by itself. Raises Failure, Stopped."""
        if batch:
            ours = [each for each in batch if not each.found]
            self._notes.arrived(self._described(ours))
            self._register(batch)

    def _register(self, batch: Sequence[Arrived]) -> None:
        files = [NewFile(each.file.did, each.file.bytes, each.adler32) for each in batch]
        try:
            self._check_still_free(files)
            self._tell(lambda rucio: rucio.add_replicas(self._request.rse, files))
        except REFUSALS as refusal:
            if not is_about_the_file(refusal):
                raise
            if len(batch) == 1:
                self._take_back(batch[0])
                raise
            self._register_each(batch)
            return
        self._have_kept([file.did for file in files])
        self.files_stored += len(files)
        self._notes.stored(self._described(batch))

    def _check_still_free(self, files: Sequence[NewFile]) -> None:
        """Rucio takes a replica of any content for a DID that it knows, and somebody may have made one meanwhile."""
        dids = [file.did for file in files]
        known: dict[Did, BulkLine] = {}
        self._tell(lambda rucio: known.update(rucio.files(dids)))
        for file in files:
            check_same(file.did, known.get(file.did), size=file.bytes, adler32=file.adler32)

    def _have_kept(self, dids: Sequence[Did]) -> None:
        request, dataset = self._request, self._request.dataset
        if dataset is not None:
            self._tell(lambda rucio: rucio.attach(dataset, dids))
        else:
            for did in dids:
                self._tell(functools.partial(Registry.ensure_rule, did=did, rse=request.rse))

    def _tell(self, tell: Callable[[Registry], object]) -> None:
        """Until it has heard; what it knows already it may be told again."""

        def attempt() -> None:
            if self._rucio is None:
                self._rucio = self._means.registry()
            tell(self._rucio)

        self._retries.insist(THIS_THREAD, attempt)

    def _register_each(self, batch: Sequence[Arrived]) -> None:
        trouble = None
        for each in batch:
            try:
                self._register([each])
            except REFUSALS as refusal:
                trouble = trouble or refusal
        if trouble is not None:
            raise trouble

    def _take_back(self, refused: Arrived) -> None:
        def remove() -> None:
            place = self._place_of(refused.file.did)
            escort = Escort(hold=functools.partial(self._retries.hold, THIS_THREAD))
            with self._means.writer(escort) as writer:
                writer.remove(place)

        if not refused.found:
            self._notes.refused(self._described([refused]))
            self._retries.insist(THIS_THREAD, remove)

    def _described(self, batch: Sequence[Arrived]) -> list[Stored]:
        rse = self._request.rse
        return [Stored(each.file.did, rse, each.file.bytes, each.adler32) for each in batch]


def is_about_the_file(refusal: Failure) -> bool:
    """Whether Rucio refuses it by a name, or we do. What a proxy or an error page says is said of no file."""
    unnamed = refusal.exception is None and isinstance(refusal, (Denied, RucioRefused))
    return not (unnamed or isinstance(refusal, RucioFault))


def check_same(did: Did, known: BulkLine | None, *, size: int, adler32: str | None = None) -> None:
    """Raises Conflict where Rucio knows another file by this name."""
    if known is None:
        return
    sums = {normalized_adler32(known.adler32), normalized_adler32(adler32)} - {None}
    if known.bytes != size or len(sums) > 1:
        raise Conflict(f"Rucio knows {did} as another file; give yours another name.", do="choose")
