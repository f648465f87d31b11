"""P25 to P40: writing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.types.v1beta1.types_pb2 as types
import pytest

from tests.client.cs3.target import SECONDS, Target, opaque, ref

CONTENT = bytes(range(256)) * 40
TUS = {"Tus_Resumable": "1.0.0", "Content_Type": "application/offset+octet-stream"}


def wish(target: Target, name: str, **options: Any) -> provider.InitiateFileUploadRequest:
    told = opaque(Upload_Length=str(len(CONTENT)))
    return provider.InitiateFileUploadRequest(ref=ref(target.path(name)), opaque=told, **options)


@contextlib.contextmanager
def half_sent(target: Target, offer: Any, content: bytes, count: int) -> Iterator[None]:
    """A PUT of which only so many bytes have been sent; at the end the connection breaks."""
    connection = target.connection(offer.upload_endpoint)
    connection.putrequest("PUT", urlsplit(offer.upload_endpoint).path)
    length = str(len(content))
    for name, value in target.headers(offer, Upload_Length=length, Content_Length=length).items():
        connection.putheader(name, value)
    connection.endheaders()
    before = target.gateway.meter.bytes_received if target.gateway else 0
    connection.send(content[:count])
    deadline = time.monotonic() + (5 if target.gateway else 0.5)
    while time.monotonic() < deadline:
        if target.gateway and target.gateway.meter.bytes_received - before >= count:
            break
        time.sleep(0.01)
    yield
    connection.close()


def wait_for(target: Target, name: str, code: int) -> None:
    deadline = time.monotonic() + 5
    while target.stat_code(name) != code and time.monotonic() < deadline:
        time.sleep(0.02)
    assert target.stat_code(name) == code


def test_p25_protocols_are_picked_by_name(cloud: Target) -> None:
    orders = {
        tuple(offer.protocol for offer in cloud.ok("InitiateFileUpload", wish(cloud, "f")).protocols)
        for _ in range(20)
    }
    assert {frozenset(order) for order in orders} == {frozenset(cloud.profile.upload_protocols)}
    if cloud.profile.name == "localfs":
        assert len(orders) == 2


def test_p26_a_put_is_answered_200_without_a_body(cloud: Target) -> None:
    answer = cloud.put("f", CONTENT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert ({"ETag", "OC-FileId", "Last-Modified"} <= answer.headers.keys()) is cloud.profile.opencloud
    assert cloud.info("f").size == len(CONTENT) and cloud.get("f").content == CONTENT


def test_p27_eos_needs_the_length_in_a_header_of_its_own(cloud: Target) -> None:
    answer = cloud.send(cloud.initiate("f", len(CONTENT)), CONTENT)
    assert answer.status_code == (500 if cloud.profile.needs_length else 200)


def test_p28_a_body_in_chunks_is_stored_whole(cloud: Target) -> None:
    pieces = (CONTENT[start : start + 1000] for start in range(0, len(CONTENT), 1000))
    answer = cloud.send(cloud.initiate("f", len(CONTENT)), pieces, Upload_Length=str(len(CONTENT)))
    assert answer.status_code == 200
    assert cloud.get("f").content == CONTENT


def test_p29_only_opencloud_verifies_a_checksum(cloud: Target) -> None:
    answer = cloud.put("f", CONTENT, Upload_Checksum="adler32 00000001")
    assert answer.status_code == (419 if cloud.profile.opencloud else 200)
    assert cloud.stat_code("f") == (codes.CODE_NOT_FOUND if cloud.profile.opencloud else codes.CODE_OK)
    if cloud.profile.opencloud:
        request = provider.InitiateFileUploadRequest(
            ref=ref(cloud.path("g")), opaque=opaque(Upload_Length="1", Upload_Checksum="crc32 0")
        )
        assert cloud.code("InitiateFileUpload", request) == codes.CODE_INVALID_ARGUMENT


def test_p30_localfs_publishes_what_came_of_an_interrupted_put(cloud: Target) -> None:
    with half_sent(cloud, cloud.initiate("f", len(CONTENT)), CONTENT, 5000):
        pass
    if cloud.profile.publishes_truncated:
        wait_for(cloud, "f", codes.CODE_OK)
        assert cloud.info("f").size == 5000
    else:
        time.sleep(0.1)
        assert cloud.stat_code("f") == codes.CODE_NOT_FOUND


def test_p31_an_upload_token_is_good_for_one_put(cloud: Target) -> None:
    offer, length = cloud.initiate("f", 3), "3"
    assert cloud.send(offer, b"abc", Upload_Length=length).status_code == 200
    again = cloud.send(offer, b"xyz", Upload_Length=length).status_code
    assert again == (500 if cloud.profile.sessions else 200)


def test_p31_a_second_put_appends_to_an_unfinished_one(cloud: Target) -> None:
    offer = cloud.initiate("f", 10)
    with half_sent(cloud, offer, b"0123456789", 5):
        assert cloud.send(offer, b"abc", Upload_Length="3").status_code == 200
    assert cloud.get("f").content == (b"01234abc" if cloud.profile.sessions else b"abc")


def test_p32_an_empty_put_is_refused_by_opencloud_which_has_the_file_already(cloud: Target) -> None:
    answer = cloud.put("f", b"")
    assert answer.status_code == (400 if cloud.profile.opencloud else 200)
    assert cloud.info("f").size == 0


def test_p33_a_missing_parent_is_found_out_sooner_or_later(cloud: Target) -> None:
    code = cloud.code("InitiateFileUpload", wish(cloud, "no-such-folder/f"))
    assert code == (codes.CODE_FAILED_PRECONDITION if cloud.profile.opencloud else codes.CODE_OK)
    if not cloud.profile.opencloud:
        status = 200 if cloud.profile.makes_parents else 500
        assert cloud.put("no-such-folder/f", CONTENT).status_code == status


def test_p34_a_name_like_an_owncloud_chunk_makes_no_file(cloud: Target) -> None:
    name = "f-chunking-abc-2-0"
    assert cloud.put(name, CONTENT).status_code == 206
    assert cloud.stat_code(name) == codes.CODE_NOT_FOUND


def test_p35_conditions_are_honoured_by_opencloud_alone(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    code = cloud.code("InitiateFileUpload", wish(cloud, "f", if_not_exist=True))
    assert code == (codes.CODE_ABORTED if cloud.profile.opencloud else codes.CODE_OK)
    for etag, status in ((cloud.info("f").etag, 200), ('"other"', 412 if cloud.profile.opencloud else 200)):
        offers = cloud.ok("InitiateFileUpload", wish(cloud, "f", if_match=etag)).protocols
        offer = next(each for each in offers if each.protocol == "simple")
        assert cloud.send(offer, CONTENT, Upload_Length=str(len(CONTENT))).status_code == status


def test_p36_overwriting_makes_a_version_which_can_be_read_and_restored(cloud: Target) -> None:
    cloud.put("f", b"first")
    cloud.put("f", b"second one")
    file = ref(cloud.path("f"))
    (version,) = cloud.ok("ListFileVersions", provider.ListFileVersionsRequest(ref=file)).versions
    assert version.size == 5
    offer = cloud.download("f", version_key=version.key)
    old = cloud.http.get(offer.download_endpoint, headers=cloud.headers(offer), timeout=SECONDS)
    assert old.content == b"first" and cloud.get("f").content == b"second one"
    cloud.ok("RestoreFileVersion", provider.RestoreFileVersionRequest(ref=file, key=version.key))
    assert cloud.get("f").content == b"first"


@pytest.mark.parametrize(
    ("token", "answer"), [("", b"HTTP/1.1 100 "), ("bad", b"HTTP/1.1 403 ")], ids=["asked", "refused"]
)
def test_a_client_that_waits_to_be_asked_is_asked_or_refused(
    own_cloud: Target, token: str, answer: bytes
) -> None:
    offer = own_cloud.initiate("f", 3)
    headers = own_cloud.headers(offer, Upload_Length="3", Content_Length="3", Expect="100-continue")
    headers["X-Reva-Transfer"] = token or offer.token
    connection = own_cloud.connection(offer.upload_endpoint)
    with contextlib.closing(connection):
        connection.request("PUT", urlsplit(offer.upload_endpoint).path, headers=headers)
        assert connection.sock.recv(len(answer)) == answer


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
def test_p37_other_methods_are_not_implemented(cloud: Target, method: str) -> None:
    assert cloud.send(cloud.initiate("f", 3), b"abc", method).status_code == 501


def test_p37_a_locked_file_needs_the_lock_and_its_holder(eos: Target) -> None:
    eos.put("f", CONTENT)
    soon = types.Timestamp(seconds=int(time.time()) + 60)
    lock = resources.Lock(lock_id="one", type=resources.LOCK_TYPE_WRITE, app_name="probe", expiration=soon)
    eos.ok("SetLock", provider.SetLockRequest(ref=ref(eos.path("f")), lock=lock))
    length = str(len(CONTENT))
    assert eos.put("f", CONTENT).status_code == 409
    offer = eos.initiate("f", len(CONTENT))
    assert eos.send(offer, CONTENT, Upload_Length=length, X_Lock_Id="one").status_code == 409
    told = {"Upload_Length": length, "X_Lock_Id": "one", "X_Lock_Holder": "probe"}
    assert eos.send(offer, CONTENT, **told).status_code == 200


def test_p37_a_full_quota_is_told_at_once_or_at_the_put(own_cloud: Target) -> None:
    assert own_cloud.gateway
    own_cloud.gateway.faults.quota_full = True
    try:
        if own_cloud.profile.opencloud:
            code = own_cloud.code("InitiateFileUpload", wish(own_cloud, "f"))
            assert code == codes.CODE_INSUFFICIENT_STORAGE
        else:
            assert own_cloud.put("f", CONTENT).status_code == 507
    finally:
        own_cloud.gateway.faults.quota_full = False


def test_p38_an_upload_by_tus_goes_on_where_it_broke(cloud: Target) -> None:
    if "tus" not in cloud.profile.upload_protocols:
        with pytest.raises(StopIteration):
            cloud.initiate("f", 3, "tus")
        return
    offer = cloud.initiate("f", len(CONTENT), "tus")
    first = cloud.send(offer, CONTENT[:4000], "PATCH", Upload_Offset="0", **TUS)
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "4000")
    assert cloud.send(offer, CONTENT[:10], "PATCH", Upload_Offset="0", **TUS).status_code == 409
    assert cloud.send(offer, b"", "HEAD").status_code == 412
    told = cloud.send(offer, b"", "HEAD", **TUS)
    assert (told.status_code, told.headers["Upload-Offset"]) == (200, "4000")
    assert told.headers["Upload-Length"] == str(len(CONTENT)) and told.headers["Upload-Expires"]
    assert cloud.stat_code("f") == codes.CODE_NOT_FOUND
    last = cloud.send(offer, CONTENT[4000:], "PATCH", Upload_Offset="4000", **TUS)
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(CONTENT)))
    assert cloud.get("f").content == CONTENT
    assert cloud.send(offer, b"", "HEAD", **TUS).status_code == 404


def test_p38_each_protocol_refuses_the_methods_of_the_other(cloud: Target) -> None:
    simple = cloud.initiate("f", 3)
    assert cloud.send(simple, b"abc", "PATCH", Upload_Offset="0", **TUS).status_code == 501
    if "tus" in cloud.profile.upload_protocols:
        tus = cloud.initiate("f", 3, "tus")
        assert cloud.send(tus, b"abc", Upload_Length="3").status_code == 501


def test_p39_a_new_file_is_read_whole_or_not_yet(cloud: Target) -> None:
    if cloud.gateway and cloud.profile.opencloud:
        cloud.gateway.faults.postprocessing_seconds = 0.3
    try:
        assert cloud.put("f", CONTENT).status_code == 200
    finally:
        if cloud.gateway:
            cloud.gateway.faults.postprocessing_seconds = 0
    early = codes.CODE_TOO_EARLY if cloud.profile.opencloud else codes.CODE_OK
    request = provider.InitiateFileDownloadRequest(ref=ref(cloud.path("f")))
    deadline = time.monotonic() + 60
    while (code := cloud.code("InitiateFileDownload", request)) != codes.CODE_OK:
        assert code == early and time.monotonic() < deadline
        time.sleep(0.05)
    answer = cloud.get("f")
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("own_cloud", ["opencloud"], indirect=True)
def test_p39_a_new_file_is_known_before_it_can_be_read(own_cloud: Target) -> None:
    assert own_cloud.gateway
    faults = own_cloud.gateway.faults
    own_cloud.put("f", b"old")
    offer = own_cloud.download("f")
    faults.postprocessing_seconds = 3600
    try:
        own_cloud.put("f", CONTENT)
    finally:
        faults.postprocessing_seconds = 0
    assert own_cloud.info("f").size == len(CONTENT)
    early = provider.InitiateFileDownloadRequest(ref=ref(own_cloud.path("f")))
    assert own_cloud.code("InitiateFileDownload", early) == codes.CODE_TOO_EARLY
    headers = own_cloud.headers(offer)
    assert own_cloud.http.get(offer.download_endpoint, headers=headers, timeout=SECONDS).status_code == 425
    own_cloud.gateway.tree.records.of(own_cloud.gateway.path(own_cloud.path("f"))).ready_at = 0
    assert own_cloud.get("f").content == CONTENT


def test_p40_the_time_of_a_file_is_taken_over_but_not_by_localfs(cloud: Target) -> None:
    assert cloud.put("f", CONTENT, X_OC_Mtime="1000000000").status_code == 200
    assert (cloud.info("f").mtime.seconds == 1_000_000_000) is cloud.profile.applies_mtime
