"""Signing in at the real Rucio: by password, token and certificate."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.accounts.files import write_private
from rucio_jupyterlab.accounts.model import Login
from rucio_jupyterlab.config import Configuration, configuration_from
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.errors import BadRequest, Conflict, Denied, NotFound, SignInNeeded
from rucio_mesh.testing.certificates import Authority
from tests.accounts.conftest import Desk
from tests.accounts.wayward import Reply, Request, in_turn, rucio_where, wayward
from tests.lab.lab import Lab

MakeDesk = Callable[..., Desk]


def sign_in(accounts: Accounts, password: str, username: str = "alice", account: str | None = None) -> None:
    accounts.sign_in(SignIn("lab", "userpass", username=username, password=password, account=account))


def token_of(desk: Desk) -> str:
    """A token as Rucio gave it."""
    (file,) = (desk.state / "tokens").iterdir()
    value: str = msgspec.json.decode(file.read_bytes())["value"]
    return value


def test_nobody_is_signed_in_at_first(desk: MakeDesk) -> None:
    (info,) = desk().accounts.instances().instances

    assert info.account.state == "signed-out"
    assert info.auth_types == ["userpass", "x509", "x509_proxy"]


def test_a_password_signs_in_as_the_account_named(desk: MakeDesk, lab: Lab) -> None:
    accounts = desk().accounts

    info = accounts.sign_in(SignIn("lab", "userpass", "alice", "alice", lab.password))

    assert (info.account.state, info.account.account) == ("signed-in", "alice")
    assert info.account.renewable
    assert accounts.client("lab").ask("ping", dict[str, str])["version"]


def test_who_names_an_instance_that_there_is_not_is_told_which_there_are(desk: MakeDesk) -> None:
    with pytest.raises(NotFound, match="No Rucio is configured as “nowhere”; there is lab"):
        desk().accounts.info("nowhere")


def test_what_was_typed_is_told_the_password_aside(desk: MakeDesk, lab: Lab) -> None:
    info = desk().accounts.sign_in(SignIn("lab", "userpass", "alice", "alice", lab.password))

    assert info.account.login == Login(
        auth_type="userpass", account="alice", username="alice", named=["username", "account"]
    )


def test_a_question_without_sign_in_says_so(desk: MakeDesk) -> None:
    with pytest.raises(SignInNeeded, match="Sign in to The lab"):
        desk().accounts.client("lab")


def test_a_wrong_password_is_denied_and_leaves_the_good_one_in_force(desk: MakeDesk, lab: Lab) -> None:
    accounts = desk().accounts
    sign_in(accounts, lab.password, account="alice")

    with pytest.raises(Denied, match="does not take this password for “alice”"):
        sign_in(accounts, "wrong", account="alice")

    assert accounts.info("lab").account.state == "signed-in"
    assert accounts.client("lab").ask("scopes/", list[str]) is not None


@pytest.mark.parametrize("password", ["", "a\r\nX-Rucio-Account: root", "\0"])
def test_a_password_that_is_no_header_is_refused_without_repeating_it(desk: MakeDesk, password: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        sign_in(desk().accounts, password)

    assert not password or password not in str(refusal.value)


def test_the_password_is_in_no_file_and_no_text(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    request = SignIn("lab", "userpass", "alice", "alice", lab.password)
    one.accounts.sign_in(request)

    files = [path for path in one.state.rglob("*") if path.is_file()]
    assert files
    assert all(lab.password.encode() not in path.read_bytes() for path in files)
    assert lab.password not in repr(request)
    assert token_of(one) not in repr(one.accounts._find("lab")._signed_in().known)


def test_what_is_kept_can_be_read_by_nobody_else(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")

    for path in [one.state, *one.state.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_token_outlives_the_engine_but_the_password_does_not(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")

    account = one.restart().info("lab").account

    assert (account.state, account.account, account.renewable) == ("signed-in", "alice", False)
    assert one.accounts.client("lab").ask("scopes/", list[str]) is not None


def test_a_refused_token_is_renewed_once_without_the_user(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")
    client = one.accounts.client("lab")
    spoil_token(one)

    client.ask("scopes/", list[str])

    assert one.accounts.info("lab").account.state == "signed-in"


def test_many_questions_with_a_refused_token_sign_in_once(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")
    client = one.accounts.client("lab")
    spoil_token(one)
    before = lab.requests().count(("GET", "/auth/userpass", 200))

    threads = [threading.Thread(target=client.ask, args=("scopes/", list[str])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lab.requests().count(("GET", "/auth/userpass", 200)) == before + 1


def test_a_refused_token_without_password_asks_the_user_and_tells_of_it(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")
    one.restart()
    spoil_token(one)
    one.changes.clear()

    with pytest.raises(SignInNeeded, match="has lapsed"):
        one.accounts.client("lab").ask("scopes/", list[str])

    assert one.changes == ["lab"]
    assert one.accounts.info("lab").account.state == "lapsed"


def test_signing_out_forgets_token_and_password(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")

    assert one.accounts.sign_out("lab").account.state == "signed-out"
    assert not list((one.state / "tokens").iterdir())
    with pytest.raises(SignInNeeded):
        one.restart().client("lab")


def test_the_accounts_of_an_identity_come_from_rucio(desk: MakeDesk, lab: Lab) -> None:
    accounts = desk().accounts
    sign_in(accounts, lab.password, account="alice")

    choices = accounts.choices("lab")

    assert (choices.accounts, choices.current) == (["alice", "higgs"], "alice")


def test_another_account_of_the_identity_is_acted_as(desk: MakeDesk, lab: Lab) -> None:
    accounts = desk().accounts
    sign_in(accounts, lab.password, account="alice")
    before = accounts.client("lab")

    info = accounts.switch("lab", "higgs")

    assert info.account.account == "higgs"
    assert accounts.client("lab") is not before
    assert accounts.client("lab").whoami()["account"] == "higgs"


def test_an_account_of_somebody_else_is_denied_and_the_old_one_stays(desk: MakeDesk, lab: Lab) -> None:
    accounts = desk().accounts
    sign_in(accounts, lab.password, account="alice")

    with pytest.raises(Denied):
        accounts.switch("lab", "root")

    assert accounts.client("lab").whoami()["account"] == "alice"


def test_without_an_account_named_rucio_tells_which_there_are(desk: MakeDesk, lab: Lab) -> None:
    with pytest.raises(BadRequest, match="alice, higgs") as choice:
        sign_in(desk().accounts, lab.password)

    problem = choice.value.problem()
    assert (problem.do, problem.choices) == ("choose", ["alice", "higgs"])


def test_a_token_file_needs_no_sign_in_and_is_read_anew_each_time(
    desk: MakeDesk, lab: Lab, tmp_path: Path
) -> None:
    giver = desk()
    sign_in(giver.accounts, lab.password, account="alice")
    file = tmp_path / "token"
    file.write_text(token_of(giver) + "\n")
    giver.accounts.sign_out("lab")
    (giver.state / "accounts.json").unlink()

    accounts = desk(oidc_auth="file", oidc_file_name=str(file)).accounts
    info = accounts.info("lab")
    assert (info.account.state, info.account.login) == (
        "signed-in",
        Login(auth_type="token"),
    )
    client = accounts.client("lab")
    assert client.account == "alice"
    assert client.ask("scopes/", list[str]) is not None

    token = file.read_text()
    file.write_text("")
    with pytest.raises(SignInNeeded, match="holds no token"):
        client.ask("scopes/", list[str])
    file.write_text(token)
    assert client.ask("scopes/", list[str]) is not None


def test_a_token_variable_works_too(desk: MakeDesk, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    giver = desk()
    sign_in(giver.accounts, lab.password, account="alice")
    monkeypatch.setenv("MY_TOKEN", token_of(giver))
    (giver.state / "accounts.json").unlink()

    accounts = desk(oidc_auth="env", oidc_env_name="MY_TOKEN").accounts

    assert accounts.client("lab").account == "alice"
    assert not accounts.info("lab").account.renewable
    with pytest.raises(Conflict):
        accounts.switch("lab", "higgs")


def test_a_token_that_rucio_does_not_know_is_told(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "not-a-token")

    with pytest.raises(SignInNeeded, match="does not take this token"):
        desk(oidc_auth="env", oidc_env_name="MY_TOKEN").accounts.client("lab")


def test_the_password_of_the_users_rucio_cfg_signs_in_by_itself(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "rucio.cfg"
    file.write_text(
        f"[client]\nrucio_host = {lab.url}\nauth_host = {lab.url}\nca_cert = {lab.ca}\naccount = alice\n"
        f"auth_type = userpass\nusername = alice\npassword = {lab.password}\n"
    )
    configuration = configuration_from({}, {"RUCIO_CONFIG": str(file)})

    for _ in ("first", "after a restart"):
        accounts = Accounts(configuration, tmp_path / "state", lambda name: None)
        (info,) = accounts.instances().instances
        assert (info.account.state, info.account.renewable) == ("signed-in", True)
        assert accounts.client(info.name).whoami()["account"] == "alice"
        accounts.close()
    assert lab.password not in str(configuration.to_dict())


def test_a_certificate_signs_in(desk: MakeDesk, lab: Lab) -> None:
    accounts = desk().accounts
    leaf = lab.user("alice")

    info = accounts.sign_in(
        SignIn("lab", "x509", "alice", certificate=str(leaf.certificate), key=str(leaf.key))
    )

    assert info.account.state == "signed-in"
    assert info.account.renewable
    assert accounts.choices("lab").accounts == ["alice", "higgs"]
    assert accounts.switch("lab", "higgs").account.account == "higgs"


def test_a_certificate_without_an_account_named_tells_which_there_are(desk: MakeDesk, lab: Lab) -> None:
    leaf = lab.user("alice")

    with pytest.raises(BadRequest, match="alice, higgs"):
        desk().accounts.sign_in(SignIn("lab", "x509", certificate=str(leaf.certificate), key=str(leaf.key)))


def test_a_proxy_signs_in_and_its_end_is_shown(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    proxy = lab.proxy("alice")

    info = one.accounts.sign_in(SignIn("lab", "x509_proxy", "alice", certificate=str(proxy.certificate)))

    assert info.account.state in ("signed-in", "lapsing")
    assert info.account.expires_at is not None
    spoil_token(one)
    assert one.restart().client("lab").ask("scopes/", list[str]) is not None


def test_a_stranger_with_a_certificate_is_denied(desk: MakeDesk, lab: Lab) -> None:
    leaf = lab.user("mallory")

    with pytest.raises(Denied, match="does not take this certificate"):
        desk().accounts.sign_in(
            SignIn("lab", "x509", "alice", certificate=str(leaf.certificate), key=str(leaf.key))
        )


def test_a_key_that_others_can_read_is_refused(desk: MakeDesk, lab: Lab, tmp_path: Path) -> None:
    leaf = lab.user("alice")
    key = tmp_path / "key.pem"
    key.write_bytes(leaf.key.read_bytes())
    key.chmod(0o644)

    with pytest.raises(BadRequest, match="Others may read the key"):
        desk().accounts.sign_in(
            SignIn("lab", "x509", "alice", certificate=str(leaf.certificate), key=str(key))
        )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (SignIn("lab", "x509", certificate="public"), "no private key in .*public. Name the file"),
        (SignIn("lab", "x509", certificate="public", key="public"), "no private key in .*public.$"),
        (SignIn("lab", "x509", certificate="~nobody-of-this-name/cert"), "no certificate at ~nobody"),
        (SignIn("lab", "x509"), "Name a certificate"),
        (SignIn("lab", "x509_proxy"), "No proxy"),
        (SignIn("lab", "token"), "Name the file or the variable"),
    ],
)
def test_what_is_lacking_to_sign_in_is_told(
    desk: MakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: SignIn, words: str
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.accounts.login.default_proxy", lambda instance, environ: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "public").write_text("a certificate alone")

    with pytest.raises(BadRequest, match=words):
        desk().accounts.sign_in(asked)


def test_rucio_tells_how_it_is(desk: MakeDesk) -> None:
    told = desk().accounts.examine("lab")

    assert told.version
    assert told.clock_skew is not None
    assert abs(told.clock_skew) < 60


def spoil_token(desk: Desk) -> None:
    """Make the token in force one that Rucio does not know."""
    holder: Any = desk.accounts._find("lab")._holder
    holder._token = msgspec.structs.replace(holder._token, value="spoilt", expires_at=None)


# Signing out


def plain(url: str) -> dict[str, Any]:
    return {"instances": [{"name": "w", "display_name": "W", "rucio_base_url": url}]}


def kept(state: Path) -> list[Path]:
    return list((state / "tokens").iterdir())


def held_up(entered: threading.Event, go_on: threading.Event) -> Reply:
    """A sign-in that takes its time."""

    def reply(request: Request) -> None:
        entered.set()
        go_on.wait(30)
        request.answer(200, X_Rucio_Auth_Token="late", X_Rucio_Auth_Account="alice")

    return reply


def test_signing_out_waits_for_no_sign_in_and_that_comes_to_nothing(tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()
    with (
        wayward(rucio_where({"/auth/userpass": held_up(entered, go_on)})) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        accounts = Accounts(configuration_from(plain(server.url), {}), tmp_path, print)
        request = SignIn("w", "userpass", "alice", "alice", "secret")
        under_way = threads.submit(accounts.sign_in, request)
        assert entered.wait(30)

        assert accounts.sign_out("w").account.state == "signed-out"
        assert not under_way.done()
        go_on.set()

        with pytest.raises(Conflict, match="signed out"):
            under_way.result(30)
        assert accounts.info("w").account.state == "signed-out"
        accounts.close()
    assert not (tmp_path / "tokens").exists()


def test_a_renewal_that_ends_after_signing_out_leaves_nothing(tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()
    replies = in_turn(
        lambda request: request.answer(200, X_Rucio_Auth_Token="good", X_Rucio_Auth_Account="alice"),
        held_up(entered, go_on),
    )
    with (
        wayward(rucio_where({"/auth/userpass": replies})) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        accounts = Accounts(configuration_from(plain(server.url), {}), tmp_path, print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        renewal = threads.submit(accounts._find("w").renewed, "good")
        assert entered.wait(30)
        accounts.sign_out("w")
        go_on.set()
        renewal.result(30)
        accounts.close()
    assert kept(tmp_path) == []


def test_signing_in_another_way_leaves_no_token_behind(tmp_path: Path) -> None:
    def validated(request: Request) -> None:
        request.answer(200, b"{'account': 'alice', 'identity': 'alice', 'vo': 'def'}", "text/plain")

    file = tmp_path / "token"
    file.write_text("brought")
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        accounts = Accounts(configuration_from(plain(server.url), {}), tmp_path, print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        assert kept(tmp_path)
        accounts.sign_in(SignIn("w", "token", token_file=str(file)))
        assert kept(tmp_path) == []
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        assert len(kept(tmp_path)) == 1
        accounts.sign_out("w")
        accounts.close()
    assert kept(tmp_path) == []


# Another configuration


def configured_anew(url: str, **keys: Any) -> Configuration:
    return configuration_from({"instances": [{**plain(url)["instances"][0], **keys}]}, {})


def test_signing_out_holds_where_a_client_is_older_than_the_configuration(tmp_path: Path) -> None:
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured_anew(server.url), tmp_path, print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        held = accounts._find("w")
        accounts.configure(configured_anew(server.url, display_name="Another"))
        accounts.sign_out("w")

        with pytest.raises(SignInNeeded):
            held.renewed("good")
        assert kept(tmp_path) == []
        accounts.close()

        restarted = Accounts(configured_anew(server.url), tmp_path, print)
        assert restarted.info("w").account.state == "signed-out"
        restarted.close()


def test_a_renewal_that_another_configuration_overtakes_undoes_no_sign_out(tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()
    replies = in_turn(
        lambda request: request.answer(200, X_Rucio_Auth_Token="good", X_Rucio_Auth_Account="alice"),
        held_up(entered, go_on),
    )
    with (
        wayward(rucio_where({"/auth/userpass": replies})) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        accounts = Accounts(configured_anew(server.url), tmp_path, print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        renewal = threads.submit(accounts._find("w").renewed, "good")
        assert entered.wait(30)
        accounts.configure(configured_anew(server.url, display_name="Another"))
        accounts.sign_out("w")
        go_on.set()

        assert renewal.result(30) == "late"
        accounts.close()
        restarted = Accounts(configured_anew(server.url), tmp_path, print)
        assert restarted.info("w").account.state == "signed-out"
        restarted.close()
    assert kept(tmp_path) == []


def test_signing_out_holds_where_the_configuration_changes_just_then(tmp_path: Path) -> None:
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured_anew(server.url), tmp_path, print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        held = accounts._find("w")
        accounts.configure(configured_anew(server.url, display_name="Another"))

        held.sign_out()

        assert accounts.info("w").account.state == "signed-out"
        assert kept(tmp_path) == []
        accounts.close()


def test_a_client_that_is_older_than_the_configuration_goes_on(tmp_path: Path) -> None:
    replies = in_turn(
        lambda request: request.answer(200, X_Rucio_Auth_Token="good", X_Rucio_Auth_Account="alice"),
        lambda request: request.answer(200, X_Rucio_Auth_Token="new", X_Rucio_Auth_Account="alice"),
    )
    with wayward(rucio_where({"/auth/userpass": replies})) as server:
        accounts = Accounts(configured_anew(server.url), tmp_path, print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        held = accounts._find("w")
        accounts.configure(configured_anew(server.url, display_name="Another"))

        assert held.renewed("good") == "new"
        assert accounts._find("w").token() == "new"
        assert len(kept(tmp_path)) == 1
        accounts.close()


def test_a_sign_in_that_another_configuration_overtakes_comes_to_nothing(tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()
    with (
        wayward(rucio_where({"/auth/userpass": held_up(entered, go_on)})) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        accounts = Accounts(configured_anew(server.url), tmp_path, print)
        request = SignIn("w", "userpass", "alice", "alice", "secret")
        under_way = threads.submit(accounts.sign_in, request)
        assert entered.wait(30)
        accounts.configure(configured_anew(server.url, display_name="Another"))
        go_on.set()

        with pytest.raises(Conflict, match="has changed"):
            under_way.result(30)
        accounts.close()
    assert not (tmp_path / "tokens").exists()


@pytest.mark.parametrize("moved", [True, False], ids=["to another server", "taken away"])
def test_a_client_of_a_server_that_is_configured_no_longer_keeps_nothing(tmp_path: Path, moved: bool) -> None:
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured_anew(server.url), tmp_path, print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        held = accounts._find("w")
        elsewhere = configured_anew("http://127.0.0.1:1")
        accounts.configure(elsewhere if moved else configuration_from({}, {}))

        assert held.token() == "good"
        with pytest.raises(SignInNeeded):
            held.renewed("good")
        assert server.paths == ["/auth/userpass"]
        accounts.close()


def test_a_token_that_is_configured_elsewhere_is_used_at_once(tmp_path: Path) -> None:
    def validated(request: Request) -> None:
        request.answer(200, b"{'account': 'alice', 'identity': 'alice', 'vo': 'def'}", "text/plain")

    before, after = tmp_path / "before", tmp_path / "after"
    before.write_text("old")
    after.write_text("new")
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        configured = configured_anew(server.url, oidc_auth="file", oidc_file_name=str(before))
        accounts = Accounts(configured, tmp_path / "state", print)
        accounts.client("w")
        held = accounts._find("w")

        accounts.configure(configured_anew(server.url, oidc_auth="file", oidc_file_name=str(after)))
        before.unlink()

        assert accounts.info("w").account.state == "signed-in"
        assert accounts._find("w").token() == held.token() == "new"
        accounts.close()


def test_a_way_that_the_user_chose_stays_his_whatever_is_configured(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("brought")
    with wayward(rucio_where({})) as server:
        accounts = Accounts(configured_anew(server.url), tmp_path / "state", print)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))

        accounts.configure(configured_anew(server.url, oidc_auth="file", oidc_file_name=str(token)))

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
        traits = {**plain(server.url), "default_auth_type": "x509_proxy"}

        def start() -> Accounts:
            proxy = tmp_path / f"proxy-{len(started)}"
            shutil.copy(authority.proxy("alice").certificate, proxy)
            monkeypatch.setenv("X509_USER_PROXY", str(proxy))
            started.append(Accounts(configuration_from(traits, {}), tmp_path / "state", print))
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

    accounts = Accounts(configured_anew("http://127.0.0.1:1"), tmp_path, print)

    login = accounts.info("w").account.login
    assert login and (login.account, login.username) == ("higgs", "alice")
    accounts.close()
