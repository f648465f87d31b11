"""One user's folders, with the engine that works there; and what a test does to both."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

from rucio_jupyterlab.accounts.files import write_private
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine.place import CONFIGURATION
from tests.engine.processes import alive, wait_until
from tests.faults.scenarios import Damage
from tests.lab.lab import Lab
from tests.lab.processes import processes_of

ENGINE = "rucio_jupyterlab.engine"
SLOW_ENOUGH = 120_000_000
"""Bytes per second that leave time for a kill."""
PAGE = 4096


class Seat:
    """State, views and store below `folder`; signed in at the lab by a token file."""

    def __init__(self, lab: Lab, folder: Path, **options: Any) -> None:
        """`options` go to `c.RucioConfig`."""
        self.folder = folder
        self.state = folder / "state"
        self.views = folder / "views"
        self.journal = self.state / "journal.sqlite"
        folder.mkdir(parents=True, exist_ok=True)
        self.token = folder / "token"
        self.token.write_text(lab.rucio.token("alice", username="alice", password=lab.password))
        self.token.chmod(0o600)
        instance = lab.configuration(oidc_auth="file", oidc_file_name=str(self.token))
        self.values: dict[str, Any] = {
            "instances": [instance],
            "default_auth_type": "oidc",
            "views_dir": str(self.views),
            "bandwidth_limit": SLOW_ENOUGH,
            "send_traces": False,
            **options,
        }

    @property
    def objects(self) -> Path:
        return self.views / ".store" / "objects"

    def move_views(self) -> None:
        """Configure another folder, which does not exist yet."""
        self.views = self.folder / "other-views"
        self.values["views_dir"] = str(self.views)

    def engines(self) -> list[int]:
        """Every engine process of this seat that lives, the one that only starts among them."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            if ENGINE not in (process.info["cmdline"] or ()):
                continue
            with suppress(psutil.Error):
                if process.environ().get("RUCIO_JUPYTERLAB_STATE") == str(self.state) and alive(process.pid):
                    found.append(process.pid)
        return found

    @property
    def configuration(self) -> dict[str, Any]:
        """As clients hand it to the engine."""
        return configuration_from(self.values, {"HOME": str(self.folder)}).to_dict()

    @contextmanager
    def run_engine(self, script: str) -> Iterator[subprocess.Popen[bytes]]:
        """An engine started by hand, from a script; listens already."""
        write_private(self.state / CONFIGURATION, msgspec.json.encode(self.configuration))
        environment = os.environ | {"RUCIO_JUPYTERLAB_STATE": str(self.state)}
        engine = subprocess.Popen([sys.executable, "-c", script], env=environment)
        try:
            wait_until((self.state / "engine.sock").exists)
            yield engine
        finally:
            engine.kill()
            engine.wait()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Kill -9 the engine; none can start until the context ends."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                for pid in self.engines():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
            yield
        finally:
            os.close(lock)

    def end_engine(self) -> float:
        """Ask it to end, as a shutdown does; the seconds that it took."""
        begin = time.monotonic()
        pids = self.engines()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not any(map(alive, pids)))
        return time.monotonic() - begin

    def clear_away(self) -> None:
        """Kill whatever still runs here."""
        for pid in processes_of(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def damage_journal(self, damage: Damage, draw: random.Random) -> None:
        log, index = (self.journal.with_name(self.journal.name + suffix) for suffix in ("-wal", "-shm"))
        gone = {
            "all gone": (self.journal, log, index),
            "log gone": (log, index),
            "main file gone": (self.journal,),
        }
        for path in gone.get(damage, ()):
            path.unlink(missing_ok=True)
        if damage in ("cut short", "garbled") and self.journal.exists():
            log.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
            content = bytearray(self.journal.read_bytes())
            if damage == "cut short":
                content = content[: draw.randrange(len(content) + 1)]
            else:
                for start in range(0, len(content), PAGE):
                    if draw.random() < 0.5:
                        content[start : start + PAGE] = draw.randbytes(PAGE)
            self.journal.write_bytes(content)
