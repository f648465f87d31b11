"""How a kernel finds its Jupyter server, and where its token goes."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rucio_jupyterlab.kernel import NoService, RucioError, Unreachable
from rucio_jupyterlab.kernel.server import Server, ServerClient, find_server, runtime_folders
from rucio_mesh.testing.certificates import Authority
from tests.kernel.contract import TOKEN, JupyterStandIn

HUB = {"JUPYTERHUB_API_TOKEN": "hub-token", "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/alice/"}


def write_server_file(folder: Path, pid: int, token: str = "t") -> None:
    content = {"pid": pid, "url": "http://127.0.0.1:8888/user/alice", "token": token}
    (folder / f"jpserver-{pid}.json").write_text(json.dumps(content))


def test_the_server_that_started_the_kernel_is_found_by_its_file(tmp_path: Path) -> None:
    write_server_file(tmp_path, 42)
    found = find_server({"JPY_PARENT_PID": "42"}, [tmp_path / "elsewhere", tmp_path])
    assert found == Server("http://127.0.0.1:8888/user/alice/", "t")


def test_the_variables_override_it(tmp_path: Path) -> None:
    write_server_file(tmp_path, 42)
    environ = {
        "JPY_PARENT_PID": "42",
        "RUCIO_JUPYTERLAB_URL": "https://elsewhere",
        "RUCIO_JUPYTERLAB_TOKEN": "u",
    }
    assert find_server(environ, [tmp_path]) == Server("https://elsewhere/", "u")


def test_an_address_of_another_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoService, match="http"):
        find_server({"RUCIO_JUPYTERLAB_URL": "file:///etc/passwd"}, [tmp_path])


def test_under_a_hub_the_server_takes_the_hubs_token(tmp_path: Path) -> None:
    write_server_file(tmp_path, 42, token="")
    found = find_server({"JPY_PARENT_PID": "42", **HUB}, [tmp_path])
    assert found == Server("http://127.0.0.1:8888/user/alice/", "hub-token")


def test_under_a_hub_the_server_is_found_without_its_file(tmp_path: Path) -> None:
    assert find_server(HUB, [tmp_path]) == Server("http://127.0.0.1:8888/user/alice/", "hub-token")


def test_a_server_without_a_token_cannot_be_asked(tmp_path: Path) -> None:
    write_server_file(tmp_path, 42, token="")
    assert find_server({"JPY_PARENT_PID": "42"}, [tmp_path]) is None


@pytest.mark.parametrize("content", ["", "[]", '{"pid": 7, "url": "http://x/", "token": "t"}', '{"pid": 42}'])
def test_a_file_that_is_not_the_servers_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "jpserver-42.json").write_text(content)
    assert find_server({"JPY_PARENT_PID": "42"}, [tmp_path]) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can give a file away")
def test_a_file_of_another_user_is_passed_over(tmp_path: Path) -> None:
    write_server_file(tmp_path, 42)
    os.chown(tmp_path / "jpserver-42.json", 12345, 12345)
    assert find_server({"JPY_PARENT_PID": "42"}, [tmp_path]) is None


def test_the_runtime_folder_follows_jupyters_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/run/jupyter")
    assert Path("/run/jupyter") in runtime_folders()


def test_the_token_stands_in_no_representation() -> None:
    assert TOKEN not in repr(Server("http://127.0.0.1/", TOKEN))


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str]]]:
    """A server that sends everybody elsewhere, and the tokens that it saw."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", seen
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_token_follows_no_redirect(redirecting: tuple[str, list[str]]) -> None:
    url, seen = redirecting
    with pytest.raises(NoService) as caught:
        ServerClient(Server(url, TOKEN)).ask("GET", "jobs")
    assert seen == [f"token {TOKEN}"]
    assert TOKEN not in str(caught.value)


def test_the_token_passes_no_proxy(jupyter: JupyterStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert ServerClient(Server(jupyter.url, TOKEN)).ask("GET", "instances")["default"] == "lab"


def test_a_dead_server_is_told_without_its_address() -> None:
    with pytest.raises(Unreachable) as caught:
        ServerClient(Server("http://127.0.0.1:1/", TOKEN)).ask("GET", "jobs")
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
    ],
    ids=["nothing", "no HTTP", "half an answer", "half a refusal", "a proxy for it"],
)
def test_a_server_that_dies_while_it_answers_is_told(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer_once, args=(listening, answer))
        thread.start()
        with pytest.raises(Unreachable, match="does not answer"):
            ServerClient(Server(f"http://127.0.0.1:{listening.getsockname()[1]}/", TOKEN)).ask("GET", "jobs")
        thread.join()


def test_a_certificate_that_cannot_be_verified_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path / "ca")
    leaf = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    with server, context.wrap_socket(server.socket, server_side=True) as server.socket:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = ServerClient(Server(f"https://localhost:{server.server_port}/", TOKEN))
        with pytest.raises(Unreachable, match=r"cannot be verified\. SSL_CERT_FILE may name"):
            client.ask("GET", "jobs")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        with pytest.raises(RucioError, match="HTTP 501"):  # it knows no question, but it was asked
            ServerClient(Server(f"https://localhost:{server.server_port}/", TOKEN)).ask("GET", "jobs")
        server.shutdown()
        thread.join()


def answer_once(listening: socket.socket, answer: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_a_server_without_the_extension_is_told(jupyter: JupyterStandIn) -> None:
    jupyter.extension = False
    with pytest.raises(NoService, match="no Rucio extension"):
        ServerClient(Server(jupyter.url, TOKEN)).ask("GET", "jobs")
