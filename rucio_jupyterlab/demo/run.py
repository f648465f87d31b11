"""The demo's command: what it takes, and what it says when it cannot start."""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..installing import install_command
from .telling import Failed, Program

NEEDED = ("rucio_mesh", "cryptography", "cs3", "grpc", "jupyterlab", "matplotlib", "numpy", "uproot")
"""Modules of the extra `[demo]`; rclone is looked for where it is used."""
LOG = "demo.log"
"""Where the panel keeps what the demo says; there before the demo has begun."""
INTERRUPTED = 130
"""The status that a shell gives to what Ctrl-C has ended before it was done."""
MARKS = ("rucio-demo", "grid/rucio/data-version")
"""Files that only a demo's folder has. The first is made at once; earlier versions did without it."""


def lacking() -> list[str]:
    """The modules of the extra that are not installed."""
    importlib.invalidate_caches()  # they may just have been installed
    return [module for module in NEEDED if importlib.util.find_spec(module) is None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo until Ctrl-C, SIGTERM, or a shut-down from within JupyterLab; returns the exit status."""
    options = _parse(arguments)
    fail = _tell_program if options.serve else _fail
    if missing := lacking():
        return fail(f"The demo needs {', '.join(missing)}: {install_command('demo')}")
    if "%" in str(options.folder):
        return fail(
            f"Rucio cannot be set up in {options.folder}: there must be no “%” in it. Name another folder."
        )
    from rucio_mesh.testing.service import ServiceFailed

    try:
        from ..accounts import isolation  # noqa: F401 -- first, lest the user's `rucio.cfg` has a say
        from .lifecycle import Demo

        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _may_be_used(options.folder):
            return fail(
                f"{options.folder} holds other things than a demo. Name an empty folder, or a new one."
            )
        with _alone(options.folder), _interruptible():
            if options.serve:
                _end_with_input()
                program = Program()
                Demo(options.folder, program).serve(program)
                return 0
            demo = Demo(options.folder)
            if options.prepare:
                demo.prepare()
            else:
                demo.run(port=options.port, browser=options.browser, command=options.command)
            return 0
    except KeyboardInterrupt:
        return INTERRUPTED if options.prepare else 0
    except ServiceFailed as error:
        return fail(error.sentence, error.log)
    except BlockingIOError:
        elsewhere = "" if options.serve else " --folder names another place."
        return fail(f"A demo runs in {options.folder} already.{elsewhere}")
    except OSError as error:
        return fail(f"The demo in {options.folder} failed: {error}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jupyter rucio demo",
        description="Run a real Rucio, storages with data, and JupyterLab, signed in. Ctrl-C ends it all.",
    )
    parser.add_argument(
        "--folder", type=Path, default=default_folder(), help="where it keeps everything; %(default)s"
    )
    parser.add_argument(
        "--port", type=int, default=8888, help="JupyterLab's, or the next free one; %(default)s"
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="print the address alone")
    parser.add_argument("--prepare", action="store_true", help="make environment and data for later, and end")
    parser.add_argument(
        "--serve",
        action="store_true",
        help="start no JupyterLab; tell a program what is done, one JSON object a line, until its pipe closes",
    )
    parser.add_argument(
        "command", nargs="*", help="a Jupyter server to run in place of `jupyter lab`, after --"
    )
    options = parser.parse_args(arguments)
    options.folder = options.folder.expanduser().resolve()
    return options


def default_folder() -> Path:
    """`$XDG_DATA_HOME/rucio-jupyterlab/demo`."""
    return (
        Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "rucio-jupyterlab" / "demo"
    )


def _fail(sentence: str, log: Path | None = None) -> int:
    print(f"{sentence} Its log: {log}" if log else sentence, file=sys.stderr)
    return 1


def _tell_program(sentence: str, log: Path | None = None) -> int:
    Program().tell(Failed(sentence, str(log) if log else None))
    return 1


def _end_with_input() -> None:
    """Interrupt this process when standard input ends: whoever started it is gone, however that came."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _may_be_used(folder: Path) -> bool:
    """Whether a demo may write there and remove what is in its way; marks a folder that has nothing in it."""
    is_ours = any((folder / mark).exists() for mark in MARKS)
    if not is_ours and any(found.name != LOG for found in folder.iterdir()):
        return False
    (folder / MARKS[0]).touch()
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder. Raises BlockingIOError if another demo does."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo as Ctrl-C does: as KeyboardInterrupt, and only once."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)  # ending takes seconds, and must not be cut short
        raise KeyboardInterrupt

    heeded = [number for number in signals if signal.getsignal(number) != signal.SIG_IGN]  # else `nohup`
    before = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
