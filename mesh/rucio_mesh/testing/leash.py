"""Run a command for as long as standard input stays open; leave no process behind.

    python -I -S leash.py GRACE_SECONDS COMMAND [ARGUMENT ...]

Whoever starts this holds the other end of a pipe. When that end closes, be it by kill -9, the command gets
SIGTERM, and what is left of it and of all its descendants after the grace, or after its own end, is killed:
on Linux also those that made themselves daemons, for they become children of this process.
The exit status is the command's. Standard library only, and a script rather than a module: it starts in 20 ms.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
POLL_SECONDS = 0.2


def main() -> int:
    grace, command = float(sys.argv[1]), sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the pipe alone decides
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def in_child() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if libc:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # should the leash itself be killed

    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False, preexec_fn=in_child)  # noqa: PLW1509 - one thread
    if wait_for_end(child):
        child.terminate()
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()
    status = child.wait()
    end_descendants(grace)
    return status if status >= 0 else 128 - status


def wait_for_end(child: subprocess.Popen[bytes]) -> bool:
    """Wait until the pipe closes (true) or the child ends by itself (false)."""
    while child.poll() is None:
        readable, _, _ = select.select([0], [], [], POLL_SECONDS)
        if readable and not os.read(0, 1):
            return True
    return False


def end_descendants(grace: float) -> None:
    """SIGTERM to all that is left, SIGKILL after `grace` seconds; returns when nothing is left."""
    deadline = time.monotonic() + grace
    told: set[int] = set()
    while left := descendants(os.getpid()):
        overdue = time.monotonic() > deadline
        for pid in left if overdue else left - told:
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile, which is what we want
                os.kill(pid, signal.SIGKILL if overdue else signal.SIGTERM)
        told |= left
        time.sleep(0.02)
        with contextlib.suppress(ChildProcessError):  # no child at all
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def descendants(root: int) -> set[int]:
    """Living processes below `root`; nothing where there is no /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (OSError, UnicodeDecodeError):
            continue  # ended while we looked
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found: set[int] = set()
    frontier = {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


if __name__ == "__main__":
    sys.exit(main())
