"""A small real HTTP server that speaks the extension's contract, with its very structs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from rucio_jupyterlab.accounts.model import Instances
from rucio_jupyterlab.catalog.model import ListingPage
from rucio_jupyterlab.errors import Problem
from rucio_jupyterlab.staging.model import Jobs, JobSnapshot, TransferPage, TransferRow
from tests.cli.stand_in import info, snapshot

PREFIX = "/user/alice/rucio-jupyterlab/v1/"
TOKEN = "token-of-the-server"


class JupyterStandIn:
    """Answers as the extension does; `requests` tells what was asked."""

    def __init__(self) -> None:
        self.instances = Instances([info("lab")], default="lab")
        self.course: list[JobSnapshot | Problem] = [snapshot("done")]
        """How the job looks, one look after the other; the last one stays."""
        self.cancelled = snapshot("cancelled")
        """How it looks once it is to be cancelled."""
        self.rows: list[TransferRow] = []
        self.pages: list[ListingPage] = []
        """What a listing's pages look like, one look after the other."""
        self.closed: msgspec.Struct = msgspec.defstruct("Done", [])()
        """What the closing of a listing is answered with."""
        self.extension = True
        self.dead = self.dead_for_good = False
        """Whether the engine answers no more, and whether it does not when started again."""
        self.lost: Callable[[str, str], bool] = lambda method, path: False
        """Which answers a proxy on the way loses."""
        self.requests: list[tuple[str, str, Any]] = []
        """Method, path below the prefix, body."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> JupyterStandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/user/alice/"

    def asked(self, method: str, path: str) -> list[Any]:
        """The bodies of all such requests."""
        return [
            body for its_method, its_path, body in self.requests if (its_method, its_path) == (method, path)
        ]

    def answer(self, method: str, path: str, query: dict[str, int]) -> msgspec.Struct:
        match method, path.split("/"):
            case "GET", ["instances"]:
                return (
                    Problem("engine-down", "The engine ended.", status=503) if self.dead else self.instances
                )
            case "POST", ["engine", "retry"]:
                self.dead = self.dead_for_good
                return self.closed
            case "POST", ["instances", "lab", "listings"]:
                return self.pages.pop(0)
            case "GET", ["listings", _]:
                return self.pages.pop(0)
            case "DELETE", ["listings", _]:
                return self.closed
            case "GET", ["jobs"]:
                return Jobs([look for look in self.course if isinstance(look, JobSnapshot)])
            case "POST", ["jobs"]:
                return snapshot("planning")
            case "POST", ["jobs", _, "cancel"]:
                return self.cancelled
            case "GET", ["jobs", _]:
                return self.course.pop(0) if len(self.course) > 1 else self.course[0]
            case "GET", ["jobs", _, "transfers"]:
                offset = query["offset"]
                return TransferPage(self.rows[offset : offset + query["limit"]], offset, len(self.rows))
        return Problem("not-found", f"No route {path}.", status=404)

    def _handler(stand_in) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler below
        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                if not (stand_in.extension and parts.path.startswith(PREFIX)):
                    return self._send(404, b"<html>404 : Not Found</html>", "text/html")
                path = parts.path.removeprefix(PREFIX)
                stand_in.requests.append((self.command, path, body))
                if self.headers.get("Authorization") != f"token {TOKEN}":
                    reply: msgspec.Struct = Problem("denied", "You may not.", status=403)
                else:
                    query = {key: int(values[0]) for key, values in parse_qs(parts.query).items()}
                    reply = stand_in.answer(self.command, path, query)
                if stand_in.lost(self.command, path):
                    return self._send(502, b"<html>502 : Bad Gateway</html>", "text/html")
                status = reply.status if isinstance(reply, Problem) else 200
                return self._send(status, msgspec.json.encode(reply), "application/json")

            def _send(self, status: int, data: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - http.server names them so

        return Handler
