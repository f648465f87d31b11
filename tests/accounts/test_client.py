"""The client against servers that misbehave, and on machines that are set up strangely."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.accounts.client import RucioClient
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine.protocol import SignIn
from rucio_jupyterlab.errors import (
    BadConfiguration,
    BadRequest,
    Denied,
    Failure,
    NotFound,
    RucioFault,
    RucioRefused,
    RucioUnreachable,
    SignInNeeded,
)
from tests.accounts.wayward import Reply, Request, Wayward, in_turn, rucio_where, wayward
from tests.lab.lab import Lab

MakeClient = Callable[..., RucioClient]
PATIENCE = 1.0


@pytest.fixture
def signed_in(tmp_path: Path) -> Iterator[Callable[[dict[str, Reply]], tuple[RucioClient, Wayward]]]:
    """A client signed in at a server that does what the paths say."""
    with ExitStack() as stack:

        def make(paths: dict[str, Reply]) -> tuple[RucioClient, Wayward]:
            server = stack.enter_context(wayward(rucio_where(paths)))
            accounts = accounts_at(server.url, tmp_path / "state")
            stack.callback(accounts.close)
            accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
            return accounts.client("w"), server

        yield make


def accounts_at(url: str, state: Path) -> Accounts:
    traits = {
        "instances": [{"name": "w", "display_name": "Wayward", "rucio_base_url": url}],
        "connect_timeout": PATIENCE,
        "request_timeout": PATIENCE,
    }
    return Accounts(configuration_from(traits, {}), state, lambda name: None)


def silent(request: Request) -> None:
    time.sleep(3 * PATIENCE)


def dripping(request: Request) -> None:
    request.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        request.send(b"[")
        time.sleep(PATIENCE / 5)


def cut(request: Request) -> None:
    request.begin_stream()
    request.chunk(b'"a"\n"b"\n')
    request.close_after = True


def cut_in_a_row(request: Request) -> None:
    request.begin_stream()
    request.chunk(b'"a"\n"b')
    request.send(b"0\r\n\r\n")


def hang_up(request: Request) -> None:
    request.close_after = True


def garbage(request: Request) -> None:
    request.answer(200, b"<html>Sign in to the portal, token=abc</html>", "text/html")


def no_http(request: Request) -> None:
    request.send(b"\x00\x01\x02 hello\r\n\r\n")
    request.close_after = True


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (silent, RucioUnreachable),
        (dripping, RucioUnreachable),
        (no_http, RucioUnreachable),
        (garbage, RucioRefused),
        (lambda request: request.answer(200, b"[1, 2]"), RucioRefused),
        (lambda request: request.answer(200, b""), RucioRefused),
        (lambda request: request.answer(500, b"oops"), RucioFault),
        (lambda request: request.answer(503, b"busy"), RucioUnreachable),
        (lambda request: request.answer(429, b"busy"), RucioUnreachable),
        (lambda request: request.answer(404, b"nginx"), RucioRefused),
        (lambda request: request.answer(403), Denied),
    ],
)
def test_a_strange_answer_is_one_of_our_failures_in_bounded_time(
    signed_in: Callable[..., Any], reply: Reply, failure: type[Failure]
) -> None:
    client, _ = signed_in({"/scopes/": reply})
    start = time.monotonic()

    with pytest.raises(failure) as told:
        client.ask("scopes/", list[str])

    assert time.monotonic() - start < 2.5 * PATIENCE
    assert "Wayward" in str(told.value)
    assert "abc" not in str(told.value)


def test_the_pause_that_a_busy_server_asks_for_is_told(signed_in: Callable[..., Any]) -> None:
    client, _ = signed_in({"/x": lambda request: request.answer(503, Retry_After="17")})
    with pytest.raises(RucioUnreachable) as told:
        client.ask("x", list[str])
    assert told.value.retry_after == 17.0


@pytest.mark.parametrize(
    ("name", "status", "failure"),
    [
        ("AccessDenied", 401, Denied),
        ("DataIdentifierNotFound", 404, NotFound),
        ("InvalidMetadata", 400, BadRequest),
        ("DatabaseException", 500, RucioFault),
        ("RucioException", 500, RucioFault),
    ],
)
def test_rucios_own_exceptions_are_told_by_name_and_without_anything_secret(
    signed_in: Callable[..., Any], name: str, status: int, failure: type[Failure]
) -> None:
    message = "No way at https://h/f?sig=abcdef for " + "t0ken" * 30

    client, server = signed_in(
        {"/x": lambda request: request.answer(status, ExceptionClass=name, ExceptionMessage=message)}
    )
    with pytest.raises(failure) as told:
        client.ask("x", list[str])

    assert told.value.exception == name
    assert "No way at https://h/f" in str(told.value)
    assert "abcdef" not in str(told.value)
    assert "t0ken" not in str(told.value)
    assert server.paths.count("/auth/userpass") == 1


def test_a_stream_gives_its_rows_and_tells_that_it_was_cut(signed_in: Callable[..., Any]) -> None:
    client, _ = signed_in({"/cut": cut, "/row": cut_in_a_row})

    for path in ("cut", "row"):
        rows: list[str] = []
        with pytest.raises(RucioUnreachable, match="broke off"):
            rows.extend(client.items(path, str))
        assert rows in (["a", "b"], ["a"], [])


def test_a_stream_that_drips_is_given_up_in_bounded_time(
    signed_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drips(request: Request) -> None:
        request.begin_stream()
        while True:
            request.chunk(b'"a"\n')
            time.sleep(PATIENCE / 50)

    monkeypatch.setattr("rucio_jupyterlab.accounts.client._PATIENCE", PATIENCE / 5)
    client, server = signed_in({"/drips": drips})
    with pytest.raises(RucioUnreachable, match="takes too long"):
        list(client.items("drips", str))
    assert server.hung_up.wait(timeout=5)


def test_numbers_that_json_has_none_of_are_told_by_their_names(signed_in: Callable[..., Any]) -> None:
    body = b'{"mass": NaN, "limits": [-Infinity, Infinity, 1.5]}'
    client, _ = signed_in({"/meta": lambda request: request.answer(200, body)})
    assert client.ask("meta", dict[str, Any]) == {"mass": "NaN", "limits": ["-Infinity", "Infinity", 1.5]}


def test_a_stream_that_stops_is_given_up_in_bounded_time(signed_in: Callable[..., Any]) -> None:
    def stops(request: Request) -> None:
        request.begin_stream()
        request.chunk(b'"a"\n')
        time.sleep(3 * PATIENCE)

    client, _ = signed_in({"/stops": stops})
    start = time.monotonic()

    with pytest.raises(RucioUnreachable, match="too long"):
        list(client.items("stops", str))

    assert time.monotonic() - start < 2 * PATIENCE


def test_closing_a_stream_wakes_its_reader_and_hangs_up(signed_in: Callable[..., Any]) -> None:
    def endless(request: Request) -> None:
        request.begin_stream()
        while True:
            request.chunk(b'"a"\n' * 1000)
            time.sleep(0.01)

    client, server = signed_in({"/endless": endless})
    lines = client.stream("endless")
    reader = threading.Thread(target=lambda: list(lines))
    reader.start()
    time.sleep(0.1)

    lines.close()
    reader.join(timeout=PATIENCE)

    assert not reader.is_alive()
    assert server.hung_up.wait(timeout=5)


def test_one_connection_serves_question_after_question(signed_in: Callable[..., Any]) -> None:
    def listed(request: Request) -> None:
        request.begin_stream()
        request.chunk(b'"a"\n')
        request.send(b"0\r\n\r\n")

    client, server = signed_in({"/scopes/": lambda request: request.answer(200, b"[]"), "/stream": listed})

    for _ in range(5):
        client.ask("scopes/", list[str])
        assert list(client.items("stream", str)) == ["a"]

    assert len({asked.connection for asked in server.requests if asked.path != "/auth/userpass"}) == 1


def test_a_question_is_asked_again_where_the_server_hung_up_on_a_kept_connection(
    signed_in: Callable[..., Any],
) -> None:
    client, _ = signed_in({"/scopes/": in_turn(hang_up, lambda request: request.answer(200, b'["a"]'))})

    assert client.ask("scopes/", list[str]) == ["a"]


def test_what_changes_something_is_said_once(signed_in: Callable[..., Any]) -> None:
    client, server = signed_in(
        {"/traces/": hang_up, "/good/": lambda request: request.answer(201, b"Created")}
    )

    client.tell("good/", [{"a": 1}])
    with pytest.raises(RucioUnreachable):
        client.tell("traces/", [{"a": 1}])
    with pytest.raises(RucioRefused):
        client.tell("elsewhere/", [])

    assert server.paths.count("/traces/") == 1


def test_a_token_that_is_refused_again_and_again_is_not_asked_for_without_end(
    signed_in: Callable[..., Any],
) -> None:
    client, server = signed_in(
        {
            "/x": lambda request: request.answer(
                401, ExceptionClass="CannotAuthenticate", ExceptionMessage="no"
            )
        }
    )

    with pytest.raises(SignInNeeded):
        client.ask("x", list[str])

    assert server.paths.count("/x") == 2
    assert server.paths.count("/auth/userpass") == 2


def test_no_token_follows_a_redirect_to_another_server(signed_in: Callable[..., Any]) -> None:
    with wayward(lambda request: request.answer(200, b"[]")) as other:
        client, _ = signed_in(
            {"/scopes/": lambda request: request.answer(302, Location=f"{other.url}/scopes/")}
        )

        with pytest.raises(RucioRefused, match="points to another address"):
            client.ask("scopes/", list[str])
        with pytest.raises(RucioRefused):
            client.stream("scopes/")

    assert other.requests == []


def test_a_redirect_at_the_same_server_is_followed(signed_in: Callable[..., Any]) -> None:
    client, _ = signed_in(
        {
            "/old": lambda request: request.answer(308, Location="/new"),
            "/new": lambda request: request.answer(200, b'["a"]'),
        }
    )

    assert client.ask("old", list[str]) == ["a"]


def test_a_question_goes_to_its_own_rucio_alone(signed_in: Callable[..., Any]) -> None:
    client, _ = signed_in({})

    for url in (f"{client.host}.evil.example.org/x", "https://traces.example.org/traces"):
        with pytest.raises(RucioUnreachable, match="another address"):
            client._send_request(url, None)


def test_nobody_there_is_told(tmp_path: Path) -> None:
    accounts = accounts_at("http://127.0.0.1:1", tmp_path)

    with pytest.raises(RucioUnreachable, match="cannot be reached"):
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))


def test_a_path_in_the_base_url_is_kept_and_the_auth_url_is_its_own(tmp_path: Path) -> None:
    with wayward(rucio_where({"/rucio/scopes/": lambda request: request.answer(200, b'["a"]')})) as server:
        plain = {
            "name": "w",
            "rucio_base_url": f"{server.url}/rucio",
            "rucio_auth_url": server.url,
            "vo": "esc",
            "app_id": "my-site",
        }
        accounts = Accounts(configuration_from({"instances": [plain]}, {}), tmp_path, lambda name: None)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))

        assert accounts.client("w").ask("scopes/", list[str]) == ["a"]
        assert accounts.client("w").list_scopes() == ["a"]
        accounts.close()

    assert server.paths == ["/auth/userpass", "/rucio/scopes/", "/rucio/scopes/"]
    assert all(request.headers["x-rucio-vo"] == "esc" for request in server.requests)
    assert server.requests[0].headers["x-rucio-appid"] == "my-site"
    assert "x-rucio-password" not in server.requests[1].headers


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wayward(lambda request: request.answer(407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        accounts = accounts_at("https://rucio.invalid", tmp_path)

        with pytest.raises(RucioUnreachable, match="proxy"):
            accounts.examine("w")
        monkeypatch.setenv("NO_PROXY", "rucio.invalid")
        with pytest.raises(RucioUnreachable, match="cannot be reached"):
            accounts.examine("w")
        accounts.close()

    assert [request.line.split(" ")[:2] for request in proxy.requests] == [["CONNECT", "rucio.invalid:443"]]


def test_no_proxy_is_asked_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    def there(request: Request) -> None:
        request.answer(302, Location="/moved/")

    scopes = {"/scopes/": there, "/moved/": lambda request: request.answer(200, b"[]")}
    with wayward(lambda request: request.answer(407)) as proxy, wayward(rucio_where(scopes)) as server:
        for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url)
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(variable, "")
        accounts = accounts_at(server.url, tmp_path)
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        assert accounts.client("w").ask("scopes/", list[str]) == []
        accounts.close()
        accounts = Accounts(configuration_from({"instances": [lab.configuration()]}, {}), tmp_path, print)
        assert accounts.examine("lab").version  # over TLS
        accounts.close()

    assert proxy.requests == []


def test_a_password_of_netrc_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login alice password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    with wayward(rucio_where({"/scopes/": lambda request: request.answer(200, b"[]")})) as server:
        accounts = accounts_at(server.url, tmp_path / "state")
        accounts.sign_in(SignIn("w", "userpass", "alice", "alice", "secret"))
        accounts.client("w").ask("scopes/", list[str])
        accounts.close()

    assert all("authorization" not in request.headers for request in server.requests)


def test_the_servers_certificate_is_verified(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "X509_CERT_DIR", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    instance = lab.configuration(rucio_ca_cert=None)
    accounts = Accounts(configuration_from({"instances": [instance]}, {}), tmp_path, print)

    with pytest.raises(RucioUnreachable, match="certificate could not be verified") as told:
        accounts.examine("lab")

    assert told.value.remedy == "configure"


def test_a_bundle_that_is_not_there_is_told_by_its_key(lab: Lab, tmp_path: Path) -> None:
    instance = lab.configuration(rucio_ca_cert=str(tmp_path / "none.pem"))
    accounts = Accounts(configuration_from({"instances": [instance]}, {}), tmp_path, print)

    with pytest.raises(BadConfiguration, match="“rucio_ca_cert”"):
        accounts.examine("lab")


@pytest.mark.parametrize("machine", ["nothing", "missing", "server", "damaged", "token-path"])
def test_the_machines_rucio_cfg_has_no_say(machine: str, tmp_path: Path) -> None:
    """In a process of its own, since Rucio reads its configuration on import."""
    file = tmp_path / "rucio.cfg"
    content = {
        "server": "[database]\ndefault = sqlite:///none\n[policy]\npackage = nowhere\n",
        "damaged": "no section = 1\n",
        "token-path": f"[client]\nrucio_host = http://127.0.0.1:1\nauth_token_file_path = {tmp_path}/shared\n"
        "[trace]\ntrace_host = http://127.0.0.1:1\n",
    }
    if machine in content:
        file.write_text(content[machine])
    environ = {key: value for key, value in os.environ.items() if not key.startswith("RUCIO")}
    if machine != "nothing":
        environ["RUCIO_CONFIG"] = str(file)
    program = (
        "import sys, pathlib; sys.argv = ['/some/where/program', 'x']\n"
        "from tests.accounts.test_client import accounts_at\n"
        "from rucio_jupyterlab.engine.protocol import SignIn\n"
        "accounts = accounts_at(sys.stdin.readline().strip(), pathlib.Path(sys.stdin.readline().strip()))\n"
        "accounts.sign_in(SignIn('w', 'userpass', 'alice', 'alice', 'secret'))\n"
        "print(accounts.client('w').list_scopes(), sys.argv)\n"
    )
    with wayward(rucio_where({"/scopes/": lambda request: request.answer(200, b'["a"]')})) as server:
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=f"{server.url}\n{tmp_path}/state\n",
            capture_output=True,
            text=True,
            env=environ,
            timeout=60,
            check=False,
        )

    assert done.stdout == "['a'] ['/some/where/program', 'x']\n", done.stderr
    assert not (tmp_path / "shared").exists()
