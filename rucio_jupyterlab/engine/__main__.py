"""`python -m rucio_jupyterlab.engine`: one engine's life, from the lock to the last checkpoint.

It ends by itself when neither client nor running job has been there for a minute (or for as many seconds as
`RUCIO_JUPYTERLAB_IDLE_SECONDS` says); at SIGTERM within five seconds; and where its state folder was removed,
for nobody new would find it. One that finds the lock taken ends at once and successfully. Where a part of it
fails in a way that nobody foresaw it ends too: whoever needs an engine starts the next one, which takes up the
work from what is on disk.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any, NoReturn

from ..accounts.files import discard_drafts
from ..config import state_folder
from ..errors import BadConfiguration, Failure, outline
from . import place
from .door import Door
from .engine import Engine
from .log import open_log
from .server import SocketServer

IDLE_SECONDS = float(os.environ.get("RUCIO_JUPYTERLAB_IDLE_SECONDS") or 60)
CLOSE_SECONDS = 4.0
"""What the checkpoint may take."""
MOST_UNEXAMINED = 20_000
"""New objects after which Python looks for cycles among them; its 700 would be passed with every tenth small file."""
PRIVATE_FOLDERS = ("jobs", "remote", "tokens", "uploads", "uploads-ended")
"""Those of the state folder in which private files are written. Beside them the user's own may lie."""
NICENESS = 5
"""Kernels and the Jupyter server come first."""

log = logging.getLogger("rucio_jupyterlab.engine")


def main() -> int:
    """The exit status: 0 also where another engine holds the lock."""
    _guess_no_encodings()
    try:
        state = place.private_folder(state_folder(os.environ))
        lock = place.take_lock(state)
    except BadConfiguration as failure:
        sys.stderr.write(f"{failure}\n")  # which goes to the log
        return 1
    if lock is None:
        return 0
    open_log(state / "engine.log")
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    for name in PRIVATE_FOLDERS:
        discard_drafts(state / name)
    gc.set_threshold(MOST_UNEXAMINED)
    threading.excepthook = _thread_failed
    # Not `asyncio.run`, which waits for threads: one may hang in a disk or a Rucio that does not answer.
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_loop_failed)
    try:
        loop.run_until_complete(live(state, lock))
    except Exception as error:  # noqa: BLE001 -- the last place where it can be told
        log.critical("The engine failed: %s", error if isinstance(error, Failure) else outline(error))
        return 1
    return 0


def _guess_no_encodings() -> None:
    """Rucio answers in UTF-8; what `requests` would load to guess with takes 3 MiB."""
    guesser: Any = types.ModuleType("charset_normalizer")
    guesser.__version__, guesser.detect = "3.0.0", lambda content: {"encoding": "utf-8"}
    sys.modules["charset_normalizer"] = guesser
    sys.modules["chardet"] = None  # type: ignore[assignment]  # which would be preferred to it


async def live(state: Path, lock: int) -> None:
    """Serve until asked to leave, told to end, left alone, or bereft of the state folder."""
    stop = asyncio.Event()
    heed_signals(stop)
    engine = Engine(state, leave=stop.set, clients=lambda: server.clients())  # noqa: PLW0108
    server = SocketServer(engine.greet, engine.answers, engine.watch)
    door = Door(state, lock, server)
    await door.open()
    log.info("Ready.")
    ends = {
        asyncio.create_task(stop.wait()): "asked to",
        asyncio.create_task(_left_alone(engine, server)): "left alone",
        asyncio.create_task(door.keep()): "its state folder was removed or replaced",
    }
    ended, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    log.info("Ending: %s.", ends[ended.pop()])
    for other in others:  # lest the door is opened again
        other.cancel()
    door.close()
    await server.hang_up()
    try:
        await asyncio.wait_for(engine.close(), CLOSE_SECONDS)
    except asyncio.TimeoutError:
        log.warning("The checkpoint took too long; the journal holds what was done.")


def heed_signals(stop: asyncio.Event) -> None:
    """Have it set when this process is told to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not the loop's own way: while threads report much its pipe may be full, and the signal would be lost.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


async def _left_alone(engine: Engine, server: SocketServer) -> None:
    """Return once there has been neither client nor work for `IDLE_SECONDS`."""
    since = time.monotonic()
    while time.monotonic() - since < IDLE_SECONDS:
        await asyncio.sleep(min(1.0, IDLE_SECONDS / 4))
        if server.clients() or engine.busy:
            since = time.monotonic()


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """A thread of the engine's is gone, and whoever waits for it would wait for ever."""
    name = failed.thread.name if failed.thread else "unknown"
    log.critical("The thread %s failed: %s", name, outline(failed.exc_value) if failed.exc_value else "")
    _end(1)


def _loop_failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """After a callback that broke off nobody knows how its job stands; a task has its own way to tell."""
    error = context.get("exception")
    log.critical("The engine's loop: %s", outline(error) if error else context["message"])
    if "handle" in context and not isinstance(error, Failure):
        _end(1)


def _end(status: int) -> NoReturn:
    """Leave at once, without waiting for threads."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    _end(main())
