"""What a cloud answers, in Rucio's words: the table of docs/cs3.md, row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cs3.rpc.v1beta1.code_pb2 as codes
import pytest
from rucio.common import exception

from rucio_mesh.testing.cs3.gateway import Gateway

pytestmark = pytest.mark.usefixtures("no_pauses")

Operation = Callable[[], object]
SAYS_NO = exception.ResourceTemporaryUnavailable
LACKS_IT = exception.RSEOperationNotSupported
IS_DOWN = exception.ServiceUnavailable
REFUSED = exception.RSEAccessDenied
CODES = [
    # the code of every reply, and what Rucio hears of stat and get, of put and rename, of delete
    (codes.CODE_PERMISSION_DENIED, exception.SourceAccessDenied, exception.DestinationNotAccessible, REFUSED),
    (codes.CODE_UNAUTHENTICATED, REFUSED, REFUSED, REFUSED),
    (codes.CODE_LOCKED, SAYS_NO, SAYS_NO, SAYS_NO),
    (codes.CODE_FAILED_PRECONDITION, SAYS_NO, SAYS_NO, SAYS_NO),
    (codes.CODE_ABORTED, SAYS_NO, SAYS_NO, SAYS_NO),
    (codes.CODE_UNIMPLEMENTED, LACKS_IT, LACKS_IT, LACKS_IT),
    (codes.CODE_UNAVAILABLE, IS_DOWN, IS_DOWN, IS_DOWN),
    (codes.CODE_INTERNAL, IS_DOWN, IS_DOWN, IS_DOWN),
    (codes.CODE_TOO_EARLY, IS_DOWN, IS_DOWN, IS_DOWN),
    (codes.CODE_DEADLINE_EXCEEDED, IS_DOWN, IS_DOWN, IS_DOWN),
    (codes.CODE_DATA_LOSS, *[exception.FileConsistencyMismatch] * 3),
    (codes.CODE_INSUFFICIENT_STORAGE, *[exception.DestinationNotAccessible] * 3),
    (codes.CODE_RESOURCE_EXHAUSTED, *[exception.DestinationNotAccessible] * 3),
    (codes.CODE_INVALID_ARGUMENT, *[exception.RucioException] * 3),
]
STATUSES = [
    # the status of every answer of the data endpoint, and what Rucio hears of get and of put
    *((status, IS_DOWN, IS_DOWN) for status in (408, 425, 429, 500, 502, 503, 504)),
    *((status, SAYS_NO, SAYS_NO) for status in (409, 412, 423)),
    (401, REFUSED, REFUSED),
    (403, exception.SourceAccessDenied, exception.DestinationNotAccessible),
    (404, exception.SourceNotFound, exception.DestinationNotAccessible),
    (405, LACKS_IT, LACKS_IT),
    (501, LACKS_IT, LACKS_IT),
    *((status, *[exception.DestinationNotAccessible] * 2) for status in (413, 507)),
    *((status, *[exception.FileConsistencyMismatch] * 2) for status in (419, 460)),
    (400, exception.RucioException, exception.RucioException),
]


@pytest.fixture
def stored(protocol: Any, tmp_path: Path) -> str:
    """The PFN of a file on the cloud; the same content is in the local file `f`."""
    (tmp_path / "f").write_bytes(b"abc")
    pfn = str(protocol.path2pfn("f"))
    protocol.put("f", pfn, str(tmp_path))
    return pfn


def outcome(operation: Operation) -> type[BaseException]:
    with pytest.raises(exception.RucioException) as raised:
        operation()
    return raised.type


def name_of(code: int) -> str:
    return str(codes.Code.Name(code))


@pytest.mark.parametrize(
    ("code", "reading", "writing", "deleting"), CODES, ids=[name_of(row[0]) for row in CODES]
)
def test_a_status_is_told_as_the_table_says(
    protocol: Any,
    stored: str,
    gateway: Gateway,
    tmp_path: Path,
    code: int,
    reading: type[Exception],
    writing: type[Exception],
    deleting: type[Exception],
) -> None:
    gateway.faults.arm("rpc_status", code, times=None)
    for operation in (
        lambda: protocol.stat(stored),
        lambda: protocol.exists(stored),
        lambda: protocol.get(stored, str(tmp_path / "copy")),
    ):
        assert outcome(operation) is reading
    for operation in (
        lambda: protocol.put("f", protocol.path2pfn("g"), str(tmp_path)),
        lambda: protocol.rename(stored, protocol.path2pfn("h")),
    ):
        assert outcome(operation) is writing
    assert outcome(lambda: protocol.delete(stored)) is deleting
    gateway.faults.disarm("rpc_status")
    assert protocol.exists(stored) and not protocol.exists(protocol.path2pfn("g"))


def test_not_found_is_told_of_the_side_that_is_missing(
    protocol: Any, stored: str, gateway: Gateway, tmp_path: Path
) -> None:
    gateway.faults.arm("rpc_status", codes.CODE_NOT_FOUND, times=None)
    assert protocol.exists(stored) is False
    for operation in (
        lambda: protocol.stat(stored),
        lambda: protocol.get(stored, str(tmp_path / "copy")),
        lambda: protocol.delete(stored),
        lambda: protocol.rename(stored, protocol.path2pfn("h")),
    ):
        assert outcome(operation) is exception.SourceNotFound
    put = outcome(lambda: protocol.put("f", protocol.path2pfn("g"), str(tmp_path)))
    assert put is exception.DestinationNotAccessible


@pytest.mark.parametrize(("status", "reading", "writing"), STATUSES, ids=[str(row[0]) for row in STATUSES])
def test_an_answer_of_the_data_endpoint_is_told_likewise(
    protocol: Any,
    stored: str,
    gateway: Gateway,
    tmp_path: Path,
    status: int,
    reading: type[Exception],
    writing: type[Exception],
) -> None:
    gateway.faults.arm("data_status", status, times=None)
    assert outcome(lambda: protocol.get(stored, str(tmp_path / "copy"))) is reading
    assert outcome(lambda: protocol.put("f", protocol.path2pfn("g"), str(tmp_path))) is writing
    gateway.faults.disarm("data_status")
    assert not protocol.exists(protocol.path2pfn("g"))
