"""Every route, well used, against a real Rucio, real storage and a real engine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.did import Did
from rucio_jupyterlab.errors import NotFound
from rucio_jupyterlab.staging.model import FINISHED
from tests.api.calls import BY_NAME, FIELDS, Fetch, Outcome, call
from tests.api.hearing import subscribe
from tests.lab.lab import Lab

INSTANCE = "instances/{instance}"
JOB = "jobs/{job_id}"


class Panel:
    """Calls routes as the panel does, and remembers which."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.used: set[str] = set()

    async def ask(self, route: str, fields: dict[str, Any] | None = None, **path: str) -> Any:
        """The answer's body, which must be a good one."""
        outcome = await self.try_to(route, fields, **path)
        assert outcome.status == 200, (route, outcome.body)
        self.used.add(route)
        return outcome.body

    async def try_to(self, route: str, fields: dict[str, Any] | None = None, **path: str) -> Outcome:
        return await call(self._fetch, route, {"instance": "lab", **path}, fields or {}, request_timeout=60)

    async def sign_in(self, lab: Lab) -> Any:
        fields = {"auth_type": "userpass", "username": "alice", "password": lab.password, "account": "alice"}
        return await self.ask(f"POST {INSTANCE}/signin", fields)

    async def ended(self, job_id: str) -> Any:
        for _ in range(600):
            job = await self.ask(f"GET {JOB}", job_id=job_id)
            if job["state"] in FINISHED:
                return job
            await asyncio.sleep(0.05)
        raise AssertionError(f"The job did not end: {job}")


@pytest.fixture
def rucio_config(lab: Lab, tmp_path: Path) -> dict[str, Any]:
    return {"instances": [lab.configuration()], "views_dir": str(tmp_path / "views")}


@pytest.fixture
def panel(jp_fetch: Fetch) -> Panel:
    return Panel(jp_fetch)


async def browse(panel: Panel, scope: str) -> None:
    in_scope = await panel.ask(f"GET {INSTANCE}/scopes", {"filter": scope})
    assert in_scope == {"scopes": [scope], "total": 1}
    query = {"kind": "search", "scope": scope, "name": "*", "type": "all"}
    page = await panel.ask(f"POST {INSTANCE}/listings", {"query": query, "limit": 2})
    while not page["complete"]:
        await asyncio.sleep(0.02)
        page = await panel.ask("GET listings/{listing_id}", {"limit": "2"}, listing_id=page["listing_id"])
    assert (len(page["rows"]), page["rows_so_far"]) == (2, 5)
    rest = await panel.ask("GET listings/{listing_id}", {"offset": 2}, listing_id=page["listing_id"])
    assert {row["did"]["name"] for row in page["rows"] + rest["rows"]} == {"a", "b", "c", "big", "run"}
    await panel.ask("DELETE listings/{listing_id}", listing_id=page["listing_id"])


async def look_closer(panel: Panel, scope: str) -> None:
    did = {"scope": scope, "name": "run"}
    (summary,) = (await panel.ask(f"POST {INSTANCE}/summaries", {"dids": [did]}))["summaries"]
    assert (summary["files"], summary["reach"], summary["staged_files"]) == (3, "http", 0)
    assert (await panel.ask(f"GET {INSTANCE}/metadata", did))["values"]
    assert (await panel.ask(f"GET {INSTANCE}/replicas", did))["files_total"] == 3
    assert (await panel.ask(f"GET {INSTANCE}/rules", did))["rules"] == []


async def stage(panel: Panel, scope: str) -> str:
    did = {"scope": scope, "name": "run"}
    started = await panel.ask("POST jobs", {"job": {"instance": "lab", "dids": [did]}})
    job = await panel.ended(started["id"])
    assert (job["state"], job["files_done"]) == ("done", 3)
    rows = (await panel.ask(f"GET {JOB}/transfers", {"limit": 10}, job_id=job["id"]))["rows"]
    assert {row["state"] for row in rows} <= {"done", "linked"}
    where = await panel.ask("GET server-path", {"path": rows[0]["path"]})
    assert where == {"path": None}, "the views lie beside the server's root here"
    (summary,) = (await panel.ask(f"POST {INSTANCE}/summaries", {"dids": [did]}))["summaries"]
    assert (summary["staged_files"], summary["staged_path"]) == (3, job["path"])
    identifier: str = job["id"]
    return identifier


async def steer(panel: Panel, scope: str) -> None:
    """A job that is asked to wait, so that nothing here depends on its speed."""
    await panel.ask("PATCH store", {"bandwidth_limit": 1000})
    job = {"instance": "lab", "dids": [{"scope": scope, "name": "big"}]}
    job_id = (await panel.ask("POST jobs", {"job": job}))["id"]
    paused = await panel.ask(f"POST {JOB}/pause", job_id=job_id)
    assert paused["state"] == "paused"
    resumed = await panel.ask(f"POST {JOB}/resume", job_id=job_id)
    assert resumed["state"] in ("planning", "running")
    cancelled = await panel.ask(f"POST {JOB}/cancel", job_id=job_id)
    assert cancelled["state"] == "cancelled"
    again = await panel.ask(f"POST {JOB}/retry", job_id=job_id)
    assert again["state"] in ("planning", "running")
    await panel.ask("PATCH store", {"bandwidth_limit": 2_000_000})
    assert (await panel.ended(job_id))["state"] == "done"
    await panel.ask("PATCH store", {"bandwidth_limit": 0})


async def test_every_route_has_a_good_answer(panel: Panel, lab: Lab) -> None:
    scope = lab.scope("alice")
    lab.put_many(scope, {"a": b"1", "b": b"22", "c": b"333"}, dataset="run")
    lab.put(scope, "big", b"x" * 3_000_000)

    (signed_out,) = (await panel.ask("GET instances"))["instances"]
    assert (signed_out["name"], signed_out["account"]["state"]) == ("lab", "signed-out")
    assert (await panel.ask(f"GET {INSTANCE}/reachability"))["version"]
    assert (await panel.sign_in(lab))["account"]["account"] == "alice"
    assert await panel.ask(f"GET {INSTANCE}/accounts") == {"accounts": ["alice", "higgs"], "current": "alice"}
    for account in ("higgs", "alice"):
        info = await panel.ask(f"POST {INSTANCE}/account", {"account": account})
        assert info["account"]["account"] == account

    await browse(panel, scope)
    await look_closer(panel, scope)
    first = await stage(panel, scope)
    await steer(panel, scope)
    (big,) = (await panel.ask(f"GET {INSTANCE}/replicas", {"scope": scope, "name": "big"}))["rses"]
    assert big["bytes_per_second"] is None  # below a limit of the user's own, nothing is known of the RSE

    assert (await panel.ask(f"POST {JOB}/pin", {"pinned": True}, job_id=first))["pinned"]
    assert (await panel.ask("GET store"))["pinned_files"] == 3
    await panel.ask(f"POST {JOB}/pin", {"pinned": False}, job_id=first)
    assert len((await panel.ask("GET jobs"))["jobs"]) == 2
    await panel.ask("POST jobs/clear", {"job_ids": [first]})
    assert [job["id"] != first for job in (await panel.ask("GET jobs"))["jobs"]] == [True]
    freed = await panel.ask(f"POST {INSTANCE}/evict", {"did": {"scope": scope, "name": "run"}})
    assert freed == {"files": 3, "bytes": 6}

    added = {"url": lab.url, "name": "mine", "ca_cert": str(lab.ca)}
    assert (await panel.ask("POST instances", added))["source"] == "user"
    await panel.ask(f"DELETE {INSTANCE}", instance="mine")
    assert (await panel.ask(f"POST {INSTANCE}/signout"))["account"]["state"] == "signed-out"
    assert (await panel.ask("GET engine"))["engine"]["clients"] == 1
    assert (await panel.ask("POST engine/retry"))["state"] == "up"
    assert (await panel.ask("GET environment"))["root_dir"]
    elsewhere = {f"POST {JOB}/confirm", "GET demo", "POST demo/start", "POST demo/stop"}
    assert set(BY_NAME) - panel.used == elsewhere, "which have tests of their own"


class TestConfirmation:
    @pytest.fixture
    def rucio_config(self, rucio_config: dict[str, Any]) -> dict[str, Any]:
        return {**rucio_config, "confirm_files": 2}

    async def test_a_large_job_asks_first_and_may_take_a_part(self, panel: Panel, lab: Lab) -> None:
        scope = lab.scope("alice")
        lab.put_many(scope, dict.fromkeys("abcde", b"x"), dataset="run")
        await panel.sign_in(lab)
        request = {"instance": "lab", "dids": [{"scope": scope, "name": "run"}]}
        job = await panel.ask("POST jobs", {"job": request})
        while job["cause"] != "confirm":
            await asyncio.sleep(0.02)
            job = await panel.ask(f"GET {JOB}", job_id=job["id"])
        await panel.ask(f"POST {JOB}/confirm", {"first": 1}, job_id=job["id"])
        assert (await panel.ended(job["id"]))["files_done"] == 1


async def test_what_lies_in_a_staged_container_is_told_as_staged(panel: Panel, lab: Lab) -> None:
    scope = lab.scope("alice")
    lab.put_many(scope, {"a": b"1", "b": b"22"}, dataset="first")
    lab.put_many(scope, {"c": b"333"}, dataset="second")
    first, second = Did(scope, "first"), Did(scope, "second")
    lab.collection(scope, "both", [first, second], kind="CONTAINER")
    lab.collection(scope, "all", [Did(scope, "both")], kind="CONTAINER")
    lab.put_many(scope, {"d": b"4444"}, dataset="other")
    await panel.sign_in(lab)
    dids = [{"scope": scope, "name": name} for name in ("first", "second", "both", "other")]

    async def staged() -> list[tuple[int, str | None]]:
        answer = await panel.ask(f"POST {INSTANCE}/summaries", {"dids": dids})
        return [(each["staged_files"], each["staged_path"]) for each in answer["summaries"]]

    assert await staged() == [(0, None)] * 4
    whole = {"instance": "lab", "dids": [{"scope": scope, "name": "all"}], "pattern": "[bc]"}
    job = await panel.ask("POST jobs", {"job": whole})
    assert (await panel.ended(job["id"]))["files_done"] == 2
    assert await staged() == [(1, None), (1, None), (2, None), (0, None)]


async def test_staging_is_told_by_events_without_a_gap(panel: Panel, lab: Lab, jp_ws_fetch: Any) -> None:
    scope = lab.scope("alice")
    lab.put_many(scope, {f"f{number:03}": b"x" * 1000 for number in range(100)}, dataset="run")
    hear = await subscribe(jp_ws_fetch)
    await panel.sign_in(lab)
    job = {"instance": "lab", "dids": [{"scope": scope, "name": "run"}]}
    job_id = (await panel.ask("POST jobs", {"job": job}))["id"]
    told: list[Any] = []
    signed_in = False
    while not told or told[-1]["jobs"][0]["state"] not in FINISHED:
        event = await hear()
        signed_in |= any(each["account"]["state"] == "signed-in" for each in event.get("instances", []))
        if event.get("jobs"):
            told.append(event)
    assert signed_in
    assert {each["id"] for event in told for each in event["jobs"]} == {job_id}
    assert [event["seq"] for event in told] == [told[0]["seq"] + step for step in range(len(told))]
    assert told[-1]["jobs"][0]["files_done"] == 100


async def test_the_password_is_in_no_file_of_the_state(
    panel: Panel, lab: Lab, engine_state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await panel.sign_in(lab)
    await panel.ask(f"GET {INSTANCE}/scopes")
    assert files_that_hold(engine_state, lab.password) == []
    assert lab.password not in caplog.text


def files_that_hold(folder: Path, secret: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if secret.encode() in path.read_bytes()]


async def test_a_wrong_password_is_refused_and_nothing_repeats_it(panel: Panel, lab: Lab) -> None:
    fields = {"auth_type": "userpass", "username": "alice", "password": "wrong-secret", "account": "alice"}
    outcome = await panel.try_to(f"POST {INSTANCE}/signin", fields)
    assert outcome.status == 403
    assert "wrong-secret" not in str(outcome.body)


async def test_what_is_not_there_is_not_found(panel: Panel) -> None:
    routes = {name: route for name, route in BY_NAME.items() if NotFound in route.problems}
    answers = {
        name: (await panel.try_to(name, FIELDS.get(route.request), instance="nowhere")).problem
        for name, route in routes.items()
    }
    assert answers == dict.fromkeys(routes, "not-found")


async def test_questions_that_need_a_sign_in_say_so(panel: Panel, lab: Lab) -> None:
    did = {"scope": "s", "name": "n"}
    for route in ("accounts", "scopes", "metadata", "replicas", "rules"):
        outcome = await panel.try_to(f"GET {INSTANCE}/{route}", did)
        assert (outcome.problem, outcome.body["do"]) == ("sign-in-needed", "signin"), route
