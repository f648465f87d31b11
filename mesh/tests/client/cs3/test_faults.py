"""Each switch does what it says, as often as it was told, and no more."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import grpc
import pytest
import requests

from rucio_mesh.testing.cs3.gateway import Gateway
from tests.client.conftest import MakeGateway
from tests.client.cs3.target import SECONDS, Target, ref

CONTENT = bytes(range(256)) * 40
MEBIBYTE = 1 << 20
TUS = {"Tus_Resumable": "1.0.0", "Content_Type": "application/offset+octet-stream"}


@pytest.fixture
def gateway(cs3_gateway: MakeGateway) -> Gateway:
    return cs3_gateway("eos")


@pytest.fixture
def target(gateway: Gateway) -> Target:
    target = Target.of(gateway).begin()
    target.put("f", CONTENT)
    return target


def received(target: Target, name: str = "f") -> bytes:
    """What came of a download until it ended or broke."""
    offer = target.download(name)
    headers = target.headers(offer)
    got = b""
    with target.http.get(offer.download_endpoint, headers=headers, stream=True, timeout=SECONDS) as answer:
        try:
            for piece in answer.iter_content(100):
                got += piece
        except requests.exceptions.RequestException:
            return got
    return got


def test_calls_are_unavailable_so_many_times(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("rpc_unavailable", times=2)
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as refused:
            target.stat_code("f")
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert target.stat_code("f") == codes.CODE_OK


def test_data_is_unavailable_so_many_times(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("data_unavailable", times=2)
    assert [target.get("f").status_code for _ in range(3)] == [503, 503, 200]
    assert gateway.meter.requests[-3:] == [("GET", 503), ("GET", 503), ("GET", 200)]


def test_an_answer_is_lost_when_its_work_is_done(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("rpc_answer_lost")
    gateway.faults.arm("data_answer_lost")
    assert target.stat_code("f") == codes.CODE_OK, "it changes nothing"
    with pytest.raises(grpc.RpcError) as lost:
        target.make_folder("new")
    assert lost.value.code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(requests.ConnectionError):
        target.put("new/g", CONTENT)
    assert target.info("new/g").size == len(CONTENT)
    target.make_folder("another")
    assert target.put("another/g", CONTENT).status_code == 200


def test_a_download_is_cut_after_so_many_bytes(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("cut_download", 1000)
    before = gateway.meter.bytes_served
    assert received(target) == CONTENT[:1000]
    assert gateway.meter.bytes_served - before == 1000
    assert received(target) == CONTENT


def test_a_cut_waits_for_a_body_that_is_long_enough(gateway: Gateway, target: Target) -> None:
    target.put("short", b"abc")
    gateway.faults.arm("cut_download", 1000)
    assert received(target, "short") == b"abc"
    assert received(target) == CONTENT[:1000]


def test_an_upload_is_cut_after_so_many_bytes(gateway: Gateway, target: Target) -> None:
    content = bytes(4 * MEBIBYTE)
    before = gateway.meter.bytes_received
    gateway.faults.arm("cut_upload", MEBIBYTE)
    with pytest.raises(requests.exceptions.ConnectionError):
        target.put("g", content)
    assert gateway.meter.bytes_received - before == MEBIBYTE
    assert target.stat_code("g") == codes.CODE_NOT_FOUND
    assert target.put("g", content).status_code == 200


def test_a_byte_is_flipped_on_its_way_out(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("flip_download", 5000)
    got = received(target)
    assert [number for number, byte in enumerate(CONTENT) if got[number] != byte] == [5000]
    assert received(target) == CONTENT


def test_a_byte_is_flipped_on_its_way_in_and_the_checksum_tells(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("flip_upload", 5000)
    target.put("g", CONTENT)
    assert target.info("g").checksum.sum != target.info("f").checksum.sum
    assert target.put("g", CONTENT).status_code == 200
    assert target.info("g").checksum.sum == target.info("f").checksum.sum


def test_the_length_of_an_answer_is_wrong(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("wrong_length", -100)
    assert received(target) == CONTENT[:-100]
    gateway.faults.arm("wrong_length", 100)
    got = received(target)  # but for what the client has read and not handed out
    assert CONTENT.startswith(got) and len(got) > len(CONTENT) - 100
    assert target.get("f").headers["Content-Length"] == str(len(CONTENT))


def test_the_length_of_an_answer_is_not_told(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("no_length", 100)
    answer = target.get("f")
    assert "Content-Length" not in answer.headers
    assert answer.content == CONTENT + bytes(100)
    assert target.get("f").content == CONTENT


def test_tokens_lapse_in_the_middle_of_an_upload(gateway: Gateway, target: Target) -> None:
    gateway.faults.arm("lapse", MEBIBYTE)
    assert target.put("g", bytes(2 * MEBIBYTE)).status_code == 200
    with pytest.raises(grpc.RpcError) as refused:
        target.stat_code("g")
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    target.sign_in()
    assert target.info("g").size == 2 * MEBIBYTE


def test_tokens_lapse_when_an_upload_has_come_so_far_in_several_pieces(cs3_gateway: MakeGateway) -> None:
    gateway = cs3_gateway("opencloud")
    target = Target.of(gateway).begin()
    gateway.faults.arm("lapse", 5000)
    offer = target.initiate("f", len(CONTENT), "tus")
    pieces = [(0, CONTENT[:4000]), (4000, CONTENT[4000:8000]), (8000, CONTENT[8000:])]
    statuses = [
        target.send(offer, piece, "PATCH", Upload_Offset=str(offset), **TUS).status_code
        for offset, piece in pieces
    ]
    assert statuses == [204, 204, 401]


def test_the_gateways_tokens_lapse_and_those_of_transfers_do_not(cs3_gateway: MakeGateway) -> None:
    gateway = cs3_gateway("opencloud")
    target = Target.of(gateway).begin()
    gateway.faults.arm("lapse_access", 3000)
    offer = target.initiate("f", len(CONTENT), "tus")
    assert target.send(offer, CONTENT[:4000], "PATCH", Upload_Offset="0", **TUS).status_code == 204
    assert target.send(offer, b"", "HEAD", **TUS).status_code == 401
    target.sign_in()
    assert target.send(offer, CONTENT[4000:], "PATCH", Upload_Offset="4000", **TUS).status_code == 204
    assert target.get("f").content == CONTENT


def test_all_tokens_lapse_at_once(gateway: Gateway, target: Target) -> None:
    offer = target.download("f")
    gateway.lapse_tokens()
    stale = target.headers(offer)
    assert target.http.get(offer.download_endpoint, headers=stale, timeout=SECONDS).status_code == 401
    target.sign_in()
    fresh = target.headers(offer)
    assert target.http.get(offer.download_endpoint, headers=fresh, timeout=SECONDS).status_code == 403


def test_a_request_is_sent_elsewhere(gateway: Gateway, target: Target) -> None:
    gateway.faults.redirect_url = "http://127.0.0.1:1/elsewhere"
    gateway.faults.arm("redirect")
    offer = target.download("f")
    answer = target.http.get(
        offer.download_endpoint, headers=target.headers(offer), timeout=SECONDS, allow_redirects=False
    )
    assert (answer.status_code, answer.headers["Location"]) == (307, gateway.faults.redirect_url)


def test_a_body_is_slow(gateway: Gateway, target: Target) -> None:
    target.put("g", bytes(MEBIBYTE))
    gateway.faults.seconds_per_mebibyte = 0.3
    began = time.monotonic()
    assert len(received(target, "g")) == MEBIBYTE
    assert time.monotonic() - began > 0.25


def test_a_quota_is_told_and_kept(cs3_gateway: MakeGateway) -> None:
    target = Target.of(cs3_gateway("eos", quota_bytes=15_000)).begin()
    assert target.put("f", CONTENT).status_code == 200
    assert target.put("g", CONTENT).status_code == 507
    assert target.put("h", b"abc").status_code == 200


def test_an_upload_that_broke_takes_nothing_of_the_quota_and_goes_at_the_next_start(tmp_path: Path) -> None:
    with Gateway(tmp_path, "opencloud", quota_bytes=15_000) as gateway:
        target = Target.of(gateway).begin()
        gateway.faults.arm("cut_upload", 9_000)
        with pytest.raises(requests.exceptions.ConnectionError):
            target.put("f", CONTENT)
        assert [part.stat().st_size for part in (tmp_path / ".uploads").iterdir()] == [9_000]
        assert target.put("f", CONTENT).status_code == 200
        target.close()
    Gateway(tmp_path, "opencloud")
    assert list((tmp_path / ".uploads").iterdir()) == []


def test_checksums_are_told_otherwise(gateway: Gateway, target: Target) -> None:
    target.put("g", b"probe 0")
    gateway.faults.checksum = "absent"
    assert target.info("g").checksum == resources.ResourceChecksum()
    gateway.faults.checksum = "sha1"
    assert target.info("g").checksum.type == resources.RESOURCE_CHECKSUM_TYPE_SHA1
    gateway.faults.checksum = "short"
    assert target.info("g").checksum.sum == "b150269"


def test_protocols_come_in_the_order_that_was_told(cs3_gateway: MakeGateway) -> None:
    gateway = cs3_gateway("localfs")
    target = Target.of(gateway).begin()
    gateway.faults.protocols = ("tus", "simple")
    request = provider.InitiateFileUploadRequest(ref=ref(target.path("f")))
    offers = target.ok("InitiateFileUpload", request).protocols
    assert [offer.protocol for offer in offers] == ["tus", "simple"]


def test_another_data_endpoint_is_handed_out(gateway: Gateway, target: Target) -> None:
    gateway.faults.data_endpoint = "http://0.0.0.0:19001/datagateway"
    assert target.download("f").download_endpoint == "http://0.0.0.0:19001/datagateway"


def test_an_exposed_data_server_needs_no_transfer_token(cs3_gateway: MakeGateway) -> None:
    target = Target.of(cs3_gateway("localfs", expose_data_server=True)).begin()
    target.put("f", CONTENT)
    offer = target.download("f")
    assert offer.token == "" and "/data/simple/" in offer.download_endpoint
    assert target.get("f").content == CONTENT


def test_a_gateway_that_was_down_serves_the_same_files_at_the_same_ports(
    gateway: Gateway, target: Target
) -> None:
    ports = gateway.grpc_port, gateway.data_port
    gateway.stop()
    with pytest.raises(grpc.RpcError) as refused:
        target.stat_code("f")
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    gateway.start()
    assert (gateway.grpc_port, gateway.data_port) == ports
    again = Target.of(gateway)
    again.folder, again.token = target.folder, target.token
    assert again.get("f").content == CONTENT


def test_a_taken_port_is_an_error_and_nothing_stays_behind(gateway: Gateway, tmp_path: Path) -> None:
    threads = threading.active_count()
    with pytest.raises(RuntimeError):
        Gateway(tmp_path / "other", ports=(gateway.grpc_port, 0)).start()
    with pytest.raises(OSError, match="in use"):
        Gateway(tmp_path / "other", ports=(0, gateway.data_port)).start()
    assert threading.active_count() <= threads


def test_going_down_ends_a_download_in_the_middle(gateway: Gateway, target: Target) -> None:
    target.put("g", bytes(8 * MEBIBYTE))
    gateway.faults.seconds_per_mebibyte = 0.2
    threading.Timer(0.3, gateway.stop).start()
    assert len(received(target, "g")) < 8 * MEBIBYTE


def test_what_was_asked_is_counted(gateway: Gateway, target: Target) -> None:
    calls, served = gateway.counts["Stat"], gateway.meter.bytes_served
    target.info("f")
    target.get("f")
    assert gateway.counts["Stat"] - calls == 1
    assert gateway.meter.bytes_served - served == len(CONTENT)
    assert gateway.meter.bytes_received == len(CONTENT)


def test_a_refusal_is_seen_although_the_body_is_not_wanted(gateway: Gateway, target: Target) -> None:
    gateway.faults.quota_full = True
    assert target.put("g", bytes(64 * MEBIBYTE)).status_code == 507
