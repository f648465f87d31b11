"""The lab is what its description says."""

from __future__ import annotations

import ssl
import urllib.request
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from tests.lab.lab import Lab


def replicas(lab: Lab, scope: str, name: str) -> list[dict[str, Any]]:
    return list(lab.client().list_replicas([{"scope": scope, "name": name}]))


def fetch(lab: Lab, url: str) -> bytes:
    context = ssl.create_default_context(cafile=lab.ca)
    https = url.replace("davs://", "https://")
    with urllib.request.urlopen(https, timeout=10, context=context) as reply:
        content: bytes = reply.read()
    return content


def test_a_file_is_found_in_the_catalogue_and_read_from_both_storages(lab: Lab) -> None:
    scope = lab.scope()
    lab.put(scope, "a.txt", b"abc", rses=["ALPHA_DISK", "BETA_DISK"])

    (replica,) = replicas(lab, scope, "a.txt")

    assert replica["adler32"] == "024d0127" and replica["bytes"] == 3
    assert {url.split(":")[0] for url in replica["pfns"]} == {"https", "davs"}
    assert [fetch(lab, url) for url in replica["pfns"]] == [b"abc", b"abc"]


@pytest.mark.parametrize("checksum", [None, "adler32", "md5", "both"])
def test_the_checksums_are_those_asked_for(lab: Lab, checksum: Any) -> None:
    scope = lab.scope()
    lab.put(scope, "a.txt", b"abc", checksum=checksum)
    (replica,) = replicas(lab, scope, "a.txt")
    known = {kind for kind in ("adler32", "md5") if replica.get(kind)}
    assert known == ({"adler32", "md5"} if checksum == "both" else {checksum} - {None})


def test_tape_and_xrootd_replicas_say_what_they_are(lab: Lab) -> None:
    scope = lab.scope()
    lab.register(scope, "t", b"x", rse="TAPE_ONLY")
    lab.register(scope, "x", b"x", rse="XROOTD_ONLY")

    (tape,), (xrootd,) = (replicas(lab, scope, name)[0]["pfns"].items() for name in "tx")

    assert tape[1]["type"] == "TAPE"
    assert xrootd[0].startswith("root://")


def test_a_storage_counts_what_it_serves_and_comes_back_where_it_was(lab: Lab) -> None:
    scope = lab.scope()
    lab.put(scope, "a.txt", b"abc")
    (url,) = replicas(lab, scope, "a.txt")[0]["pfns"]
    lab.alpha.stop()
    with pytest.raises(OSError):
        fetch(lab, url)
    lab.alpha.start()
    assert fetch(lab, url) == b"abc"
    assert lab.alpha.bytes_read() >= 3
    assert any(path.endswith("a.txt") for path, _ in lab.alpha.transfers())


def test_alice_owns_her_scope_and_may_act_as_higgs(lab: Lab) -> None:
    assert "user.alice" in lab.client("alice").list_scopes_for_account("alice")
    assert lab.client("higgs").whoami()["account"] == "higgs"
    lab.client("alice").add_dataset("user.alice", "hers")


def test_rucio_tells_what_it_was_asked(lab: Lab) -> None:
    lab.client().ping()
    assert ("GET", "/ping", 200) in lab.requests()


@pytest.mark.parametrize("kind", ["DATASET", "CONTAINER"])
def test_a_collection_that_was_half_made_is_completed(
    lab: Lab, kind: Literal["DATASET", "CONTAINER"]
) -> None:
    scope = lab.scope()
    members = [lab.put(scope, f"f{number}", b"abc") for number in range(3)]
    if kind == "CONTAINER":
        members = [lab.collection(scope, f"d{number}", [did]) for number, did in enumerate(members)]
    lab.collection(scope, "all", members[:2], kind=kind, still_open=True)

    for _ in range(2):
        lab.collection(scope, "all", members, kind=kind)

    content = lab.client().list_content(scope, "all")
    assert sorted(each["name"] for each in content) == sorted(did.name for did in members)
    assert not lab.client().get_did(scope, "all")["open"]
