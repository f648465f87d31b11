"""What becomes of a sign-in when its token ends: renewed in time, lapsed, and good again when others renew it."""

from __future__ import annotations

import datetime
import os
import shutil
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.accounts import holders
from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.accounts.files import write_private
from rucio_jupyterlab.accounts.login import Token
from rucio_jupyterlab.accounts.model import SignInState
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine.protocol import AddInstance, SignIn
from rucio_jupyterlab.errors import NoSpace, RucioUnreachable, SignInNeeded
from rucio_mesh.testing.certificates import Authority
from tests.accounts.test_credentials import accounts_with_token, jwt, validated
from tests.accounts.wayward import Reply, Request, in_turn, rucio_where, wayward

DAY = datetime.timedelta(days=1)
LAPSED = -datetime.timedelta(minutes=30)


class Teller:
    """The accounts of one user, and how they stood each time that a change was told."""

    def __init__(self, make: Callable[[Callable[[str], None]], Accounts]) -> None:
        self.told: list[SignInState] = []
        self.accounts = make(self._take)

    def _take(self, name: str) -> None:
        self.told.append(self.accounts.info(name).account.state)

    def until_told(self, state: SignInState) -> None:
        deadline = time.monotonic() + 20
        while state not in self.told:
            assert time.monotonic() < deadline, self.told
            time.sleep(0.01)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at often."""
    monkeypatch.setattr(holders, "LOOK_SECONDS", 0.05)


def gives(value: str) -> Reply:
    return lambda request: request.answer(200, X_Rucio_Auth_Token=value, X_Rucio_Auth_Account="alice")


def plain(url: str) -> dict[str, str]:
    return {"name": "w", "display_name": "W", "rucio_base_url": url}


def accounts_at(url: str, state: Path, on_change: Callable[[str], None] = lambda name: None) -> Accounts:
    return Accounts(configuration_from({"instances": [plain(url)]}, {}), state, on_change)


def with_password() -> SignIn:
    return SignIn("w", "userpass", "alice", "alice", "secret")


def expire(accounts: Accounts, in_seconds: float) -> None:
    """Let the token in force end then."""
    holder: Any = accounts._find("w")._holder
    holder._token = msgspec.structs.replace(holder._token, expires_at=time.time() + in_seconds)


def full_disk(*_: object) -> None:
    raise OSError(28, os.strerror(28))


# In time


@pytest.mark.parametrize("status", [500, 404, 503])
def test_a_renewal_that_fails_leaves_a_token_that_is_still_good(tmp_path: Path, status: int) -> None:
    replies = in_turn(gives("good"), lambda request: request.answer(status))
    with wayward(rucio_where({"/auth/userpass": replies})) as server:
        accounts = accounts_at(server.url, tmp_path)
        accounts.sign_in(with_password())
        expire(accounts, in_seconds=200)

        assert accounts._find("w").token() == "good"
        accounts.close()

    assert server.paths == ["/auth/userpass"] * 2


def test_a_renewal_that_rucio_cannot_make_is_a_matter_of_time(tmp_path: Path) -> None:
    replies = in_turn(gives("good"), lambda request: request.answer(500), gives("new"))
    with wayward(rucio_where({"/auth/userpass": replies})) as server:
        accounts = accounts_at(server.url, tmp_path)
        accounts.sign_in(with_password())
        expire(accounts, in_seconds=-1)

        with pytest.raises(RucioUnreachable, match="could not be renewed"):
            accounts.client("w")
        assert accounts._find("w").token() == "new"
        accounts.close()


def test_on_a_full_disk_one_signs_in_and_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with wayward(rucio_where({"/auth/userpass": in_turn(gives("first"), gives("second"))})) as server:
        accounts = accounts_at(server.url, tmp_path)
        monkeypatch.setattr(os, "fsync", full_disk)

        assert accounts.sign_in(with_password()).account.state == "signed-in"
        expire(accounts, in_seconds=200)
        assert accounts._find("w").token() == "second"
        accounts.close()

    assert "could not be kept" in caplog.text and "second" not in caplog.text


def test_an_instance_that_cannot_be_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pong(request: Request) -> None:
        request.answer(200, b'{"version": "41"}')

    with wayward(rucio_where({"/ping": pong})) as server:
        accounts = accounts_at(server.url, tmp_path)
        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(NoSpace, match="cannot be written"):
            accounts.add_instance(AddInstance(server.url, "mine"))
        accounts.close()


# Refused


def refuses(request: Request) -> None:
    request.answer(401)


def lists(request: Request) -> None:
    request.answer(200, b'["alice"]')


def test_a_brought_token_outlives_a_refusal_that_rucio_takes_back(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(jwt(3600))
    with wayward(rucio_where({"/auth/validate": validated, "/scopes/": in_turn(refuses, lists)})) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, lambda name: None)

        assert accounts.client("w").ask("scopes/", list[str]) == ["alice"]
        assert accounts.info("w").account.state == "signed-in"
        accounts.close()

    assert server.paths == ["/auth/validate", "/scopes/", "/auth/validate", "/scopes/"]


@pytest.mark.parametrize("validates", [validated, refuses], ids=["for questions", "for all"])
def test_a_brought_token_that_is_refused_again_lapses(tmp_path: Path, validates: Reply) -> None:
    file = tmp_path / "token"
    file.write_text(jwt(3600))
    paths = {"/auth/validate": in_turn(validated, validates), "/scopes/": refuses}
    with wayward(rucio_where(paths)) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, lambda name: None)
        client = accounts.client("w")
        for _ in ("asks", "no longer asks"):
            with pytest.raises(SignInNeeded):
                client.ask("scopes/", list[str])

        assert accounts.info("w").account.state == "lapsed"
        accounts.close()

    assert server.paths.count("/auth/validate") == 2


@pytest.mark.parametrize("brought", ["file", "env"])
def test_a_brought_token_is_tried_again_some_time_after_its_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brought: str
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.accounts.brought.REFUSED_SECONDS", 0.5)
    monkeypatch.setattr(holders, "LOOK_SECONDS", 0.05)
    file = tmp_path / "token"
    file.write_text(jwt(3600))
    monkeypatch.setenv("MY_TOKEN", jwt(3600))
    keys = {"oidc_auth": brought, "oidc_file_name": str(file), "oidc_env_name": "MY_TOKEN"}
    paths = {
        "/auth/validate": in_turn(validated, refuses),
        "/scopes/": in_turn(refuses, lists),
    }
    with wayward(rucio_where(paths)) as server:
        configuration = configuration_from({"instances": [{**plain(server.url), **keys}]}, {})
        teller = Teller(lambda take: Accounts(configuration, tmp_path / "state", take))
        client = teller.accounts.client("w")
        teller.told.clear()
        with pytest.raises(SignInNeeded):
            client.ask("scopes/", list[str])

        teller.until_told("signed-in")

        assert client.ask("scopes/", list[str]) == ["alice"]
        teller.accounts.close()


# Good again


@pytest.mark.usefixtures("looks")
def test_a_token_file_that_is_written_anew_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(jwt(-10))
    teller = Teller(lambda take: accounts_with_token(tmp_path / "state", "http://127.0.0.1:1", file, take))
    with pytest.raises(SignInNeeded):
        teller.accounts.client("w")

    file.write_text(jwt(3600))

    teller.until_told("signed-in")
    assert set(teller.told[:-1]) <= {"lapsed"}
    teller.accounts.close()


class Door:
    """A Rucio that takes one password, and remembers those that it was shown."""

    def __init__(self) -> None:
        self.password = "first"
        self.shown: list[tuple[str, str]] = []

    def __call__(self, request: Request) -> None:
        shown = request.headers["x-rucio-username"], request.headers["x-rucio-password"]
        self.shown.append(shown)
        if shown[1] == self.password:
            gives(f"for-{self.password}")(request)
        else:
            refuses(request)


def keep(file: Path, url: str, password: str) -> None:
    """Write a `rucio.cfg` of alice's."""
    lines = ("[client]", f"rucio_host = {url}", "auth_type = userpass", "username = alice")
    file.write_text("\n".join((*lines, f"password = {password}", "")))


def beside(file: Path) -> tuple[Accounts, str]:
    """Accounts at the Rucio of a `rucio.cfg`, with their state in the same folder; and its name."""
    configuration = configuration_from({}, {"RUCIO_CONFIG": str(file)})
    return Accounts(configuration, file.parent / "state", lambda name: None), configuration.instances[0].name


@pytest.mark.usefixtures("looks")
def test_a_password_that_the_user_changes_in_his_rucio_cfg_is_noticed(tmp_path: Path) -> None:
    door, file = Door(), tmp_path / "rucio.cfg"
    with wayward(rucio_where({"/auth/userpass": door})) as server:
        keep(file, server.url, "first")
        configuration = configuration_from({}, {"RUCIO_CONFIG": str(file)})
        teller = Teller(lambda take: Accounts(configuration, tmp_path / "state", take))
        session = teller.accounts._find(configuration.instances[0].name)
        assert session.token() == "for-first"
        door.password = "second"
        for _ in ("asks", "no longer asks"):
            with pytest.raises(SignInNeeded):
                session.renewed("for-first")
        assert session.status().state == "lapsed"
        teller.told.clear()

        keep(file, server.url, "second")

        teller.until_told("signed-in")
        assert session.renewed("for-first") == "for-second"
        teller.accounts.close()
    assert [password for _, password in door.shown] == ["first", "first", "second"]


def test_a_password_that_was_typed_gives_way_to_the_one_that_is_kept(tmp_path: Path) -> None:
    door, file = Door(), tmp_path / "rucio.cfg"
    with wayward(rucio_where({"/auth/userpass": door})) as server:
        keep(file, server.url, "second")
        accounts, name = beside(file)
        accounts.sign_in(SignIn(name, "userpass", username="alice", password="first"))
        door.password = "second"

        assert accounts._find(name).renewed("for-first") == "for-second"
        accounts.close()


def test_the_password_that_a_user_keeps_is_shown_for_nobody_else(tmp_path: Path) -> None:
    door, file = Door(), tmp_path / "rucio.cfg"
    with wayward(rucio_where({"/auth/userpass": door})) as server:
        keep(file, server.url, "of-alice")
        accounts, name = beside(file)
        accounts.sign_in(SignIn(name, "userpass", username="bob", password="first"))
        accounts.close()

        restarted, _ = beside(file)
        assert not restarted.info(name).account.renewable
        with pytest.raises(SignInNeeded):
            restarted._find(name).renewed("for-first")
        restarted.close()
    assert door.shown == [("bob", "first")]


def test_where_our_clock_is_wrong_a_token_lasts_as_long_as_rucio_takes_it(tmp_path: Path) -> None:
    behind = 3600.0

    def told_by_a_clock_behind(request: Request) -> None:
        body = b"{'account': 'alice', 'identity': 'SUB=1, ISS=x', 'vo': 'def'}"
        request.answer(200, body, "text/plain", Date=formatdate(time.time() - behind, usegmt=True))

    file = tmp_path / "token"
    file.write_text(jwt(600 - behind))
    with wayward(rucio_where({"/auth/validate": told_by_a_clock_behind})) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, lambda name: None)
        accounts.sign_in(SignIn("w", "token", token_file=str(file)))
        assert accounts.info("w").account.state == "signed-in"

        file.write_text(jwt(1200 - behind))

        accounts.client("w")
        account = accounts.info("w").account
        assert account.state == "signed-in" and account.expires_at
        assert abs(account.expires_at - time.time() - 1200) < 60

        file.write_text(jwt(-10 - behind))

        with pytest.raises(SignInNeeded):
            accounts.client("w")
        accounts.close()


def test_of_the_tokens_on_disk_those_that_have_lapsed_are_deleted(tmp_path: Path) -> None:
    moments = {"lapsed": time.time() - 1, "good": time.time() + 3600, "unknown": None}
    for name, expires_at in moments.items():
        token = Token(value="secret", account="alice", expires_at=expires_at)
        write_private(tmp_path / "tokens" / name, msgspec.json.encode(token))

    accounts_at("http://127.0.0.1:1", tmp_path).close()

    assert sorted(file.name for file in (tmp_path / "tokens").iterdir()) == ["good", "unknown"]


@pytest.mark.usefixtures("looks")
@pytest.mark.parametrize("refused", [False, True], ids=["at its end", "refused before its end"])
def test_a_proxy_that_is_made_anew_is_noticed(tmp_path: Path, refused: bool) -> None:
    authority = Authority(tmp_path / "ca")
    proxy = tmp_path / "proxy.pem"
    shutil.copy(authority.proxy("alice", DAY).certificate, proxy)
    replies = in_turn(gives("first"), lambda request: request.answer(401))
    with wayward(rucio_where({"/auth/x509_proxy": replies})) as server:
        teller = Teller(lambda take: accounts_at(server.url, tmp_path / "state", take))
        teller.accounts.sign_in(SignIn("w", "x509_proxy", "alice", certificate=str(proxy)))
        if not refused:
            shutil.copy(authority.proxy("alice", LAPSED).certificate, proxy)
        expire(teller.accounts, in_seconds=-1)
        with pytest.raises(SignInNeeded):
            teller.accounts.client("w")
        assert teller.accounts.info("w").account.state == "lapsed"
        teller.told.clear()

        shutil.copy(authority.proxy("alice", 2 * DAY).certificate, proxy)

        teller.until_told("signed-in")
        teller.accounts.close()
        assert server.paths.count("/auth/x509_proxy") == (2 if refused else 1)


@pytest.mark.usefixtures("looks")
def test_looking_asks_rucio_nothing_and_tells_nothing_that_has_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(jwt(-10))
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        teller = Teller(lambda take: accounts_with_token(tmp_path / "state", server.url, file, take))
        looked = [teller.accounts._timer]
        while len(looked) < 3:
            timer = teller.accounts._timer
            if timer not in looked:
                looked.append(timer)
            time.sleep(0.01)
        teller.accounts.close()

    assert (server.paths, teller.told) == ([], [])


def test_the_end_of_an_old_token_says_nothing_of_its_successor(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("opaque")
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, lambda name: None)
        accounts.client("w")
        expire(accounts, in_seconds=-1)
        assert accounts.info("w").account.state == "lapsed"

        file.write_text("opaque-too")

        assert accounts.info("w").account.state == "signed-in"
        accounts.close()
