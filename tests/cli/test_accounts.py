"""`jupyter rucio signin | signout`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rucio_jupyterlab.accounts.model import AccountStatus, AuthType, Instances, Login
from rucio_jupyterlab.cli import main
from rucio_jupyterlab.cli.engine import Engine
from rucio_jupyterlab.engine import protocol
from tests.cli.stand_in import PASSWORD, EngineStandIn, info


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_password_is_read_from_standard_input(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["signin", "--username", "alice"]) == 0
    said = capsys.readouterr()
    assert said.out == "lab: signed in as alice\n"
    assert PASSWORD not in said.out + said.err
    (asked,) = engine.questions(protocol.SignIn)
    assert (asked.username, asked.password, asked.auth_type) == ("alice", PASSWORD, "userpass")


def test_where_nothing_comes_on_standard_input_nobody_is_signed_in(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["signin", "--username", "alice"]) == 2
    assert "nothing came" in capsys.readouterr().err
    assert not engine.questions(protocol.SignIn)


def test_on_a_terminal_it_is_asked_for(engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("\n"))
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)
    engine.instances = Instances([info(default_username="alice")], default="lab")
    assert main(["signin"]) == 0
    (asked,) = engine.questions(protocol.SignIn)
    assert (asked.username, asked.password) == ("alice", PASSWORD)


def test_the_end_of_input_in_place_of_a_name_asks_for_no_password(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(""))
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)
    assert main(["signin"]) == 130
    assert not engine.questions(protocol.SignIn)


def test_an_interrupted_question_for_the_password_ends_its_line(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Terminal("alice\n"))
    monkeypatch.setattr("getpass.getpass", interrupted)
    assert main(["signin"]) == 130
    assert capsys.readouterr().err.endswith("\n")


@pytest.mark.parametrize("nameless", [KeyError, OSError])
def test_whose_number_has_no_name_on_this_machine_types_it(
    engine: EngineStandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nameless: type[Exception],
) -> None:
    def no_entry() -> str:
        raise nameless

    monkeypatch.setattr("getpass.getuser", no_entry)
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)
    for typed, status in (("\n", 2), ("alice\n", 0)):
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        assert main(["signin"]) == status
    assert "Name the user with --username." in capsys.readouterr().err
    (asked,) = engine.questions(protocol.SignIn)
    assert asked.username == "alice"


def test_a_wrong_password_is_refused_without_being_shown(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong-secret\n"))
    assert main(["signin", "lab", "--username", "alice"]) == 1
    said = capsys.readouterr()
    assert "does not take this password" in said.err and "wrong-secret" not in said.err


def test_who_has_to_choose_an_account_is_told_how(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.accounts = ["alice", "higgs"]
    for account, status in (([], 2), (["--account", "higgs"], 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        assert main(["signin", "--username", "alice", *account]) == status
    assert "Choose one of your accounts: alice, higgs. Name it with --account." in capsys.readouterr().err


def test_there_is_no_option_for_a_password() -> None:
    with pytest.raises(SystemExit):
        main(["signin", "--password", PASSWORD])


def test_a_token_is_named_by_its_absolute_path(
    engine: EngineStandIn, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(alone)
    engine.instances = Instances([info("lab", "token")], default="lab")
    assert main(["signin", "--token-file", "token"]) == 0
    (asked,) = engine.questions(protocol.SignIn)
    assert (asked.auth_type, asked.token_file, asked.password) == ("token", str(alone / "token"), None)


WAYS = ("userpass", "x509", "x509_proxy", "token")
BY_CERTIFICATE = Login(auth_type="x509", certificate="/c.pem", key="/k.pem")


def lapsed(login: Login, *ways: AuthType) -> Instances:
    """One instance, at which alice was signed in as higgs."""
    return Instances([info("lab", *(ways or WAYS), account=AccountStatus("lapsed", "higgs", login))], "lab")


def test_what_was_typed_the_last_time_need_not_be_typed_again(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    for login in (BY_CERTIFICATE, Login(auth_type="userpass", username="alice")):
        engine.instances = lapsed(login)
        assert main(["signin"]) == 0
    first, second = engine.questions(protocol.SignIn)
    assert (first.auth_type, first.certificate, first.key) == ("x509", "/c.pem", "/k.pem")
    assert (second.auth_type, second.username, second.certificate) == ("userpass", "alice", None)
    assert first.account == second.account == "higgs"


@pytest.mark.parametrize(
    ("typed", "way"),
    [
        ("--username alice", "userpass"),
        ("--certificate /other.pem", "x509"),
        ("--certificate /other.pem --key /other.key", "x509"),
        ("--token-variable TOKEN", "token"),
        ("--type x509_proxy", "x509_proxy"),
    ],
)
def test_who_names_something_gets_nothing_of_the_last_time(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch, typed: str, way: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    engine.instances = lapsed(BY_CERTIFICATE)
    assert main(["signin", *typed.split()]) == 0
    (asked,) = engine.questions(protocol.SignIn)
    assert (asked.auth_type, asked.account) == (way, None)
    assert asked.certificate in (None, "/other.pem") and asked.key in (None, "/other.key")


def test_a_way_that_is_offered_no_more_is_not_taken_again(
    engine: EngineStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    engine.instances = lapsed(Login(auth_type="token", token_file="/t"), "userpass")
    assert main(["signin", "--username", "alice"]) == 0
    engine.instances = lapsed(Login(auth_type="token", token_file="/t"), "x509")
    assert main(["signin"]) == 0
    assert [asked.auth_type for asked in engine.questions(protocol.SignIn)] == ["userpass", "x509"]


def test_signing_out(engine: EngineStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["signout"]) == 0
    assert capsys.readouterr().out == "lab: signed out\n"


def test_the_shells_own_default_counts_before_that_of_other_clients(engine: EngineStandIn) -> None:
    engine.instances = Instances([info("panels"), info("shells")], default="panels")
    for configuration, expected in (({"default_instance": "shells"}, "shells"), (None, "panels")):
        with Engine(engine.state, configuration) as connection:
            assert connection.instance(None).name == expected
