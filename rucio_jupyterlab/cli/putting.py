"""`jupyter rucio put`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..did import Did
from ..engine import protocol
from ..errors import BadRequest
from ..kernel import words
from ..staging.model import Stored
from .engine import Engine
from .output import Exit, Output


def put(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """Store files one after the other; the first that fails ends it, and those before it stay."""
    instance = engine.instance(arguments.instance)
    scope, dataset = _target(arguments.target)
    files = [Path(file) for file in arguments.files]
    if len({file.name for file in files}) < len(files):
        raise BadRequest("Two of the files have the same name, and would be one DID.")
    for file in files:
        did = Did(scope, file.name)
        ask = protocol.PutFile(instance.name, str(file), arguments.rse, did, dataset)
        stored: Stored = engine.ask(ask, timeout=None)
        output.struct(stored)
        output.say(f"{stored.did}  {words.size(stored.bytes)}")
    return Exit.OK


def _target(text: str) -> tuple[str, Did | None]:
    """The scope, and the dataset where one is named."""
    if ":" not in text:
        return text, None
    dataset = Did.parse(text)
    return dataset.scope, dataset
