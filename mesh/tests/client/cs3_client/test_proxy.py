"""Data endpoints behind a proxy that the environment names."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from rucio_mesh.cs3.errors import Unavailable

from ..conftest import MakeGateway
from .conftest import ConnectTo

pytestmark = pytest.mark.usefixtures("no_pauses")


class Refusing:
    """A proxy that hears one request for a tunnel, and refuses it."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        self.heard = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while not self.heard.endswith(b"\r\n\r\n"):
                self.heard += connection.recv(4096)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    def lines(self) -> list[str]:
        """The head of the request."""
        self._thread.join(10)
        return self.heard.decode().split("\r\n")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    for name in ("no_proxy", "NO_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield Refusing(listener)


@pytest.mark.parametrize(
    ("address", "signed_in"),
    [
        ("127.0.0.1:{port}", None),
        ("http://127.0.0.1:{port}", None),
        ("http://alice:p%40ss@127.0.0.1:{port}/", "Proxy-Authorization: Basic YWxpY2U6cEBzcw=="),
        ("alice@127.0.0.1:{port}", "Proxy-Authorization: Basic YWxpY2U6"),
    ],
)
def test_it_is_asked_for_a_tunnel_by_whom_it_knows(
    cs3_gateway: MakeGateway,
    connect_to: ConnectTo,
    monkeypatch: pytest.MonkeyPatch,
    proxy: Refusing,
    address: str,
    signed_in: str | None,
) -> None:
    monkeypatch.setenv("https_proxy", address.format(port=proxy.port))
    gateway = cs3_gateway()
    cloud = connect_to(gateway, data_hosts=frozenset({"data.example.org"}))
    gateway.faults.data_endpoint = "https://data.example.org/data"
    with pytest.raises(Unavailable) as refusal, cloud.read(f"{cloud.home()}/f"):
        pass
    first, *headers = proxy.lines()
    assert first.startswith("CONNECT data.example.org:443 ")
    assert [line for line in headers if line.startswith("Proxy-Authorization")] == (
        [signed_in] if signed_in else []
    )
    assert not [secret for secret in ("alice", "p@ss", "YWxpY2U6") if secret in str(refusal.value)]
