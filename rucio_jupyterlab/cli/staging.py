"""`jupyter rucio stage | status | cancel`."""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from ..did import Did
from ..engine import protocol
from ..errors import BadRequest, Failure, SignInNeeded
from ..kernel import words
from ..kernel.model import Transfer
from ..staging.model import JobRequest, JobSnapshot, TransferRow
from .engine import Engine
from .output import SIGN_IN_HINT, Exit, Output, as_job, columns

DIGITS = 18
"""Of the longest number that every part can hold."""
SHOWN = 10
"""Files that are named of those that are missing."""


class NoConsent(Failure):
    """The job is larger than what starts unasked, and nobody said yes."""

    type, status, do = "confirm", 409, "confirm"


def stage(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """Start a job and, unless told otherwise, see it through. Ctrl-C cancels it."""
    dids = [Did.parse(text) for text in arguments.dids]
    instance = engine.instance(arguments.instance)
    if instance.account.state in ("signed-out", "lapsed") and not arguments.no_wait:
        # A job waits for a sign-in, which a script would never see.
        raise SignInNeeded(f"Nobody is signed in at {instance.display_name}.")
    request = JobRequest(
        instance=instance.name,
        dids=dids,
        rse=arguments.rse,
        first=arguments.first,
        pattern=arguments.pattern,
        confirmed=arguments.yes,
        pin=arguments.pin,
        download=arguments.download,
        client="shell",
    )
    job: JobSnapshot | None = None
    try:
        with _interrupts_held_back():
            job = engine.ask(protocol.StartJob(request))
        assert job is not None
        if arguments.no_wait:
            output.struct(job)
            output.say(job.id)
            return Exit.OK
        job = _see_through(engine, job, output, may_ask=not arguments.json)
    except KeyboardInterrupt:
        if job is not None:
            output.end_of_job()
            output.note("Cancelling; Ctrl-C once more leaves it to run on.")
            engine.insist(protocol.CancelJob(job.id))
        raise
    return _report(engine, job, output)


def status(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """All jobs, or one of them: as it stands, as it goes, or file by file."""
    if arguments.job is None:
        if arguments.wait or arguments.files:
            raise BadRequest("Name the job; `jupyter rucio status` lists all.")
        return _list_jobs(engine, output)
    if arguments.files:
        return _list_files(engine, arguments.job, output)
    if arguments.wait:
        return exit_of(_follow(engine, arguments.job, output))
    job = engine.ask(protocol.GetJob(arguments.job))
    output.struct(job)
    _say_job(job, output)
    return exit_of(job)


def cancel(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """End a job; what is verified stays."""
    job = engine.insist(protocol.CancelJob(arguments.job))
    output.struct(job)
    cancelled = job.state == "cancelled"
    output.note("Cancelled. What was verified stays." if cancelled else f"It had ended before: {job.state}.")
    return Exit.OK


def exit_of(job: JobSnapshot) -> Exit:
    """How a command ends that saw this as the last of the job."""
    if job.cause == "confirm":
        return Exit.CONFIRM
    if job.state in ("failed", "cancelled"):
        return Exit.FAILED
    return Exit.PARTIAL if job.state == "partial" else Exit.OK


def whole_number(text: str) -> int | None:
    """A number that can be meant; None for any other text."""
    return int(text) if text.isdecimal() and len(text) <= DIGITS else None


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C comes when this is over: a job that has begun can only be cancelled once its number is known."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _see_through(engine: Engine, job: JobSnapshot, output: Output, may_ask: bool) -> JobSnapshot:
    """Follow the job to its end, with the user's consent where it is asked for."""
    last = _follow(engine, job.id, output)
    while last.cause == "confirm":
        _confirm(engine, last, may_ask and sys.stdin.isatty() and sys.stderr.isatty())
        last = _follow(engine, job.id, output)
    return last


def _follow(engine: Engine, job_id: str, output: Output) -> JobSnapshot:
    """Show the job as it goes; the last snapshot."""
    job = None
    for job in engine.follow(job_id):
        output.job(job)
    output.end_of_job()
    assert job is not None
    return job


def _confirm(engine: Engine, job: JobSnapshot, may_ask: bool) -> None:
    """Ask whether the job may start; end it where the answer is no, or nobody is there to be asked."""
    sentence = words.consent(as_job(job))
    if not may_ask:
        engine.insist(protocol.CancelJob(job.id))
        raise NoConsent(
            f"{sentence} Say --yes to stage it all, or take part of it with --first or --pattern."
        )
    sys.stderr.write(f"{sentence} Stage it? Yes, no, or how many files of each DID [y/n/number]: ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower()
    first = whole_number(answer)
    if first == 0 or (first is None and answer not in ("y", "yes")):
        engine.insist(protocol.CancelJob(job.id))
        raise NoConsent("Nothing was staged.")
    engine.ask(protocol.ConfirmJob(job.id, first=first))


def _report(engine: Engine, job: JobSnapshot, output: Output) -> Exit:
    """Tell where the files are, and which of them are not."""
    missing = 0
    for row in engine.transfers(job.id):
        output.struct(row)
        if row.path is None:
            missing += 1
            if missing <= SHOWN:
                output.note(_why_missing(row))
    if missing > SHOWN:
        output.note(f"… and {missing - SHOWN:,} more; `jupyter rucio status --files {job.id}` lists all.")
    if job.path and job.files_done:
        output.say(job.path)
    return exit_of(job)


def _list_jobs(engine: Engine, output: Output) -> Exit:
    jobs = engine.ask(protocol.ListJobs()).jobs
    for job in jobs:
        output.struct(job)
    rows = [
        (job.id, words.state(as_job(job)), words.numbers(as_job(job)), words.title(as_job(job)))
        for job in jobs
    ]
    for line in columns(rows):
        output.say(line)
    if not jobs:
        output.note("Nothing staged yet.")
    return Exit.OK


def _list_files(engine: Engine, job_id: str, output: Output) -> Exit:
    for row in engine.transfers(job_id):
        output.struct(row)
        if row.path:
            output.say(row.path)
        else:
            output.note(_why_missing(row))
    return Exit.OK


def _why_missing(row: TransferRow) -> str:
    transfer = Transfer.from_wire(msgspec.to_builtins(row))
    return f"{transfer.did}: {transfer.reason}"


def _say_job(job: JobSnapshot, output: Output) -> None:
    view = as_job(job)
    output.say(f"{words.title(view)}: {words.progress(view)}")
    for line in words.remarks(view, SIGN_IN_HINT):
        output.say(line)
    if job.path:
        output.say(job.path)
