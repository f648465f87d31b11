"""Transfers that two clouds carry out between themselves, at sites that offer it: how one stands, in Rucio's words."""

from __future__ import annotations

from typing import Literal

from cs3.tx.v1beta1 import resources_pb2 as messages
from cs3.tx.v1beta1 import tx_api_pb2 as api

from .client import Client

RequestState = Literal["SUBMITTED", "DONE", "FAILED"]
"""Names of Rucio's own states of a request."""

STATES: dict[int, RequestState] = {
    messages.STATUS_DESTINATION_NOT_FOUND: "FAILED",
    messages.STATUS_TRANSFER_NEW: "SUBMITTED",
    messages.STATUS_TRANSFER_AWAITING_ACCEPTANCE: "SUBMITTED",
    messages.STATUS_TRANSFER_ACCEPTED: "SUBMITTED",
    messages.STATUS_TRANSFER_IN_PROGRESS: "SUBMITTED",
    messages.STATUS_TRANSFER_COMPLETE: "DONE",
    messages.STATUS_TRANSFER_FAILED: "FAILED",
    messages.STATUS_TRANSFER_CANCELLED: "FAILED",
    messages.STATUS_TRANSFER_CANCEL_FAILED: "SUBMITTED",  # it was not stopped
    messages.STATUS_TRANSFER_EXPIRED: "FAILED",
}
"""What `TxInfo.status` means for the request behind it; any other status is a failure."""


def state_of(client: Client, transfer_id: str) -> RequestState:
    """How a transfer stands. `DONE` is the cloud's word: look at the file before it is believed.

    Raises NotFound, or NotSupported at sites without such transfers.
    """
    request = api.GetTransferStatusRequest(tx_id=messages.TxId(opaque_id=transfer_id))
    status = client.gateway.call("GetTransferStatus", request, about=transfer_id).tx_info.status
    return STATES.get(status, "FAILED")
