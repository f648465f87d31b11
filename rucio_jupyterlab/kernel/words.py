"""Numbers and states in words; the shell uses the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Job

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")

_WAITING = {
    "signin": "waiting for a sign-in",
    "space": "waiting for free space",
    "disk": "waiting for the disk",
    "network": "waiting for the network",
    "confirm": "waiting for your consent",
}


def size(count: float | None) -> str:
    """A number of bytes in decimal units: `19.4 MB`; `? B` where it is unknown."""
    if count is None:
        return "? B"
    value = float(count)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    digits = 0 if unit == "B" or value >= 99.95 else 1
    return f"{value:.{digits}f} {unit}"


def done_of(done: float, total: float) -> str:
    """How much of how much: `12.5 of 20.1 MB`."""
    number, _, unit = size(done).partition(" ")
    whole = size(total)
    return f"{number} of {whole}" if whole.endswith(f" {unit}") else f"{number} {unit} of {whole}"


def duration(seconds: float) -> str:
    """A stretch of time in its two largest units: `1 h 40 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10 and rest:
        return f"{minutes} min {rest} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def count(number: int, noun: str) -> str:
    """`1 file`, `5,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def title(job: Job) -> str:
    """What the job is about: its DID, or the first of them."""
    more = len(job.dids) - 1
    return job.dids[0] + (f" and {more} more" if more > 0 else "")


def fraction(job: Job) -> float:
    """How much of the job is done, 0 to 1; by bytes where their number is known, else by files."""
    if job.state == "done":
        return 1.0
    done, total = (job.bytes_done, job.bytes_total) if job.bytes_total else (job.files_done, job.files_total)
    return min(1.0, done / total) if total else 0.0


def state(job: Job) -> str:
    """The job's state in a few words: `waiting for free space`."""
    if job.state == "waiting":
        return _WAITING.get(job.cause or "", "waiting")
    return {"planning": "looking for replicas", "partial": "done in part"}.get(job.state, job.state)


def numbers(job: Job) -> str:
    """How far the job is: `12.5 of 20.1 MB · 12 / 20 files · 86 MB/s · 1 s left`; empty as long as unknown."""
    parts = []
    if job.bytes_total:
        parts.append(done_of(job.bytes_done, job.bytes_total))
    if job.files_total:
        parts.append(f"{job.files_done:,} / {job.files_total:,} files")
    if job.state == "running" and job.bytes_per_second:
        parts.append(f"{size(job.bytes_per_second)}/s")
    if job.state == "running" and job.seconds_left is not None:
        parts.append(f"{duration(job.seconds_left)} left")
    return " · ".join(parts)


def progress(job: Job) -> str:
    """One line of progress; the state comes first where the numbers do not speak for themselves."""
    said = numbers(job)
    if said and job.state in ("running", "done"):
        return said
    return f"{state(job)} · {said}" if said else state(job)


def remarks(job: Job, sign_in_hint: str) -> list[str]:
    """What the user should know beside the numbers, each a sentence."""
    lines = []
    if job.problem and job.state != "done":
        lines.append(job.problem)
    if job.state == "waiting" and job.cause == "signin" and job.remedy in (None, "signin"):
        lines.append(f"{sign_in_hint} It goes on by itself then.")
    if job.notice:
        lines.append(job.notice)
    if job.files_failed and job.finished:
        lines.append(f"{count(job.files_failed, 'file')} failed.")
    if job.files_unreachable:
        lines.append(f"{count(job.files_unreachable, 'file')} cannot be had from here.")
    if job.files_unverified and job.finished:
        lines.append(f"{count(job.files_unverified, 'file')} unverified: Rucio knows no checksum.")
    if job.growing and job.finished:
        lines.append("Still growing: files may be added to it.")
    return lines


def consent(job: Job) -> str:
    """What the user is asked to agree to: how much it is, and how much room there is."""
    free = "" if job.free_bytes is None else f"; {size(job.free_bytes)} are free"
    return f"{title(job)} is {count(job.files_total, 'file')}, {size(job.bytes_total)}{free}."


def printable(text: str) -> str:
    """`text` without the control characters by which a name could steer a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)
