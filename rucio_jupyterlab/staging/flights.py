"""Files on their way: those that the byte engine brings, and those that are being published."""

from __future__ import annotations

from .rows import FileRow


class Flight:
    """One file with the byte engine or the publisher."""

    __slots__ = ("bytes_received", "chosen_rse", "jobs", "lacking", "landing", "row", "rse")

    def __init__(self, row: FileRow, jobs: set[str], lacking: int, chosen_rse: str | None) -> None:
        self.row = row
        self.jobs = jobs
        self.chosen_rse = chosen_rse
        """Of the job whose turn it was; asked first."""
        self.lacking = lacking
        """Bytes that it took on the disk from its beginning on; an earlier part of it may be there."""
        self.bytes_received = 0
        self.rse: str | None = None
        self.landing = False
        """Its bytes are complete; it is being published."""

    @property
    def bytes_to_come(self) -> int:
        return max(0, self.lacking - self.bytes_received)


class Flights:
    """By the number of the file."""

    def __init__(self) -> None:
        self._flying: dict[int, Flight] = {}
        self._landing: dict[int, Flight] = {}
        self.bytes_in_all = 0
        """What they will take of the store's quota; the journal does not count them yet."""
        self.bytes_to_come = 0
        """What they will still take on the disk; kept up to date, for it is asked before each launch."""

    def __len__(self) -> int:
        return len(self._flying) + len(self._landing)

    def get(self, number: int) -> Flight | None:
        return self._flying.get(number) or self._landing.get(number)

    @property
    def all(self) -> list[Flight]:
        return [*self._flying.values(), *self._landing.values()]

    @property
    def flying_count(self) -> int:
        return len(self._flying)

    @property
    def landing_count(self) -> int:
        return len(self._landing)

    def begin(self, flight: Flight) -> None:
        """It is with the byte engine now."""
        self._flying[flight.row.id] = flight
        self.bytes_in_all += flight.row.bytes or 0
        self.bytes_to_come += flight.bytes_to_come

    def received(self, flight: Flight, count: int) -> None:
        """So many bytes of it are there now."""
        if not flight.landing:
            self.bytes_to_come -= flight.bytes_to_come
        flight.bytes_received = count
        if not flight.landing:
            self.bytes_to_come += flight.bytes_to_come

    def land(self, flight: Flight) -> None:
        """It is with the publisher now."""
        flight.landing = True
        self.bytes_to_come -= flight.bytes_to_come
        self._landing[flight.row.id] = self._flying.pop(flight.row.id)

    def take_off_again(self, flight: Flight) -> None:
        """It is with the byte engine once more."""
        flight.landing = False
        self.bytes_to_come += flight.bytes_to_come
        self._flying[flight.row.id] = self._landing.pop(flight.row.id)

    def end(self, number: int) -> Flight | None:
        """Forget it; None where it was not on its way."""
        flight = self._flying.pop(number, None) or self._landing.pop(number, None)
        if flight is not None:
            self.bytes_in_all -= flight.row.bytes or 0
            if not flight.landing:
                self.bytes_to_come -= flight.bytes_to_come
        return flight
