"""What changed, on Jupyter's event bus. Events are hints; REST is the truth."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from jupyter_events import EventLogger

from ..engine.link import LinkState
from ..engine.protocol import Update
from ..errors import Problem
from .model import EVENTS, EngineEvent, InstancesEvent, JobsEvent

SCHEMAS = Path(__file__).with_name("events")
JOBS_IN_ONE_EVENT = 10
"""The bus takes some 0.2 ms of the loop for each."""
IDENTIFIERS = {kind: identifier for identifier, kind in EVENTS.items()}


class Events:
    """Speaks on the bus of one server; on its loop alone."""

    def __init__(self, bus: EventLogger) -> None:
        """Registers the schemas, which must happen before anybody subscribes."""
        self._bus = bus
        self._counts: Counter[type[msgspec.Struct]] = Counter()
        for schema in sorted(SCHEMAS.glob("*.yaml")):
            bus.register_event_schema(schema)

    async def tell_update(self, update: Update) -> None:
        """What the engine told; many jobs are told in parts, between which the loop serves others."""
        if update.gone:
            self._emit(JobsEvent, jobs=[], gone=update.gone)
        for start in range(0, len(update.jobs), JOBS_IN_ONE_EVENT):
            part = update.jobs[start : start + JOBS_IN_ONE_EVENT]
            self._emit(JobsEvent, jobs=part, gone=[])
            await asyncio.sleep(0)
        if update.instances or update.instances_gone:
            self._emit(InstancesEvent, instances=update.instances, gone=update.instances_gone)

    def tell_link(self, state: LinkState, problem: Problem | None) -> None:
        """How the way to the engine is."""
        self._emit(EngineEvent, state=state, problem=problem)

    def _emit(self, kind: type[msgspec.Struct], **values: Any) -> None:
        self._counts[kind] += 1
        event = kind(seq=self._counts[kind], **values)
        self._bus.emit(schema_id=IDENTIFIERS[kind], data=msgspec.to_builtins(event))
