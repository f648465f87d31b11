"""A child process that cannot outlive us, with its output in a log file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")


class ServiceFailed(Exception):
    """A part does not start, or has ended; the text names it, says why, and where its log is."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        super().__init__(f"{name} failed: {why}. Its log: {log}")
        self.sentence, self.log = f"{name} failed: {why}.", log


class Service:
    """One running command, with all its descendants.

    It ends with `stop`, and also when this process ends in whatever way, kill -9 included.
    Interrupts typed at the terminal do not reach it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        descriptors: Sequence[int] = (),
        grace_seconds: float = 5.0,
    ) -> None:
        """Start `command`; `descriptors` are handed on under their numbers. Raises ServiceFailed."""
        self.name, self.log, self._grace_seconds = name, log, grace_seconds
        leash = [sys.executable, "-I", "-S", str(LEASH), str(grace_seconds)]
        # For this user alone: what a server says of itself may hold its token.
        with open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
            try:
                self._process = subprocess.Popen(
                    [*leash, *map(str, command)],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if environment is None else dict(environment),
                    cwd=folder,
                    pass_fds=descriptors,
                    start_new_session=True,
                )
            except OSError as error:
                raise ServiceFailed(name, error.strerror or "the system refused", log) from error

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def ended_well(self) -> bool:
        """Whether it has ended by itself, with status 0."""
        return self._process.poll() == 0

    def check(self) -> None:
        """Raises ServiceFailed if it has ended by itself."""
        if not self.running:
            raise ServiceFailed(self.name, f"it ended with status {self._process.returncode}", self.log)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until `ready()` holds; where it does not in time, end the command. Raises ServiceFailed."""
        deadline = time.monotonic() + seconds
        try:
            while not ready():
                self.check()
                if time.monotonic() > deadline:
                    raise ServiceFailed(self.name, f"it gave no answer within {seconds:.0f} s", self.log)
                time.sleep(0.05)
        except BaseException:  # Ctrl-C too: the command does not outlive this
            self.stop()
            raise

    def finish(self, *, seconds: float) -> None:
        """Wait until the command has ended by itself. Raises ServiceFailed if not in time, or not well."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ServiceFailed(self.name, f"it took more than {seconds:.0f} s", self.log) from None
        finally:
            self.stop()
        if not self.ended_well:
            self.check()

    def stop(self) -> None:
        """End it and all its descendants; returns when they are gone. Does nothing the second time."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(2 * self._grace_seconds + 5)
