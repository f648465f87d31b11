"""Keys that a site keeps at one address for all its JupyterLabs: `$url`."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from ..accounts.files import read_private, write_private
from ..importing import one_at_a_time
from ..pauses import backoff
from .model import Instance
from .reading import INSTANCE_KEYS, LOCAL_KEYS, read_instance

TIMEOUT = 10.0
"""Seconds for the whole answer."""
KEPT = 24 * 3600.0
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
"""Seconds until an address that failed is asked again."""
_LARGEST = 256 * 1024


class _Kept(msgspec.Struct, frozen=True):
    keys: dict[str, Any]
    fetched_at: float


class _Question:
    """The question for the keys of one instance, asked again and again as long as it is there."""

    def __init__(self, local: Instance, kept: _Kept | None) -> None:
        self.local = local
        self.kept = kept
        """The last answer."""
        self.problem = f"“$url” ({local.remote_url}) has not answered yet."
        self.ended = threading.Event()
        self.hurry = threading.Event()
        """Set to end a pause."""

    def known(self) -> Instance:
        """The instance with the remote keys as far as they are known; local keys win."""
        kept = self.kept
        return merged(self.local, kept.keys) if kept else replace(self.local, problem=self.problem)

    def end(self) -> None:
        self.ended.set()
        self.hurry.set()


class RemoteConfigurations:
    """Fetches in the background, and again when that is stale; what was fetched before serves meanwhile.

    `resolved` is told, from another thread, the name of each instance of which more is known now: its keys, or
    why they do not come.
    """

    def __init__(self, folder: Path, resolved: Callable[[str], None]) -> None:
        self._folder = folder
        self._resolved = resolved
        self._lock = threading.Lock()
        self._questions: dict[str, _Question] = {}

    def resolve(self, local: Instance) -> Instance:
        """The instance with the remote keys as far as they are known; local keys win. Never waits."""
        if not local.remote_url or local.problem:
            with self._lock:
                self._end(local.name)
            return local
        return self._question(local).known()

    def known(self, name: str) -> Instance | None:
        """The same of an instance that was asked for; None where another configuration has ended that."""
        with self._lock:
            question = self._questions.get(name)
        return question.known() if question else None

    def keep(self, names: Collection[str]) -> None:
        """Ask no more for other instances."""
        with self._lock:
            for name in self._questions.keys() - set(names):
                self._end(name)

    def ask_again(self, name: str) -> None:
        """Ask at once where a pause is made. Never waits."""
        with self._lock:
            question = self._questions.get(name)
        if question is not None:
            question.hurry.set()

    def close(self) -> None:
        self.keep(())

    def _question(self, local: Instance) -> _Question:
        """The one that is asked for the instance; from now on, where it is new."""
        with self._lock:
            question = self._questions.get(local.name)
            if question is not None and question.local == local:
                return question
            self._end(local.name)
            kept = read_private(self._file(local.remote_url or ""), _Kept)
            question = self._questions[local.name] = _Question(local, kept)
        thread = threading.Thread(
            target=self._keep_asking, args=(question,), name="remote configuration", daemon=True
        )
        thread.start()
        return question

    def _end(self, name: str) -> None:
        """The lock is held."""
        if question := self._questions.pop(name, None):
            question.end()

    def _keep_asking(self, question: _Question) -> None:
        local, failures = question.local, 0
        pause = _fresh_for(local, question.kept)
        while True:
            question.hurry.wait(pause)
            question.hurry.clear()
            if question.ended.is_set():
                return
            keys = fetch_keys(local.remote_url or "")
            if question.ended.is_set():
                return
            if isinstance(keys, dict):
                failures = 0
                self._answered(question, keys)
                pause = _fresh_for(local, question.kept)
            else:
                failures += 1
                self._failed(question, keys)
                pause = backoff(FIRST_PAUSE, failures, LONGEST_PAUSE)

    def _answered(self, question: _Question, keys: dict[str, Any]) -> None:
        local = question.local
        question.kept = kept = _Kept(keys, time.time())
        with suppress(OSError):  # a full disk: they serve, and the next start asks again
            write_private(self._file(local.remote_url or ""), msgspec.json.encode(kept))
        self._resolved(local.name)

    def _failed(self, question: _Question, problem: str) -> None:
        if problem == question.problem:
            return
        question.problem = problem
        if question.kept is None:
            self._resolved(question.local.name)

    def _file(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode()).hexdigest()[:32]


def _fresh_for(local: Instance, kept: _Kept | None) -> float:
    """Seconds; 0 for what is stale or not there."""
    now, expires_at = time.time(), local.cache_expires_at
    if kept is None or now < kept.fetched_at:  # the clock was ahead then, who knows how far
        return 0.0
    fresh_until = kept.fetched_at + KEPT
    if expires_at is not None and kept.fetched_at < expires_at:
        fresh_until = expires_at
    return min(max(0.0, fresh_until - now), threading.TIMEOUT_MAX)


def merged(local: Instance, keys: dict[str, Any]) -> Instance:
    """`local` with the known keys of a remote configuration that it does not set itself."""
    own = {key: getattr(local, key) for key in local.local_keys}
    usable = {key: value for key, value in keys.items() if key in INSTANCE_KEYS and key not in LOCAL_KEYS}
    return read_instance(
        usable | own | {"name": local.name, "display_name": local.display_name, "mode": local.mode},
        source=local.source,
        source_detail=f"{local.source_detail}, {local.remote_url}",
    )


def fetch_keys(url: str) -> dict[str, Any] | str:
    """The JSON object at `url`, or the problem as a sentence. Follows no redirect."""
    with one_at_a_time:  # only where a site keeps its keys elsewhere
        import requests
        from urllib3.exceptions import HTTPError

    deadline = time.monotonic() + TIMEOUT
    try:
        # `auth`, which does nothing, lest a password of ~/.netrc goes along.
        with requests.get(
            url, timeout=TIMEOUT, stream=True, allow_redirects=False, auth=lambda request: request
        ) as response:
            if response.status_code != 200:
                return f"“$url” ({url}) answers with HTTP {response.status_code}."
            content = _read(response.raw, deadline)
        keys = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return f"“$url” ({url}) is not a JSON object."
    except TimeoutError:
        return f"“$url” ({url}) takes too long to answer."
    except (requests.RequestException, HTTPError, OSError):
        return f"“$url” ({url}) does not answer."
    return keys if isinstance(keys, dict) else f"“$url” ({url}) is not a JSON object."


class _Raw(Protocol):
    """The body of an answer, as urllib3 gives it."""

    def read1(self, amount: int, *, decode_content: bool) -> bytes: ...


def _read(raw: _Raw, deadline: float) -> bytes:
    """A body, cut where it is too large. Raises TimeoutError after `deadline`, however it drips."""
    content = bytearray()
    while (left := _LARGEST - len(content)) and (block := raw.read1(left, decode_content=True)):
        content += block
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(content)
