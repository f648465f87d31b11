"""Imports that are left until they are needed, because they take time and memory.

    with one_at_a_time:
        from .client import RucioClient

Threads that import modules which need each other, as `importlib.metadata` and `importlib.resources` do, may wait for
each other. Python sees that and fails one of the imports, and with it whatever the thread was about.
"""

from __future__ import annotations

import threading

one_at_a_time = threading.RLock()
"""Held by the thread that imports."""
