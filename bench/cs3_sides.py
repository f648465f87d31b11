"""One side of the CS3 entries, in a process of its own: our protocol, or CERN's `cs3client`, moves files.

    python -m bench.cs3_sides < TASK

TASK is the JSON of a `Task`; what is printed is that of `Measured`. RUCIO_CONFIG names the configuration with our
credential. Both sides have signed in before the time begins, and move one file after the other, as Rucio does.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Literal

import msgspec

from rucio_mesh.testing.grid import PASSWORD, USER
from rucio_mesh.testing.storage import hashed_path

from .ours import peak_bytes

SCOPE = "bench"
IMPLEMENTATION = "rucio_mesh.cs3.protocol.Default"

Verb = Literal["get", "put"]
Side = Literal["ours", "cs3client"]
Move = Callable[[str, Path], None]
"""Moves the file of that name in Rucio, to or from a local one."""


class Task(msgspec.Struct, frozen=True):
    """Files to move, by their names in Rucio, and where they are on this machine."""

    side: Side
    verb: Verb
    port: int
    """Of the gateway's gRPC, on this machine."""
    prefix: str
    """The folder on the cloud."""
    files: dict[str, str]


class Measured(msgspec.Struct, frozen=True):
    """What it took."""

    seconds: float
    cpu_seconds: float
    """Of this process, all its threads, user and system."""
    peak_bytes: int
    """The most memory that this process ever occupied, Python and its libraries included."""


def through_rucio(task: Task) -> Move:
    """The protocol as Rucio's `rsemanager` makes and uses it, which verifies both ways."""
    from rucio.rse import rsemanager

    rights = {"read": 1, "write": 1, "delete": 1, "third_party_copy_read": 1, "third_party_copy_write": 1}
    described = {
        "scheme": "cs3",
        "hostname": "127.0.0.1",
        "port": task.port,
        "prefix": task.prefix,
        "impl": IMPLEMENTATION,
        "domains": {"wan": rights, "lan": rights},
        "extended_attributes": None,
    }
    rse = {
        "rse": "BENCH",
        "deterministic": True,
        "lfn2pfn_algorithm": "hash",
        "verify_checksum": True,
        "domain": ["wan", "lan"],
        "protocols": [described],
    }
    protocol = rsemanager.create_protocol(rse, "read" if task.verb == "get" else "write")
    protocol.connect()

    def pfn_of(name: str) -> str:
        (pfn,) = protocol.lfns2pfns({"scope": SCOPE, "name": name}).values()
        return str(pfn)

    def get(name: str, local: Path) -> None:
        protocol.get(pfn_of(name), str(local))

    def put(name: str, local: Path) -> None:
        protocol.put(local.name, pfn_of(name), str(local.parent))

    return get if task.verb == "get" else put


def through_cs3client(task: Task) -> Move:
    """Which verifies nothing, and writes where the file will be read."""
    from cs3client.auth import Auth
    from cs3client.cs3client import CS3Client
    from cs3client.cs3resource import Resource

    told = ConfigParser()
    told["cs3client"] = {
        "host": f"127.0.0.1:{task.port}",
        "auth_login_type": "basic",
        "http_timeout": "600",
    }
    client: Any = CS3Client(told, "cs3client", logging.getLogger("cs3client"))
    auth = Auth(client)
    auth.set_client_id(USER)
    auth.set_client_secret(PASSWORD)
    token = auth.get_token()

    def resource(name: str) -> Any:
        return Resource(abs_path=f"{task.prefix}/{hashed_path(SCOPE, name)}")

    def get(name: str, local: Path) -> None:
        with local.open("wb") as file:
            for piece in client.file.read_file(token, resource(name)):
                file.write(piece)

    def put(name: str, local: Path) -> None:
        with local.open("rb") as file:  # it says bytes, which would be all of the file in memory
            client.file.write_file(token, resource(name), file, local.stat().st_size)

    return get if task.verb == "get" else put


SIDES: dict[Side, Callable[[Task], Move]] = {"ours": through_rucio, "cs3client": through_cs3client}


def measure(task: Task) -> Measured:
    move = SIDES[task.side](task)
    wall, cpu = time.perf_counter(), time.process_time()
    for name, local in task.files.items():
        move(name, Path(local))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Measured(wall, cpu, peak_bytes(os.getpid()) or 0)


if __name__ == "__main__":
    answer = measure(msgspec.json.decode(sys.stdin.buffer.read(), type=Task))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
