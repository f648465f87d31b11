"""How long a call may take, and whether it is made again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from rucio_mesh.cs3 import gateway as gateway_module
from rucio_mesh.cs3 import ocm, people, shares
from rucio_mesh.cs3.auth import Bearer, GatewayToken, Secret
from rucio_mesh.cs3.client import Client, HeldLock
from rucio_mesh.cs3.errors import NotSignedIn, Unavailable
from rucio_mesh.cs3.pfn import parent_of
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing.cs3.gateway import Gateway

from ..conftest import MakeGateway
from .conftest import EINSTEIN, ConnectTo

LOCK = HeldLock("lock", "tests")
READS: dict[str, Callable[[Client, str], object]] = {
    "ListAuthProviders": lambda cloud, _file: cloud.auth_providers(),
    "WhoAmI": lambda cloud, _file: cloud.who_am_i(),
    "GetHome": lambda cloud, _file: cloud.home(),
    "Stat": lambda cloud, file: cloud.stat(file),
    "ListContainer": lambda cloud, file: cloud.list_container(parent_of(file)),
    "GetQuota": lambda cloud, file: cloud.quota(file),
    "GetLock": lambda cloud, file: cloud.held_lock(file),
    "InitiateFileDownload": lambda cloud, file: cloud.initiate_download(file),
    "GetUserByClaim": lambda cloud, _file: people.find_user(cloud.gateway, "marie"),
    "GetGroupByClaim": lambda cloud, _file: people.find_group(cloud.gateway, "physics-lovers"),
    "ListShares": lambda cloud, _file: shares.given(cloud),
    "ListReceivedShares": lambda cloud, _file: shares.received(cloud),
    "ListOCMShares": lambda cloud, _file: ocm.given(cloud),
    "ListReceivedOCMShares": lambda cloud, _file: ocm.received(cloud),
    "FindAcceptedUsers": lambda cloud, _file: ocm.partners(cloud),
}
CHANGES: dict[str, Callable[[Client, str], object]] = {
    "CreateContainer": lambda cloud, file: cloud.make_container(f"{file}.d"),
    "TouchFile": lambda cloud, file: cloud.touch(f"{file}.t"),
    "InitiateFileUpload": lambda cloud, file: cloud.initiate_upload(f"{file}.u", 3),
    "SetArbitraryMetadata": lambda cloud, file: cloud.set_metadata(file, {"a": "b"}),
    "UnsetArbitraryMetadata": lambda cloud, file: cloud.unset_metadata(file, ["a"]),
    "SetLock": lambda cloud, file: cloud.lock(file, LOCK, seconds=60),
    "RefreshLock": lambda cloud, file: cloud.refresh_lock(file, LOCK, seconds=60),
    "Unlock": lambda cloud, file: cloud.unlock(file, LOCK),
    "GenerateAppPassword": lambda cloud, _file: people.make_app_password(cloud.gateway, "tests"),
    "RemoveShare": lambda cloud, _file: shares.withdraw(cloud, "1"),
    "UpdateReceivedShare": lambda cloud, _file: shares.answer(cloud, "1", "accepted"),
    "GenerateInviteToken": lambda cloud, _file: ocm.invite(cloud),
    "RemoveOCMShare": lambda cloud, _file: ocm.withdraw(cloud, "1"),
    "UpdateReceivedOCMShare": lambda cloud, _file: ocm.answer(cloud, "1", "accepted"),
}


def a_file(gateway: Gateway) -> str:
    path = f"{gateway.home()}/file"
    gateway.path(path).write_bytes(b"abc")
    return path


@pytest.mark.parametrize("call", READS)
def test_a_call_that_changes_nothing_is_repeated(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, call: str
) -> None:
    gateway = cs3_gateway("eos")
    cloud = connect_to(gateway)
    cloud.sign_in()
    file = a_file(gateway)
    before = gateway.counts[call]
    gateway.faults.arm("rpc_unavailable", times=2)
    READS[call](cloud, file)
    assert gateway.counts[call] - before == 3


@pytest.mark.parametrize("call", CHANGES)
def test_a_call_that_changes_something_is_made_once(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, call: str
) -> None:
    gateway = cs3_gateway("eos")
    cloud = connect_to(gateway)
    cloud.sign_in()
    file = a_file(gateway)
    gateway.faults.arm("rpc_unavailable", times=1)
    with pytest.raises(Unavailable):
        CHANGES[call](cloud, file)
    assert gateway.counts[call] == 1


def test_what_became_of_a_move_or_a_removal_is_looked_up_and_not_tried_again(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = cs3_gateway()
    cloud = connect_to(gateway)
    ask = cloud.gateway.call

    def losing_the_answer(method: str, request: Any, *, about: str = "") -> Any:
        reply = ask(method, request, about=about)
        if method in ("Move", "Delete"):
            raise Unavailable(f"{method}: gRPC UNAVAILABLE")
        return reply

    monkeypatch.setattr(cloud.gateway, "call", losing_the_answer)
    cloud.sign_in()
    file = a_file(gateway)
    cloud.move(file, "/home/moved")
    cloud.remove_file("/home/moved")
    assert not cloud.exists("/home/moved")
    assert (gateway.counts["Move"], gateway.counts["Delete"]) == (1, 1)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Of one who takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_gateway_that_says_nothing_is_given_up_at_the_deadline(silent_port: int) -> None:
    with Client(Settings("127.0.0.1", silent_port, call_seconds=0.2), EINSTEIN) as cloud:
        for call in (cloud.auth_providers, cloud.home, lambda: cloud.stat("/f")):
            with pytest.raises(Unavailable, match="DEADLINE_EXCEEDED"):
                call()


def test_a_call_on_a_connection_that_another_thread_has_closed_is_told_as_a_broken_one(
    gateway: Gateway, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = connect_to(gateway)
    cloud.sign_in()
    stub = cloud.gateway._stub()
    cloud.close()
    with monkeypatch.context() as late:
        late.setattr(cloud.gateway, "_stub", lambda: stub)
        with pytest.raises(Unavailable, match="Stat /: the connection"):
            cloud.stat("/")
    cloud.stat("/")


THREADS = 8


class OneAtTheDoor:
    """A way to sign in that has an outcome when all other threads wait for it."""

    def __init__(self, outcome: BaseException | GatewayToken, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outcome, self.knocks = outcome, 0
        waiting = self.waiting = threading.Semaphore(0)

        class Watched(Future[str]):
            def result(self, timeout: float | None = None) -> str:
                waiting.release()
                return super().result(timeout)

        monkeypatch.setattr(gateway_module, "Future", Watched)

    def present(self) -> GatewayToken:
        self.knocks += 1
        for _ in range(THREADS - 1):
            assert self.waiting.acquire(timeout=20)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (GatewayToken("token"), "token"),
        (Unavailable("no answer"), "no answer"),
        (NotSignedIn("wrong password"), "wrong password"),
        (KeyboardInterrupt("Ctrl-C"), "the sign-in was interrupted"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_waits_for_a_sign_in_shares_what_becomes_of_it(
    monkeypatch: pytest.MonkeyPatch, outcome: BaseException | GatewayToken, told: str
) -> None:
    door = OneAtTheDoor(outcome, monkeypatch)
    with Client(Settings("127.0.0.1", 1), door) as cloud, ThreadPoolExecutor(THREADS) as pool:
        ends = [pool.submit(cloud.gateway.token) for _ in range(THREADS)]
        said = sorted(str(end.exception(20) or end.result()) for end in ends)
    assert door.knocks == 1
    assert said[-(THREADS - 1) :] == [told] * (THREADS - 1)


def test_a_sign_in_that_failed_is_tried_again_by_who_comes_later(silent_port: int) -> None:
    with Client(Settings("127.0.0.1", silent_port, call_seconds=0.1), EINSTEIN) as cloud:
        for _ in range(2):
            with pytest.raises(Unavailable, match="DEADLINE_EXCEEDED"):
                cloud.sign_in()
        cloud.gateway._credential = Bearer(Secret.of("token"), "reva")
        cloud.sign_in()


def test_a_data_endpoint_that_says_nothing_is_given_up_when_it_stalls(
    cs3_gateway: MakeGateway, connect_to: ConnectTo, silent_port: int
) -> None:
    gateway = cs3_gateway()
    cloud = connect_to(gateway, stall_seconds=0.2)
    gateway.faults.data_endpoint = f"http://127.0.0.1:{silent_port}/data"
    with pytest.raises(Unavailable, match="no sign of life"), cloud.read("/home/f"):
        pass
    with pytest.raises(Unavailable, match="no sign of life"):
        cloud.data.put(
            cloud.initiate_upload("/home/g", 1), "PUT /home/g", 1, lambda wire: wire(memoryview(b"a"))
        )
