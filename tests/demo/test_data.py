"""The demo's data are as described, in the catalogue and in the storages."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from rucio_jupyterlab.demo import data, names
from rucio_jupyterlab.demo.names import ALPINE, BALTIC, CASPIAN, SCOPE
from rucio_mesh.testing.grid import Grid
from tests.lab.lab import server_python


@pytest.fixture(scope="module")
def grid(prepared: Path) -> Iterator[Grid]:
    with Grid(
        prepared / "grid", server_python=server_python(), storages=data.DISKS, clouds=data.CLOUDS
    ) as running:
        yield running


def replicas(grid: Grid, name: str) -> list[dict[str, Any]]:
    return list(grid.client("alice").list_replicas([{"scope": SCOPE, "name": name}]))


def content(grid: Grid, name: str) -> list[str]:
    return [each["name"] for each in grid.client().list_content(SCOPE, name)]


def is_right(grid: Grid, rse: str, replica: dict[str, Any]) -> bool:
    adler32 = 1
    with grid.path(rse, SCOPE, replica["name"]).open("rb") as file:
        while block := file.read(1 << 24):
            adler32 = zlib.adler32(block, adler32)
    return bool(replica["adler32"] == f"{adler32:08x}")


def test_data_that_are_gone_are_not_taken_for_there(prepared: Path, tmp_path: Path) -> None:
    kept = shutil.copytree(prepared, tmp_path / "demo", ignore=shutil.ignore_patterns("grid"))

    assert not data.is_outdated(prepared / "grid")
    assert data.is_outdated(kept / "grid")


def test_the_container_holds_three_datasets_with_sixty_files_and_metadata(grid: Grid) -> None:
    assert content(grid, names.ZMUMU) == list(names.ZMUMU_DATASETS)
    found = replicas(grid, names.ZMUMU)
    assert len(found) == 60
    assert sum(each["bytes"] for each in found) == pytest.approx(60e6, rel=0.1)
    assert all(is_right(grid, rse, each) for each in found for rse in each["rses"])
    assert grid.client().get_metadata(SCOPE, names.ZMUMU, plugin="ALL")["process"] == "Z→μμ"


def test_one_of_its_datasets_is_on_the_cloud_alone(grid: Grid) -> None:
    for each in replicas(grid, names.ZMUMU_DATASETS[2]):
        assert list(each["rses"]) == [CASPIAN]
        ((url, pfn),) = each["pfns"].items()
        assert url.startswith("cs3://127.0.0.1:") and pfn["type"] == "DISK"


def test_its_files_are_of_a_z(grid: Grid) -> None:
    name = replicas(grid, names.ZMUMU_DATASETS[0])[0]["name"]
    with uproot.open(grid.path(BALTIC, SCOPE, name)) as file:
        muons = file["Events"].arrays(["Muon_pt", "Muon_eta", "Muon_phi"], library="np")
    pt, eta, phi = (column.astype("f8").T for column in muons.values())
    mass = np.sqrt(2 * pt[0] * pt[1] * (np.cosh(eta[0] - eta[1]) - np.cos(phi[0] - phi[1])))
    counts, edges = np.histogram(mass, bins=60, range=(60, 120))
    assert edges[np.argmax(counts)] == pytest.approx(91, abs=1)


def test_the_dataset_of_small_files_is_whole(grid: Grid) -> None:
    found = replicas(grid, names.CONDITIONS)
    assert len(found) == 5000
    assert all(is_right(grid, ALPINE, each) for each in found[::500])


def test_the_big_file_is_right_on_both_disks_and_the_cloud(grid: Grid) -> None:
    (big,) = replicas(grid, names.BIG_DATASET)
    assert big["bytes"] == 1 << 30
    assert set(big["rses"]) == {ALPINE, BALTIC, CASPIAN}
    assert all(is_right(grid, rse, big) for rse in (ALPINE, BALTIC, CASPIAN))


def test_corrupt_replicas_are_good_on_the_second_disk_alone(grid: Grid) -> None:
    found = replicas(grid, names.CORRUPT)
    assert len(found) == 4
    assert all(set(each["rses"]) == {ALPINE, BALTIC} for each in found)
    assert not any(is_right(grid, ALPINE, each) for each in found)
    assert all(is_right(grid, BALTIC, each) for each in found)


def test_some_files_are_on_tape_or_behind_xrootd_alone(grid: Grid) -> None:
    for name, kind, scheme in ((names.ON_TAPE, "TAPE", "davs"), (names.ROOT_ONLY, "DISK", "root")):
        found = replicas(grid, name)
        assert len(found) == 4
        for each in found:
            ((url, pfn),) = each["pfns"].items()
            assert pfn["type"] == kind and url.startswith(f"{scheme}://")


def test_one_dataset_is_open_and_one_has_no_checksum(grid: Grid) -> None:
    assert grid.client().get_did(SCOPE, names.OPEN)["open"]
    assert not grid.client().get_did(SCOPE, names.ZMUMU_DATASETS[0])["open"]
    (unverified,) = replicas(grid, names.UNVERIFIED)
    assert unverified["adler32"] is None and unverified["md5"] is None


def test_the_archives_members_lead_to_the_archive(grid: Grid) -> None:
    members = content(grid, names.IN_ARCHIVE)
    assert len(members) == 5
    ((url, pfn),) = replicas(grid, members[0])[0]["pfns"].items()
    assert pfn["domain"] == "zip" and pfn["client_extract"]
    assert f"{names.ARCHIVE}?xrdcl.unzip={members[0]}" in url


def test_names_are_as_long_as_those_of_experiments() -> None:
    long = [names.ZMUMU, *names.ZMUMU_DATASETS, names.CORRUPT, names.IN_ARCHIVE]
    assert all(100 <= len(name) <= 175 for name in long)
