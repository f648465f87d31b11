"""What a request to a storage may carry; certificates' ends; and how a sign-in lapses by itself."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rucio_jupyterlab.accounts import certificate
from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.accounts.credentials import HandedOut
from rucio_jupyterlab.accounts.login import is_web_token, read_token, token_expiry
from rucio_jupyterlab.accounts.model import Login
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.errors import RucioUnreachable, SignInNeeded, SourceFailure
from tests.accounts.conftest import Desk
from tests.accounts.test_sign_in import sign_in, token_of
from tests.accounts.wayward import Request, rucio_where, wayward
from tests.lab.lab import Lab

MakeDesk = Callable[..., Desk]
STORAGE = "https://dav.example.org/f"
HOSTS = ("dav.example.org:443",)
RUCIOS_OWN = "alice-/DC=org/CN=alice.of.cern-unknown-0123456789abcdef0123456789abcdef"


def jwt(expires_in: float | None) -> str:
    """A token that tells when it lapses."""
    claims = {"sub": "alice"} | ({"exp": time.time() + expires_in} if expires_in is not None else {})
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg":"none"}', json.dumps(claims).encode(), b"signature")
    )


def validated(request: Request) -> None:
    request.answer(200, b"{'account': 'alice', 'identity': 'SUB=1, ISS=x', 'vo': 'def'}", "text/plain")


def accounts_with_token(state: Path, url: str, file: Path, on_change: Callable[[str], None]) -> Accounts:
    instance = {
        "name": "w",
        "display_name": "W",
        "rucio_base_url": url,
        "oidc_auth": "file",
        "oidc_file_name": str(file),
    }
    return Accounts(configuration_from({"instances": [instance]}, {}), state, on_change)


def test_a_password_sends_its_token_to_rucio_alone(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")

    at_rucio = one.accounts.credential("lab", (), f"{lab.url}/mesh/v1/data/s/n")
    at_storage = one.accounts.credential("lab", HOSTS, STORAGE, takes_tokens=True)

    assert at_rucio.headers == (f"X-Rucio-Auth-Token: {token_of(one)}",)
    assert at_rucio.ca_file == str(lab.ca)
    assert (at_storage.headers, at_storage.certificate) == ((), None)
    assert token_of(one) not in repr(at_rucio)


def test_a_certificate_is_shown_to_hosts_of_the_rse(desk: MakeDesk, lab: Lab) -> None:
    accounts, leaf = desk().accounts, lab.user("alice")
    accounts.sign_in(SignIn("lab", "x509", "alice", certificate=str(leaf.certificate), key=str(leaf.key)))

    shown = accounts.credential("lab", HOSTS, STORAGE)
    assert (shown.certificate, shown.key) == (str(leaf.certificate), str(leaf.key))
    assert accounts.credential("lab", (), STORAGE).certificate is None
    elsewhere = accounts.credential("lab", HOSTS, STORAGE, redirected_from="https://head.example.org/f")
    assert elsewhere.certificate is None


def test_the_users_proxy_goes_along_whatever_he_signed_in_with(
    desk: MakeDesk, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = desk().accounts
    sign_in(accounts, lab.password, account="alice")
    proxy = str(lab.proxy("alice").certificate)
    monkeypatch.setenv("X509_USER_PROXY", proxy)

    shown = accounts.credential("lab", HOSTS, STORAGE)

    assert (shown.certificate, shown.key) == (proxy, proxy)


def test_what_a_gateway_gave_goes_to_its_address_alone_and_trusts_whom_the_cloud_names(
    desk: MakeDesk, lab: Lab, tmp_path: Path
) -> None:
    accounts, authority = desk().accounts, str(tmp_path / "cloud.pem")
    sign_in(accounts, lab.password, account="alice")
    permit = HandedOut(STORAGE, ("X-Reva-Transfer: pass",), authority)

    at_cloud = accounts.credential("lab", HOSTS, STORAGE, permit=permit)
    elsewhere = accounts.credential("lab", HOSTS, "https://other.example.org/f", permit=permit)

    assert (at_cloud.headers, elsewhere.headers) == (permit.headers, ())
    assert (at_cloud.ca_file, at_cloud.ca_path) == (authority, None)
    by_default = accounts.credential("lab", HOSTS, STORAGE, permit=HandedOut(STORAGE, permit.headers, None))
    assert by_default.ca_file == accounts.credential("lab", HOSTS, STORAGE).ca_file


def test_an_address_that_must_not_be_fetched_gets_nothing(desk: MakeDesk) -> None:
    with pytest.raises(SourceFailure):
        desk().accounts.credential("lab", (), "http://169.254.169.254/latest")


def test_a_token_goes_to_storages_that_take_tokens(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(jwt(3600))
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, print)
        accounts.client("w")

        bearer = accounts.credential("w", HOSTS, STORAGE, takes_tokens=True)
        assert bearer.headers == (f"Authorization: Bearer {file.read_text()}",)
        assert accounts.credential("w", HOSTS, STORAGE, takes_tokens=False).headers == ()
        accounts.close()


def test_a_token_of_rucios_own_stays_at_rucio_also_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(RUCIOS_OWN)
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, print)
        accounts.client("w")

        at_storage = accounts.credential("w", HOSTS, STORAGE, takes_tokens=True)
        at_cloud = accounts.cloud_sign_in("w", "cloud.example.org", 9142, takes_rucio_tokens=True)

        assert not accounts.has_oidc("w")
        assert (at_storage.headers, at_cloud.secret) == ((), "nothing")
        with pytest.raises(SignInNeeded, match="for that Rucio alone"):
            accounts.oidc_token("w")
        at_rucio = accounts.credential("w", (), f"{server.url}/mesh/v1/data/s/n")
        assert at_rucio.headers == (f"X-Rucio-Auth-Token: {RUCIOS_OWN}",)
        accounts.close()


def test_a_file_that_changes_hands_out_what_it_holds_now(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(jwt(3600))
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, print)
        assert accounts.credential("w", HOSTS, STORAGE, takes_tokens=True).headers

        file.write_text(RUCIOS_OWN)

        assert accounts.credential("w", HOSTS, STORAGE, takes_tokens=True).headers == ()
        accounts.close()


def test_a_file_that_is_empty_for_a_moment_does_not_close_a_cloud(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("")
    accounts = accounts_with_token(tmp_path / "state", "http://127.0.0.1:1", file, print)

    found = accounts.cloud_sign_in("w", "cloud.example.org", 9142, takes_rucio_tokens=True)

    assert found.secret == "rucio-token"
    with pytest.raises(SignInNeeded, match="holds no token"):
        accounts.oidc_token("w")
    accounts.close()


@pytest.mark.parametrize("token", [RUCIOS_OWN, "", "a.b.c", "..", "W10.e30.x", "e30.e30.x"])
def test_what_is_no_web_token(token: str) -> None:
    assert is_web_token(jwt(1)) and not is_web_token(token)


def test_a_credential_never_waits_for_a_renewal(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")
    expire(one)
    url = f"{lab.url}/mesh/v1/data/s/n"

    with pytest.raises(RucioUnreachable, match="is being renewed"):
        one.accounts.credential("lab", (), url)

    deadline = time.monotonic() + 10
    while (one.accounts.info("lab").account.expires_at or 0.0) < time.time():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert one.accounts.credential("lab", (), url).headers


def test_a_token_near_its_end_is_renewed_before_it_is_used(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")
    old = token_of(one)
    expire(one, in_seconds=60)

    one.accounts.client("lab").ask("scopes/", list[str])

    assert token_of(one) != old


def test_a_sign_in_lapses_by_itself_and_tells_of_it(desk: MakeDesk, lab: Lab) -> None:
    one = desk()
    sign_in(one.accounts, lab.password, account="alice")
    one.restart()
    expire(one, in_seconds=700)
    assert one.accounts.info("lab").account.state == "signed-in"
    expire(one, in_seconds=300)
    assert one.accounts.info("lab").account.state == "lapsing"
    one.changes.clear()
    expire(one, in_seconds=0.2)
    one.accounts._wake_at_next_change()

    deadline = time.monotonic() + 10
    while not one.changes:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert one.accounts.info("lab").account.state == "lapsed"


def test_a_token_file_shows_its_end_and_lapses_with_it(tmp_path: Path) -> None:
    file, changes = tmp_path / "token", list[str]()
    file.write_text(jwt(3600))
    with wayward(rucio_where({"/auth/validate": validated})) as server:
        accounts = accounts_with_token(tmp_path / "state", server.url, file, changes.append)
        account = accounts.info("w").account
        assert account.state == "signed-in"
        assert account.expires_at is not None
        assert abs(account.expires_at - time.time() - 3600) < 60
        client = accounts.client("w")

        file.write_text(jwt(-10))
        assert accounts.info("w").account.state == "lapsed"
        with pytest.raises(SignInNeeded):
            client.ask("scopes/", list[str])

        file.write_text(jwt(100))
        assert accounts.info("w").account.state == "signed-in"
        assert accounts.credential("w", HOSTS, STORAGE, takes_tokens=True).headers
        accounts.close()

    assert server.paths == ["/auth/validate"]


@pytest.mark.parametrize("text", ["", "\n", "two words", "ümlaut"])
def test_a_file_that_holds_no_token_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)

    with pytest.raises(SignInNeeded, match="token"):
        read_token(Login(auth_type="token", token_file=str(file)), {})


NESTED = "a." + base64.urlsafe_b64encode(b"[" * 3_000).decode() + ".c"


@pytest.mark.parametrize(
    "token", ["", "a", "a.b.c", "a.!!!.c", "..", jwt(None), "a.eyJleHAiOiJ4In0.c", NESTED], ids=range(8)
)
def test_a_token_that_does_not_tell_its_end_has_none(token: str) -> None:
    assert token_expiry(token) is None


def test_the_end_of_a_chain_is_that_of_the_first_to_lapse(lab: Lab, tmp_path: Path) -> None:
    proxy, user = lab.proxy("alice"), lab.user("alice")
    end = certificate.expires_at(Path(proxy.certificate))
    later = certificate.expires_at(Path(user.certificate))

    assert end is not None
    assert later is not None
    assert time.time() < end <= later


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_has_no_end(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cert.pem"
    file.write_bytes(content)

    assert certificate.expires_at(file) is None
    assert certificate.expires_at(tmp_path / "none") is None


def expire(desk: Desk, in_seconds: float = -1.0) -> None:
    """Let the token in force end then."""
    holder: Any = desk.accounts._find("lab")._holder
    holder._token = msgspec.structs.replace(holder._token, expires_at=time.time() + in_seconds)
