"""P20 to P24: reading."""

from __future__ import annotations

import contextlib

import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import requests

from tests.client.cs3.target import SECONDS, Target

CONTENT = bytes(range(256)) * 40


def test_p20_a_missing_file_is_found_out_by_the_reader(cloud: Target) -> None:
    answer = cloud.get("no-such-file")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (404, b"", "0")


def test_p21_a_folder_begins_well_and_breaks(cloud: Target) -> None:
    cloud.make_folder("d")
    offer = cloud.download("d")
    headers = cloud.headers(offer)
    got = b""
    with cloud.http.get(offer.download_endpoint, headers=headers, stream=True, timeout=SECONDS) as answer:
        assert answer.status_code == 200
        with contextlib.suppress(requests.exceptions.RequestException):  # older versions do not mind
            got = answer.content
        assert len(got) < int(answer.headers["Content-Length"])


def test_p22_both_tokens_are_needed_and_refused_differently(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    offer = cloud.download("f")

    def ask(url: str = offer.download_endpoint, **headers: str) -> requests.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return cloud.http.get(url, headers=told, timeout=SECONDS)

    no_access = ask(X_Reva_Transfer=offer.token)
    assert no_access.status_code == 401 and no_access.headers["WWW-Authenticate"]
    assert ask(X_Reva_Transfer=offer.token, x_access_token="garbage").status_code == 401
    assert ask(x_access_token=cloud.token).status_code == 403
    assert ask(x_access_token=cloud.token, X_Reva_Transfer="garbage").status_code == 403
    in_path = f"{offer.download_endpoint.rstrip('/')}/{offer.token}"
    assert ask(in_path, x_access_token=cloud.token).content == CONTENT


def test_p22_an_expired_transfer_token_is_forbidden(own_cloud: Target) -> None:
    assert own_cloud.gateway
    own_cloud.put("f", CONTENT)
    tokens = own_cloud.gateway.transfers.tokens
    lifetime, tokens.seconds = tokens.seconds, -1
    try:
        assert own_cloud.get("f").status_code == 403
    finally:
        tokens.seconds = lifetime
    assert own_cloud.get("f").content == CONTENT


def test_p23_ranges_are_served_or_refused_as_a_whole(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    answer = cloud.get("f", Range="bytes=100-199")
    if cloud.profile.serves_ranges:
        assert (answer.status_code, answer.content) == (206, CONTENT[100:200])
        assert answer.headers["Content-Range"] == f"bytes 100-199/{len(CONTENT)}"
        assert cloud.get("f", Range="bytes=-10").content == CONTENT[-10:]
        assert cloud.get("f", Range="bytes=10200-").content == CONTENT[10200:]
    else:
        assert answer.status_code == 416
        assert cloud.get("f", Range="bytes=0-").status_code == 416


def test_p23_a_range_behind_the_end_names_the_size(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    answer = cloud.get("f", Range=f"bytes={len(CONTENT)}-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


def test_p23_other_units_and_too_many_bytes_are_ignored(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    assert cloud.get("f", Range="lines=1-2").status_code == 200
    twice = f"bytes=0-{len(CONTENT) - 1},0-{len(CONTENT) - 1}"
    assert (cloud.get("f", Range=twice).status_code, cloud.get("f", Range=twice).content) == (200, CONTENT)


def test_p23_several_ranges_come_in_parts(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    answer = cloud.get("f", Range="bytes=0-9,100-109")
    if cloud.profile.serves_ranges:
        assert answer.status_code == 206
        assert answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
        assert CONTENT[:10] in answer.content and CONTENT[100:110] in answer.content
        assert len(answer.content) == int(answer.headers["Content-Length"])
    else:
        assert answer.status_code == 416


def test_p23_ranges_of_an_empty_file_are_ignored(cloud: Target) -> None:
    cloud.put("f", b"")
    assert cloud.get("f", Range="bytes=0-9").status_code == 200


def test_p24_the_head_tells_little_and_the_query_is_dropped(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    answer = cloud.get("f")
    told = {name.lower() for name in answer.headers}
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert not told & {"etag", "last-modified", "digest", "oc-checksum", "accept-ranges"}
    offer = cloud.download("f")
    url = f"{offer.download_endpoint}?version_key=none"
    assert cloud.http.get(url, headers=cloud.headers(offer), timeout=SECONDS).content == CONTENT


def test_head_tells_the_length(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    answer = cloud.get("f", method="HEAD")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(CONTENT)))


def test_an_id_is_read_by_the_protocol_spaces(cloud: Target) -> None:
    cloud.put("f", CONTENT)
    request = provider.InitiateFileDownloadRequest()
    request.ref.resource_id.CopyFrom(cloud.info("f").id)
    (offer,) = cloud.ok("InitiateFileDownload", request).protocols
    assert offer.protocol == "spaces"
    headers = cloud.headers(offer)
    assert cloud.http.get(offer.download_endpoint, headers=headers, timeout=SECONDS).content == CONTENT
