"""Signing in at the real Rucio: by password, token and certificate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.accounts.model import Login
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.errors import BadRequest, Conflict, Denied, NotFound, SignInNeeded
from tests.accounts.conftest import Desk
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
