"""Keys that a site keeps at one address, and instances that the user adds."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.accounts import holders
from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.config import Configuration, Instance, configuration_from, remote
from rucio_jupyterlab.config.remote import RemoteConfigurations, fetch_keys
from rucio_jupyterlab.engine.protocol import AddInstance
from rucio_jupyterlab.errors import (
    BadConfiguration,
    BadRequest,
    Conflict,
    NotFound,
    RucioRefused,
    RucioUnreachable,
)
from tests.accounts.test_credentials import jwt
from tests.accounts.wayward import Reply, Request, in_turn, wayward
from tests.lab.lab import Lab

KEYS = {
    "rucio_base_url": "https://rucio.example.org",
    "vo": "esc",
    "path_begins_at": 3,
    "mode": "replica",
    "name": "stolen",
    "source": "demo",
    "unknown": [1],
}


def answering(keys: Any) -> Reply:
    return lambda request: request.answer(200, json.dumps(keys).encode())


def configured(url: str, **more: Any) -> Configuration:
    return configuration_from(
        {"instances": [{"name": "site", "display_name": "Site", "$url": url, **more}]}, {}
    )


ASKING: list[RemoteConfigurations] = []
"""Those of the present test."""


@pytest.fixture(autouse=True)
def _nobody_goes_on_asking() -> Iterator[None]:
    yield
    while ASKING:
        ASKING.pop().close()


class Resolved:
    """What came of an instance, once the remote keys are there."""

    def __init__(self, state: Path, configuration: Configuration) -> None:
        self._came = threading.Event()
        (local,) = configuration.instances
        self.instance: Instance | None = local
        self.configurations = RemoteConfigurations(state, self._take)
        ASKING.append(self.configurations)
        self.first = self.configurations.resolve(local)

    def _take(self, name: str) -> None:
        self.instance = self.configurations.known(name)
        self._came.set()

    def wait(self) -> Any:
        """What came next; whoever waits again waits for something newer."""
        assert self._came.wait(timeout=10)
        self._came.clear()
        return self.instance


def set_clock_ahead(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + seconds)


def test_remote_keys_fill_in_what_is_not_set_here(tmp_path: Path) -> None:
    with wayward(answering(KEYS)) as server:
        resolved = Resolved(
            tmp_path, configured(server.url + "/site.json", path_begins_at=1, wildcard_enabled=False)
        )
        assert resolved.first.problem is not None
        assert "has not answered yet" in resolved.first.problem
        instance = resolved.wait()

    assert instance.problem is None
    assert (instance.name, instance.mode, instance.source) == ("site", "download", "jupyter")
    assert (instance.base_url, instance.vo) == ("https://rucio.example.org", "esc")
    assert instance.path_begins_at == 1
    assert server.url in instance.source_detail


def test_what_was_fetched_serves_at_once_and_while_nobody_answers(tmp_path: Path) -> None:
    with wayward(answering(KEYS)) as server:
        configuration = configured(server.url + "/site.json")
        Resolved(tmp_path, configuration).wait()

    again = Resolved(tmp_path, configuration).first

    assert (again.problem, again.vo) == (None, "esc")
    assert len(server.requests) == 1
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.iterdir())


def test_stale_keys_are_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wayward(answering(KEYS)) as server:
        configuration = configured(server.url + "/site.json", cache_expires_at=int(time.time()) + 60)
        Resolved(tmp_path, configuration).wait()
        set_clock_ahead(monkeypatch, 61)

        resolved = Resolved(tmp_path, configuration)
        assert resolved.first.vo == "esc"
        resolved.wait()

    assert len(server.requests) == 2


def test_keys_that_become_stale_meanwhile_are_fetched_again(tmp_path: Path) -> None:
    moved = answering(KEYS | {"vo": "moved"})
    with wayward(in_turn(answering(KEYS), moved)) as server:
        resolved = Resolved(tmp_path, configured(server.url, cache_expires_at=int(time.time()) + 4))
        assert resolved.wait().vo == "esc"
        assert resolved.wait().vo == "moved"


def test_keys_fetched_while_the_clock_was_ahead_are_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wayward(answering(KEYS)) as server:
        configuration = configured(server.url + "/site.json")
        with monkeypatch.context() as then:
            set_clock_ahead(then, 365 * 24 * 3600)
            Resolved(tmp_path, configuration).wait()
        Resolved(tmp_path, configuration).wait()

    assert len(server.requests) == 2


@pytest.mark.parametrize("url", ["http://config.example.org/site.json", "ftp://h/x", "/etc/passwd", 7])
def test_only_safe_addresses_are_asked(url: Any) -> None:
    (instance,) = configured(url).instances

    assert instance.problem is not None
    assert "“$url”" in instance.problem


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (lambda request: request.answer(404), "HTTP 404"),
        (lambda request: request.answer(302, Location="https://elsewhere.example.org/"), "HTTP 302"),
        (lambda request: request.answer(200, b"<html>"), "not a JSON object"),
        (answering([1]), "not a JSON object"),
        (lambda request: request.answer(200, b'{"a": "' + b"x" * 300_000 + b'"}'), "not a JSON object"),
    ],
)
def test_what_is_no_configuration_is_told(reply: Reply, told: str) -> None:
    with wayward(reply) as server:
        problem = fetch_keys(server.url)

    assert isinstance(problem, str)
    assert told in problem


def test_no_password_of_netrc_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login alice password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with wayward(answering(KEYS)) as server:
        assert fetch_keys(server.url) == KEYS
    assert "authorization" not in server.requests[0].headers


def test_nobody_at_the_address_is_told(tmp_path: Path) -> None:
    resolved = Resolved(tmp_path, configured("http://127.0.0.1:1/site.json"))
    instance = resolved.wait()
    resolved.configurations.close()

    assert instance.problem == "“$url” (http://127.0.0.1:1/site.json) does not answer."


def cut_short(request: Request) -> None:
    request.begin_stream()
    request.send(b"ff\r\n{")
    request.close_after = True


def dripping(request: Request) -> None:
    request.begin_stream()
    for _ in range(100):
        request.chunk(b" ")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (cut_short, "does not answer"),
        (lambda request: request.answer(200, b"rubbish", Content_Encoding="gzip"), "does not answer"),
        (dripping, "takes too long"),
        (lambda request: request.answer(200, b"[" * 200_000), "not a JSON object"),
        (lambda request: request.answer(200, b'{"vo": "\xff"}'), "not a JSON object"),
    ],
    ids=["cut short", "no gzip", "drips", "too deep", "no text"],
)
def test_a_broken_answer_is_told(monkeypatch: pytest.MonkeyPatch, reply: Reply, told: str) -> None:
    monkeypatch.setattr(remote, "TIMEOUT", 0.5)
    with wayward(reply) as server:
        problem = fetch_keys(server.url)

    assert isinstance(problem, str)
    assert told in problem


def test_an_address_that_fails_is_asked_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.01)
    busy: Reply = lambda request: request.answer(503)  # noqa: E731
    with wayward(in_turn(busy, cut_short, busy, answering(KEYS))) as server:
        resolved = Resolved(tmp_path, configured(server.url))
        assert "HTTP 503" in resolved.wait().problem
        while (instance := resolved.wait()).problem:
            assert re.search("does not answer|HTTP 503", instance.problem)

    assert instance.vo == "esc"


def test_a_pause_can_be_ended_and_a_question_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE", 600.0)
    with wayward(in_turn(lambda request: request.answer(503), answering(KEYS))) as server:
        resolved = Resolved(tmp_path, configured(server.url))
        assert "HTTP 503" in resolved.wait().problem
        again = resolved.configurations.resolve(configured(server.url).instances[0])
        assert "HTTP 503" in str(again.problem)
        assert len(server.requests) == 1

        resolved.configurations.ask_again("site")
        assert resolved.wait().vo == "esc"


def test_nobody_is_asked_for_an_instance_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE", 600.0)
    with wayward(lambda request: request.answer(503)) as server:
        resolved = Resolved(tmp_path, configured(server.url))
        resolved.wait()
        (asking,) = [one for one in threading.enumerate() if one.name == "remote configuration"]
        resolved.configurations.keep(["other"])
        asking.join(timeout=10)

    assert not asking.is_alive()
    assert len(server.requests) == 1


def test_an_instance_that_is_configured_here_now_is_not_asked_for_any_more(tmp_path: Path) -> None:
    with wayward(answering(KEYS)) as server:
        resolved = Resolved(tmp_path, configured(server.url))
        resolved.wait()
        here = {"name": "site", "display_name": "Site", "rucio_base_url": "https://rucio.example.org"}
        resolved.configurations.resolve(configuration_from({"instances": [here]}, {}).instances[0])
        resolved.configurations.ask_again("site")
        for asking in [one for one in threading.enumerate() if one.name == "remote configuration"]:
            asking.join(timeout=10)
            assert not asking.is_alive()
    assert len(server.requests) == 1


def test_keys_serve_though_they_cannot_be_kept(tmp_path: Path) -> None:
    folder = tmp_path / "file" / "remote"
    folder.parent.write_text("where a folder should be")
    with wayward(answering(KEYS)) as server:
        resolved = Resolved(folder, configured(server.url))
        assert resolved.wait().problem is None
        again = resolved.configurations.resolve(configured(server.url).instances[0])
        assert (again.problem, again.vo) == (None, "esc")
        assert len(server.requests) == 1


def test_whoever_looks_at_an_instance_has_its_address_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE", 600.0)
    told = threading.Event()
    keys = {"rucio_base_url": lab.url, "rucio_ca_cert": str(lab.ca)}
    with wayward(in_turn(lambda request: request.answer(503), *[answering(keys)] * 2)) as server:
        accounts = Accounts(configured(server.url), tmp_path, lambda name: told.set())
        assert told.wait(timeout=10)
        told.clear()
        with pytest.raises(BadConfiguration, match="HTTP 503"):
            accounts.examine("site")
        assert told.wait(timeout=10)

        assert accounts.examine("site").version
    accounts.close()


def test_accounts_take_a_remote_configuration_when_it_comes(tmp_path: Path, lab: Lab) -> None:
    came = threading.Event()
    keys = {"rucio_base_url": lab.url, "rucio_ca_cert": str(lab.ca)}
    with wayward(answering(keys)) as server:
        accounts = Accounts(configured(server.url), tmp_path, lambda name: came.set())
        assert came.wait(timeout=10)

        assert accounts.examine("site").version
    accounts.close()


def test_an_answer_that_another_configuration_overtakes_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def keeps_slowly(*_: object) -> None:
        entered.set()
        go_on.wait(30)

    monkeypatch.setattr(remote, "write_private", keeps_slowly)
    with wayward(answering(KEYS)) as server:
        accounts = Accounts(configured(server.url), tmp_path, lambda name: None)
        assert entered.wait(30)
        (asking,) = [one for one in threading.enumerate() if one.name == "remote configuration"]
        here = {"name": "site", "display_name": "Site", "rucio_base_url": "https://other.example.org"}
        accounts.configure(configuration_from({"instances": [here]}, {}))
        go_on.set()
        asking.join(30)

    assert accounts.info("site").url == "https://other.example.org"
    accounts.close()


def test_a_token_that_a_remote_configuration_names_is_told_of_when_it_is_about_to_lapse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", jwt(holders.LAPSING_BEFORE + 1))
    keys = {"rucio_base_url": "https://rucio.example.org", "oidc_auth": "env", "oidc_env_name": "MY_TOKEN"}
    told = threading.Event()
    with wayward(answering(keys)) as server:
        accounts = Accounts(configured(server.url), tmp_path, lambda name: told.set())
        while accounts.info("site").account.state != "lapsing":
            assert told.wait(30)
            told.clear()
    accounts.close()


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(Configuration(), tmp_path, lambda name: None)


def test_an_instance_that_the_user_adds_stays(accounts: Accounts, lab: Lab, tmp_path: Path) -> None:
    info = accounts.add_instance(AddInstance(lab.url + "/", "mine", ca_cert=str(lab.ca)))

    assert (info.name, info.url, info.source) == ("mine", lab.url, "user")
    assert "token" in info.auth_types
    assert (tmp_path / "instances.json").stat().st_mode & 0o777 == 0o600
    again = Accounts(Configuration(), tmp_path, lambda name: None).instances()
    assert [one.name for one in again.instances] == ["mine"]
    assert again.default == "mine"


def test_an_instance_is_added_once(accounts: Accounts, lab: Lab) -> None:
    accounts.add_instance(AddInstance(lab.url, "mine", ca_cert=str(lab.ca)))

    with pytest.raises(Conflict, match="“mine”"):
        accounts.add_instance(AddInstance(lab.url, "mine", ca_cert=str(lab.ca)))


def test_a_server_that_is_no_rucio_is_not_added(accounts: Accounts) -> None:
    portal = wayward(lambda request: request.answer(200, b"<html>", "text/html"))
    with portal as server, pytest.raises(RucioRefused, match="not as Rucio does"):
        accounts.add_instance(AddInstance(server.url))
    with pytest.raises(RucioUnreachable):
        accounts.add_instance(AddInstance(server.url))
    with pytest.raises(BadRequest, match="https"):
        accounts.add_instance(AddInstance("http://rucio.example.org"))
    assert accounts.instances().instances == []


def test_an_added_instance_can_be_forgotten_but_not_one_of_the_site(
    accounts: Accounts, lab: Lab, tmp_path: Path
) -> None:
    accounts.add_instance(AddInstance(lab.url, "mine", ca_cert=str(lab.ca)))
    accounts.remove_instance("mine")
    assert accounts.instances().instances == []
    with pytest.raises(NotFound):
        accounts.remove_instance("mine")

    accounts.configure(configuration_from({"instances": [lab.configuration()]}, {}))
    with pytest.raises(Conflict, match="configured by the site"):
        accounts.remove_instance("lab")


def test_an_instance_that_cannot_be_used_says_why_and_the_rest_goes_on(accounts: Accounts, lab: Lab) -> None:
    bad = {"name": "bad", "display_name": "Bad", "rucio_base_url": "rucio"}
    accounts.configure(configuration_from({"instances": [bad, lab.configuration()]}, {}))

    with pytest.raises(BadConfiguration, match="“rucio_base_url”"):
        accounts.client("bad")
    assert accounts.examine("lab").version
