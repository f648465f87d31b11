"""What we are measured against: Rucio's own download client, and curl."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rucio_mesh.testing.grid import Grid

from .data import Dataset
from .folders import filled_once, recycle_memory

RUCIO = str(Path(sys.executable).with_name("rucio"))
TIMEOUT = 1800
"""Seconds after which a peer counts as hung."""
CURLS = 8
"""Transfers that curl makes at once. On two cores 4 and 16 took as long, 32 and 64 longer, both for 200 × 1 MiB
and for 10,000 × 10 KiB.
"""
COMPLAINT_BYTES = 2048
"""How much of what a peer says when it fails is shown: the end."""


def rucio_download(
    grid: Grid, dataset: Dataset, rse: str, work: Path, *, one_authority: bool = False
) -> float:
    """Seconds that `rucio download` takes with its defaults, which verifies checksums. Raises RuntimeError.

    For each file it loads all certificate authorities that the machine trusts, three times. Where they are in one
    file that is most of its work, and where they are in a folder it is none; so it is with `one_authority`.
    """
    with filled_once(work) as folder:
        environment = rucio_environment(grid, work)
        if one_authority:
            environment |= trusting_alone(grid.authority.certificate)
        recycle_memory(folder, dataset.total_bytes)
        took = run([RUCIO, "download", "--rses", rse, "--dir", str(folder), str(dataset.did)], environment)
        complain_unless_complete(folder, dataset)
    return took


def rucio_start(grid: Grid, work: Path) -> float:
    """Seconds that the same command takes when it has nothing to do."""
    return run([RUCIO, "--version"], rucio_environment(grid, work))


def rucio_environment(grid: Grid, work: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RUCIO", "X509"))}
    proxy = grid.authority.proxy("alice")  # it demands one, whether or not the storage does
    return kept | {
        "RUCIO_CONFIG": str(grid.rucio.client_config),
        "X509_USER_PROXY": str(proxy.certificate),
        "TMPDIR": str(work),  # its token goes there
    }


def trusting_alone(authority: Path) -> dict[str, str]:
    """Variables by which OpenSSL trusts nobody else."""
    return {"SSL_CERT_FILE": str(authority), "SSL_CERT_DIR": os.devnull}


def curl(grid: Grid, dataset: Dataset, port: int, work: Path) -> float:
    """Seconds that parallel curl takes, which verifies nothing. Raises RuntimeError."""
    with filled_once(work) as folder:
        command = curl_command(grid, dataset, port, folder)
        recycle_memory(folder, dataset.total_bytes)
        took = run(command, dict(os.environ))
        complain_unless_complete(folder, dataset)
    return took


def curl_command(grid: Grid, dataset: Dataset, port: int, folder: Path) -> list[str]:
    """A curl that fetches the whole dataset; its list of addresses lies beside the files."""
    transfers = [
        f'url = "https://localhost:{port}/{path}"\noutput = "{folder}/{name}"\n'
        for path, name in zip(dataset.paths(), dataset.file_names(), strict=True)
    ]
    (folder / "list").write_text("".join(transfers))
    options = ["--silent", "--show-error", "--fail", "--cacert", str(grid.authority.certificate)]
    if dataset.files > 1:
        options += ["--parallel", "--parallel-max", str(CURLS)]
    return ["curl", *options, "--config", str(folder / "list")]


def run(command: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds that it takes. Raises RuntimeError."""
    started = time.perf_counter()
    output(command, environment)
    return time.perf_counter() - started


def output(command: Sequence[str], environment: dict[str, str], told: bytes = b"") -> bytes:
    """What it prints; `told` is its standard input. Raises RuntimeError, with the end of its complaints."""
    done = subprocess.run(
        command,
        input=told,
        env=environment,
        check=False,
        timeout=TIMEOUT,
        capture_output=True,
    )
    if done.returncode:
        complaint = done.stderr[-COMPLAINT_BYTES:].decode(errors="replace").strip()
        raise RuntimeError(f"{Path(command[0]).name} ended with status {done.returncode}:\n{complaint}")
    return done.stdout


def complain_unless_complete(folder: Path, dataset: Dataset) -> None:
    """A peer that leaves something out is no peer. Raises RuntimeError."""
    found = [path.stat().st_size for path in folder.rglob("*.root")]
    if len(found) != dataset.files or sum(found) != dataset.total_bytes:
        raise RuntimeError(f"{len(found)} of {dataset.files} files of {dataset.did} came.")


def have_curl() -> None:
    """Raises RuntimeError, which says how to get it."""
    if shutil.which("curl") is None:
        raise RuntimeError("curl is missing: `apt-get install curl`, or what it is called on your system.")
