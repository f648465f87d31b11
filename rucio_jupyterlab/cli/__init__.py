"""`jupyter rucio …`: the same jobs, catalogue and sign-in as the panel, from a shell."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
