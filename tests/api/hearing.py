"""A subscriber of Jupyter's event bus, as the panel is one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

Hear = Callable[[], Awaitable[dict[str, Any]]]


async def subscribe(jp_ws_fetch: Any) -> Hear:
    """What gives our next event."""
    socket = await jp_ws_fetch("api", "events", "subscribe")

    async def hear() -> dict[str, Any]:
        while True:
            event: dict[str, Any] = json.loads(await asyncio.wait_for(socket.read_message(), 20))
            if event["schema_id"].startswith("urn:rucio-jupyterlab:"):
                return event

    return hear
