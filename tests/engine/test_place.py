"""Where an engine is found, and who else can get there."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from pathlib import Path

import pytest

from rucio_jupyterlab.engine import place
from rucio_jupyterlab.errors import BadConfiguration


def socket_path(state: Path) -> Path:
    return next(place.socket_paths(state))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_for_its_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = place.private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert mode(folder) == 0o700


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(place.private_folder(tmp_path / "open")) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(BadConfiguration, match="belongs to another user"):
        place.private_folder(tmp_path / "theirs")


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser can give a link away")
def test_a_link_that_somebody_else_laid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    os.chown(tmp_path / "link", 12345, 12345, follow_symlinks=False)
    with pytest.raises(BadConfiguration, match="belongs to another user"):
        place.private_folder(tmp_path / "link")


def test_a_file_in_its_place_is_a_clear_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadConfiguration, match=r"cannot be used.*Set RUCIO_JUPYTERLAB_STATE"):
        place.private_folder(tmp_path / "file")


def test_the_socket_lies_in_the_state_folder_where_the_path_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    assert socket_path(Path("/short")) == Path("/short/engine.sock")


@pytest.mark.parametrize("runtime", ["short", "long"])
def test_a_long_path_moves_the_socket_to_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    base = tmp_path / ("r" if runtime == "short" else "r" * 90)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    path = socket_path(tmp_path / ("s" * 90))
    try:
        assert len(os.fsencode(path)) < place.SOCKET_PATH_LIMIT
        assert mode(path.parent) == 0o700
        assert path != socket_path(tmp_path / ("t" * 90))
    finally:
        for folder in {path.parent, socket_path(tmp_path / ("t" * 90)).parent}:
            folder.rmdir()


def test_a_runtime_folder_that_is_gone_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/gone/1000")
    path = socket_path(tmp_path / ("s" * 90))
    path.parent.rmdir()
    assert path.parent.parent in (Path(tempfile.gettempdir()), Path("/tmp"))


def test_where_no_folder_is_left_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> Path:
        raise BadConfiguration("belongs to another user")

    monkeypatch.setattr(place, "private_folder", refuse)
    with pytest.raises(BadConfiguration, match="can hold a socket"):
        list(place.socket_paths(tmp_path))


def test_the_lock_is_held_once_and_tells_where_its_holder_listens(tmp_path: Path) -> None:
    lock = place.take_lock(tmp_path)
    assert lock is not None
    assert place.take_lock(tmp_path) is None
    assert place.read_notice(tmp_path) is None
    place.announce(lock, Path("/somewhere"))
    notice = place.read_notice(tmp_path)
    assert notice
    assert (notice.pid, notice.socket) == (os.getpid(), "/somewhere")
    os.close(lock)
    assert (tmp_path / "lock").stat().st_mode & 0o077 == 0
    again = place.take_lock(tmp_path)
    assert again is not None
    os.close(again)


def test_a_disk_without_locks_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(BadConfiguration, match=r"cannot be locked: .*RUCIO_JUPYTERLAB_STATE"):
        place.take_lock(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_lock_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    assert place.read_notice(tmp_path) is None
    with pytest.raises(BadConfiguration, match="cannot be locked"):
        place.take_lock(tmp_path)


def test_a_disk_that_fails_is_not_taken_for_a_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = place.take_lock(tmp_path)
    assert lock is not None
    try:
        place.announce(lock, tmp_path / "engine.sock")
        assert place.holds(lock, tmp_path) and not place.leads_here(tmp_path)
        notice = place.read_notice(tmp_path)

        def fail(path: Path, **_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(place, "read_notice", lambda state: notice)
        monkeypatch.setattr(Path, "stat", fail)
        assert place.holds(lock, tmp_path) and place.leads_here(tmp_path)
    finally:
        monkeypatch.undo()
        os.close(lock)
