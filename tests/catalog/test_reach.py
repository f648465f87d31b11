"""How files can be had, as a table; and what of an address may be shown."""

from __future__ import annotations

import pytest

from rucio_jupyterlab.catalog.answers import PfnValue
from rucio_jupyterlab.catalog.model import Media, Pfn, Reach
from rucio_jupyterlab.catalog.reach import best, reach_of_pfn
from rucio_jupyterlab.catalog.replicas import pfn_of
from rucio_jupyterlab.catalog.rses import Rse
from rucio_jupyterlab.catalog.tables import shown_address
from rucio_jupyterlab.config import Instance

DOWNLOAD = Instance(name="i")
MOUNTED = Instance(name="i", mode="replica", destination_rse="HERE", rse_mount_path="/eos")


@pytest.mark.parametrize(
    ("url", "rse", "media", "in_archive", "instance", "reach"),
    [
        ("https://h/f", "A", "disk", False, DOWNLOAD, "http"),
        ("davs://h/f", "A", "disk", False, DOWNLOAD, "http"),
        ("root://h//f", "A", "disk", False, DOWNLOAD, "root-only"),
        ("cs3://h/f", "A", "disk", False, DOWNLOAD, "http"),
        ("srm://h/f", "A", "disk", False, DOWNLOAD, "none"),
        ("s3://h/f", "A", "disk", False, DOWNLOAD, "none"),
        ("https://h/f", "A", "tape", False, DOWNLOAD, "tape"),
        ("root://h//f", "A", "tape", False, DOWNLOAD, "tape"),
        ("https://h/a.zip", "A", "disk", True, DOWNLOAD, "none"),
        ("file:///data/f", "A", "disk", False, DOWNLOAD, "mount"),
        ("file:///etc/f", "A", "disk", False, DOWNLOAD, "none"),
        ("file:///data/f", "A", "tape", False, DOWNLOAD, "tape"),
        ("root://h//f", "HERE", "disk", False, MOUNTED, "mount"),
        ("root://h//f", "A", "disk", False, MOUNTED, "root-only"),
        ("root://h//f", "HERE", "tape", False, MOUNTED, "tape"),
    ],
)
def test_the_reach_of_an_address(
    url: str, rse: str, media: Media, in_archive: bool, instance: Instance, reach: Reach
) -> None:
    pfn = Pfn(url, rse, url.partition(":")[0], media, in_archive)

    assert reach_of_pfn(pfn, instance, ["/data"]) == reach


def test_the_best_way_counts() -> None:
    assert best(["tape", "root-only", "http"]) == "http"
    assert best(["http", "mount"]) == "mount"
    assert best([]) == "none"


def test_what_rucio_appends_for_one_storage_is_not_part_of_the_address() -> None:
    value = PfnValue(rse="A", type="DISK", domain="wan")

    pfn = pfn_of(Rse("A"), "https://h/f?x=1&#multirange=false&nconnections=4", value)

    assert pfn.url == "https://h/f?x=1"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h:1/f?X-Amz-Signature=s&X-Amz-Date=d", "https://h:1/f"),
        ("https://h/f?token=secret", "https://h/f"),
        ("https://h/f?jwt=secret#part", "https://h/f"),
        ("https://h?sig=secret", "https://h"),
        ("https://user:p@ss@h/f", "https://h/f"),
        ("root://user@h//f/a@b?authz=secret", "root://h//f/a@b"),
        ("srm://h:8443/srm/managerv2?SFN=/pnfs/f&token=secret", "srm://h:8443/srm/managerv2?SFN=/pnfs/f"),
        ("cs3://h/is it #1?", "cs3://h/is it #1?"),
        ("https://[h/f", "https://[h/f"),
    ],
)
def test_no_secret_of_an_address_is_shown(url: str, shown: str) -> None:
    assert shown_address(url) == shown
