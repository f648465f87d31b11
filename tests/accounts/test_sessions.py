"""What becomes of a sign-in when the user signs out, the configuration changes, or the next engine starts."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.accounts.files import write_private
from rucio_jupyterlab.config import Configuration, configuration_from
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.errors import Conflict, SignInNeeded
from rucio_mesh.testing.certificates import Authority
from tests.accounts.test_credentials import validated
from tests.accounts.test_renewals import gives
from tests.accounts.wayward import Request, in_turn, rucio_where, wayward

WITH_PASSWORD = SignIn("w", "userpass", "alice", "alice", "secret")


def configured(url: str, options: dict[str, Any] | None = None, **keys: Any) -> Configuration:
    instance = {"name": "w", "display_name": "W", "rucio_base_url": url, **keys}
    return configuration_from({"instances": [instance], **(options or {})}, {})


def kept(state: Path) -> list[Path]:
    return list((state / "tokens").iterdir())


class UnderWay(NamedTuple):
    """What Rucio has been asked and has not answered yet."""

    accounts: Accounts
    url: str
    go_on: Callable[[], None]
    work: Future[Any]


@contextmanager
def under_way(state: Path, *, renewal: bool) -> Iterator[UnderWay]:
    """A sign-in, or the renewal of one."""
    entered, go_on = threading.Event(), threading.Event()

    def late(request: Request) -> None:
        entered.set()
        go_on.wait(30)
        gives("late")(request)

    replies = in_turn(gives("good"), late) if renewal else late
    with wayward(rucio_where({"/auth/userpass": replies})) as server, ThreadPoolExecutor(1) as threads:
        accounts = Accounts(configured(server.url), state, print)
        work: Future[Any]
        if renewal:
            accounts.sign_in(WITH_PASSWORD)
            work = threads.submit(accounts._find("w").renewed, "good")
        else:
            work = threads.submit(accounts.sign_in, WITH_PASSWORD)
        assert entered.wait(30)
        yield UnderWay(accounts, server.url, go_on.set, work)
        accounts.close()


# Signing out


def test_signing_out_waits_for_no_sign_in_and_that_comes_to_nothing(tmp_path: Path) -> None:
    with under_way(tmp_path, renewal=False) as sign_in:
        assert sign_in.accounts.sign_out("w").account.state == "signed-out"
        assert not sign_in.work.done()
        sign_in.go_on()

        with pytest.raises(Conflict, match="signed out"):
            sign_in.work.result(30)
        assert sign_in.accounts.info("w").account.state == "signed-out"
    assert not (tmp_path / "tokens").exists()


def test_a_renewal_that_ends_after_signing_out_leaves_nothing(tmp_path: Path) -> None:
    with under_way(tmp_path, renewal=True) as renewal:
        renewal.accounts.sign_out("w")
        renewal.go_on()
        renewal.work.result(30)
    assert kept(tmp_path) == []


def test_signing_in_another_way_leaves_no_token_behind(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("brought")
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        accounts = Accounts(configured(server.url), tmp_path, print)
        accounts.sign_in(WITH_PASSWORD)
        assert kept(tmp_path)
        accounts.sign_in(SignIn("w", "token", token_file=str(file)))
        assert kept(tmp_path) == []
        accounts.sign_in(WITH_PASSWORD)
        accounts.sign_in(WITH_PASSWORD)
        assert len(kept(tmp_path)) == 1
        accounts.sign_out("w")
        accounts.close()
    assert kept(tmp_path) == []


def test_a_sign_out_from_what_the_configuration_gives_holds_for_the_next_engine_too(tmp_path: Path) -> None:
    file = tmp_path / "site-token"
    file.write_text("good")
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        by_itself = configured(server.url, oidc_auth="file", oidc_file_name=str(file))
        accounts = Accounts(by_itself, tmp_path, print)
        assert accounts.info("w").account.state == "signed-in"
        accounts.sign_out("w")
        accounts.close()

        restarted = Accounts(by_itself, tmp_path, print)
        assert restarted.info("w").account.state == "signed-out"
        restarted.sign_in(SignIn("w", "token"))
        assert restarted.info("w").account.state == "signed-in"
        restarted.close()


@pytest.mark.parametrize(("account", "chosen"), [("alice", []), ("bob", ["account"]), (None, [])])
def test_only_an_account_other_than_the_configurations_counts_as_chosen(
    tmp_path: Path, account: str | None, chosen: list[str]
) -> None:
    with wayward(rucio_where({})) as server:
        (instance,) = configured(server.url).instances
        with_account = replace(instance, default_account="alice", default_username="alice")
        accounts = Accounts(Configuration(instances=(with_account,)), tmp_path, print)
        for _ in range(2):  # the form sends what is in force, however that came
            login = accounts.sign_in(SignIn("w", "userpass", account, None, "secret")).account.login
            assert login is not None and login.named == chosen
        accounts.close()


# Another configuration


def test_a_sign_in_that_another_configuration_overtakes_comes_to_nothing(tmp_path: Path) -> None:
    with under_way(tmp_path, renewal=False) as sign_in:
        sign_in.accounts.configure(configured(sign_in.url, display_name="Another"))
        sign_in.go_on()

        with pytest.raises(Conflict, match="has changed"):
            sign_in.work.result(30)
    assert not (tmp_path / "tokens").exists()


def test_a_renewal_that_another_configuration_overtakes_undoes_no_sign_out(tmp_path: Path) -> None:
    with under_way(tmp_path, renewal=True) as renewal:
        renewal.accounts.configure(configured(renewal.url, display_name="Another"))
        renewal.accounts.sign_out("w")
        renewal.go_on()

        assert renewal.work.result(30) == "late"
    restarted = Accounts(configured(renewal.url), tmp_path, print)
    assert restarted.info("w").account.state == "signed-out"
    restarted.close()
    assert kept(tmp_path) == []


def test_signing_out_holds_where_a_client_is_older_than_the_configuration(tmp_path: Path) -> None:
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured(server.url), tmp_path, print)
        accounts.sign_in(WITH_PASSWORD)
        held = accounts._find("w")
        accounts.configure(configured(server.url, display_name="Another"))
        accounts.sign_out("w")

        with pytest.raises(SignInNeeded):
            held.renewed("good")
        assert kept(tmp_path) == []
        accounts.close()

        restarted = Accounts(configured(server.url), tmp_path, print)
        assert restarted.info("w").account.state == "signed-out"
        restarted.close()


def test_signing_out_holds_where_the_configuration_changes_just_then(tmp_path: Path) -> None:
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured(server.url), tmp_path, print)
        accounts.sign_in(WITH_PASSWORD)
        held = accounts._find("w")
        accounts.configure(configured(server.url, display_name="Another"))

        held.sign_out()

        assert accounts.info("w").account.state == "signed-out"
        assert kept(tmp_path) == []
        accounts.close()


def test_a_client_that_is_older_than_the_configuration_goes_on(tmp_path: Path) -> None:
    replies = in_turn(gives("good"), gives("new"))
    with wayward(rucio_where({"/auth/userpass": replies})) as server:
        accounts = Accounts(configured(server.url), tmp_path, print)
        accounts.sign_in(WITH_PASSWORD)
        held = accounts._find("w")
        accounts.configure(configured(server.url, display_name="Another"))

        assert held.renewed("good") == "new"
        assert accounts._find("w").token() == "new"
        assert len(kept(tmp_path)) == 1
        accounts.close()


@pytest.mark.parametrize("moved", [True, False], ids=["to another server", "taken away"])
def test_a_client_of_a_server_that_is_configured_no_longer_keeps_nothing(tmp_path: Path, moved: bool) -> None:
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured(server.url), tmp_path, print)
        accounts.sign_in(WITH_PASSWORD)
        held = accounts._find("w")
        elsewhere = configured("http://127.0.0.1:1")
        accounts.configure(elsewhere if moved else configuration_from({}, {}))

        assert held.token() == "good"
        with pytest.raises(SignInNeeded):
            held.renewed("good")
        assert server.paths == ["/auth/userpass"]
        accounts.close()


def test_a_token_that_is_configured_elsewhere_is_used_at_once(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_text("old")
    after.write_text("new")
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        here = configured(server.url, oidc_auth="file", oidc_file_name=str(before))
        accounts = Accounts(here, tmp_path / "state", print)
        accounts.client("w")
        held = accounts._find("w")

        accounts.configure(configured(server.url, oidc_auth="file", oidc_file_name=str(after)))
        before.unlink()

        assert accounts.info("w").account.state == "signed-in"
        assert accounts._find("w").token() == held.token() == "new"
        accounts.close()


def test_a_way_that_the_user_chose_stays_his_whatever_is_configured(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("brought")
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured(server.url), tmp_path / "state", print)
        accounts.sign_in(WITH_PASSWORD)

        accounts.configure(configured(server.url, oidc_auth="file", oidc_file_name=str(token)))

        assert accounts._find("w").token() == "good"
        accounts.close()


# Which account


def lets_in_as_asked(request: Request) -> None:
    account = request.headers.get("x-rucio-account", "alice")
    request.answer(200, X_Rucio_Auth_Token=f"for-{account}", X_Rucio_Auth_Account=account)


@pytest.fixture
def with_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Accounts]]:
    """Start an engine where the user's proxy signs him in by itself; it lies elsewhere each time."""
    authority = Authority(tmp_path / "ca")
    started: list[Accounts] = []
    with wayward(rucio_where({"/auth/x509_proxy": lets_in_as_asked})) as server:
        configuration = configured(server.url, {"default_auth_type": "x509_proxy"})

        def start() -> Accounts:
            proxy = tmp_path / f"proxy-{len(started)}"
            shutil.copy(authority.proxy("alice").certificate, proxy)
            monkeypatch.setenv("X509_USER_PROXY", str(proxy))
            started.append(Accounts(configuration, tmp_path / "state", print))
            return started[-1]

        yield start
        for accounts in started:
            accounts.close()


def test_an_account_that_was_chosen_outlives_the_engine(with_proxy: Callable[[], Accounts]) -> None:
    accounts = with_proxy()
    accounts.client("w")
    accounts.switch("w", "higgs")

    restarted = with_proxy()

    assert restarted.client("w").account == "higgs"


def test_an_account_that_was_chosen_goes_on_with_the_proxy_of_the_new_session(
    with_proxy: Callable[[], Accounts], tmp_path: Path
) -> None:
    accounts = with_proxy()
    accounts.client("w")
    accounts.switch("w", "higgs")
    (tmp_path / "proxy-0").unlink()

    restarted = with_proxy()

    assert restarted.info("w").account.state == "signed-in"
    assert restarted.client("w").account == "higgs"
    login = restarted._find("w").login
    assert login and login.certificate == str(tmp_path / "proxy-1")


def test_a_file_that_was_named_stays_the_one(with_proxy: Callable[[], Accounts], tmp_path: Path) -> None:
    accounts = with_proxy()
    named = tmp_path / "named"
    shutil.copy(tmp_path / "proxy-0", named)
    accounts.sign_in(SignIn("w", "x509_proxy", certificate=str(named)))

    restarted = with_proxy()

    login = restarted._find("w").login
    assert login and login.certificate == str(named)


def test_an_account_that_came_by_itself_is_no_choice(
    with_proxy: Callable[[], Accounts], tmp_path: Path
) -> None:
    accounts = with_proxy()
    accounts.client("w")
    accounts.sign_in(SignIn("w", "x509_proxy", account=accounts.info("w").account.account))

    restarted = with_proxy()

    assert restarted.client("w").account == "alice"
    login = restarted._find("w").login
    assert login and login.certificate == str(tmp_path / "proxy-1")


def test_logins_that_an_earlier_version_kept_are_read(tmp_path: Path) -> None:
    kept_then = (
        b'{"w": {"auth_type": "userpass", "account": "higgs", "username": "alice", "named": ["username"]}}'
    )
    write_private(tmp_path / "accounts.json", kept_then)

    accounts = Accounts(configured("http://127.0.0.1:1"), tmp_path, print)

    login = accounts.info("w").account.login
    assert login and (login.account, login.username) == ("higgs", "alice")
    accounts.close()
