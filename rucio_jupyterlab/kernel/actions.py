"""What a notebook asks for: stage, search, ls, status."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TakesTooLong
from functools import wraps
from typing import TYPE_CHECKING, Any

from . import words
from .failures import ConfirmationNeeded, Interrupted, RucioError, StageFailed
from .files import Files
from .listings import Dids, JobList
from .progress import display_for_here
from .service import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from .model import Job
    from .service import Service

    Action = TypeVar("Action", bound=Callable[..., Any])
    T = TypeVar("T")

LIMIT = 1000
"""Rows of a search or a collection that are fetched unless more are asked for."""
TYPES = ("collection", "dataset", "container", "file", "all")
CANCEL_SECONDS = 10.0
"""For so long an interrupt waits until the job is cancelled."""


def _interruptible(action: Action) -> Action:
    """`action`, whose interrupt a cell shows without the way through our code."""

    @wraps(action)
    def acting(*given: Any, **named: Any) -> Any:
        try:
            return action(*given, **named)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise Interrupted from None

    return acting  # type: ignore[return-value]


@_interruptible
def stage(
    *dids: str,
    first: int | None = None,
    pattern: str | None = None,
    rse: str | None = None,
    instance: str | None = None,
    yes: bool = False,
    pin: bool = False,
    download: bool = False,
) -> Files:
    """Bring the files of `dids` (`scope:name`) to this machine; return their paths.

    `first`: at most so many files of each DID. `pattern`: only files whose name matches.
    `rse`: take from this RSE alone. `instance`: the Rucio to ask, where there are several.
    `yes`: agree to the size, whatever it is. `pin`: keep the files until they are unpinned.
    `download`: fetch what is not on the mounted RSE.

    An interrupt cancels the job. Raises ConfirmationNeeded for a job that is larger than what
    starts unasked, StageFailed if nothing could be staged or the job was cancelled. Where only a
    part could be staged, the result's `missing` tells the rest and why.
    """
    staging = _asked_for(
        dids,
        first=first,
        pattern=pattern,
        rse=rse,
        instance=instance,
        confirmed=yes,
        pin=pin,
        download=download,
    )
    try:
        staging._begin()
        return staging.wait()
    except KeyboardInterrupt:
        staging._give_up()
        raise


@_interruptible
def start(
    *dids: str,
    first: int | None = None,
    pattern: str | None = None,
    rse: str | None = None,
    instance: str | None = None,
    yes: bool = False,
    pin: bool = False,
    download: bool = False,
) -> Staging:
    """As `stage`, but return at once; `wait()` of what is returned gives the paths."""
    staging = _asked_for(
        dids,
        first=first,
        pattern=pattern,
        rse=rse,
        instance=instance,
        confirmed=yes,
        pin=pin,
        download=download,
    )
    try:
        staging._begin()
    except KeyboardInterrupt:
        staging._give_up()
        raise
    return staging


@_interruptible
def search(pattern: str, type: str = "collection", instance: str | None = None, limit: int = LIMIT) -> Dids:
    """At most `limit` DIDs that match `scope:name`, where `*` in the name stands for any text.

    A scope alone lists all in it. `type` is `collection`, `dataset`, `container`, `file` or `all`.
    """
    if type not in TYPES:
        raise RucioError(f"“{type}” is no type of DID; there are {', '.join(TYPES)}.", "bad-request")
    _check_positive("limit", limit)
    scope, _, name = pattern.strip().partition(":")
    query = {"kind": "search", "scope": scope, "name": name or "*", "type": type}
    return Dids(connect().listing(instance, query, limit))


@_interruptible
def ls(did: str, instance: str | None = None, limit: int = LIMIT) -> Dids:
    """What a dataset or container holds, one level down; at most `limit` DIDs."""
    _check_positive("limit", limit)
    return Dids(connect().listing(instance, {"kind": "content", "did": _did(did)}, limit))


@_interruptible
def status() -> JobList:
    """All jobs of this user, newest first, whoever started them."""
    return JobList(connect().jobs())


class Staging:
    """A job of ours."""

    def __init__(self, service: Service, request: Mapping[str, Any]) -> None:
        self._service = service
        self._request = request
        self._begun: Job | None = None
        self._settling = threading.Lock()
        """Held while the job is started, and while it is cancelled."""
        self._unwanted = False
        self._given_up = False

    def _begin(self) -> None:
        """Start the job; `_give_up` finds it even where an interrupt comes before its number."""
        _apart(self._start).result()

    @_interruptible
    def wait(self) -> Files:
        """Show the progress until the job ends; returns and raises what `stage` does."""
        self._follow()
        job = self._job
        if job.cause == "confirm":
            self._service.cancel(job.id)
            raise ConfirmationNeeded(
                f"{words.consent(job)} To stage it all, run this again with --yes (in Python: yes=True); "
                "for a part of it, with --first N or --pattern P.",
                "confirm",
            )
        if job.state in ("failed", "cancelled"):
            raise StageFailed(job.problem or f"{words.title(job)}: {words.state(job)}.", job.state)
        return Files(self._service.transfers(job.id), job)

    def cancel(self) -> None:
        """End the job; what is verified stays."""
        self._service.cancel(self._job.id)

    def _give_up(self) -> None:
        """Cancel the job after an interrupt, once. Raises Interrupted where it may run on."""
        if self._given_up:
            return
        self._given_up = True
        try:
            _apart(self._cancel_what_has_begun).result(CANCEL_SECONDS)
        except (RucioError, TakesTooLong) as failure:
            why = f" {failure}" if isinstance(failure, RucioError) else ""
            raise Interrupted(
                f"The job could not be cancelled.{why} It may run on; `%rucio status` tells how it goes."
            ) from None

    @property
    def _job(self) -> Job:
        assert self._begun is not None
        return self._begun

    def _start(self) -> None:
        with self._settling:
            if not self._unwanted:
                self._begun = self._service.start(self._request)

    def _cancel_what_has_begun(self) -> None:
        with self._settling:
            self._unwanted = True
            if self._begun is not None:
                self._begun = self._service.cancel(self._begun.id)

    def _follow(self) -> None:
        display = None
        try:
            display = display_for_here(self._service.sign_in_hint)
            for job in self._service.follow(self._job.id):
                self._begun = job
                display.show(job)
        except KeyboardInterrupt:
            self._give_up()
            if display:
                display.show(self._job)
            raise
        finally:
            if display:
                display.close()

    def __repr__(self) -> str:
        return f"{words.title(self._job)}: {words.progress(self._job)}; .wait() gives the paths"


def _apart(work: Callable[[], T]) -> Future[T]:
    """Do `work` in a thread, which no interrupt reaches."""
    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(work)
    finally:
        thread.shutdown(wait=False)


def _asked_for(dids: tuple[str, ...], *, first: int | None, **options: Any) -> Staging:
    """The job of this request, not begun yet."""
    if not dids:
        raise RucioError("Name at least one DID, as scope:name.", "bad-request")
    if first is not None:
        _check_positive("first", first)
    request = {"dids": [_did(text) for text in dids], "first": first, **options}
    return Staging(connect(), request)


def _check_positive(name: str, value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise RucioError(f"`{name}` must be a whole number above 0, not {value!r}.", "bad-request")


def _did(text: Any) -> dict[str, str]:
    if not isinstance(text, str):  # which nobody has checked in a notebook
        kind = type(text).__name__
        raise RucioError(f"A DID is a text, not a {kind}; for several write `stage(*dids)`.", "bad-request")
    scope, colon, name = text.strip().partition(":")
    if not (scope and colon and name):
        raise RucioError(f"“{text.strip()}” is not a DID: write it as scope:name.", "bad-request")
    return {"scope": scope, "name": name}
