"""One sample call for each route, and what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from tornado.httpclient import HTTPResponse

from rucio_jupyterlab.api.model import ProblemDocument
from rucio_jupyterlab.api.routes import PREFIX, ROUTES, Route
from rucio_jupyterlab.engine import protocol

Fetch = Callable[..., Awaitable[HTTPResponse]]
DID = {"scope": "s", "name": "n"}

FIELDS: dict[type, dict[str, Any]] = {
    protocol.AddInstance: {"url": "https://127.0.0.1:9"},
    protocol.SignIn: {"auth_type": "userpass", "username": "u", "password": "p"},
    protocol.SwitchAccount: {"account": "a"},
    protocol.OpenListing: {"query": {"kind": "search", "scope": "s"}},
    protocol.Summarize: {"dids": [DID]},
    protocol.GetMetadata: DID,
    protocol.GetReplicas: DID,
    protocol.ListRules: DID,
    protocol.StartJob: {"job": {"instance": "nowhere", "dids": [DID]}},
    protocol.PinJob: {"pinned": True},
    protocol.Evict: {"did": DID},
}
"""What a well-formed request holds beside its path; the rest needs nothing."""


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


BY_NAME: Mapping[str, Route] = {name(route): route for route in ROUTES}


class Outcome(msgspec.Struct, frozen=True):
    """An answer as far as tests look at it."""

    status: int
    kind: str
    body: Any
    headers: Any = None

    @property
    def problem(self) -> str | None:
        """The type of problem, after the document was checked to be one."""
        if self.status < 400:
            return None
        assert self.kind == "application/problem+json"
        document = msgspec.convert(self.body, ProblemDocument)
        assert document.status == self.status
        assert document.detail.endswith(".")
        return document.type


async def call(
    fetch: Fetch,
    route: Route | str,
    path: Mapping[str, str] = {},
    fields: Mapping[str, Any] | None = None,
    body: str | None = None,
    **options: Any,
) -> Outcome:
    """Call a route, by default with its sample; `body` is sent as it is."""
    route = BY_NAME[route] if isinstance(route, str) else route
    fields = FIELDS.get(route.request, {}) if fields is None else fields
    where = re.sub(r"{(\w+)}", lambda found: path.get(found[1], "nothing"), route.path)
    if route.takes_body:
        options["body"] = json.dumps(fields) if body is None else body
    else:
        options["params"] = fields
    return await call_path(fetch, where, method=route.method, **options)


async def call_path(fetch: Fetch, where: str, **options: Any) -> Outcome:
    response = await fetch(PREFIX, where, raise_error=False, **options)
    kind = response.headers["Content-Type"].partition(";")[0]
    return Outcome(response.code, kind, json.loads(response.body), response.headers)
