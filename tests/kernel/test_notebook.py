"""`%rucio` in a real kernel, which a real Jupyter server started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rucio_jupyterlab.engine import protocol
from tests.cli.stand_in import EngineStandIn, page, snapshot, staged
from tests.cli.waiting import until
from tests.kernel.notebook import Notebook


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineStandIn]:
    with EngineStandIn(tmp_path_factory.mktemp("engine") / "state") as running:
        yield running


@pytest.fixture
def engine(stand_in: EngineStandIn) -> EngineStandIn:
    """One that has not been asked anything yet."""
    stand_in.asked.clear()
    return stand_in


@pytest.fixture(scope="module")
def notebook(stand_in: EngineStandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUCIO_JUPYTERLAB_STATE", str(stand_in.state))
        patch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
        with Notebook(tmp_path_factory.mktemp("notebook")) as running:
            assert not running.run("%load_ext rucio_jupyterlab.kernel").error
            yield running


def test_the_cell_shows_progress_and_the_paths(engine: EngineStandIn, notebook: Notebook) -> None:
    engine.course = [
        snapshot("running", files_total=2, bytes_total=100, bytes_done=10),
        snapshot("running", files_total=2, bytes_total=100, bytes_done=60),
        snapshot("done", files_total=2, files_done=2, bytes_total=100, bytes_done=100, path="/data"),
    ]
    engine.rows = [staged("a.root"), staged("b.root")]

    cell = notebook.run("files = %rucio stage user.alice:run1 --first 2\nfiles")

    assert not cell.error
    shown = [each["text/html"] for each in cell.displayed]
    assert [html.count("<progress") for html in shown] == [1, 1, 1]
    assert ['value="0.100"' in shown[0], 'value="0.600"' in shown[1], 'value="1.000"' in shown[2]] == [
        True
    ] * 3
    assert "2 files" in cell.result["text/html"] and "/data/a.root" in cell.result["text/plain"]
    (asked,) = engine.questions(protocol.StartJob)
    assert asked.job.client == "kernel" and asked.job.first == 2


def test_the_name_that_sites_load_works_too(engine: EngineStandIn, notebook: Notebook) -> None:
    engine.course = [snapshot("done")]
    cell = notebook.run("%load_ext rucio_jupyterlab.kernels.ipython\n%rucio status")
    assert not cell.error and "user.alice:run1" in cell.result["text/html"]


def test_a_search_is_a_table(engine: EngineStandIn, notebook: Notebook) -> None:
    engine.pages = [page(["a<b>"], 0, 1, complete=True)]
    cell = notebook.run("%rucio search user.alice:*")
    assert "a&lt;b&gt;" in cell.result["text/html"]


def test_an_error_is_a_sentence_without_a_traceback(engine: EngineStandIn, notebook: Notebook) -> None:
    engine.course = [snapshot("waiting", cause="confirm", files_total=4000, bytes_total=120 * 10**9)]
    cell = notebook.run("%rucio stage user.alice:run1")
    assert cell.error.startswith("ConfirmationNeeded: user.alice:run1 is 4,000 files, 120 GB.")
    assert "\n" not in cell.error and "--yes" in cell.error


def test_a_wrong_use_says_what_is_right(notebook: Notebook) -> None:
    cell = notebook.run("%rucio stage")
    assert "DID" in cell.error and "usage: %rucio stage" in cell.error
    assert "scope:name" in notebook.run("%rucio stage --help").text
    assert "find DIDs by name" in notebook.run("%rucio").text


def test_an_interrupt_cancels_the_job(engine: EngineStandIn, notebook: Notebook) -> None:
    engine.course = [snapshot("running")]
    request = notebook.start("%rucio stage user.alice:run1")
    until(lambda: engine.questions(protocol.GetJob))
    notebook.interrupt()
    cell = notebook.end(request)
    assert cell.error == "KeyboardInterrupt"
    assert engine.questions(protocol.CancelJob)
    assert "cancelled" in cell.displayed[-1]["text/html"]
    assert notebook.token not in cell.error


def test_a_forked_process_tells_its_progress_in_lines(engine: EngineStandIn, notebook: Notebook) -> None:
    engine.course, engine.rows = [snapshot("done", files_total=1, files_done=1)], [staged("a.root")]
    cell = notebook.run(
        "import multiprocessing\n"
        "from rucio_jupyterlab.kernel import stage\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    print(list(pool.apply(stage, ['user.alice:run1'])))"
    )
    assert "['/data/a.root']" in cell.text and "user.alice:run1: 1 / 1 files" in cell.text
    assert "from fork" not in notebook.log
