"""No call into a network may wait for ever."""

from __future__ import annotations

import ast

from tests.house.sources import python_files, tree

OPENERS = {"urlopen", "create_connection", "HTTPConnection", "HTTPSConnection"}
VERBS = {"get", "post", "put", "delete", "head", "request", "send", "open"}
"""Methods that open a connection if they are those of a session, an opener or a module named so."""
OWNERS = {"requests", "session", "_session", "opener", "_opener"}


def test_every_call_that_opens_a_connection_has_a_timeout() -> None:
    endless = [
        f"{path}:{call.lineno} {ast.unparse(call.func)}"
        for path in python_files("rucio_jupyterlab", "mesh/rucio_mesh")
        for call in ast.walk(tree(path))
        if isinstance(call, ast.Call) and opens_a_connection(call) and not has_timeout(call)
    ]
    assert endless == []


def opens_a_connection(call: ast.Call) -> bool:
    owner, _, method = ast.unparse(call.func).rpartition(".")
    return method in OPENERS or (method in VERBS and owner.rpartition(".")[2] in OWNERS)


def has_timeout(call: ast.Call) -> bool:
    return any(keyword.arg == "timeout" for keyword in call.keywords)


def test_every_curl_handle_can_give_up() -> None:
    makers = {
        path: called
        for path in python_files("rucio_jupyterlab", "mesh/rucio_mesh")
        if "pycurl.Curl" in (called := what_is_called(tree(path)))
    }
    assert makers
    assert [path for path, called in makers.items() if "prepare" not in called] == []
    limits = {"pycurl.CONNECTTIMEOUT_MS", "pycurl.LOW_SPEED_LIMIT", "pycurl.LOW_SPEED_TIME"}
    assert limits <= {ast.unparse(node) for node in ast.walk(the_function("prepare"))}


def what_is_called(module: ast.Module) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}


def the_function(name: str) -> ast.FunctionDef:
    """The one of `sources/http/request.py`."""
    [path] = [path for path in python_files("rucio_jupyterlab/sources/http") if path.name == "request.py"]
    [found] = [node for node in tree(path).body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found
