"""Every route asks who, then whether, before anything else happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from traitlets import Instance, List

from rucio_jupyterlab.api.handlers import BODY_LIMIT
from rucio_jupyterlab.api.routes import PREFIX, ROUTES
from tests.api.calls import FIELDS, Fetch, call, call_path, name
from tests.engine.processes import was_used


class Refusing(Authorizer):
    """Lets nobody do anything, and remembers what was asked."""

    asked = List(Instance(tuple))

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((handler.request.method, action, resource))
        return False


async def test_every_route_refuses_a_stranger(jp_fetch: Fetch, engine_state: Path) -> None:
    stranger = {"Authorization": "token wrong"}
    answers = {name(route): (await call(jp_fetch, route, headers=dict(stranger))).problem for route in ROUTES}
    assert answers == {name(route): "jupyter-refused" for route in ROUTES}
    assert not was_used(engine_state)


class TestUnauthorized:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["ServerApp"]["authorizer_class"] = Refusing
        return jp_server_config

    async def test_every_route_asks_the_authorizer_to_read_or_to_write(
        self, jp_fetch: Fetch, jp_serverapp: Any, engine_state: Path
    ) -> None:
        # Twice and back: what is asked must not depend on what was asked first.
        for route in (*ROUTES, *reversed(ROUTES)):
            jp_serverapp.authorizer.asked.clear()
            outcome = await call(jp_fetch, route)
            action = "read" if route.method == "GET" else "write"
            assert outcome.problem == "jupyter-refused", name(route)
            assert jp_serverapp.authorizer.asked == [(route.method, action, "rucio-jupyterlab")]
        assert not was_used(engine_state)


async def test_a_cookie_alone_changes_nothing(jp_fetch: Fetch, jp_serverapp: Any) -> None:
    token = jp_serverapp.identity_provider.token
    signed_in = await call(
        jp_fetch, "GET environment", fields={"token": token}, headers={"Authorization": ""}
    )
    cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
    by_cookie = {"Authorization": "", "Cookie": cookie}
    reading = await call(
        jp_fetch,
        "GET environment",
        headers={**by_cookie, "Referer": f"http://127.0.0.1:{jp_serverapp.port}/"},
    )
    assert reading.status == 200
    writes = [route for route in ROUTES if route.method != "GET"]
    answers = {
        name(route): (await call(jp_fetch, route, headers=dict(by_cookie))).problem for route in writes
    }
    assert answers == {name(route): "jupyter-refused" for route in writes}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "3",
        "null",
        '"text"',
        "\udcff".encode("utf-8", "surrogateescape"),
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
async def test_a_body_that_is_no_object_is_a_bad_request(jp_fetch: Fetch, body: Any) -> None:
    assert (await call(jp_fetch, "POST jobs", body=body)).problem == "bad-request"


async def test_every_field_of_a_wrong_type_is_a_bad_request_that_names_it(jp_fetch: Fetch) -> None:
    tried = 0
    for route in ROUTES:
        in_path = {field for field in route.request.__struct_fields__ if f"{{{field}}}" in route.path}
        for field in set(route.request.__struct_fields__) - in_path if route.takes_body else ():
            outcome = await call(
                jp_fetch, route, fields={**FIELDS.get(route.request, {}), field: {"not": "this"}}
            )
            assert outcome.problem == "bad-request", (name(route), field)
            assert f"$.{field}" in outcome.body["detail"], (name(route), field)
            tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    ("route", "fields", "unknown"),
    [
        ("POST jobs", {"job": {"instance": "lab", "dids": []}, "frist": 1}, "frist"),
        ("POST jobs", {"job": {"instance": "lab", "dids": [], "pattrn": "*.x"}}, "pattrn"),
        ("POST jobs", {"job": {"instance": "lab", "dids": [{"scope": "s", "name": "n", "rse": "R"}]}}, "rse"),
    ],
)
async def test_a_field_that_is_not_known_is_a_bad_request_that_names_it(
    jp_fetch: Fetch, route: str, fields: dict[str, Any], unknown: str
) -> None:
    outcome = await call(jp_fetch, route, fields=fields)
    assert outcome.problem == "bad-request" and f"“{unknown}”" in outcome.body["detail"]


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        ("GET instances/{instance}/metadata", {"scope": "s"}),
        ("GET instances/{instance}/replicas", {"name": "n"}),
        ("GET instances/{instance}/rules", {}),
        ("GET instances/{instance}/scopes", {"limit": "many"}),
        ("GET instances/{instance}/scopes", {"writable": "perhaps"}),
        ("GET jobs/{job_id}/transfers", {"limit": "0"}),
        ("GET jobs/{job_id}/transfers", {"limit": "1001"}),
        ("GET jobs/{job_id}/transfers", {"offset": "-1"}),
        ("GET jobs/{job_id}/transfers", {"offset": str(2**63)}),
        ("GET jobs/{job_id}/transfers", {"state": "lost"}),
        ("GET listings/{listing_id}", {"limit": "x"}),
        ("GET server-path", {}),
    ],
)
async def test_a_query_that_is_wrong_is_a_bad_request(
    jp_fetch: Fetch, route: str, fields: dict[str, str]
) -> None:
    assert (await call(jp_fetch, route, fields=fields)).problem == "bad-request"


async def test_a_problem_does_not_repeat_what_was_sent(jp_fetch: Fetch) -> None:
    fields = {"auth_type": "userpass", "username": "u", "password": ["hunter2"]}
    outcome = await call(jp_fetch, "POST instances/{instance}/signin", fields=fields)
    assert outcome.problem == "bad-request"
    assert "password" in outcome.body["detail"]
    assert "hunter2" not in str(outcome.body)


async def test_too_many_dids_at_once_are_refused(jp_fetch: Fetch) -> None:
    dids = [{"scope": "s", "name": str(number)} for number in range(101)]
    outcome = await call(jp_fetch, "POST instances/{instance}/summaries", fields={"dids": dids})
    assert outcome.problem == "bad-request"


async def test_too_large_a_body_is_refused(jp_fetch: Fetch) -> None:
    assert (await call(jp_fetch, "POST jobs", body=" " * (BODY_LIMIT + 1))).problem == "too-large"


async def test_an_unknown_address_is_a_problem_too(jp_fetch: Fetch) -> None:
    for where in ("nothing", "jobs/a/b/c"):
        assert (await call_path(jp_fetch, where)).problem == "not-found", where
    stranger = await call_path(jp_fetch, "nothing", headers={"Authorization": "token wrong"})
    assert stranger.problem == "jupyter-refused"


async def test_a_method_that_an_address_does_not_take_is_refused_with_those_that_it_takes(
    jp_fetch: Fetch,
) -> None:
    outcome = await call_path(jp_fetch, "jobs", method="PUT", body="")
    assert outcome.problem == "wrong-method"
    assert outcome.headers["Allow"] == "GET, POST"


def test_paths_and_methods_are_unique() -> None:
    assert len({name(route) for route in ROUTES}) == len(ROUTES)
    assert PREFIX.endswith("/v1/")
