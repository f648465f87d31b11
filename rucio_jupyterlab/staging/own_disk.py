"""What our own disk says, in words for the user, and what a job that meets it waits for."""

from __future__ import annotations

from ..errors import BrokenDisk, Failure, NoSpace, Problem
from ..sources.failures import of_disk
from .model import Cause


def cause_of(problem: Problem) -> Cause:
    """Room is made by deleting; anything else that a disk says has to be mended."""
    return "space" if problem.type == NoSpace.type else "disk"


def disk_problem(error: OSError | Failure, folder: str) -> Problem:
    """What our own disk said, the one of a folder, or the journal's, for a person."""
    if isinstance(error, Failure):
        return error.problem()
    failure = of_disk(error)
    if failure.kind == "disk-full":
        return NoSpace(
            "The disk or the quota of the store is full. Free some space; the job then goes on."
        ).problem()
    return broken_disk(folder, error.strerror)


def broken_disk(folder: str, reason: str | None) -> Problem:
    """A disk that is neither full nor well; `reason` is what the system calls it, where that is known."""
    return BrokenDisk(f"{_refusal(folder, reason)}; the job then goes on.").problem()


def disk_failure(error: OSError, folder: str) -> Failure:
    """What our own disk said, for somebody who asked for more than a job."""
    return BrokenDisk(f"{_refusal(folder, error.strerror)}, then try again.")


def _refusal(folder: str, reason: str | None) -> str:
    said = f": {reason}" if reason else ""
    return (
        f"The folder {folder} cannot be written{said}. Mend that, or name another folder with the keys store_dir"
        " and views_dir"
    )
