"""A side that fails, or is not as busy as it should be, is not measured; what sides leave behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench import latency, peers
from bench.data import Dataset
from bench.folders import empty, filled_once
from bench.peers import complain_unless_complete
from rucio_mesh.testing.certificates import Authority


def test_a_peer_that_fails_is_told_with_the_end_of_its_complaints() -> None:
    script = "import sys; sys.stderr.write('x' * 9000 + 'no route to host'); sys.exit(7)"
    with pytest.raises(RuntimeError, match=r"ended with status 7:\nx+no route to host$") as caught:
        peers.run([sys.executable, "-c", script], dict(os.environ))
    assert len(str(caught.value)) < 3000


def test_a_peer_is_told_its_task_and_its_answer_is_read() -> None:
    script = "import sys; print(sys.stdin.read().upper(), end='')"
    assert peers.output([sys.executable, "-c", script], dict(os.environ), b"task") == b"TASK"


def test_a_machine_may_trust_one_authority_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    count = "import ssl; print(len(ssl.create_default_context().get_ca_certs()), end='')"
    environment = dict(os.environ) | peers.trusting_alone(authority.certificate)
    assert peers.output([sys.executable, "-c", count], environment) == b"1"


def test_a_load_that_was_not_there_is_a_failure() -> None:
    assert latency.load(2 * latency.BYTES_PER_SECOND, 2.0) == latency.BYTES_PER_SECOND / 1e6
    with pytest.raises(RuntimeError, match="Only 150 of 300 MB/s"):
        latency.load(latency.BYTES_PER_SECOND, 2.0)


def test_many_files_stay_without_their_bytes_until_the_work_folder_goes(tmp_path: Path) -> None:
    dataset = Dataset("d", 100, 3)
    with filled_once(tmp_path) as folder:
        for name in dataset.file_names():
            (folder / name).write_bytes(b"abc")
        complain_unless_complete(folder, dataset)
        empty(folder)
    assert [path.stat().st_size for path in folder.iterdir()] == [0] * 100
