"""`rucio-mesh …`: what runs beside Rucio's own commands. Each is configured by Rucio's own rucio.cfg."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

DAEMONS = ("submitter", "poller", "finisher")
FURTHER_DAEMONS = ("preparer", "evaluator", "injector", "repairer", "cleaner")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = build_parser().parse_args(arguments)
    status: int = options.command(options)
    return status


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rucio-mesh", description="What runs beside Rucio's own commands.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_conveyor(commands)
    add_register_share(commands)
    return parser


def add_conveyor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    conveyor = commands.add_parser(
        "conveyor",
        help="transfer files between CS3 clouds: Rucio's daemons with the transfertool cs3-relay",
        description="Run Rucio's own daemons with the transfertool cs3-relay, on a host of Rucio's daemons.",
    )
    conveyor.add_argument(
        "daemons",
        nargs="*",
        metavar="DAEMON",
        type=daemon,
        help=f"{', '.join(DAEMONS)} (these are the default); {', '.join(FURTHER_DAEMONS)}",
    )
    conveyor.add_argument("--once", action="store_true", help="one round, which ends with its transfers")
    conveyor.add_argument(
        "--transfers", type=positive, default=4, metavar="N", help="so many at once (default: 4)"
    )
    conveyor.add_argument(
        "--sleep", type=positive, default=60, metavar="SECONDS", help="between rounds (default: 60)"
    )
    conveyor.add_argument(
        "--grace",
        type=positive,
        default=30,
        metavar="SECONDS",
        help="after SIGTERM, before running transfers are put back into the queue (default: 30)",
    )
    conveyor.set_defaults(command=run_conveyor)


def run_conveyor(options: argparse.Namespace) -> int:
    try:
        beside_a_server()
        from .cs3 import conveyor  # Rucio reads its configuration when it is imported
    except (ModuleNotFoundError, CannotRun) as reason:
        return failed("conveyor", f"{reason}: run it on a host of Rucio's daemons, with rucio-mesh[cs3]")
    names = options.daemons or DAEMONS
    try:
        if options.once:
            conveyor.run_once(names, at_once=options.transfers)
        else:
            ending = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: ending.set())
            conveyor.run_until(
                ending,
                names,
                at_once=options.transfers,
                pause_seconds=options.sleep,
                grace_seconds=options.grace,
            )
    except conveyor.ConveyorFailed as error:
        return failed("conveyor", error)
    return 0


class CannotRun(Exception):
    """This is not the place for the command."""


def beside_a_server() -> None:
    """Raises CannotRun where Rucio's configuration is none of a server."""
    from rucio.common.config import config_has_section
    from rucio.common.exception import RucioException

    try:
        if config_has_section("database"):
            return
    except RucioException:
        raise CannotRun("there is no rucio.cfg") from None
    raise CannotRun("rucio.cfg has no section [database]")


def failed(command: str, reason: object) -> int:
    """Say why in one line; the exit status."""
    print(f"rucio-mesh {command}: {' '.join(str(reason).split())}", file=sys.stderr)
    return 1


def add_register_share(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    share = commands.add_parser(
        "register-share",
        help="make a dataset of what others share with us on a CS3 cloud",
        description="Register the files of a received share as replicas, where they are, in one dataset."
        " Repeat it to add files that are new.",
    )
    share.add_argument(
        "rse", metavar="RSE", help="its prefix covers the share, its paths are not deterministic"
    )
    share.add_argument("path", metavar="PATH", help="where the cloud shows the share")
    share.add_argument(
        "dataset", metavar="SCOPE:NAME", type=did, help="the dataset; made where it is missing"
    )
    share.add_argument(
        "--read", action="store_true", help="read files of which the cloud tells no checksum, to have one"
    )
    share.set_defaults(command=run_register_share)


def run_register_share(options: argparse.Namespace) -> int:
    try:
        from rucio.client import Client
        from rucio.common.exception import RucioException

        from .cs3.errors import Cs3Error
        from .cs3.pfn import NotAPfn
        from .cs3.registration import CannotRegister, register_share
    except ModuleNotFoundError as missing:
        return failed("register-share", f"{missing}: it needs Rucio's client, and rucio-mesh[cs3]")

    scope, name = options.dataset
    try:
        done = register_share(Client(), options.rse, options.path, scope, name, read=options.read)
    except (CannotRegister, Cs3Error, NotAPfn, RucioException) as error:
        return failed("register-share", error)
    print(f"{done.added} files added, {done.known} known already")
    if done.without_checksum:
        print(f"{done.without_checksum} of them without checksum; --read computes it")
    return 0


def did(text: str) -> tuple[str, str]:
    scope, separator, name = text.partition(":")
    if not (scope and separator and name):
        raise argparse.ArgumentTypeError("a dataset is SCOPE:NAME")
    return scope, name


def daemon(text: str) -> str:
    known = (*DAEMONS, *FURTHER_DAEMONS)
    if text not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(known)}")
    return text


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
