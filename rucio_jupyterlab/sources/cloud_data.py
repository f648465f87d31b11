"""The data endpoint of a CS3 cloud, spoken to by libcurl where bytes are sent.

Imported only where `clouds.is_installed`: it needs the extra `[cs3]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.data import DataEndpoint, DataServer
from rucio_mesh.cs3.errors import Cs3Error, Failed, Unavailable, of_http
from rucio_mesh.cs3.exchange import Send

from ..errors import SourceFailure
from .failures import ReplicaFailure
from .http.sender import NotSent, Reply, Sender, Untrusted
from .model import Endpoint, Permit

STORED = frozenset({200, 201, 204})
"""206 is for a chunk of ownCloud's old protocol, of which no file comes."""
TUS = "Tus-Resumable: 1.0.0"

Watch = Callable[[int, int], None]
"""Called before bytes are sent, with the position in the file and their number; may wait, or raise to stop.

With no bytes while an answer is waited for: then it does not wait.
"""


class LibcurlData(DataServer):
    """Puts, and goes on, by libcurl; gets as the client itself does."""

    def __init__(self, client: Client, sender: Sender, instance: str, rse: str, watch: Watch) -> None:
        super().__init__(client.settings)
        self._ca_file = str(client.settings.ca_file) if client.settings.ca_file else None
        self._sender = sender
        self._instance = instance
        self._rse = rse
        self._watch = watch

    def put(self, endpoint: DataEndpoint, what: str, size: int, body: Callable[[Send], None]) -> None:
        headers = (f"Upload-Length: {size}", "Content-Type: application/octet-stream")
        reply = self._send("PUT", endpoint, what, headers, 0, size, body)
        if reply.status not in STORED:
            raise _refusal(reply, what)

    def patch(
        self, endpoint: DataEndpoint, what: str, offset: int, size: int, body: Callable[[Send], None]
    ) -> int:
        headers = (TUS, "Content-Type: application/offset+octet-stream", f"Upload-Offset: {offset}")
        reply = self._send("PATCH", endpoint, what, headers, offset, size, body)
        return _offset_of(reply, what)

    def offset(self, endpoint: DataEndpoint, what: str) -> int:
        with self._answering(f"{what}: the data endpoint does not answer"):
            reply = self._sender.head(self._instance, self._address(endpoint), (TUS,))
        return _offset_of(reply, what)

    def _watched(self, body: Callable[[Send], None], offset: int) -> Callable[[Send], None]:
        """The same bytes, from `offset` of the file on, with someone to watch them go."""

        def watched(send: Send) -> None:
            position = offset

            def next_piece(piece: memoryview) -> None:
                nonlocal position
                self._watch(position, len(piece))
                send(piece)
                position += len(piece)

            body(next_piece)

        return watched

    def _send(
        self,
        method: str,
        endpoint: DataEndpoint,
        what: str,
        headers: tuple[str, ...],
        offset: int,
        size: int,
        body: Callable[[Send], None],
    ) -> Reply:
        with self._answering(f"{what}: the connection broke"):
            return self._sender.put(
                method,
                self._instance,
                self._address(endpoint),
                headers,
                size,
                self._watched(body, offset),
                answer_seconds=self._settings.storing_seconds(offset + size),
                waiting=lambda: self._watch(offset + size, 0),
            )

    @contextmanager
    def _answering(self, otherwise: str) -> Iterator[None]:
        try:
            yield
        except NotSent:
            raise Unavailable(otherwise) from None
        except Untrusted:
            sentence = ReplicaFailure("untrusted", self._rse).sentence
            raise SourceFailure(sentence, do="configure") from None

    def _address(self, endpoint: DataEndpoint) -> Endpoint:
        headers = tuple(f"{name}: {value}" for name, value in endpoint.headers.items())
        return Endpoint(self._rse, endpoint.url, permit=Permit(headers, ca_file=self._ca_file))


def _offset_of(reply: Reply, what: str) -> int:
    if reply.status not in STORED:
        raise _refusal(reply, what)
    if reply.upload_offset is None:
        raise Failed(f"{what}: the answer lacks its Upload-Offset")
    return reply.upload_offset


def _refusal(reply: Reply, what: str) -> Cs3Error:
    error = of_http(reply.status, what)
    if isinstance(error, Unavailable):
        error.retry_after = reply.retry_after
    return error
