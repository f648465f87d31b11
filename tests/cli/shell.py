"""A user's shell on a machine where the lab's Rucio is configured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from rucio_jupyterlab.cli.engine import Engine
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.engine.place import read_notice
from rucio_jupyterlab.staging.model import JobSnapshot
from tests.cli.waiting import until
from tests.engine.processes import alive
from tests.lab.lab import Lab


class Shell:
    """Runs `jupyter rucio`, with everything of the user's below `home`."""

    def __init__(self, home: Path, lab: Lab, **keys: Any) -> None:
        """`keys` are further ones of the instance."""
        self.home = home
        self._lab = lab
        folder = home / "jupyter"
        folder.mkdir()
        options = {"views_dir": str(home / "rucio"), "instances": [lab.configuration(**keys)]}
        (folder / "jupyter_server_config.json").write_text(json.dumps({"RucioConfig": options}))
        others = {
            name: value for name, value in os.environ.items() if not name.startswith(("RUCIO", "JUPYTER"))
        }
        self.environ = {
            **others,
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": str(folder),
            "RUCIO_JUPYTERLAB_STATE": str(self.state),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    @property
    def state(self) -> Path:
        return self.home / "state"

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rucio_jupyterlab.cli", *arguments]
        return subprocess.run(
            command, check=False, env=self.environ, input=stdin, capture_output=True, text=True, timeout=100
        )

    def start(self, *arguments: str, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "rucio_jupyterlab.cli", *arguments]
        return subprocess.Popen(command, env=self.environ, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def sign_in(self) -> None:
        """As alice."""
        who = ("--username", "alice", "--account", "alice")
        signed_in = self.run("signin", *who, stdin=f"{self._lab.password}\n")
        assert signed_in.returncode == 0, signed_in.stderr

    def jobs(self, did: Did) -> list[JobSnapshot]:
        """The jobs for a DID, newest first."""
        with Engine(self.state, None) as engine:
            return [job for job in engine.ask(protocol.ListJobs()).jobs if job.request.dids == [did]]

    def wait_for_bytes(self, did: Did) -> None:
        """Until a job for the DID has brought something."""
        until(lambda: any(job.bytes_done for job in self.jobs(did)))

    def limit_bandwidth(self, limit: int) -> None:
        """To so many bytes per second; 0 takes the limit away."""
        with Engine(self.state, None) as engine:
            engine.ask(protocol.SetLimits(bandwidth_limit=limit))

    def kill_engine(self, number: signal.Signals) -> None:
        """Send the engine a signal that it dies of, and see it gone."""
        notice = read_notice(self.state)
        assert notice is not None
        os.kill(notice.pid, number)
        until(lambda: not alive(notice.pid))
