"""A job's files as its list shows them: the journal's rows, with what is in flight right now."""

from __future__ import annotations

from .flights import Flight, Flights
from .model import JobState, TransferPage, TransferRow, TransferState
from .rows import Listed


def transfer_page(
    listed: list[Listed], total: int, offset: int, job: JobState, flights: Flights, views: str
) -> TransferPage:
    """`listed` are the files from `offset` on, of `total`, of a job in that state; `views` is where they appear."""
    rows = [_row(each, job, flights.get(each.id), views) for each in listed]
    return TransferPage(rows, offset, total)


def _row(file: Listed, job: JobState, flight: Flight | None, views: str) -> TransferRow:
    state = _state(file, job, flight)
    here = state in ("done", "linked")
    received = flight.bytes_received if flight else 0
    return TransferRow(
        did=file.did,
        state=state,
        bytes=file.bytes,
        bytes_done=(file.bytes or 0) if here else received,
        rse=flight.rse if flight and flight.rse else file.rse or None,
        path=f"{views}/{file.path}" if file.linked else None,
        verified=file.verified,
        problem=file.problem,
    )


def _state(file: Listed, job: JobState, flight: Flight | None) -> TransferState:
    if file.state == "done" or (file.state == "kept" and file.linked):
        return "linked" if file.here else "done"
    if job == "cancelled" and file.state == "queued":
        return "cancelled"
    if file.state in ("queued", "kept", "leaving", "evicted"):
        return "running" if flight and job == "running" else "queued"
    return file.state  # type: ignore[return-value]
