"""Find the running engine or start one, and say hello. Blocking: asyncio callers use a thread."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from ..accounts.files import write_private
from ..errors import BadConfiguration, EngineDown, Remote
from . import protocol, wire
from .place import CONFIGURATION, Notice, is_locked, private_folder, read_notice

START_TIMEOUT = 15.0
"""Seconds from the decision to start until the engine has said hello."""
HELLO_TIMEOUT = 10.0
FIRST_LOOK, LONGEST_LOOK = 0.01, 0.2
"""Seconds between two looks for a socket that is about to come."""

FEW_HEAPS = {"MALLOC_ARENA_MAX": "1"}
"""One heap for all threads (GNU C library): what a thread frees, the next one uses."""

Configuration = dict[str, Any]

_started: list[subprocess.Popen[bytes]] = []
"""Engines of this process; kept, so that those that died are reaped at the next start."""


class NewerEngine(EngineDown):
    """The engine that runs is of a newer version than this client; trying again does not help."""


def open_connection(state: Path, configuration: Configuration | None) -> socket.socket:
    """A connection over which hello has been said; an engine is started where none answers.

    An older engine is asked to make room first. Raises EngineDown, BadConfiguration.
    """
    state = private_folder(state)
    deadline = time.monotonic() + START_TIMEOUT
    child: subprocess.Popen[bytes] | None = None
    pause = FIRST_LOOK
    while True:
        connection = _greeted(state, configuration)
        if connection:
            return connection
        status = 0 if child is None else child.poll()
        # A child's 0: another engine was faster; once the lock is free, that has gone, too.
        if status == 0 and not is_locked(state):
            if configuration is not None:  # beforehand: where its folders lie is settled when it starts
                _keep(configuration, state)
            child = _start(state)
        elif status:
            raise EngineDown(f"The engine ended at once; {state / 'engine.log'} tells why.")
        if time.monotonic() > deadline:
            raise EngineDown(_absence(state))
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_LOOK)


def _keep(configuration: Configuration, state: Path) -> None:
    """Raises EngineDown where it cannot be written, BadConfiguration where it is no text."""
    try:
        write_private(state / CONFIGURATION, msgspec.json.encode(configuration))
    except OSError as error:
        raise EngineDown(f"{state} cannot be written to: {error.strerror}.") from error
    except UnicodeEncodeError as error:
        raise BadConfiguration("A value of the configuration, or of a variable, is not UTF-8.") from error


def _greeted(state: Path, configuration: Configuration | None) -> socket.socket | None:
    """A connection to an engine of our version; None where none listens, or an older one just leaves."""
    notice = read_notice(state)
    connection = _connect(notice) if notice else None
    if not (notice and connection):
        return None
    with ExitStack() as otherwise:
        otherwise.callback(connection.close)
        try:
            welcome = ask_once(connection, protocol.Hello(protocol.PROTOCOL_VERSION, configuration))
            if welcome.version < protocol.PROTOCOL_VERSION:
                ask_once(connection, protocol.Leave())
        except TimeoutError as error:
            raise EngineDown(_silence(notice)) from error
        except OSError:
            return None  # it is going away
        except Remote as failure:
            raise EngineDown(str(failure)) from failure
        if welcome.version > protocol.PROTOCOL_VERSION:
            raise NewerEngine("A newer version runs the engine: restart the Jupyter server.", do="none")
        if welcome.version < protocol.PROTOCOL_VERSION:
            return None
        otherwise.pop_all()
    connection.settimeout(None)
    return connection


def _connect(notice: Notice) -> socket.socket | None:
    path = Path(notice.socket)
    try:
        if not path.parent.is_dir():  # a runtime folder of another machine, or of a session that is over
            return None
        private_folder(path.parent)
    except (OSError, BadConfiguration):  # somebody else's, who might listen there
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(HELLO_TIMEOUT)
    try:
        connection.connect(str(path))
    except OSError:  # nobody listens, or nothing is there
        connection.close()
        return None
    return connection


def ask_once(connection: socket.socket, request: protocol.Request) -> Any:
    """Ask over a connection that nobody else uses. Raises OSError, or the engine's failure."""
    connection.sendall(wire.encode_ask(0, request))
    line = bytearray()
    while not line.endswith(b"\n"):
        # One answer is under way, so what comes is its line and nothing else.
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError
        line += part
    try:
        return wire.decode_reply(type(request), wire.decode_answer(bytes(line)))
    except msgspec.DecodeError as error:
        raise EngineDown("What answers at the engine's socket is no engine.") from error


def _start(state: Path) -> subprocess.Popen[bytes]:
    """Start an engine that outlives us. In the state folder, lest a file beside the user shadows a module."""
    _started[:] = [child for child in _started if child.poll() is None]
    path = state / "engine.log"
    try:
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineDown(f"{path} cannot be written to: {error.strerror}.") from error
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "rucio_jupyterlab.engine"],
            cwd=state,
            env={**FEW_HEAPS, **os.environ, "RUCIO_JUPYTERLAB_STATE": str(state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    except OSError as error:
        raise EngineDown(f"The engine cannot be started: {error.strerror}.") from error
    finally:
        os.close(log)
    _started.append(child)
    return child


def _absence(state: Path) -> str:
    notice = read_notice(state)
    if notice and notice.host != socket.gethostname():
        return (
            f"An engine on {notice.host} uses {state} too. Give this machine a folder of its own "
            "with RUCIO_JUPYTERLAB_STATE."
        )
    if notice and is_locked(state):
        return _silence(notice)
    return f"The engine did not start within {START_TIMEOUT:.0f} s; {state / 'engine.log'} tells why."


def _silence(notice: Notice) -> str:
    return f"The engine, process {notice.pid}, is there but does not answer. If it hangs, end that process."
