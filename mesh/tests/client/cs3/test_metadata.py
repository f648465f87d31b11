"""P07 to P19: files and folders."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cs3.gateway.v1beta1.gateway_api_pb2 as gw
import cs3.gateway.v1beta1.gateway_api_pb2_grpc as gw_grpc
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.storage.provider.v1beta1.spaces_api_pb2 as spaces_api
import cs3.types.v1beta1.types_pb2 as types
import grpc
import pytest

from rucio_mesh.testing.cs3 import calls
from tests.client.cs3.target import LIVE_ONE, SECONDS, Target, ref

CHECKSUMS = "http://owncloud.org/ns/checksums"
CONTENT = b"probe 0"
"""Its adler32 is 0b150269."""


def stat(path: str) -> provider.StatRequest:
    return provider.StatRequest(ref=ref(path))


def move(target: Target, source: str, destination: str) -> int:
    request = provider.MoveRequest(source=ref(target.path(source)), destination=ref(target.path(destination)))
    return target.code("Move", request)


def by_id(info: resources.ResourceInfo, path: str = "") -> resources.Reference:
    return resources.Reference(resource_id=info.id, path=path)


def test_p07_outside_of_every_mount_nothing_is_found(cloud: Target) -> None:
    assert cloud.code("Stat", stat("/no-such-mount/x")) == codes.CODE_NOT_FOUND


def test_p08_the_root_is_a_folder_whose_id_changes(cloud: Target) -> None:
    first, second = (cloud.ok("Stat", stat("/")).info for _ in range(2))
    assert first.type == resources.RESOURCE_TYPE_CONTAINER and first.path == "/"
    assert first.id.storage_id == "/" and first.id.opaque_id != second.id.opaque_id
    assert not first.HasField("permission_set") and not first.HasField("mtime")


def test_p09_the_root_lists_all_mounts(cloud: Target) -> None:
    infos = cloud.ok("ListContainer", provider.ListContainerRequest(ref=ref("/"))).infos
    assert "/" + cloud.home().split("/")[1] in {info.path for info in infos}


def test_p10_paths_are_cleaned_and_told_without_a_trailing_slash(cloud: Target) -> None:
    cloud.make_folder("d")
    for spelling in (f"{cloud.path('d')}/", cloud.path("d").replace("/", "//"), cloud.path("x/../d/.")):
        assert cloud.ok("Stat", stat(spelling)).info.path == cloud.path("d")


def test_p11_a_file_is_found_by_its_id(cloud: Target) -> None:
    cloud.make_folder("d")
    cloud.put("d/f", b"abc")
    folder, file = cloud.info("d"), cloud.info("d/f")
    assert cloud.ok("Stat", provider.StatRequest(ref=by_id(file))).info.id == file.id
    hybrid = cloud.ok("Stat", provider.StatRequest(ref=by_id(folder, "./f"))).info
    assert hybrid.id == file.id
    assert hybrid.path == ("./f" if cloud.profile.opencloud else cloud.path("d/f"))
    assert move(cloud, "d/f", "d/g") == codes.CODE_OK
    assert (cloud.info("d/g").id == file.id) is not cloud.profile.ids_from_paths


def test_p11_an_id_outlives_the_move_of_a_folder_above(eos: Target) -> None:
    eos.make_folder("d")
    eos.put("d/f", b"abc")
    file = eos.info("d/f")
    assert move(eos, "d", "e") == codes.CODE_OK
    assert eos.ok("Stat", provider.StatRequest(ref=by_id(file))).info.path == eos.path("e/f")
    assert eos.ok("GetPath", provider.GetPathRequest(resource_id=file.id)).path == eos.path("e/f")


def test_p11_an_unknown_storage_is_an_invalid_argument(cloud: Target) -> None:
    nowhere = resources.Reference(resource_id=resources.ResourceId(storage_id="nowhere", opaque_id="1"))
    assert cloud.code("Stat", provider.StatRequest(ref=nowhere)) == codes.CODE_INVALID_ARGUMENT


def test_p12_a_folder_is_made_once_and_not_its_parents(cloud: Target) -> None:
    def make(path: str) -> int:
        return cloud.code("CreateContainer", provider.CreateContainerRequest(ref=ref(path)))

    assert make(cloud.path("a/b")) == codes.CODE_NOT_FOUND
    assert make(cloud.path("a")) == codes.CODE_OK
    assert make(cloud.path("a")) == codes.CODE_ALREADY_EXISTS
    cloud.put("f", b"abc")
    assert make(cloud.path("f")) == codes.CODE_ALREADY_EXISTS
    assert make("/MyShares/x") == codes.CODE_PERMISSION_DENIED


def test_p13_what_a_move_refuses_depends_on_the_storage(cloud: Target) -> None:
    missing = codes.CODE_NOT_FOUND if cloud.profile.careful_moves else codes.CODE_INTERNAL
    cloud.put("f", b"abc")
    assert move(cloud, "no-such-file", "g") == missing
    assert move(cloud, "f", "no-such-folder/g") == missing
    assert move(cloud, "f", "g") == codes.CODE_OK
    assert cloud.stat_code("f") == codes.CODE_NOT_FOUND and cloud.info("g").size == 3


def test_p13_localfs_overwrites_silently(localfs: Target) -> None:
    localfs.put("f", b"new")
    localfs.put("g", b"older")
    assert move(localfs, "f", "g") == codes.CODE_OK
    assert localfs.get("g").content == b"new"


def test_p13_no_file_moves_to_another_provider(own_cloud: Target) -> None:
    own_cloud.put("f", b"abc")
    request = provider.MoveRequest(
        source=ref(own_cloud.path("f")), destination=ref(f"{own_cloud.profile.projects}/f")
    )
    assert own_cloud.code("Move", request) == codes.CODE_UNIMPLEMENTED


def test_p14_a_deleted_folder_goes_to_the_recycle_bin_whole(cloud: Target) -> None:
    cloud.make_folder("d")
    cloud.put("d/f", b"abc")
    delete = provider.DeleteRequest(ref=ref(cloud.path("d")))
    assert cloud.code("Delete", delete) == codes.CODE_OK
    assert cloud.code("Delete", delete) == codes.CODE_NOT_FOUND
    items = cloud.ok("ListRecycle", provider.ListRecycleRequest(ref=ref(cloud.home()))).recycle_items
    (item,) = [each for each in items if each.ref.path.endswith(cloud.path("d"))]
    purge = provider.PurgeRecycleRequest(ref=ref(cloud.home()), key=item.key)
    assert cloud.code("PurgeRecycle", purge) == codes.CODE_OK


def test_p14_a_mount_point_cannot_be_deleted(own_cloud: Target) -> None:
    delete = provider.DeleteRequest(ref=ref(own_cloud.profile.projects))
    assert own_cloud.code("Delete", delete) == codes.CODE_INTERNAL


def test_p14_what_is_deleted_still_counts_until_it_is_purged(own_cloud: Target) -> None:
    assert own_cloud.gateway
    used = own_cloud.gateway.tree.used_bytes
    own_cloud.put("f", bytes(1000))
    before = used()
    own_cloud.ok("Delete", provider.DeleteRequest(ref=ref(own_cloud.path("f"))))
    assert used() == before


def test_a_listing_of_the_bin_leaves_out_what_is_purged_meanwhile(own_cloud: Target) -> None:
    assert own_cloud.gateway
    for name in "fg":
        own_cloud.put(name, b"abc")
        own_cloud.ok("Delete", provider.DeleteRequest(ref=ref(own_cloud.path(name))))
    trash = own_cloud.gateway.tree.trash.values()
    (going,) = [item for item in trash if item.path == own_cloud.path("f")]
    going.file.unlink()
    items = own_cloud.ok("ListRecycle", provider.ListRecycleRequest(ref=ref(own_cloud.home()))).recycle_items
    paths = [item.ref.path for item in items if item.ref.path.startswith(own_cloud.folder)]
    assert paths == [own_cloud.path("g")]


def test_what_was_known_of_a_file_goes_when_it_is_purged(own_cloud: Target) -> None:
    assert own_cloud.gateway
    own_cloud.make_folder("d")
    own_cloud.put("d/f", b"abc")
    set_colour(own_cloud, "d/f")
    elsewhere = own_cloud.gateway.path(own_cloud.path("g"))
    elsewhere.hardlink_to(own_cloud.gateway.path(own_cloud.path("d/f")))  # as if its inode were used again
    own_cloud.ok("Delete", provider.DeleteRequest(ref=ref(own_cloud.path("d"))))
    assert own_cloud.info("g").arbitrary_metadata.metadata["colour"] == "blue"
    own_cloud.ok("PurgeRecycle", provider.PurgeRecycleRequest(ref=ref(own_cloud.home())))
    assert not own_cloud.info("g").arbitrary_metadata.metadata


def test_a_new_folder_has_nothing_of_one_that_was_there(own_cloud: Target) -> None:
    assert own_cloud.gateway
    for _ in range(10):  # some file systems use an inode again at once
        own_cloud.make_folder("d")
        assert not own_cloud.info("d").arbitrary_metadata.metadata
        set_colour(own_cloud, "d")
        own_cloud.gateway.path(own_cloud.path("d")).rmdir()


def set_colour(target: Target, name: str) -> None:
    colour = resources.ArbitraryMetadata(metadata={"colour": "blue"})
    request = provider.SetArbitraryMetadataRequest(ref=ref(target.path(name)), arbitrary_metadata=colour)
    target.ok("SetArbitraryMetadata", request)


def test_a_deleted_file_can_be_restored(own_cloud: Target) -> None:
    own_cloud.put("f", b"abc")
    own_cloud.ok("Delete", provider.DeleteRequest(ref=ref(own_cloud.path("f"))))
    home = ref(own_cloud.home())
    items = own_cloud.ok("ListRecycle", provider.ListRecycleRequest(ref=home)).recycle_items
    (item,) = [each for each in items if each.ref.path == own_cloud.path("f")]
    own_cloud.ok("RestoreRecycleItem", provider.RestoreRecycleItemRequest(ref=home, key=item.key))
    assert own_cloud.get("f").content == b"abc"


def test_p15_below_a_file_the_answer_is_an_internal_error(cloud: Target) -> None:
    cloud.put("f", b"abc")
    assert cloud.stat_code("f/g") == codes.CODE_INTERNAL
    listing = provider.ListContainerRequest(ref=ref(cloud.path("f")))
    assert cloud.code("ListContainer", listing) == codes.CODE_INTERNAL


def test_p16_a_folder_tells_its_size_as_its_storage_counts(cloud: Target) -> None:
    cloud.make_folder("d")
    cloud.put("d/f", b"x" * 12_345)
    folder, file = cloud.info("d"), cloud.info("d/f")
    assert folder.mime_type == "httpd/unix-directory" and file.size == 12_345
    assert (folder.size == 12_345) is cloud.profile.tree_sizes
    assert file.etag.startswith('"') and file.etag.endswith('"')
    assert abs(file.mtime.seconds - time.time()) < 3600


def test_p17_locks_are_refused_by_localfs_and_held_once_elsewhere(cloud: Target) -> None:
    cloud.put("f", b"abc")
    soon = types.Timestamp(seconds=int(time.time()) + 60)
    lock = resources.Lock(lock_id="one", type=resources.LOCK_TYPE_WRITE, app_name="probe", expiration=soon)
    request = provider.SetLockRequest(ref=ref(cloud.path("f")), lock=lock)
    if not cloud.profile.locks:
        assert cloud.code("SetLock", request) == codes.CODE_INTERNAL
        return
    assert cloud.code("SetLock", request) == codes.CODE_OK
    held = codes.CODE_LOCKED if cloud.profile.opencloud else codes.CODE_FAILED_PRECONDITION
    assert cloud.code("SetLock", request) == held
    told = cloud.ok("GetLock", provider.GetLockRequest(ref=ref(cloud.path("f")))).lock
    assert (told.lock_id, told.app_name) == ("one", "probe")
    cloud.ok("RefreshLock", provider.RefreshLockRequest(ref=ref(cloud.path("f")), lock=lock))
    cloud.ok("Unlock", provider.UnlockRequest(ref=ref(cloud.path("f")), lock=lock))


def test_p17_eos_has_no_shared_locks(eos: Target) -> None:
    eos.put("f", b"abc")
    lock = resources.Lock(lock_id="one", type=resources.LOCK_TYPE_SHARED, app_name="probe")
    request = provider.SetLockRequest(ref=ref(eos.path("f")), lock=lock)
    assert eos.code("SetLock", request) == codes.CODE_UNIMPLEMENTED


def test_p18_metadata_stays_with_a_file_that_is_moved_and_overwritten(cloud: Target) -> None:
    cloud.put("f", b"abc")
    told = resources.ArbitraryMetadata(metadata={"rucio.did": "user.einstein:f", "rucio.md5": "0" * 32})
    request = provider.SetArbitraryMetadataRequest(ref=ref(cloud.path("f")), arbitrary_metadata=told)
    assert cloud.code("SetArbitraryMetadata", request) == codes.CODE_OK
    assert cloud.info("f").arbitrary_metadata.metadata["rucio.did"] == "user.einstein:f"
    only = cloud.info("f", ["rucio.md5"]).arbitrary_metadata.metadata
    assert only["rucio.md5"] == "0" * 32 and "rucio.did" not in only
    unset = provider.UnsetArbitraryMetadataRequest(
        ref=ref(cloud.path("f")), arbitrary_metadata_keys=["rucio.md5"]
    )
    assert cloud.code("UnsetArbitraryMetadata", unset) == codes.CODE_OK
    assert "rucio.md5" not in cloud.info("f").arbitrary_metadata.metadata


def test_p18_values_that_are_not_text_are_dropped(own_cloud: Target) -> None:
    assert own_cloud.gateway
    own_cloud.put("f", b"abc")
    record = own_cloud.gateway.tree.records.of(own_cloud.gateway.path(own_cloud.path("f")))
    record.metadata |= {"bytes": "\udcff", "text": "é"}
    assert dict(own_cloud.info("f").arbitrary_metadata.metadata) == {"text": "é"}


@pytest.mark.parametrize("own_cloud", ["eos", "opencloud"], indirect=True)
def test_a_folder_tells_its_size_while_files_are_removed_from_it(
    own_cloud: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own_cloud.gateway
    own_cloud.make_folder("d")
    for name in ("going", "staying"):
        own_cloud.put(f"d/{name}", b"abc")
    going, walk = own_cloud.gateway.path(own_cloud.path("d/going")), os.walk

    def walk_and_remove(folder: Path) -> Iterator[tuple[Any, ...]]:
        for step in walk(folder):
            going.unlink(missing_ok=True)
            yield step

    monkeypatch.setattr(os, "walk", walk_and_remove)
    assert own_cloud.info("d").size == 3


@pytest.mark.parametrize("cloud", ["localfs", *LIVE_ONE], indirect=True)
def test_p19_a_long_listing_exceeds_what_a_client_takes_by_default(cloud: Target) -> None:
    # So many names of 250 letters, which may be told twice, are more than 4 MiB and less than 10.
    count = 4_500 if cloud.profile.ids_from_paths else 7_500
    fill(cloud, "d", count)
    request = provider.ListContainerRequest(ref=ref(cloud.path("d")))
    with cloud.channel(4 << 20) as channel:
        plain = gw_grpc.GatewayAPIStub(channel)
        with pytest.raises(grpc.RpcError) as too_long:
            plain.ListContainer(request, metadata=[("x-access-token", cloud.token)], timeout=SECONDS)
    assert too_long.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(cloud.ok("ListContainer", request).infos) == count


def fill(target: Target, name: str, count: int) -> None:
    """Make a folder with so many empty files."""
    target.make_folder(name)
    paths = [target.path(f"{name}/{number:0250}") for number in range(count)]
    if target.gateway:
        for path in paths:
            target.gateway.path(path).touch()
        return
    touches = [provider.TouchFileRequest(ref=ref(path)) for path in paths]
    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(target.code, ["TouchFile"] * count, touches)) == {codes.CODE_OK}


@pytest.mark.parametrize("own_cloud", ["localfs"], indirect=True)
def test_p19_a_listing_that_is_too_long_for_the_gateway_fails_there(
    own_cloud: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "INNER_LIMIT_BYTES", 1000)
    for number in range(5):
        own_cloud.put(f"f{number}", b"")
    assert own_cloud.code("ListContainer", provider.ListContainerRequest(ref=ref(own_cloud.folder))) == (
        codes.CODE_INTERNAL
    )


def test_localfs_keeps_no_checksums(localfs: Target) -> None:
    localfs.put("f", CONTENT)
    assert localfs.info("f").checksum == resources.ResourceChecksum()


def test_eos_keeps_adler32_without_its_leading_zeros(eos: Target) -> None:
    eos.put("f", CONTENT)
    eos.put("empty", b"")
    told = eos.info("f").checksum
    assert (told.type, told.sum) == (resources.RESOURCE_CHECKSUM_TYPE_ADLER32, "b150269")
    assert eos.info("empty").checksum == resources.ResourceChecksum()


def test_opencloud_keeps_sha1_and_tells_more_if_asked(opencloud: Target) -> None:
    opencloud.put("f", CONTENT)
    for keys in ([], [CHECKSUMS], ["*"]):
        info = opencloud.info("f", keys)
        assert info.checksum.type == resources.RESOURCE_CHECKSUM_TYPE_SHA1
        assert info.checksum.sum == hashlib.sha1(CONTENT).hexdigest()
        assert info.opaque.map["adler32"].value == b"0b150269"
        assert info.opaque.map["md5"].value.decode() == hashlib.md5(CONTENT).hexdigest()
    assert opencloud.info("f", ["other"]).checksum == resources.ResourceChecksum()


@pytest.mark.parametrize("own_cloud", ["eos"], indirect=True)
def test_a_file_that_came_by_another_way_has_its_checksum_too(own_cloud: Target) -> None:
    assert own_cloud.gateway
    own_cloud.gateway.path(own_cloud.path("f")).write_bytes(CONTENT)
    assert own_cloud.info("f").checksum.sum == "b150269"


def test_a_quota_is_told_by_the_gateways_own_message(cloud: Target) -> None:
    told = cloud.ok("GetQuota", gw.GetQuotaRequest(ref=ref(cloud.home())))
    assert 0 <= told.used_bytes <= told.total_bytes


def test_spaces_are_listed_by_opencloud_alone(cloud: Target) -> None:
    request = spaces_api.ListStorageSpacesRequest()
    if cloud.profile.opencloud:
        kinds = {space.space_type for space in cloud.ok("ListStorageSpaces", request).storage_spaces}
        assert "personal" in kinds
    else:
        assert cloud.code("ListStorageSpaces", request) == codes.CODE_UNIMPLEMENTED


def test_calls_that_nobody_serves_are_unimplemented(own_cloud: Target) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        own_cloud.call("CreateSymlink", provider.CreateSymlinkRequest())
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_streams_end_with_an_error_of_no_code(cloud: Target) -> None:
    requests = {
        "ListContainerStream": provider.ListContainerStreamRequest(ref=ref(cloud.folder)),
        "ListRecycleStream": provider.ListRecycleStreamRequest(ref=ref(cloud.folder)),
    }
    for method, request in requests.items():
        with pytest.raises(grpc.RpcError) as refused:
            list(cloud.call(method, request))
        assert refused.value.code() == grpc.StatusCode.UNKNOWN
