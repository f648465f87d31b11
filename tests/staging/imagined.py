"""A Rucio that says what a test wants: names that the real one's schema forbids, rubbish, nothing at all."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from rucio_jupyterlab.did import Did
from tests.accounts.wayward import Reply, Request, Wayward, wayward
from tests.sources.faulty import Faulty, Manner


@dataclass
class Imagined:
    """A catalogue of files on one storage; `reply`, where it is set, answers instead."""

    storage: Faulty
    replicas: dict[Did, dict[str, Any]] = field(default_factory=dict)
    collections: dict[Did, list[Did]] = field(default_factory=dict)
    token: str | None = "good"
    """The one that is taken, and given to whoever signs in; None takes any."""
    traces: list[list[dict[str, Any]]] = field(default_factory=list)
    reply: Reply | None = None
    server: Wayward | None = None

    def put(
        self,
        scope: str,
        name: str,
        content: bytes,
        manner: Manner | None = None,
        *,
        pfns: dict[str, tuple[str, str]] | None = None,
        **more: Any,
    ) -> Did:
        """A file; `pfns` are (type, domain) by address, `more` are fields as Rucio says them."""
        did = Did(scope, name)
        url = self.storage.put(f"/{quote(scope, safe='')}/{quote(name, safe='')}", content, manner)
        addresses = {url: ("DISK", "wan")} if pfns is None else pfns
        self.replicas[did] = {
            "scope": scope,
            "name": name,
            "bytes": len(content),
            "adler32": f"{zlib.adler32(content):08x}",
            "pfns": {
                url: {"rse": "RSE", "type": kind, "domain": domain}
                for url, (kind, domain) in addresses.items()
            },
            "states": {"RSE": "AVAILABLE"},
        } | more
        return did

    def dataset(self, scope: str, name: str, members: Sequence[Did]) -> Did:
        self.collections[Did(scope, name)] = list(members)
        return Did(scope, name)

    def configuration(self, **more: Any) -> dict[str, Any]:
        assert self.server is not None
        return {"name": "lab", "display_name": "Imagined", "rucio_base_url": self.server.url} | more

    def __call__(self, request: Request) -> None:
        path = [unquote(step) for step in urlsplit(request.path).path.strip("/").split("/")]
        if path == ["auth", "userpass"]:
            request.answer(200, X_Rucio_Auth_Token=self.token or "good", X_Rucio_Auth_Account="alice")
        elif path == ["auth", "validate"]:
            request.answer(
                200, b"{'account': 'alice', 'identity': 'SUB=1, ISS=x', 'vo': 'def'}", "text/plain"
            )
        elif self.reply is not None:
            self.reply(request)
        else:
            self.usual(request)

    def usual(self, request: Request) -> None:
        """What it answers whoever has signed in."""
        path = [unquote(step) for step in urlsplit(request.path).path.strip("/").split("/")]
        if self.token not in (None, request.headers.get("x-rucio-auth-token")):
            request.answer(401)
        elif path == ["accounts", "whoami"]:
            request.answer(200, b'{"account": "alice"}')
        elif path[0] == "data":  # as a resolver does: whoever may read is shown where
            request.answer(302, Location=self.storage.url(f"/{'/'.join(path[1:])}"))
        elif path[0] == "traces":
            self.traces.append(json.loads(request.body))
            request.answer(201)
        elif path[0] == "rses":
            self._tell_rse(request)
        elif path == ["replicas", "list"]:
            asked = [Did(each["scope"], each["name"]) for each in json.loads(request.body)["dids"]]
            self._stream(request, [self.replicas[did] for each in asked for did in self._files(each)])
        elif path == ["dids", "bulkmeta"]:
            dids = [Did(each["scope"], each["name"]) for each in json.loads(request.body)["dids"]]
            known = [did for did in dids if did in self.replicas or did in self.collections]
            self._stream(request, [self._described(did) | {"is_open": False} for did in known])
        elif path[0] == "replicas" and path[-1] == "datasets":
            self._stream(request, [{"rse": "RSE", "available_length": 1}])
        elif path[0] == "dids" and path[-1] == "files" and len(path) == 4:
            files = self._files(Did(path[1], path[2]))
            sizes = [self.replicas[did]["bytes"] for did in files]
            lines = zip(files, sizes, strict=True)
            self._stream(
                request, [{"scope": did.scope, "name": did.name, "bytes": size} for did, size in lines]
            )
        elif path[0] == "dids" and len(path) == 3:
            self._describe(request, Did(path[1], path[2]))
        else:
            request.answer(404)

    def _files(self, did: Did) -> list[Did]:
        return self.collections.get(did, [did] if did in self.replicas else [])

    def _describe(self, request: Request, did: Did) -> None:
        if did in self.replicas or did in self.collections:
            request.answer(200, json.dumps(self._described(did)).encode())
        else:
            message = f"Data identifier '{did}' not found"
            request.answer(404, ExceptionClass="DataIdentifierNotFound", ExceptionMessage=message)

    def _described(self, did: Did) -> dict[str, Any]:
        files = self._files(did)
        kind = "DATASET" if did in self.collections else "FILE"
        return {
            "scope": did.scope,
            "name": did.name,
            "type": kind,
            "did_type": kind,
            "bytes": sum(self.replicas[each]["bytes"] or 0 for each in files),
            "length": len(files),
            "open": False,
        }

    def _tell_rse(self, request: Request) -> None:
        protocol = {
            "scheme": "http",
            "hostname": self.storage.host,
            "port": self.storage.port,
            "domains": {"wan": {"read": 1}},
        }
        request.answer(200, json.dumps({"rse": "RSE", "protocols": [protocol]}).encode())

    def _stream(self, request: Request, lines: list[dict[str, Any]]) -> None:
        request.begin_stream()
        for start in range(0, len(lines), 200):
            batch = lines[start : start + 200]
            request.chunk(b"".join(json.dumps(line).encode() + b"\n" for line in batch))
        request.send(b"0\r\n\r\n")


@contextmanager
def imagined() -> Iterator[Imagined]:
    with Faulty() as storage:
        made = Imagined(storage)
        with wayward(made) as made.server:
            yield made
