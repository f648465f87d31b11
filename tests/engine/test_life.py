"""Life and death of real engine processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rucio_jupyterlab.accounts.model import Instances
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine import place, protocol, wire
from rucio_jupyterlab.engine.__main__ import heed_signals
from rucio_jupyterlab.engine.start import NewerEngine, ask_once, open_connection
from rucio_jupyterlab.errors import BadConfiguration, EngineDown
from rucio_jupyterlab.staging.model import StoreStatus
from tests.engine.processes import alive, end, engines_of, start_by_hand, status, wait_until

MIB = 1024 * 1024
SIGN_IN = protocol.SignIn("x", "userpass", "account", "user", "password")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    end(tmp_path / "state")


def test_eight_simultaneous_starters_leave_one_alive(state: Path) -> None:
    with ThreadPoolExecutor(8) as starters:
        pids = {found.pid for found in starters.map(lambda _: status(state), range(8))}
    assert len(pids) == 1
    wait_until(lambda: engines_of(state) == list(pids))


def test_one_that_finds_the_lock_taken_ends_successfully(state: Path) -> None:
    first = status(state)
    assert start_by_hand(state).wait(20) == 0
    assert alive(first.pid)


def test_after_kill_9_a_new_one_answers(state: Path) -> None:
    first = status(state)
    os.kill(first.pid, signal.SIGKILL)
    assert status(state).pid != first.pid


def test_it_ends_when_left_alone_and_not_before(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUCIO_JUPYTERLAB_IDLE_SECONDS", "0.2")
    with open_connection(state, None) as connection:
        pid = ask_once(connection, protocol.GetEngine()).pid
        time.sleep(1.0)
        assert alive(pid)
    wait_until(lambda: not alive(pid))
    assert not (state / "engine.sock").exists()


def test_sigterm_ends_it_in_under_five_seconds_though_a_rucio_hangs(state: Path) -> None:
    with hanging_server() as port:
        plain = {"name": "x", "display_name": "x", "rucio_base_url": f"http://127.0.0.1:{port}"}
        configuration = configuration_from({"instances": [plain]}, {}).to_dict()
        with open_connection(state, configuration) as asking, open_connection(state, None) as other:
            asking.sendall(wire.encode_ask(1, SIGN_IN))
            pid = ask_once(other, protocol.GetEngine()).pid
            time.sleep(0.3)
            begin = time.monotonic()
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not alive(pid))
            assert time.monotonic() - begin < 5


class hanging_server:  # noqa: N801 -- used like a function
    """A port where everybody is let in and nobody is answered."""

    def __enter__(self) -> int:
        self._socket = socket.create_server(("127.0.0.1", 0))
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._socket.close()


async def test_sigterm_is_heeded_though_many_threads_report_meanwhile() -> None:
    earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stop = asyncio.Event()
    try:
        heed_signals(stop)
        for _ in range(1000):
            asyncio.get_running_loop().call_soon_threadsafe(int)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 10)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def test_an_older_engine_makes_room_for_a_newer_client(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = status(state)
    with open_connection(state, None) as bystander:
        monkeypatch.setattr(protocol, "PROTOCOL_VERSION", protocol.PROTOCOL_VERSION + 1)
        monkeypatch.setattr("rucio_jupyterlab.engine.start.START_TIMEOUT", 0.5)
        with pytest.raises(EngineDown):  # what is started here speaks the old version still
            open_connection(state, None)
        assert bystander.recv(1) == b""
    wait_until(lambda: not alive(old.pid))


def test_while_an_engine_puts_its_things_in_order_no_other_is_started(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.mkdir(mode=0o700)
    lock = place.take_lock(state)
    assert lock is not None
    place.announce(lock, state / "engine.sock")
    monkeypatch.setattr("rucio_jupyterlab.engine.start.START_TIMEOUT", 0.5)
    monkeypatch.setattr("rucio_jupyterlab.engine.start._start", lambda state: pytest.fail("one was started"))
    with pytest.raises(EngineDown, match=f"process {os.getpid()}, is there"):
        open_connection(state, None)
    monkeypatch.undo()
    threading.Timer(0.3, os.close, [lock]).start()
    status(state)


def test_an_engine_that_stands_still_is_told_with_what_to_do(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rucio_jupyterlab.engine.start.HELLO_TIMEOUT", 0.5)
    pid = status(state).pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EngineDown, match=f"process {pid}, is there but does not answer. If it hangs, end"):
        open_connection(state, None)
    os.kill(pid, signal.SIGCONT)
    monkeypatch.undo()
    assert status(state).pid == pid


def test_a_newer_engine_is_left_in_peace(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = status(state)
    monkeypatch.setattr(protocol, "PROTOCOL_VERSION", protocol.PROTOCOL_VERSION - 1)
    with pytest.raises(NewerEngine):
        open_connection(state, None)
    assert alive(newer.pid)


@pytest.mark.parametrize("lost", ["engine.sock", "lock"])
def test_a_socket_or_notice_that_was_lost_is_made_again(state: Path, lost: str) -> None:
    """As the end of a login session removes the runtime folder."""
    pid = status(state).pid
    if lost == "lock":
        (state / lost).write_bytes(b"")
    else:
        (state / lost).unlink()
    assert status(state).pid == pid


@pytest.mark.parametrize("lost", ["", "lock"])
def test_an_engine_whose_state_folder_was_removed_leaves_it_to_the_next(state: Path, lost: str) -> None:
    with open_connection(state, None) as connection:
        first = ask_once(connection, protocol.GetEngine()).pid
        shutil.rmtree(state) if lost == "" else (state / lost).unlink()
        second = status(state).pid
        wait_until(lambda: not alive(first))
    assert second != first
    assert status(state).pid == second


def test_only_its_user_can_reach_it_and_read_its_files(state: Path) -> None:
    status(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    for name in ("engine.log", "lock"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600, name


def test_it_removes_half_written_secrets_and_nothing_of_the_users(state: Path) -> None:
    draft = state / "tokens" / ".abc.0123abcd"
    others = [state / "project" / name for name in (".env", ".gitignore", ".abc.0123abcd")]
    others += [state / "tokens" / ".env", state / ".profile"]
    for file in (draft, *others):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")
    status(state)
    assert not draft.exists()
    assert [file for file in others if not file.exists()] == []


def test_a_state_folder_with_a_long_path_works(tmp_path: Path) -> None:
    state = tmp_path / ("long" * 30)
    try:
        assert status(state).state_path == str(state)
        notice = place.read_notice(state)
        assert notice
        assert len(notice.socket) < place.SOCKET_PATH_LIMIT
    finally:
        end(state)
        clear_socket(state)


def test_a_notice_from_a_machine_with_other_folders_keeps_no_engine_from_starting(state: Path) -> None:
    """The home is shared; the runtime folder of that session is not, or is gone."""
    lock = place.take_lock(place.private_folder(state))
    assert lock is not None
    place.announce(lock, Path("/proc/another-machine/rucio-jupyterlab-1234/engine.sock"))
    os.close(lock)
    assert status(state).state_path == str(state)


def test_a_log_that_cannot_be_opened_is_a_problem_with_a_reason(state: Path) -> None:
    (place.private_folder(state) / "engine.log").mkdir()
    with pytest.raises(EngineDown, match=r"engine\.log cannot be written to"):
        open_connection(state, None)


def test_an_engine_that_can_take_no_lock_tells_why_in_its_log(state: Path) -> None:
    (place.private_folder(state) / "lock").mkdir()
    with pytest.raises(EngineDown, match=r"engine\.log tells why"):
        open_connection(state, None)
    told = (state / "engine.log").read_text()
    assert "lock cannot be locked" in told
    assert "Traceback" not in told


def test_a_configuration_that_is_no_text_is_a_problem_with_a_reason(state: Path) -> None:
    configuration = {"instances": [{"name": "lab", "source_detail": "/caf\udce9/jupyter_config.json"}]}
    with pytest.raises(BadConfiguration, match="not UTF-8"):
        open_connection(state, configuration)


def clear_socket(state: Path) -> None:
    """Remove what an engine that was killed left beside the state folder."""
    notice = place.read_notice(state)
    assert notice
    Path(notice.socket).unlink()
    Path(notice.socket).parent.rmdir()


def test_a_disk_that_takes_no_sockets_moves_the_socket(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    (place.private_folder(state) / "engine.sock").mkdir()  # stands for it: nothing can be bound there
    try:
        assert status(state).state_path == str(state)
    finally:
        end(state)
        clear_socket(state)


def test_it_is_nice_to_kernels(state: Path) -> None:
    assert os.getpriority(os.PRIO_PROCESS, status(state).pid) >= 5


def test_it_belongs_to_no_terminal_and_no_session_of_its_starter(state: Path) -> None:
    pid = status(state).pid
    assert os.getsid(pid) == pid


def test_before_the_first_question_to_rucio_it_takes_25_mib_more_than_bare_python(state: Path) -> None:
    with open_connection(state, None) as connection:
        ask_once(connection, protocol.ListInstances())
        ask_once(connection, protocol.ListJobs())
        ask_once(connection, protocol.GetStore())
        taken = ask_once(connection, protocol.GetEngine()).memory_bytes
    script = "import os; print(int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE'))"
    bare = int(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout)
    assert (taken - bare) / MIB <= 25


def test_the_sites_configuration_outlives_the_engine(state: Path) -> None:
    plain = {"name": "kept", "display_name": "Kept", "rucio_base_url": "https://rucio.invalid"}
    configuration = configuration_from({"instances": [plain]}, {}).to_dict()
    open_connection(state, configuration).close()
    end(state)
    with open_connection(state, None) as connection:
        instances: Instances = ask_once(connection, protocol.ListInstances())
    assert [info.name for info in instances.instances] == ["kept"]


def test_the_same_configuration_from_another_place_is_no_news(state: Path) -> None:
    site = {"instances": [{"name": "a", "rucio_base_url": "https://127.0.0.1:9"}]}
    with open_connection(state, configuration_from(site, {}, "the server's files").to_dict()) as connection:
        kept = (state / place.CONFIGURATION).stat().st_mtime_ns
        open_connection(state, configuration_from(site, {}, "the shell's files").to_dict()).close()
        found: Instances = ask_once(connection, protocol.ListInstances())
    assert found.instances[0].source_detail == "the server's files"
    assert (state / place.CONFIGURATION).stat().st_mtime_ns == kept


def configured(*names: str) -> dict[str, Any]:
    instances = [{"name": name, "rucio_base_url": "https://127.0.0.1:9"} for name in names]
    return configuration_from({"instances": instances}, {}).to_dict()


def names_at(connection: socket.socket) -> list[str]:
    found: Instances = ask_once(connection, protocol.ListInstances())
    return [info.name for info in found.instances]


def test_a_client_takes_away_no_instance_of_another_that_is_connected(state: Path) -> None:
    with open_connection(state, configured("server")) as server:
        open_connection(state, configured("shell")).close()
        assert names_at(server) == ["server", "shell"]
        wait_until(lambda: ask_once(server, protocol.GetEngine()).clients == 1)
        open_connection(state, configured("next")).close()
        assert names_at(server) == ["server", "next"]


def test_a_client_that_says_less_than_before_takes_back_the_rest(state: Path) -> None:
    with (
        open_connection(state, configured("site")) as other,
        open_connection(state, configured("site", "demo")) as server,
    ):
        assert names_at(other) == ["site", "demo"]
        ask_once(server, protocol.Hello(protocol.PROTOCOL_VERSION, configured("site")))
        assert names_at(other) == ["site"]


def test_limits_that_the_user_set_outlive_a_client_that_tells_of_another_instance(state: Path) -> None:
    def limit_told_by(connection: socket.socket, request: protocol.Request) -> int | None:
        with connection:
            status: StoreStatus = ask_once(connection, request)
        return status.bandwidth_limit

    site = {"instances": [{"name": "a", "rucio_base_url": "https://127.0.0.1:9"}]}
    set_limit = protocol.SetLimits(bandwidth_limit=1000)
    assert limit_told_by(open_connection(state, configuration_from({}, {}).to_dict()), set_limit) == 1000
    other = configuration_from(site, {})
    assert limit_told_by(open_connection(state, other.to_dict()), protocol.GetStore()) == 1000
    slower = configuration_from(site | {"bandwidth_limit": 500}, {})
    assert limit_told_by(open_connection(state, slower.to_dict()), protocol.GetStore()) == 500


def test_an_engine_that_cannot_start_says_where_to_look(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUCIO_JUPYTERLAB_IDLE_SECONDS", "soon")
    with pytest.raises(EngineDown, match=r"engine\.log tells why"):
        open_connection(state, None)
    assert "ValueError" in (state / "engine.log").read_text()


def test_a_file_in_the_users_folder_shadows_no_module(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asyncio.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    assert status(state).pid


def test_questions_to_a_hanging_rucio_delay_no_other(state: Path) -> None:
    with hanging_server() as port:
        plain = {"name": "x", "display_name": "x", "rucio_base_url": f"http://127.0.0.1:{port}"}
        configuration = configuration_from({"instances": [plain]}, {}).to_dict()
        stuck = []
        for _ in range(30):
            connection = open_connection(state, configuration)
            connection.sendall(wire.encode_ask(1, SIGN_IN))
            stuck.append(connection)
        with open_connection(state, None) as connection:
            assert ask_once(connection, protocol.ListInstances()).instances
            assert ask_once(connection, protocol.GetEngine()).clients == 31
        for connection in stuck:
            connection.close()
