"""Small disks, made of memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1 << 20
OPTIONS = "size=8m,mode=0700"


class SmallDisk:
    """A disk of eight MiB; `ballast` says how much of it is taken by something else."""

    def __init__(self, path: Path, mounted: Sequence[str]) -> None:
        """`mounted` is how it was mounted."""
        self.path = path
        self._mounted = mounted
        self._ballast = path / "ballast"

    def leave(self, free: int) -> None:
        """Fill it until so many bytes are free."""
        self.clear()
        status = os.statvfs(self.path)
        with self._ballast.open("wb") as file:
            file.write(bytes(max(0, status.f_bavail * status.f_frsize - free)))

    def protect(self, protected: bool) -> None:
        """Make it read-only, or writable again."""
        option = "remount,ro" if protected else "remount,rw"
        subprocess.run([option if each == OPTIONS else each for each in self._mounted], check=True)

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """As root it is mounted; another user mounts it in a namespace of his own and reaches it through /proc."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", OPTIONS, "none", str(folder)]
    if os.geteuid() == 0:
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            _missing("root may not mount here")
        try:
            yield SmallDisk(folder, mount)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    script = '"$@" && echo ready && exec sleep 1000'
    holder = subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script, "sh", *mount],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert holder.stdout is not None
        if holder.stdout.readline().strip() != b"ready":
            _missing("`unshare -rm` is not allowed here: run the tests as root, or allow user namespaces")
        inside = ["nsenter", "-t", str(holder.pid), "-U", "-m", "--preserve-credentials"]
        yield SmallDisk(Path(f"/proc/{holder.pid}/root{folder}"), [*inside, *mount])
    finally:
        holder.kill()
        holder.wait()


def _missing(sentence: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"no small disk: {sentence}")
    pytest.skip(f"no small disk: {sentence}")
