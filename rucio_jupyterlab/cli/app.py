"""The command line: what may be asked, and how an answer becomes an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from .. import __version__
from ..accounts.model import AuthType
from ..catalog.model import SearchType
from ..config import state_folder
from ..config.reading import from_home
from ..errors import Failure
from ..kernel.actions import LIMIT
from . import accounts, catalogue, putting, staging
from .engine import Engine
from .output import Exit, JsonOutput, Output, TextOutput, stand_in_for_closed_streams, take_any_text
from .site import read_site

Command = Callable[[argparse.Namespace, Engine, Output], Exit]

_EXITS = {"sign-in-needed": Exit.SIGN_IN, "confirm": Exit.CONFIRM, "bad-request": Exit.USAGE}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, see `Exit`."""
    argv = sys.argv[1:] if argv is None else argv
    stand_in_for_closed_streams()
    if argv[:1] == ["demo"]:
        take_any_text(json=False)
        return _demo(argv[1:])
    arguments = _parser().parse_args(argv)
    take_any_text(arguments.json)
    output: Output = JsonOutput(sys.stdout) if arguments.json else TextOutput(sys.stdout, sys.stderr)
    ended = Exit.OK
    try:
        ended = _answer(arguments, output)
        sys.stdout.flush()  # here, where it can still be told that this fails
    except BrokenPipeError:
        pass  # whoever read has read enough
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"jupyter rucio: {where}{error.strerror}.\n")
        ended = Exit.FAILED
    _drop_what_cannot_be_written()
    return ended


def _answer(arguments: argparse.Namespace, output: Output) -> Exit:
    """Run the command, and tell what kept it from its end. Raises OSError where that cannot be written."""
    try:
        return _run(arguments, output)
    except Failure as failure:
        problem = failure.problem()
        with suppress(BrokenPipeError):  # a failure is one also where nobody reads of it
            output.problem(problem)
        return _EXITS.get(problem.type, Exit.FAILED)
    except (KeyboardInterrupt, EOFError):  # EOFError: Ctrl-D where a password is asked for
        output.end_of_job()
        return Exit.INTERRUPTED


def _drop_what_cannot_be_written() -> None:
    """Python would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # noqa: PERF203 - two rounds
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _run(arguments: argparse.Namespace, output: Output) -> Exit:
    site, state = read_site(), state_folder(os.environ).absolute()
    with Engine(state, site.for_engine) as engine:
        if arguments.command == "doctor":
            from .doctor import examine  # only now: it imports Rucio's client

            return examine(site, state, engine, output)
        command: Command = arguments.run
        return command(arguments, engine, output)


def _demo(rest: Sequence[str]) -> int:
    from ..demo.run import main as run_demo

    return run_demo(rest)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter rucio", description="Find data in Rucio and stage them here, as the panel does."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        _add_stage,
        _add_put,
        _add_search,
        _add_ls,
        _add_status,
        _add_cancel,
        _add_signin,
        _add_signout,
    ):
        _add_json(add(commands))
    _add_json(_add_command(commands, "doctor", "tell what is configured and what is broken"))
    commands.add_parser("demo", help="run a real Rucio with data on this machine")
    return parser


_Commands = argparse._SubParsersAction


def _add_command(
    commands: _Commands[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")


def _add_stage(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "stage", "bring files here; writes the path of their folder")
    parser.set_defaults(run=staging.stage)
    parser.add_argument("dids", metavar="DID", nargs="+", help="scope:name")
    parser.add_argument("--first", type=_positive, metavar="N", help="at most N files of each DID")
    parser.add_argument("--pattern", metavar="P", help="only files whose name matches, such as '*.root'")
    parser.add_argument("--rse", metavar="R", help="take from this RSE alone")
    parser.add_argument("--yes", action="store_true", help="agree to the size, whatever it is")
    parser.add_argument("--pin", action="store_true", help="keep the files until they are unpinned")
    parser.add_argument("--download", action="store_true", help="fetch what is not on the mounted RSE")
    parser.add_argument(
        "--no-wait", action="store_true", help="write the job's identifier and return at once"
    )
    _add_instance(parser, "--instance")
    return parser


def _add_put(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "put", "store files on a CS3 cloud, and register them")
    parser.set_defaults(run=putting.put)
    parser.add_argument("files", metavar="FILE", nargs="+", type=_absolute)
    parser.add_argument("rse", metavar="RSE", help="the cloud's")
    parser.add_argument(
        "target",
        metavar="SCOPE[:DATASET]",
        help="a dataset that is missing is made; the files keep their names",
    )
    _add_instance(parser, "--instance")
    return parser


def _add_search(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "search", "find DIDs by name")
    parser.set_defaults(run=catalogue.search)
    parser.add_argument("pattern", metavar="PATTERN", help="scope:name, with * for any text")
    parser.add_argument("--type", default="collection", choices=get_args(SearchType))
    _add_instance(parser, "--instance")
    _add_limit(parser)
    return parser


def _add_ls(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "ls", "what a dataset or container holds")
    parser.set_defaults(run=catalogue.ls)
    parser.add_argument("did", metavar="DID", help="scope:name")
    _add_instance(parser, "--instance")
    _add_limit(parser)
    return parser


def _add_status(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "status", "all jobs, or one of them")
    parser.set_defaults(run=staging.status)
    parser.add_argument("job", metavar="JOB", nargs="?", help="a job's identifier")
    more = parser.add_mutually_exclusive_group()
    more.add_argument("--wait", action="store_true", help="watch it to its end; Ctrl-C only leaves")
    more.add_argument("--files", action="store_true", help="list its files with their paths")
    return parser


def _add_cancel(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "cancel", "end a job; what is verified stays")
    parser.set_defaults(run=staging.cancel)
    parser.add_argument("job", metavar="JOB", help="a job's identifier")
    return parser


def _add_signin(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "signin", "sign in; a password is asked for, or read from standard input")
    parser.set_defaults(run=accounts.sign_in)
    _add_instance(parser, "instance")
    parser.add_argument("--type", choices=get_args(AuthType), help="another way than the preferred one")
    parser.add_argument("--account", help="the Rucio account to act as")
    parser.add_argument("--username", metavar="U")
    parser.add_argument("--certificate", type=_absolute, metavar="FILE", help="PEM; the proxy for x509_proxy")
    parser.add_argument("--key", type=_absolute, metavar="FILE", help="PEM")
    parser.add_argument("--token-file", type=_absolute, metavar="FILE", help="read anew at each use")
    parser.add_argument(
        "--token-variable", metavar="NAME", help="a variable of the engine's that holds the token"
    )
    return parser


def _add_signout(commands: _Commands[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = _add_command(commands, "signout", "forget token and password")
    parser.set_defaults(run=accounts.sign_out)
    _add_instance(parser, "instance")
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON a line, for programs")


def _add_instance(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        name, metavar="INSTANCE", nargs=None if name.startswith("-") else "?", help="where there are several"
    )


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=_positive, default=LIMIT, metavar="N", help="at most N rows")


def _absolute(path: str) -> str:
    """The engine reads the file, and works in another folder."""
    try:
        return str(Path(from_home(path)).absolute())
    except OSError as error:
        raise argparse.ArgumentTypeError(f"the folder in which {path} would lie is gone") from error


def _positive(text: str) -> int:
    number = staging.whole_number(text)
    if not number:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0, or too large")
    return number
