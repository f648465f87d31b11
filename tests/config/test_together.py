"""What several clients of one engine configured, as one configuration."""

from __future__ import annotations

from typing import Any

from rucio_jupyterlab.config import Configuration, Options, configuration_from


def says(*names: str, url: str = "https://rucio.example.org", **traits: Any) -> Configuration:
    instances = [{"name": name, "display_name": name, "rucio_base_url": url} for name in names]
    return configuration_from({"instances": instances, **traits}, {})


def test_one_alone_is_taken_as_it_is() -> None:
    alone = says("a", "b", default_instance="b", quota_bytes=10)
    assert Configuration.together([alone]) == alone


def test_nobody_takes_away_what_another_has_and_the_last_description_holds() -> None:
    both = Configuration.together([says("a", "b"), says("b", "c", url="https://moved.example.org")])
    assert [(each.name, each.base_url) for each in both.instances] == [
        ("a", "https://rucio.example.org"),
        ("b", "https://moved.example.org"),
        ("c", "https://moved.example.org"),
    ]
    assert both.default_instance == "a"


def test_who_sets_no_options_leaves_those_of_others() -> None:
    assert Configuration.together([says("a", quota_bytes=10), says("b")]).options.quota_bytes == 10
    assert Configuration.together([says(quota_bytes=10), says(quota_bytes=20)]).options.quota_bytes == 20
    assert Configuration.together([says(), says("b")]).options == Options()


def test_a_problem_of_one_is_told_to_all() -> None:
    problem = says("a", default_instance="gone").problem
    assert problem
    assert Configuration.together([says("b"), says("a", default_instance="gone")]).problem == problem
