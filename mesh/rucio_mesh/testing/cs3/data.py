"""The data gateway: a threaded HTTP/1.1 server that finds files by transfer tokens."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

from .faults import ConnectionCut, Faults, Lapses, Passage
from .profiles import Profile
from .ranges import Span, Unsatisfiable, spans
from .receiving import Body, Receiver
from .refusal import HttpRefused, Refused
from .tokens import Mint
from .transfers import Download, Offer, Transfers, Upload

PIECE = 1 << 20
IDLE_SECONDS = 60
LINGER_SECONDS = 0.5
BOUNDARY = "THE_NEXT_RANGE"


@dataclass
class Meter:
    """What has passed through the data gateway."""

    bytes_served: int = 0
    """Bytes of files sent, those of broken answers among them."""
    bytes_received: int = 0
    """Bytes of bodies taken, likewise."""
    requests: list[tuple[str, int]] = field(default_factory=list)
    """Method and status of each request; status 0 where the connection was cut first."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def served(self, count: int) -> None:
        with self._lock:
            self.bytes_served += count

    def received(self, count: int) -> None:
        with self._lock:
            self.bytes_received += count


class DataServer(ThreadingHTTPServer):
    """Listens from the start; answers between `begin` and `end`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self,
        port: int,
        *,
        transfers: Transfers,
        receiver: Receiver,
        access: Mint,
        profile: Profile,
        faults: Faults,
        meter: Meter,
        lapses: Lapses,
        tls: ssl.SSLContext | None,
    ) -> None:
        """Raises OSError if the port is taken."""
        self.transfers, self.receiver, self.access = transfers, receiver, access
        self.profile, self.faults, self.meter = profile, faults, meter
        self.lapses, self._tls = lapses, tls
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), DataHandler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="cs3-data", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Stop listening, and end all connections."""
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # it is closed already
                # To be reset by its thread: else a client that waits for room to send waits a minute for the kernel.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread, so that a slow handshake holds up nobody."""
        request.settimeout(IDLE_SECONDS)
        connection = self._tls.wrap_socket(request, server_side=True) if self._tls else request
        self._connections.add(connection)
        try:
            super().finish_request(connection, client_address)
        finally:
            self._connections.discard(connection)
            if self._tls:
                connection.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or whose handshake fails, is no news; anything else is a mistake of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class DataHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: DataServer

    def log_message(self, *_arguments: object) -> None:
        """Nothing: the request may hold a token."""

    def handle_expect_100(self) -> bool:
        """A client that waits to be asked for its body is asked when that is read: it may be refused at once."""
        return True

    def do_GET(self) -> None:
        self._handle(self._send)

    def do_HEAD(self) -> None:
        self._handle(self._tell)

    def do_PUT(self) -> None:
        self._handle(lambda offer: self._take(offer, self.server.receiver.put))

    def do_PATCH(self) -> None:
        self._handle(lambda offer: self._take(offer, self.server.receiver.patch))

    def do_POST(self) -> None:
        self._handle(None)

    def do_OPTIONS(self) -> None:
        self._handle(None)

    def do_DELETE(self) -> None:
        self._handle(None)

    def _handle(self, action: Callable[[Offer], None] | None) -> None:
        """Do it, and tell the meter."""
        self._status = 0
        try:
            self._check_faults()
            if action is None:
                raise HttpRefused(501)
            action(self._offer())
            self.wfile.flush()
        except HttpRefused as no:
            self._refuse(no)
        except (ConnectionCut, OSError):
            self.close_connection = True
        if not self._status:
            self.server.meter.requests.append((self.command, 0))

    def _refuse(self, no: HttpRefused) -> None:
        """Answer, and for a moment take what the client still sends, as Go's server does: else it sees a reset."""
        sends = "Transfer-Encoding" in self.headers or int(self.headers.get("Content-Length") or 0) > 0
        self.close_connection = self.close_connection or sends
        with contextlib.suppress(OSError):
            self._answer(no.status, no.headers)
            self.wfile.flush()
            if not sends:
                return
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_SECONDS)
            buffer, deadline = bytearray(PIECE), time.monotonic() + LINGER_SECONDS
            while self.rfile.readinto1(buffer) and time.monotonic() < deadline:
                pass

    def _check_faults(self) -> None:
        faults = self.server.faults
        if faults.strike("data_unavailable") is not None:
            raise HttpRefused(503, **({"Retry_After": faults.retry_after} if faults.retry_after else {}))
        status = faults.strike("data_status")
        if status is not None:
            raise HttpRefused(status)
        if faults.strike("redirect") is not None:
            raise HttpRefused(307, Location=faults.redirect_url)

    def _offer(self) -> Offer:
        """What the tokens of the request stand for. Raises HttpRefused."""
        if self.server.access.read(self.headers.get("x-access-token", "")) is None:
            raise HttpRefused(401, WWW_Authenticate='Bearer realm="reva"')
        transfers, (folder, _, last) = self.server.transfers, self.path.partition("?")[0].rpartition("/")
        if folder.startswith("/data/"):
            offer = transfers.exposed(last)
        else:
            offer = transfers.offer(self.headers.get("X-Reva-Transfer") or last)
        if offer is None:
            raise HttpRefused(403)
        return offer

    # ---- downloads

    def _send(self, offer: Offer) -> None:
        file = self._readable(offer)
        if file.is_dir():
            self._answer(200, {}, length=file.stat().st_size)
            raise ConnectionCut
        with self._open(file) as content:
            size = os.fstat(content.fileno()).st_size
            found = self._ranges(size)
            if len(found) > 1:
                self._send_many(content, found, size)
                return
            whole = Span(0, size)
            span = found[0] if found else whole
            told = {"Content-Range": span.content_range(size), "Accept-Ranges": "bytes"} if found else {}
            status, surplus = 206 if found else 200, self.server.faults.strike("no_length")
            if surplus is not None:
                self.close_connection = True
                self._answer(status, told, length=None)
                self._copy(content, span)
                self._send_surplus(surplus)
                return
            off_by = self.server.faults.strike("wrong_length") or 0
            self._answer(status, told, length=span.length + off_by)
            self._copy(content, span)
            self.close_connection = self.close_connection or bool(off_by)

    def _send_surplus(self, count: int) -> None:
        while count:
            piece = bytes(min(count, PIECE))
            self.connection.sendall(piece)
            self.server.meter.served(len(piece))
            count -= len(piece)

    def _tell(self, offer: Offer) -> None:
        if isinstance(offer.transfer, Upload):
            self._answer(*self.server.receiver.progress(offer, offer.transfer, self.headers))
            return
        with self._open(self._readable(offer)) as content:
            self._answer(200, {}, length=os.fstat(content.fileno()).st_size)

    def _readable(self, offer: Offer) -> Path:
        """The file to read. Raises HttpRefused."""
        transfer = offer.transfer
        if not isinstance(transfer, Download):
            raise HttpRefused(501)
        try:
            if transfer.place.file.exists():
                self.server.transfers.must_be_ready(transfer.place)
        except Refused as no:
            raise HttpRefused(425) from no
        return transfer.file

    def _open(self, file: Path) -> BinaryIO:
        try:
            return file.open("rb")
        except FileNotFoundError as error:
            raise HttpRefused(404) from error
        except OSError as error:
            raise HttpRefused(500) from error

    def _ranges(self, size: int) -> list[Span]:
        """The ranges to serve; none for the whole. Raises HttpRefused."""
        try:
            found = spans(self.headers.get("Range", ""), size)
        except Unsatisfiable as error:
            raise HttpRefused(416, Content_Range=f"bytes */{size}") from error
        if found and not self.server.profile.serves_ranges:
            raise HttpRefused(416)
        return found

    def _send_many(self, content: BinaryIO, found: list[Span], size: int) -> None:
        heads = [
            f"\r\n--{BOUNDARY}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Range: {span.content_range(size)}\r\n\r\n".encode()
            for span in found
        ]
        end = f"\r\n--{BOUNDARY}--\r\n".encode()
        length = sum(map(len, heads)) + sum(span.length for span in found) + len(end)
        self._answer(206, {"Content-Type": f"multipart/byteranges; boundary={BOUNDARY}"}, length=length)
        for head, span in zip(heads, found, strict=True):
            self.wfile.write(head)
            self._copy(content, span)
        self.wfile.write(end)

    def _copy(self, content: BinaryIO, span: Span) -> None:
        """Send bytes of the file, as the faults have it. Raises ConnectionCut."""
        passage = Passage(self.server.faults, "download", self.server.lapses)
        position, end = span.start, span.start + span.length
        self.wfile.flush()
        while position < end:
            count = passage.room(min(end - position, PIECE))
            self.server.meter.served(count)  # before a client can have them
            sent = 0
            try:
                sent = self._copy_piece(content, position, count, passage)
            finally:
                self.server.meter.served(sent - count)
            if not sent:
                raise ConnectionCut  # the file was cut short meanwhile
            position += sent
            passage.note(sent)

    def _copy_piece(self, content: BinaryIO, position: int, count: int, passage: Passage) -> int:
        if passage.plain:
            return int(self.connection.sendfile(content, position, count))
        data = bytearray(os.pread(content.fileno(), count, position))
        passage.alter(memoryview(data), position)
        self.connection.sendall(data)
        return len(data)

    # ---- uploads

    def _take(self, offer: Offer, take: Callable[..., tuple[int, dict[str, str]]]) -> None:
        upload = offer.transfer
        if not isinstance(upload, Upload):
            raise HttpRefused(501)
        answer = take(offer, upload, self._body(upload), self.headers)
        time.sleep(self.server.faults.storing_seconds)
        if self.server.faults.strike("data_answer_lost") is not None:
            raise ConnectionCut
        self._answer(*answer)

    def _body(self, upload: Upload) -> Body:
        """The pieces of the body, as the faults have it. Raises ConnectionCut."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        passage = Passage(self.server.faults, "upload", self.server.lapses, before=upload.received)
        buffer = memoryview(bytearray(PIECE))
        offset = upload.received
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        while length := self._next_chunk() if chunked else int(self.headers.get("Content-Length") or 0):
            while length:
                count = self.rfile.readinto1(buffer[: passage.room(min(length, PIECE))])
                if not count:
                    raise ConnectionCut
                passage.alter(buffer[:count], offset)
                yield buffer[:count]
                length -= count
                offset += count
                self.server.meter.received(count)
                passage.note(count)
            if not chunked:
                return
            self.rfile.readline()

    def _next_chunk(self) -> int:
        """Length of the next chunk; 0 at the end, whose trailers are read."""
        line = self.rfile.readline(1024)
        if not line:
            raise ConnectionCut
        try:
            length = int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise HttpRefused(400) from error
        while not length and self.rfile.readline(1024).strip():
            pass
        return length

    def _answer(self, status: int, headers: dict[str, str], length: int | None = 0) -> None:
        """Send the head, and note the status. Without a length, the body ends with the connection."""
        self._status = status
        self.server.meter.requests.append((self.command, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204 and length is not None:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
