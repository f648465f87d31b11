"""Turns the table of routes into Tornado handlers: decode, ask, encode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from ..errors import BadRequest, Failure
from . import local
from .model import ProblemDocument
from .problems import TooLarge, WrongMethod, failure_of_status
from .routes import PREFIX, ROUTES, Route

RESOURCE = "rucio-jupyterlab"
"""What an authorizer is asked about, with `read` for GET and `write` for the rest."""
BODY_LIMIT = 4 * 1024 * 1024
"""Bytes; some ten thousand DIDs."""


class RouteHandler(APIHandler):
    """All methods of one path."""

    auth_resource = RESOURCE

    def initialize(self, server: local.Server, routes: Mapping[str, Route]) -> None:
        self._server = server
        self._routes = routes
        # A panel that only looks must not keep an idle server from being culled.
        self._track_activity = self.request.method != "GET"

    # Each method is decorated by itself: `authorized` remembers the action of its first request.

    @web.authenticated
    @authorized("read", RESOURCE)
    async def get(self, **in_path: str) -> None:
        await self._answer(in_path)

    @web.authenticated
    @authorized("write", RESOURCE)
    async def post(self, **in_path: str) -> None:
        await self._answer(in_path)

    @web.authenticated
    @authorized("write", RESOURCE)
    async def put(self, **in_path: str) -> None:
        await self._answer(in_path)

    @web.authenticated
    @authorized("write", RESOURCE)
    async def patch(self, **in_path: str) -> None:
        await self._answer(in_path)

    @web.authenticated
    @authorized("write", RESOURCE)
    async def delete(self, **in_path: str) -> None:
        await self._answer(in_path)

    async def _answer(self, in_path: Mapping[str, str]) -> None:
        route = self._routes.get(self.request.method or "")
        if not route:
            raise failure_of_status(405 if self._routes else 404)
        if len(self.request.body) > BODY_LIMIT:
            raise TooLarge(f"The request is larger than {BODY_LIMIT // 1024**2} MiB.")
        # Not `get_query_argument`, which takes blanks away that a name may have.
        query = {
            name: self.decode_argument(values[-1], name)
            for name, values in self.request.query_arguments.items()
        }
        request = read_request(route, in_path, query, self.request.body)
        await self.finish(msgspec.json.encode(await route.answer(self._server, request)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        failure = error if isinstance(error, Failure) else failure_of_status(status_code)
        problem = failure.problem()
        self.set_status(problem.status)
        if isinstance(failure, WrongMethod):
            self.set_header("Allow", ", ".join(self._routes))
        document = msgspec.json.encode(ProblemDocument.of(problem))
        self.finish(document, set_content_type="application/problem+json")

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        if not isinstance(error, Failure):  # a failure is an answer; nothing broke
            super().log_exception(kind, error, trace)


def read_request(
    route: Route, in_path: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> msgspec.Struct:
    """The request's struct. Raises BadRequest, naming the field but not its value.

    A body has no field but those that are known: who misspells `first` does not mean to stage it all.
    """
    try:
        if not route.takes_body:
            return msgspec.convert({**query, **in_path}, route.request, strict=False)
        fields = msgspec.json.decode(body, type=dict[str, Any]) if body.strip() else {}
        request = msgspec.convert({**fields, **in_path}, route.request)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The request cannot be understood: {error}.") from error
    if (unknown := unknown_field(fields, request)) is not None:
        raise BadRequest(f"The request cannot be understood: there is no field “{unknown[:100]}”.")
    return request


def unknown_field(sent: Any, read: Any) -> str | None:
    """The first name in a JSON value that the struct which was read from it does not have; None where all are known."""
    if isinstance(sent, dict) and isinstance(read, msgspec.Struct):
        names = dict(zip(read.__struct_encode_fields__, read.__struct_fields__, strict=True))
        if unknown := set(sent) - set(names) - {read.__struct_config__.tag_field}:
            return str(min(unknown))
        pairs = [(value, getattr(read, names[name])) for name, value in sent.items() if name in names]
    elif isinstance(sent, list) and isinstance(read, (list, tuple)):
        pairs = list(zip(sent, read, strict=True))
    else:
        return None
    return next((found for pair in pairs if (found := unknown_field(*pair)) is not None), None)


def handlers(server: local.Server) -> list[tuple[str, type[RouteHandler], dict[str, Any]]]:
    """A handler for each path of the table, and one for all other paths below the prefix."""
    paths: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = route
    return [
        (pattern(path), RouteHandler, {"server": server, "routes": routes}) for path, routes in paths.items()
    ] + [(f"/{PREFIX}.*", RouteHandler, {"server": server, "routes": {}})]


def pattern(path: str) -> str:
    """A route's path as a regular expression; each `{name}` is one segment."""
    return f"/{PREFIX}" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)
