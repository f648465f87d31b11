"""The name under which sites load the kernel's part in `c.IPKernelApp.extensions`."""

from __future__ import annotations

from ..kernel import load_ipython_extension

__all__ = ["load_ipython_extension"]
