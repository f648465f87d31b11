"""Threads for questions that block, kept apart so that a slow Rucio delays nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

THREADS_EACH = 8

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A few threads for each key, made when first needed."""

    def __init__(self) -> None:
        self._pools: dict[str, ThreadPoolExecutor] = {}

    async def run(self, key: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result, from a thread of that key; waits while all of them are busy."""
        if key not in self._pools:
            self._pools[key] = ThreadPoolExecutor(THREADS_EACH, thread_name_prefix=key)
        return await asyncio.wrap_future(self._pools[key].submit(call, *args, **kwargs))
