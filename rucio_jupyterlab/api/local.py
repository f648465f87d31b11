"""How the routes are answered: by the engine, or from what the Jupyter server itself knows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .. import errors
from ..engine import protocol
from . import model

if TYPE_CHECKING:
    from ..demo.beside import DemoBeside, DemoStatus
    from ..engine.link import EngineLink


@dataclass(frozen=True)
class Server:
    """What the handlers share: the engine's link, and what stays the same while the server runs."""

    engine: EngineLink
    environment: model.Environment
    demo: DemoBeside


async def ask_engine(server: Server, request: Any) -> Any:
    """The engine's answer. Raises its failure, or EngineDown."""
    return await server.engine.ask(request)


async def get_link(server: Server, request: model.GetLink) -> model.Link:
    """How the engine is doing; one that cannot be asked is a state, not a failure."""
    try:
        status = await server.engine.ask(protocol.GetEngine())
    except errors.EngineDown as failure:
        return model.Link(server.engine.state, failure.problem())
    return model.Link("up", engine=status)


async def retry_link(server: Server, request: model.RetryLink) -> model.Link:
    """Forget earlier deaths and start the engine again."""
    server.engine.retry()
    return await get_link(server, model.GetLink())


async def get_demo(server: Server, request: model.GetDemo) -> DemoStatus:
    return await server.demo.status()


async def start_demo(server: Server, request: model.StartDemo) -> DemoStatus:
    """Begin to start it; how far that is, `get_demo` tells."""
    return await server.demo.start()


async def stop_demo(server: Server, request: model.StopDemo) -> DemoStatus:
    return await server.demo.stop()


async def get_environment(server: Server, request: model.GetEnvironment) -> model.Environment:
    return server.environment


async def locate_path(server: Server, request: model.LocatePath) -> model.ServerPath:
    return model.ServerPath(below(server.environment.root_dir, request.path))


def below(root: str, path: str) -> str | None:
    """`path` relative to `root`, or None where it does not lie there; links are taken as they are named."""
    try:
        return str(PurePosixPath(os.path.normpath(path)).relative_to(os.path.normpath(root)))
    except ValueError:
        return None
