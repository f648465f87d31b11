"""Whoever is at work learns that nobody wants it any more."""

from __future__ import annotations

import threading

from rucio_mesh.cs3.recall import Recall


def test_what_is_under_way_is_cut_and_what_has_ended_is_not() -> None:
    recall = Recall()
    cut: list[str] = []
    with recall.cutting(lambda: cut.append("ended")):
        pass
    with recall.cutting(lambda: cut.append("under way")):
        assert not recall.told and cut == []
        recall.tell()
    assert recall.told and cut == ["under way"]


def test_a_pause_ends_when_it_is_told() -> None:
    recall = Recall()
    assert not recall.wait(0)
    threading.Timer(0.05, recall.tell).start()
    assert recall.wait(30)
