"""Numbers and states in words."""

from __future__ import annotations

import io

import pytest

from rucio_jupyterlab.kernel import words
from rucio_jupyterlab.kernel.progress import ERASE_LINE, LogDisplay, TerminalDisplay
from tests.kernel.test_files import job


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (19_400_000, "19.4 MB"),
        (999_600, "1.0 MB"),
        (120e9, "120 GB"),
        (3e21, "3000 EB"),
        (None, "? B"),
    ],
)
def test_sizes_are_decimal(count: float | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (120, "2 min"),
        (6000, "1 h 40 min"),
        (7200, "2 h"),
        (400_000, "4 days"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_a_running_job_is_one_line() -> None:
    running = job(
        state="running",
        files_total=20,
        files_done=12,
        bytes_total=20_100_000,
        bytes_done=12_500_000,
        bytes_per_second=86e6,
        seconds_left=1.2,
    )
    assert words.progress(running) == "12.5 of 20.1 MB · 12 / 20 files · 86.0 MB/s · 1 s left"
    assert words.fraction(running) == pytest.approx(0.62, abs=0.01)


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ("space", "waiting for free space"),
        ("disk", "waiting for the disk"),
        ("signin", "waiting for a sign-in"),
        ("network", "waiting for the"),
    ],
)
def test_a_waiting_job_says_what_for(cause: str, text: str) -> None:
    assert text in words.progress(job(state="waiting", cause=cause))


@pytest.mark.parametrize(("remedy", "hinted"), [("signin", True), ("retry", False)])
def test_signing_in_at_rucio_is_advised_only_where_it_helps(remedy: str, hinted: bool) -> None:
    problem = {"detail": "The CS3 gateway of CERNBOX refuses your sign-in.", "do": remedy}
    remarks = words.remarks(job(state="waiting", cause="signin", problem=problem), "Run `%rucio signin`.")
    assert remarks[0] == problem["detail"]
    assert any("%rucio signin" in remark for remark in remarks) == hinted


def test_a_terminal_shows_one_line_that_is_drawn_over() -> None:
    stream = io.StringIO()
    display = TerminalDisplay(stream, "")
    for done in (1, 2):
        display.show(job(state="running", files_total=2, files_done=done, notice="ALPHA_DISK is slow."))
    display.close()
    text = stream.getvalue()
    assert text.count("\n") == 3 and text.count("s:d") == 1 and text.count("ALPHA_DISK is slow.") == 1
    assert "█" * 24 in text


@pytest.mark.parametrize(("columns", "bar"), [(80, 24), (60, 12), (45, 0)])
def test_a_bar_leaves_room_for_the_numbers(monkeypatch: pytest.MonkeyPatch, columns: int, bar: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.StringIO()
    running = job(state="running", files_total=20, files_done=20, bytes_total=10**7, bytes_done=10**7)

    TerminalDisplay(stream, "").show(running._replace(seconds_left=3.0))

    line = stream.getvalue().rpartition(ERASE_LINE)[2]
    assert line.count("█") == bar and line.endswith("10.0 of 10.0 MB · 20 / 20 files · 3 s left")


def test_a_log_gets_a_line_for_each_state() -> None:
    stream = io.StringIO()
    display = LogDisplay(stream, "")
    for state in ("planning", "running", "running", "done"):
        display.show(job(state=state))
    assert len(stream.getvalue().splitlines()) == 3
