"""A CS3 gateway as a command, which serves until a signal ends it.

    python -m rucio_mesh.testing.cs3 --root FOLDER --profile eos [--ports GRPC DATA]
        [--tls CERTIFICATE KEY] [--accounts FILE] [--quota BYTES] [--fault NAME=NUMBER[xTIMES]]

Prints one line of JSON once it answers: {"grpc", "data", "profile", "homes"}, the first two ports on 127.0.0.1.
FILE is JSON, {"alice": {"password": ..., "mail": ..., "groups": [...], "bearer": [...]}}, so that no secret is on the
command line; without it the accounts are those of Reva's examples. Start it by `service.Service`, and it ends
with whoever started it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from ..certificates import Leaf
from .accounts import EINSTEIN_AND_FRIENDS, Account
from .faults import FaultName
from .gateway import Gateway
from .profiles import PROFILES


def main() -> None:
    options = _parser().parse_args()
    accounts = read_accounts(options.accounts) if options.accounts else EINSTEIN_AND_FRIENDS
    gateway = Gateway(
        options.root,
        options.profile,
        accounts=accounts,
        quota_bytes=options.quota,
        leaf=Leaf(options.tls[0], options.tls[1], subject="/CN=localhost") if options.tls else None,
        ports=tuple(options.ports),
    )
    for name, number, times in options.fault:
        gateway.faults.arm(name, number, times=times)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # before there are threads
    with gateway:
        homes = {user: gateway.home(user) for user in accounts}
        told = {
            "grpc": gateway.grpc_port,
            "data": gateway.data_port,
            "profile": options.profile,
            "homes": homes,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


def read_accounts(file: Path) -> Mapping[str, Account]:
    """The accounts in a JSON file. Raises OSError, ValueError, TypeError."""
    return {
        user: Account(
            told["password"],
            told.get("mail", ""),
            tuple(told.get("groups", ())),
            tuple(told.get("bearer", ())),
        )
        for user, told in json.loads(file.read_text()).items()
    }


def _fault(text: str) -> tuple[str, int, int | None]:
    """`cut_download=1000x2`: the name, the number, how many times (always, where it is not said)."""
    name, _, rest = text.partition("=")
    number, _, times = rest.partition("x")
    if name not in get_args(FaultName):
        raise argparse.ArgumentTypeError(f"no such fault; there are {', '.join(get_args(FaultName))}")
    return name, int(number or 0), int(times) if times else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rucio_mesh.testing.cs3", description="A CS3 gateway.")
    parser.add_argument("--root", type=Path, required=True, help="the folder of all its files")
    parser.add_argument("--profile", choices=tuple(PROFILES), default="localfs")
    parser.add_argument("--ports", type=int, nargs=2, default=(0, 0), metavar=("GRPC", "DATA"))
    parser.add_argument("--tls", type=Path, nargs=2, metavar=("CERTIFICATE", "KEY"), help="PEM files")
    parser.add_argument("--accounts", type=Path, metavar="FILE", help="JSON")
    parser.add_argument("--quota", type=int, metavar="BYTES")
    parser.add_argument("--fault", type=_fault, action="append", default=[], metavar="NAME=NUMBER[xTIMES]")
    return parser


if __name__ == "__main__":
    main()
