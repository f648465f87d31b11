"""The demo's command: what it takes, and what it says when it cannot start."""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

NEEDED = ("rucio_mesh", "cryptography", "cs3", "grpc", "jupyterlab", "matplotlib", "numpy", "uproot")
"""Modules of the extra `[demo]`; rclone is looked for where it is used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo until Ctrl-C, SIGTERM, or a shut-down from within JupyterLab; returns the exit status."""
    options = _parse(arguments)
    if missing := [module for module in NEEDED if importlib.util.find_spec(module) is None]:
        return _fail(f"The demo needs {', '.join(missing)}: python -m pip install 'rucio-jupyterlab[demo]'")
    from rucio_mesh.testing.service import ServiceFailed

    from .lifecycle import Demo

    try:
        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(options.folder), _interruptible():
            demo = Demo(options.folder)
            if options.prepare:
                demo.prepare()
            else:
                demo.run(port=options.port, browser=options.browser, command=options.command)
            return 0
    except KeyboardInterrupt:
        return 0
    except ServiceFailed as error:
        return _fail(str(error))
    except BlockingIOError:
        return _fail(f"A demo runs in {options.folder} already; --folder names another place.")
    except OSError as error:
        return _fail(f"The demo in {options.folder} failed: {error}")


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


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


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

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
