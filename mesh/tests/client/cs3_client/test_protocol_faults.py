"""Rucio's protocol while the cloud misbehaves: each fault is overcome, or told, and nothing half is left behind."""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rucio.common import exception

from rucio_mesh.cs3 import transfers
from rucio_mesh.testing.cs3.faults import FaultName
from rucio_mesh.testing.cs3.gateway import Gateway

from ..conftest import MakeGateway
from . import rse
from .conftest import content

CONTENT = content(6_000_000)
GIB = 1 << 30
MEMORY_BYTES = 150 << 20
MOVER = """\
import json, re, sys
from pathlib import Path
from rucio.rse import rsemanager
verb, settings, local, name = sys.argv[1:]
protocol = rsemanager.create_protocol(json.loads(settings), "write" if verb == "put" else "read")
protocol.connect()
pfn = protocol.path2pfn(name)
protocol.put(local, pfn) if verb == "put" else protocol.get(pfn, local)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
Fault = tuple[FaultName, int, int]
"""Its name, its number, and how many times it strikes."""
NUISANCES: list[Fault] = [
    ("rpc_unavailable", 0, 2),
    ("data_unavailable", 0, 2),
    ("data_status", 425, 3),
    ("data_status", 401, 1),
    ("data_status", 403, 1),
    ("lapse", 3_000_000, 1),
]


def armed(gateway: Gateway, faults: list[Fault]) -> None:
    for name, number, times in faults:
        gateway.faults.arm(name, number, times=times)


def names(faults: list[Fault]) -> str:
    return "+".join(f"{name} {number}" if number else name for name, number, _ in faults)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    (tmp_path / "f").write_bytes(CONTENT)
    return tmp_path


def files_on(gateway: Gateway) -> list[str]:
    return sorted(path.name for path in gateway.path(f"{gateway.home()}/rucio").rglob("*") if path.is_file())


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "faults",
    [[("cut_upload", 100_000, 2)], [("flip_upload", 5_000_000, 1)], *([each] for each in NUISANCES)],
    ids=names,
)
def test_an_upload_survives(protocol: Any, gateway: Gateway, local: Path, faults: list[Fault]) -> None:
    armed(gateway, faults)
    protocol.put("f", protocol.path2pfn("g"), str(local))
    assert gateway.path(f"{gateway.home()}/rucio/g").read_bytes() == CONTENT
    assert files_on(gateway) == ["g"]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "faults",
    [
        [("cut_download", 100_000, 2)],
        [("flip_download", 5_000_000, 1)],
        [("wrong_length", 1_000, 1)],
        [("wrong_length", -1_000, 1)],
        [("lapse", 3_000_000, 1), ("cut_download", 4_000_000, 1)],
        *([each] for each in NUISANCES),
    ],
    ids=names,
)
def test_a_download_survives(protocol: Any, gateway: Gateway, local: Path, faults: list[Fault]) -> None:
    protocol.put("f", protocol.path2pfn("g"), str(local))
    armed(gateway, faults)
    protocol.get(protocol.path2pfn("g"), str(local / "copy"))
    assert (local / "copy").read_bytes() == CONTENT


@contextmanager
def restarting(gateway: Gateway) -> Iterator[None]:
    """It goes down in a moment, and comes back."""

    def restart() -> None:
        gateway.stop()
        gateway.start()

    timer = threading.Timer(0.3, restart)
    timer.start()
    yield
    timer.join()


def test_a_cloud_that_restarts_amid_transfers_is_waited_for(
    protocol: Any, gateway: Gateway, local: Path
) -> None:
    pfn = protocol.path2pfn("g")
    gateway.faults.seconds_per_mebibyte = 0.1
    with restarting(gateway):
        protocol.put("f", pfn, str(local))
    with restarting(gateway):
        protocol.get(pfn, str(local / "copy"))
    assert (local / "copy").read_bytes() == CONTENT
    assert files_on(gateway) == ["g"]
    assert ("PUT", 0) in gateway.meter.requests


def fill_quota(gateway: Gateway) -> None:
    gateway.faults.quota_full = True


def stop(gateway: Gateway) -> None:
    gateway.stop()


def always(name: FaultName, number: int = 0) -> Callable[[Gateway], None]:
    return lambda gateway: gateway.faults.arm(name, number, times=None)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("break_it", "heard"),
    [
        (fill_quota, exception.DestinationNotAccessible),
        (stop, exception.ServiceUnavailable),
        (always("cut_upload", 100_000), exception.ServiceUnavailable),
        (always("flip_upload", 5_000_000), exception.FileConsistencyMismatch),
        (always("redirect"), exception.RucioException),
    ],
    ids=["quota full", "gateway down", "always cut", "always flipped", "redirected"],
)
def test_an_upload_that_cannot_be_is_told_and_leaves_nothing(
    protocol: Any,
    gateway: Gateway,
    local: Path,
    break_it: Callable[[Gateway], None],
    heard: type[exception.RucioException],
) -> None:
    break_it(gateway)
    with pytest.raises(heard) as told:
        protocol.put("f", protocol.path2pfn("g"), str(local))
    assert told.type is heard
    assert files_on(gateway) == []


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("break_it", "heard"),
    [
        (stop, exception.ServiceUnavailable),
        (always("cut_download", 0), exception.ServiceUnavailable),
        (always("flip_download", 5_000_000), exception.FileConsistencyMismatch),
        (always("wrong_length", -1), exception.FileConsistencyMismatch),
        (always("redirect"), exception.RucioException),
    ],
    ids=["gateway down", "always cut", "always flipped", "always shorter", "redirected"],
)
def test_a_download_that_cannot_be_is_told(
    protocol: Any,
    gateway: Gateway,
    local: Path,
    break_it: Callable[[Gateway], None],
    heard: type[exception.RucioException],
) -> None:
    protocol.put("f", protocol.path2pfn("g"), str(local))
    break_it(gateway)
    with pytest.raises(heard) as told:
        protocol.get(protocol.path2pfn("g"), str(local / "copy"))
    assert told.type is heard


def test_a_slow_cloud_is_waited_for_until_the_time_is_up(
    protocol: Any, gateway: Gateway, local: Path
) -> None:
    pfn = protocol.path2pfn("g")
    gateway.faults.seconds_per_mebibyte = 0.02
    protocol.put("f", pfn, str(local), transfer_timeout=60)
    protocol.get(pfn, str(local / "copy"), transfer_timeout=60)
    assert (local / "copy").read_bytes() == CONTENT
    gateway.faults.seconds_per_mebibyte = 0.5
    with pytest.raises(exception.ServiceUnavailable, match="longer"):
        protocol.put("f", protocol.path2pfn("h"), str(local), transfer_timeout=1)
    with pytest.raises(exception.ServiceUnavailable, match="longer"):
        protocol.get(pfn, str(local / "copy"), transfer_timeout=1)
    assert files_on(gateway) == ["g"]


@pytest.mark.usefixtures("no_pauses")
def test_each_attempt_has_a_transfer_and_a_name_of_its_own(
    protocol: Any, gateway: Gateway, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    initiate = transfers.Client.initiate_upload

    def noted(client: Any, path: str, size: int, **options: Any) -> Any:
        tried.append(path)
        return initiate(client, path, size, **options)

    monkeypatch.setattr(transfers.Client, "initiate_upload", noted)
    gateway.faults.arm("cut_upload", 100_000, times=2)
    protocol.put("f", protocol.path2pfn("g"), str(local))
    assert len(set(tried)) == len(tried) == gateway.counts["InitiateFileUpload"] == 3
    assert gateway.meter.requests.count(("PUT", 200)) == 1


def test_a_small_file_goes_up_in_four_calls_and_comes_down_in_two(
    protocol: Any, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    gateway.path(f"{gateway.home()}/rucio/a/b").mkdir(parents=True)
    before = gateway.counts.copy()
    protocol.put("f", protocol.path2pfn("a/b/g"), str(tmp_path))
    assert gateway.counts - before == {"InitiateFileUpload": 1, "Stat": 2, "Move": 1}
    before = gateway.counts.copy()
    protocol.get(protocol.path2pfn("a/b/g"), str(tmp_path / "copy"))
    assert gateway.counts - before == {"InitiateFileDownload": 1, "Stat": 1}
    assert gateway.meter.requests == [("PUT", 200), ("GET", 200)]


@pytest.fixture
def gibibyte(tmp_path: Path) -> Iterator[Path]:
    """A file that takes no space."""
    file = tmp_path / "source"
    with file.open("wb") as opened:
        opened.truncate(GIB - 7)
        opened.seek(0, os.SEEK_END)
        opened.write(b"the end")
    yield file
    file.unlink()


def moved(verb: str, cloud: dict[str, Any], local: Path) -> int:
    """Move the file `big` in a process of its own, as Rucio's client would; the bytes of memory that it took."""
    command = [sys.executable, "-c", MOVER, verb, json.dumps(cloud), str(local), "big"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


def test_a_gibibyte_goes_both_ways_in_little_memory_while_tokens_lapse(
    manager: Any, gateway: Gateway, cloud: dict[str, Any], gibibyte: Path, tmp_path: Path
) -> None:
    copy, stored = tmp_path / "copy", gateway.path(f"{gateway.home()}/rucio/big")
    try:
        gateway.faults.arm("lapse", GIB // 2)
        assert moved("put", cloud, gibibyte) < MEMORY_BYTES
        assert gateway.faults.armed("lapse") is None
        gateway.faults.arm("lapse", GIB // 2)
        gateway.faults.arm("cut_download", GIB // 2 + 1000)
        assert moved("get", cloud, copy) < MEMORY_BYTES
        assert gateway.faults.armed("cut_download") is None
        assert filecmp.cmp(gibibyte, copy, shallow=False)
    finally:
        for path in (copy, stored):
            path.unlink(missing_ok=True)


def test_a_gibibyte_goes_up_by_tus_while_the_sign_in_lapses(
    manager: Any, cs3_gateway: MakeGateway, gibibyte: Path
) -> None:
    gateway = cs3_gateway("localfs")
    cloud = rse.settings(port=gateway.grpc_port, prefix=f"{gateway.home()}/rucio", uploads=["tus"])
    stored = gateway.path(f"{gateway.home()}/rucio/big")
    try:
        gateway.faults.arm("lapse_access", GIB // 2 + 1000)
        assert moved("put", cloud, gibibyte) < MEMORY_BYTES
        assert gateway.counts["Authenticate"] == 2
        assert gateway.counts["InitiateFileUpload"] == 1
        assert gateway.meter.bytes_received == GIB
        assert filecmp.cmp(gibibyte, stored, shallow=False)
    finally:
        stored.unlink(missing_ok=True)
