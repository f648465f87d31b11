"""A CS3 gateway as a command, which serves until a signal ends it.

    python -m rucio_mesh.testing.cs3 --root FOLDER --profile eos [--ports GRPC DATA]
        [--tls CERTIFICATE KEY] [--accounts FILE] [--quota BYTES] [--fault NAME=NUMBER[xTIMES]] [--set NAME=VALUE]

Prints one line of JSON once it answers: {"grpc", "data", "profile", "homes"}, the first two ports on 127.0.0.1.
FILE is JSON, {"alice": {"password": ..., "mail": ..., "groups": [...], "bearer": [...], "linked": false}}, so that no
secret is on the command line; without it the accounts are those of Reva's examples. What faults there are, and what
can be set, is told in `faults.py`; `access_seconds` and `transfer_seconds` are how long tokens last. Start it by
`service.Service`, and it ends with whoever started it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from ..certificates import Leaf
from .accounts import EINSTEIN_AND_FRIENDS, Account
from .faults import FaultName
from .gateway import Gateway
from .profiles import PROFILES

SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "access_seconds": float,
    "checksum": str,
    "data_endpoint": str,
    "postprocessing_seconds": float,
    "protocols": lambda text: tuple(text.split(",")),
    "quota_full": lambda text: bool(("no", "yes").index(text)),
    "redirect_url": str,
    "retry_after": str,
    "seconds_per_mebibyte": float,
    "storing_seconds": float,
    "transfer_seconds": float,
}
"""How the value of each is read: the plain fields of `Faults`, and how long tokens last."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    settings = dict(options.set)
    if "redirect" in {name for name, _, _ in options.fault} and not settings.get("redirect_url"):
        parser.error("the fault redirect needs --set redirect_url=ADDRESS")
    gateway = Gateway(
        options.root,
        options.profile,
        accounts=options.accounts,
        quota_bytes=options.quota,
        leaf=Leaf(options.tls[0], options.tls[1], subject="/CN=localhost") if options.tls else None,
        ports=tuple(options.ports),
    )
    for name, number, times in options.fault:
        gateway.faults.arm(name, number, times=times)
    for name, value in settings.items():
        _set(gateway, name, value)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # before there are threads
    with gateway:
        homes = {user: gateway.home(user) for user in options.accounts}
        told = {
            "grpc": gateway.grpc_port,
            "data": gateway.data_port,
            "profile": options.profile,
            "homes": homes,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


def _set(gateway: Gateway, name: str, value: Any) -> None:
    mints = {"access_seconds": gateway.accounts.access, "transfer_seconds": gateway.transfers.tokens}
    if name in mints:
        mints[name].seconds = value
    else:
        setattr(gateway.faults, name, value)


def _accounts(file: str) -> Mapping[str, Account]:
    try:
        return {user: _account(user, told) for user, told in json.loads(Path(file).read_text()).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"{file} holds no accounts: {error}") from error


def _account(user: str, told: dict[str, Any]) -> Account:
    known = {field.name for field in fields(Account)}
    if "password" not in told or not told.keys() <= known:
        more = ", ".join(sorted(known - {"password"}))
        raise argparse.ArgumentTypeError(f"the account {user} needs a password, and may have {more}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
    }
    return Account(**values)


def _fault(text: str) -> tuple[str, int, int | None]:
    """`cut_download=1000x2`: the name, the number, how many times (always, where it is not said)."""
    name, _, rest = text.partition("=")
    number, _, times = rest.partition("x")
    if name not in get_args(FaultName):
        raise argparse.ArgumentTypeError(f"no such fault; there are {', '.join(get_args(FaultName))}")
    return name, int(number or 0), int(times) if times else None


def _setting(text: str) -> tuple[str, Any]:
    """`quota_full=yes`: the name, and the value as it is set."""
    name, _, value = text.partition("=")
    if name not in SETTINGS:
        raise argparse.ArgumentTypeError(f"no such setting; there are {', '.join(SETTINGS)}")
    return name, SETTINGS[name](value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rucio_mesh.testing.cs3", description="A CS3 gateway.")
    parser.add_argument("--root", type=Path, required=True, help="the folder of all its files")
    parser.add_argument("--profile", choices=tuple(PROFILES), default="localfs")
    parser.add_argument("--ports", type=int, nargs=2, default=(0, 0), metavar=("GRPC", "DATA"))
    parser.add_argument("--tls", type=Path, nargs=2, metavar=("CERTIFICATE", "KEY"), help="PEM files")
    parser.add_argument(
        "--accounts", type=_accounts, default=EINSTEIN_AND_FRIENDS, metavar="FILE", help="JSON"
    )
    parser.add_argument("--quota", type=int, metavar="BYTES")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME=NUMBER[xTIMES]",
        help=f"strikes so many times, or always: {', '.join(get_args(FaultName))}",
    )
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"one of {', '.join(SETTINGS)}",
    )
    return parser


if __name__ == "__main__":
    main()
