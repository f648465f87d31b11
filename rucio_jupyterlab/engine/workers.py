"""Threads for questions that block, kept apart so that a slow Rucio delays nobody else's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

THREADS_EACH = 8
POOLS = 16
"""Keys whose threads are kept while nobody asks; a question may name any instance, there or not."""

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A few threads for each key, made when first needed. Used on one loop alone."""

    def __init__(self) -> None:
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._waiting: Counter[str] = Counter()
        """Questions of each key that somebody waits for."""
        self._shared: dict[Hashable, asyncio.Task[Any]] = {}

    async def run(self, key: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result, from a thread of that key; waits while all of them are busy."""
        if key not in self._pools:
            self._make_room()
            self._pools[key] = ThreadPoolExecutor(THREADS_EACH, thread_name_prefix="question")
        self._waiting[key] += 1
        try:
            return await asyncio.wrap_future(self._pools[key].submit(call, *args, **kwargs))
        finally:
            self._waiting[key] -= 1

    async def share(self, key: str, call: Callable[..., T], /, *args: Hashable) -> T:
        """As `run`; who asks the same meanwhile waits for the same result, or failure, and takes no thread."""
        question = (key, call, args)
        asked: asyncio.Task[T] | None = self._shared.get(question)
        if asked is None:
            asked = self._shared[question] = asyncio.create_task(self.run(key, call, *args))
            asked.add_done_callback(lambda _: self._shared.pop(question))
        return await asyncio.shield(asked)

    def _make_room(self) -> None:
        """End the threads of keys that nobody waits for, where there are many."""
        if len(self._pools) < POOLS:
            return
        for key in [key for key in self._pools if not self._waiting[key]]:
            self._pools.pop(key).shutdown(wait=False)  # what was hung up on is seen through
            del self._waiting[key]
