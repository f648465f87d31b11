"""Starting downloads and uploads: what is handed out, and what the data gateway finds again by it."""

from __future__ import annotations

import contextlib
import random
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cs3.gateway.v1beta1.gateway_api_pb2 as gw
import cs3.gateway.v1beta1.resources_pb2 as gateway_resources
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.resources_pb2 as resources

from .faults import Faults
from .locks import Locks
from .metadata import CHECKSUM_TYPES
from .profiles import Algorithm, Profile, UploadProtocol
from .records import Digest
from .refusal import Refused, as_reva_says
from .storage import Storage
from .tokens import Mint
from .tree import Place, Tree, must_be_writable

TRANSFER_SECONDS = 6_000


@dataclass(frozen=True)
class Download:
    """A file that may be read."""

    place: Place
    file: Path
    """The place's, or an older version."""


@dataclass
class Upload:
    """A file that is being written; all protocols offered write the same."""

    place: Place
    part: Path
    algorithms: frozenset[Algorithm]
    """The checksums to compute."""
    length: int | None = None
    mtime: float | None = None
    checksum: tuple[Algorithm, str] | None = None
    if_match: str = ""
    """The etag that the old content must still have at the end."""
    received: int = 0
    """Bytes in `part`, from one request or several; `digest` is of these."""
    digest: Digest = field(init=False)
    finished: bool = False

    def __post_init__(self) -> None:
        self.digest = Digest(self.algorithms)


@dataclass(frozen=True)
class Offer:
    """One way to go about a transfer: what a transfer token stands for."""

    protocol: str
    transfer: Download | Upload


class Transfers:
    """The two calls, and the transfers they have begun."""

    def __init__(
        self,
        tree: Tree,
        profile: Profile,
        faults: Faults,
        storage: Storage,
        locks: Locks,
        *,
        expose_data_server: bool,
    ) -> None:
        self.tokens = Mint(TRANSFER_SECONDS)
        """Makes transfer tokens; `seconds` says how long they last."""
        self.endpoint = ""
        """The data gateway's address."""
        self._tree, self._profile, self._faults = tree, profile, faults
        self._storage, self._locks = storage, locks
        self._exposed = expose_data_server
        self._offers: dict[str, Offer] = {}

    def offer(self, token: str) -> Offer | None:
        """What a transfer token stands for; None if it is not, or no longer, valid."""
        claims = self.tokens.read(token) if token else None
        return self._offers.get(claims["target"].rpartition("/")[2]) if claims else None

    def exposed(self, key: str) -> Offer | None:
        """Likewise, where the data server itself was handed out."""
        return self._offers.get(key) if self._exposed else None

    # ---- calls

    def initiate_file_download(self, request: Any, user: str) -> Any:
        """A missing file is found out by whoever comes to read."""
        place = self._tree.place(request.ref, user)
        file = self._version(place, _opaque(request, "version_key"))
        if self._profile.opencloud and place.file.exists():
            self.must_be_ready(place)
        protocol = _name("simple", request)
        endpoint, token = self._begin(Offer(protocol, Download(place, file)))
        offer = gateway_resources.FileDownloadProtocol(
            protocol=protocol, download_endpoint=endpoint, token=token
        )
        return gw.InitiateFileDownloadResponse(protocols=[offer])

    def initiate_file_upload(self, request: Any, user: str) -> Any:
        place = self._tree.place(request.ref, user)
        must_be_writable(place)
        length = _opaque(request, "Upload-Length")
        upload = Upload(
            place,
            self._tree.part(),
            self._algorithms(request),
            length=int(length) if length.isdecimal() else None,
            mtime=modification_time(_opaque(request, "X-OC-Mtime")),
            checksum=_checksum(request) if self._profile.opencloud else None,
            if_match=request.if_match if self._profile.opencloud else "",
        )
        if self._profile.opencloud:
            self._check_at_once(request, upload)
        offers = []
        for protocol in self._protocols():
            name = _name(protocol, request)
            endpoint, token = self._begin(Offer(name, upload))
            offers.append(
                gateway_resources.FileUploadProtocol(
                    protocol=name,
                    upload_endpoint=endpoint,
                    token=token,
                    available_checksums=self._available(),
                )
            )
        return gw.InitiateFileUploadResponse(protocols=offers)

    # ---- questions

    def must_be_ready(self, place: Place) -> None:
        """Raises Refused while a new file is still being looked at."""
        with as_reva_says(place.path):
            if self._tree.records.of(place.file).ready_at > time.time():
                raise Refused(codes.CODE_TOO_EARLY, "error: the file is still being processed")

    def has_room(self, length: int) -> bool:
        total, used = self._storage.space()
        return length <= total - used

    def _begin(self, offer: Offer) -> tuple[str, str]:
        """Where to go, and with which token."""
        key = secrets.token_hex(16)
        self._offers[key] = offer
        if self._exposed:
            return f"{self.endpoint}/data/{offer.protocol}/{key}", ""
        address = self._faults.data_endpoint or f"{self.endpoint}/datagateway"
        return address, self.tokens.issue(target=f"http://localhost/data/{offer.protocol}/{key}")

    def _available(self) -> list[Any]:
        return [
            resources.ResourceChecksumPriority(type=CHECKSUM_TYPES[each], priority=number)
            for number, each in enumerate(self._profile.checksums)
        ]

    def _protocols(self) -> tuple[UploadProtocol, ...]:
        if self._faults.protocols is not None:
            return self._faults.protocols
        names = list(self._profile.upload_protocols)
        random.shuffle(names)
        return tuple(names)

    def _algorithms(self, request: Any) -> frozenset[Algorithm]:
        told = _checksum(request) if self._profile.opencloud else None
        return frozenset(self._profile.checksums) | ({told[0]} if told else set())

    def _check_at_once(self, request: Any, upload: Upload) -> None:
        """What OpenCloud finds out before a byte is sent; it also ends empty uploads here. Raises Refused."""
        place = upload.place
        if not place.file.parent.is_dir():
            raise Refused(codes.CODE_FAILED_PRECONDITION, "error: precondition failed: no such parent")
        if not self.has_room(upload.length or 0):
            raise Refused(codes.CODE_INSUFFICIENT_STORAGE, "error: insufficient storage: quota exceeded")
        if place.file.is_dir():
            raise Refused(codes.CODE_FAILED_PRECONDITION, "error: precondition failed: not a file")
        self._locks.check(place, request.lock_id)
        if request.if_not_exist and place.file.exists():
            raise Refused(codes.CODE_ABORTED, "error: aborted: the file exists")
        if not upload.length:
            upload.part.touch()
            with as_reva_says(place.path):
                self._tree.publish(upload.part, place)
            upload.finished = True

    def _version(self, place: Place, key: str) -> Path:
        if not key:
            return place.file
        with as_reva_says(place.path):
            versions = self._tree.records.of(place.file).versions
        nowhere = self._tree.part()
        return next((each.file for each in versions if each.key == key), nowhere)


def modification_time(text: str | None) -> float | None:
    """Seconds since 1970 of an X-OC-Mtime; None where it tells none, as `null` does."""
    with contextlib.suppress(ValueError):
        return float(text or "") or None
    return None


def _name(protocol: str, request: Any) -> str:
    """`simple` is called otherwise where the reference starts at an id."""
    return "spaces" if protocol == "simple" and request.ref.resource_id.opaque_id else protocol


def _opaque(request: Any, key: str) -> str:
    opaque = request.opaque.map
    return opaque[key].value.decode() if key in opaque else ""


def _checksum(request: Any) -> tuple[Algorithm, str] | None:
    """The algorithm and digits of `Upload-Checksum: adler32 0f1e2d3c`. Raises Refused."""
    text = _opaque(request, "Upload-Checksum")
    if not text:
        return None
    name, _, digits = text.partition(" ")
    for algorithm in CHECKSUM_TYPES:
        if algorithm == name and digits:
            return algorithm, digits.lower()
    raise Refused(codes.CODE_INVALID_ARGUMENT, "error: bad request: unknown checksum algorithm")
