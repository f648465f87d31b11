"""`%rucio stage | search | ls | status`."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any, NoReturn

from . import actions
from .failures import RucioError

if TYPE_CHECKING:
    from collections.abc import Callable


class _Help(Exception):
    """The user asked for help, which was printed."""


class _LineParser(argparse.ArgumentParser):
    """A parser that never ends the process it is in: here, the kernel."""

    def error(self, message: str) -> NoReturn:
        raise RucioError(f"{message}\n{self.format_usage().strip()}", "bad-request")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _Help


def rucio(line: str) -> Any:
    """Find data in Rucio and stage them here. `%rucio --help` tells more."""
    try:
        arguments = vars(_parser().parse_args(shlex.split(line) or ["--help"]))
    except _Help:
        return None
    except ValueError:
        raise RucioError("A quotation mark is not closed.", "bad-request") from None
    action: Callable[..., Any] = arguments.pop("action")
    return action(**arguments)


def _stage(dids: list[str], no_wait: bool, **options: Any) -> Any:
    return (actions.start if no_wait else actions.stage)(*dids, **options)


def _parser() -> argparse.ArgumentParser:
    parser = _LineParser(prog="%rucio", description="Find data in Rucio and stage them here.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    stage = _add_command(commands, "stage", "bring files here; gives the list of their paths")
    stage.set_defaults(action=_stage)
    stage.add_argument("dids", metavar="DID", nargs="+", help="scope:name")
    stage.add_argument("--first", type=int, metavar="N", help="at most N files of each DID")
    stage.add_argument("--pattern", metavar="P", help="only files whose name matches, such as '*.root'")
    stage.add_argument("--rse", metavar="R", help="take from this RSE alone")
    stage.add_argument("--yes", action="store_true", help="agree to the size, whatever it is")
    stage.add_argument("--pin", action="store_true", help="keep the files until they are unpinned")
    stage.add_argument("--download", action="store_true", help="fetch what is not on the mounted RSE")
    stage.add_argument("--no-wait", action="store_true", help="return at once; .wait() gives the paths")
    _add_instance(stage)

    search = _add_command(commands, "search", "find DIDs by name")
    search.set_defaults(action=actions.search)
    search.add_argument("pattern", metavar="PATTERN", help="scope:name, with * for any text")
    search.add_argument(
        "--type", default="collection", choices=["collection", "dataset", "container", "file", "all"]
    )
    _add_instance(search)
    _add_limit(search)

    ls = _add_command(commands, "ls", "what a dataset or container holds")
    ls.set_defaults(action=actions.ls)
    ls.add_argument("did", metavar="DID", help="scope:name")
    _add_instance(ls)
    _add_limit(ls)

    _add_command(commands, "status", "all jobs").set_defaults(action=actions.status)
    return parser


def _add_command(commands: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}."
    )
    return parser


def _add_instance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--instance", metavar="I", help="the Rucio to ask, where there are several")


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=actions.LIMIT, metavar="N", help="at most N rows")
