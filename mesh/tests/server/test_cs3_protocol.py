"""The CS3 storage protocol beside the Rucio server, whose daemons load it in server mode.

Run in the server's environment: `.venv-rucio/bin/python -m pytest mesh/tests/server`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rucio_mesh.testing.cs3.gateway import Gateway

CONFIG = """\
[database]
default = sqlite:///{folder}/rucio.db
[policy]
permission = generic
schema = generic
[cs3:127.0.0.1]
auth = machine
user = einstein
secret_file = {folder}/machine-key
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path / "cloud", "eos") as running:
        yield running


@pytest.fixture
def rse(gateway: Gateway) -> dict[str, Any]:
    """Its paths are not made from names, so no database is asked for them."""
    rights = {"read": 1, "write": 1, "delete": 1, "third_party_copy_read": 1, "third_party_copy_write": 1}
    protocol = {
        "scheme": "cs3",
        "hostname": "127.0.0.1",
        "port": gateway.grpc_port,
        "prefix": f"{gateway.home()}/rucio/",
        "impl": "rucio_mesh.cs3.protocol.Default",
        "domains": {"wan": rights, "lan": rights},
        "extended_attributes": None,
    }
    return {"id": "an-id", "rse": "CLOUD", "deterministic": False, "protocols": [protocol]}


def test_the_server_loads_it_and_moves_a_file(
    rse: dict[str, Any], gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "machine-key").write_text("machine-key\n")
    (tmp_path / "rucio.cfg").write_text(CONFIG.format(folder=tmp_path))
    monkeypatch.setenv("RUCIO_CONFIG", str(tmp_path / "rucio.cfg"))
    from rucio.common.exception import SourceNotFound
    from rucio.rse import rsemanager

    assert rsemanager.SERVER_MODE
    protocol = rsemanager.create_protocol(rse, "write", scheme="cs3")
    protocol.connect()
    (tmp_path / "f").write_bytes(b"abc")
    (pfn,) = protocol.lfns2pfns({"scope": "user.alice", "name": "f", "path": "2026/run 1#f.root"}).values()
    protocol.put("f", pfn, str(tmp_path))
    assert gateway.path(f"{gateway.home()}/rucio/2026/run 1#f.root").read_bytes() == b"abc"
    assert protocol.stat(pfn) == {"filesize": 3, "adler32": "024d0127"}
    protocol.delete(pfn)
    with pytest.raises(SourceNotFound):
        protocol.delete(pfn)
    protocol.close()
