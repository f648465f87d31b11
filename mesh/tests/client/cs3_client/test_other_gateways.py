"""What other gateways than our test gateway answer: those that limit rates, and those that move files by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from cs3.gateway.v1beta1.gateway_api_pb2_grpc import GatewayAPIServicer, add_GatewayAPIServicer_to_server
from cs3.rpc.v1beta1 import code_pb2 as codes
from cs3.rpc.v1beta1 import status_pb2 as statuses
from cs3.storage.provider.v1beta1 import provider_api_pb2 as sp
from cs3.tx.v1beta1 import resources_pb2 as tx_messages
from cs3.tx.v1beta1 import tx_api_pb2 as tx_api
from rucio.common import exception

from rucio_mesh.cs3 import gateway as gateway_module
from rucio_mesh.cs3 import tx
from rucio_mesh.cs3.auth import Bearer, Secret
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.errors import NotFound, NotSupported, Unavailable
from rucio_mesh.cs3.protocol import ALWAYS, rucio_errors
from rucio_mesh.cs3.settings import Settings

OK = statuses.Status(code=codes.CODE_OK)


class Other(GatewayAPIServicer):  # type: ignore[misc]
    """Anybody is signed in."""

    def __init__(self) -> None:
        self.limited = False
        self.transfers: dict[str, Any] = {}

    def GetHome(self, _request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the name of the call
        if self.limited:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "rate limit exceeded")
        return sp.GetHomeResponse(status=OK, path="/home")

    def ListContainer(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        reply = sp.ListContainerResponse(status=OK)
        for number in range(100):
            reply.infos.add(path=f"/home/{number:0100}")
        return reply

    def GetTransferStatus(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        status = self.transfers.get(request.tx_id.opaque_id)
        if status is None:
            return tx_api.GetTransferStatusResponse(status=statuses.Status(code=codes.CODE_NOT_FOUND))
        return tx_api.GetTransferStatusResponse(status=OK, tx_info=tx_messages.TxInfo(status=status))


@pytest.fixture
def other() -> Iterator[tuple[Other, Client]]:
    server, servicer = grpc.server(ThreadPoolExecutor(2)), Other()
    add_GatewayAPIServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(Settings("127.0.0.1", port), Bearer(Secret.of("token"), "reva")) as client:
        yield servicer, client
    server.stop(None).wait()


def test_who_asks_too_often_may_ask_later(other: tuple[Other, Client]) -> None:
    servicer, client = other
    servicer.limited = True
    with pytest.raises(exception.ServiceUnavailable), rucio_errors(ALWAYS):
        client.home()
    with pytest.raises(Unavailable, match="GetHome: gRPC RESOURCE_EXHAUSTED"):
        client.home()
    servicer.limited = False
    assert client.home() == "/home"


def test_a_reply_that_is_too_large_will_be_so_later(
    other: tuple[Other, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_module, "MESSAGE_BYTES", 1000)
    with pytest.raises(NotSupported, match="larger than"):
        other[1].list_container("/home")


def test_how_a_transfer_between_clouds_stands_is_told_in_rucios_words(other: tuple[Other, Client]) -> None:
    servicer, client = other
    known = dict(tx_messages.Status.items())
    servicer.transfers = known | {"from the future": 99}
    told = {name: tx.state_of(client, name) for name in servicer.transfers}
    assert {
        name.removeprefix("STATUS_TRANSFER_") for name, state in told.items() if state == "SUBMITTED"
    } == {*("NEW", "AWAITING_ACCEPTANCE", "ACCEPTED", "IN_PROGRESS", "CANCEL_FAILED")}
    assert [name for name, state in told.items() if state == "DONE"] == ["STATUS_TRANSFER_COMPLETE"]
    assert {told[name] for name in ("STATUS_INVALID", "STATUS_TRANSFER_FAILED", "from the future")} == {
        "FAILED"
    }
    with pytest.raises(NotFound):
        tx.state_of(client, "no such")
