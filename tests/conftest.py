"""Fixtures for all tests. `lab` is a real Rucio and two real storages, started once per run.

def test_something(lab):
    scope = lab.scope()                               # a fresh scope, so that tests do not meet
    did = lab.put(scope, "a.txt", b"abc")             # a file on ALPHA_DISK, adler32 in the catalogue
    lab.put(scope, "b.txt", b"abc", rses=["ALPHA_DISK", "BETA_DISK"], checksum=None, dataset="run1")
    lab.put_many(scope, {"c": b"1", "d": b"2"}, dataset="run1")   # fast, in bulk
    lab.collection(scope, "all", [(scope, "run1")], kind="CONTAINER", metadata={"run": 3})
    lab.register(scope, "t", b"x", rse="TAPE_ONLY")   # in the catalogue alone: also XROOTD_ONLY
    lab.add_rse("MINE", port)                         # a storage that the test serves itself, for faults
    lab.alpha.path(scope, "a.txt").write_bytes(b"?")  # corrupt it; .unlink() loses it
    lab.alpha.stop(); lab.alpha.start()               # same port, unless another program took it
    lab.alpha.bytes_read(); lab.alpha.transfers()     # what was served since its start
    lab.rucio.stop(); lab.rucio.start()               # likewise
    lab.client("alice")                               # Rucio's own client; also "root", "higgs"
    lab.configuration()                               # a dict for c.RucioConfig.instances
    lab.ca, lab.url, lab.password                     # CA file; Rucio's URL; alice's password
    lab.user("alice"), lab.proxy("alice")             # x509: .certificate, .key, .subject
    lab.requests()                                    # what Rucio was asked: ("GET", "/ping", 200), ...

ALPHA_DISK speaks https, BETA_DISK davs; both are `rclone serve webdav` and take reads from anybody.
alice (password: `lab.password`) owns the scope user.alice and may also act as higgs (scope group.higgs), by
password and by certificate. `fresh_lab` is the same for one test alone (4 s), to do harm to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Lab

pytest_plugins = ("pytest_jupyter.jupyter_server",)  # it also runs every `async def` test


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def fresh_lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "lab") as running:
        yield running
