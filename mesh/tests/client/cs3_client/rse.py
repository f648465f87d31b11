"""An RSE on a CS3 cloud, as Rucio's servers describe it to `rsemanager`."""

from __future__ import annotations

from typing import Any

IMPL = "rucio_mesh.cs3.protocol.Default"


def settings(
    host: str = "127.0.0.1", port: int = 9142, prefix: str = "/home/rucio/", **public: Any
) -> dict[str, Any]:
    """`public` is what its extended attribute `cs3` says."""
    rights = {"read": 1, "write": 1, "delete": 1, "third_party_copy_read": 1, "third_party_copy_write": 1}
    protocol = {
        "scheme": "cs3",
        "hostname": host,
        "port": port,
        "prefix": prefix,
        "impl": IMPL,
        "domains": {"wan": rights, "lan": rights},
        "extended_attributes": {"cs3": public} if public else None,
    }
    return {
        "id": "an-id",
        "rse": "CLOUD",
        "deterministic": True,
        "lfn2pfn_algorithm": "hash",
        "verify_checksum": True,
        "credentials": None,
        "domain": ["wan", "lan"],
        "volatile": False,
        "staging_area": False,
        "sign_url": None,
        "protocols": [protocol],
    }
