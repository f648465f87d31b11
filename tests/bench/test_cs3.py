"""What is asked of the entries for CS3 clouds."""

from __future__ import annotations

from bench.cs3 import against_both_peers


def test_a_gateway_that_computes_for_longer_than_we_may_take_is_the_limit() -> None:
    asked, curl = against_both_peers("cs3-get-big", 2.0, 3.0, 2.0, server=1.9)
    assert (asked.goal, asked.met, asked.ratio) == ("≥ 1.5 × as fast", True, 1.5)
    assert curl.goal is not None
    limited, curl = against_both_peers("cs3-get-big", 2.0, 3.0, 2.0, server=2.1)
    assert (limited.goal, limited.ratio) == (None, 1.5)
    assert curl.goal is not None
