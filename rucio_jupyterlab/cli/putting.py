"""`jupyter rucio put`."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

import msgspec

from ..did import Did
from ..engine import protocol
from ..errors import BadRequest, Remote
from ..kernel import words
from ..kernel.model import Job
from ..staging.model import Stored, UploadRequest, UploadSnapshot
from .engine import IDLE_PAUSE, Engine, pause_since
from .output import Exit, Output


def put(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """Store files; the first that fails ends it, and those that are stored by then stay. Ctrl-C cancels it.

    It waits for a network, a cloud's sign-in or space on it. Where a sign-in at Rucio is needed it goes on after
    that, without this command; the same command again watches it.
    """
    instance = engine.instance(arguments.instance)
    scope, dataset = _target(arguments.target)
    if len({Path(file).name for file in arguments.files}) < len(arguments.files):
        raise BadRequest("Two of the files have the same name, and would be one DID.")
    request = UploadRequest(instance.name, arguments.files, arguments.rse, scope, dataset)
    upload: UploadSnapshot | None = None
    try:
        upload = engine.insist(protocol.StartUpload(request))
        assert upload is not None
        upload = _follow(engine, upload, output)
    except KeyboardInterrupt:
        output.end_of_job()
        output.note("Cancelling; what is stored already stays.")
        if upload is None:  # it may have begun all the same; asked again, the request joins it
            upload = engine.insist(protocol.StartUpload(request))
            assert upload is not None
        engine.insist(protocol.CancelUpload(upload.id))
        _follow(engine, upload, output)
        raise
    if upload.problem is not None:
        raise Remote(upload.problem)
    return Exit.OK if upload.state == "done" else Exit.FAILED


def _follow(engine: Engine, upload: UploadSnapshot, output: Output) -> UploadSnapshot:
    """Show how it goes until it ends, then what is stored."""
    stored: list[Stored] = []
    cause = None
    began = time.monotonic()
    while True:
        output.progress(_as_job(upload))
        if upload.cause != cause:
            cause = upload.cause
            output.struct(msgspec.structs.replace(upload, stored=[]))
        for file in upload.stored:
            output.struct(file)
        stored += upload.stored
        if not upload.goes_on_by_itself:
            break
        time.sleep(pause_since(began) if upload.state == "running" else IDLE_PAUSE)
        upload = engine.insist(protocol.GetUpload(upload.id, len(stored)))
    output.end_of_job()
    for file in stored:
        output.say(f"{file.did}  {words.size(file.bytes)}")
    return upload


def _as_job(upload: UploadSnapshot) -> Job:
    """As displays take it."""
    request = upload.request
    did = request.dataset or Did(request.scope, Path(request.paths[0]).name)
    left = upload.bytes_total - upload.bytes_done
    rate = upload.bytes_per_second
    told = msgspec.to_builtins(upload)
    told |= {
        "request": {"dids": [msgspec.to_builtins(did)], "instance": request.instance},
        "seconds_left": left / rate if rate else None,
        "problem": told["problem"] if upload.goes_on_by_itself else None,
    }
    return Job.from_wire(told)


def _target(text: str) -> tuple[str, Did | None]:
    """The scope, and the dataset where one is named."""
    if ":" not in text:
        return text, None
    dataset = Did.parse(text)
    return dataset.scope, dataset
