"""Search and content from a kernel, through HTTP."""

from __future__ import annotations

import pytest

from rucio_jupyterlab import kernel
from rucio_jupyterlab.accounts.model import Instances
from rucio_jupyterlab.errors import Problem
from tests.cli.stand_in import info, page
from tests.kernel.contract import JupyterStandIn


def test_a_search_collects_the_pages_as_they_arrive(jupyter: JupyterStandIn) -> None:
    jupyter.pages = [
        page(["a", "b"], 0, 2, complete=False),
        page([], 2, 2, complete=False),
        page(["c"], 2, 3, complete=True),
    ]
    found = kernel.search("user.alice:*")
    assert list(found) == ["user.alice:a", "user.alice:b", "user.alice:c"] and found.complete
    (asked,) = jupyter.asked("POST", "instances/lab/listings")
    assert asked["query"] == {"kind": "search", "scope": "user.alice", "name": "*", "type": "collection"}
    assert jupyter.requests[-1][:2] == ("DELETE", "listings/l1")


def test_no_more_is_fetched_than_was_asked_for(jupyter: JupyterStandIn) -> None:
    jupyter.pages = [page(["a", "b"], 0, 100, complete=False)]
    found = kernel.search("user.alice:*", limit=2)
    assert len(found) == 2 and not found.complete
    assert "The first 2 DIDs" in repr(found)
    for told in ("user.alice:a", "dataset", "2 files", "1.0 kB"):
        assert told in repr(found) and told.removesuffix(" files") in found._repr_html_()


def test_an_answer_that_was_cut_says_so(jupyter: JupyterStandIn) -> None:
    jupyter.pages = [page(["a"], 0, 1, complete=False, cut="Rucio hung up.")]
    found = kernel.ls("user.alice:run1")
    assert found.cut == "Rucio hung up." and "Rucio hung up." in found._repr_html_()


def test_rows_that_have_come_outlast_a_failure_to_close_the_listing(jupyter: JupyterStandIn) -> None:
    jupyter.pages = [page(["a"], 0, 1, complete=True)]
    jupyter.closed = Problem("engine-down", "The engine ended.", "retry", 503)
    assert list(kernel.search("user.alice:*")) == ["user.alice:a"]
    assert jupyter.requests[-1][:2] == ("DELETE", "listings/l1")


def test_a_scope_alone_lists_all_in_it(jupyter: JupyterStandIn) -> None:
    jupyter.pages = [page([], 0, 0, complete=True)]
    assert not kernel.search("user.alice")
    (asked,) = jupyter.asked("POST", "instances/lab/listings")
    assert asked["query"]["name"] == "*"


def test_where_there_are_several_instances_one_must_be_named(jupyter: JupyterStandIn) -> None:
    jupyter.instances = Instances([info("lab"), info("atlas")])
    with pytest.raises(kernel.RucioError, match="lab, atlas"):
        kernel.ls("user.alice:run1")


def test_a_configuration_without_any_instance_is_told_with_what_is_wrong_in_it(
    jupyter: JupyterStandIn,
) -> None:
    jupyter.instances = Instances([])
    with pytest.raises(kernel.RucioError, match="Add one in the Rucio panel"):
        kernel.search("user.alice:*")
    jupyter.instances = Instances([], problem="The key “instances” must be a list.")
    with pytest.raises(kernel.RucioError, match="“instances” must be a list"):
        kernel.search("user.alice:*")


def test_who_is_signed_out_is_told_where_to_sign_in(
    jupyter: JupyterStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_out = Problem("sign-in-needed", "Nobody is signed in at lab.", "signin", 403)
    monkeypatch.setattr(jupyter, "pages", [signed_out])
    with pytest.raises(kernel.SignInNeeded, match=r"Nobody is signed in at lab\. Use the Rucio panel"):
        kernel.search("user.alice:*")
