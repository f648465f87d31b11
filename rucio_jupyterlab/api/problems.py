"""What the HTTP server itself may refuse; all other problems are `errors.py`."""

from __future__ import annotations

from ..errors import BadRequest, Failure, NotFound


class JupyterRefused(Failure):
    type, status, do = "jupyter-refused", 403, "refresh"


class WrongMethod(Failure):
    type, status, do = "wrong-method", 405, "none"


class TooLarge(Failure):
    type, status, do = "too-large", 413, "none"


class Internal(Failure):
    type, status, do = "internal", 500, "report"


def failure_of_status(status: int) -> Failure:
    """The failure that stands for a bare HTTP status."""
    match status:
        case 400:
            return BadRequest("The Jupyter server could not read the request.")
        case 401 | 403:
            return JupyterRefused(
                "The Jupyter server does not let you do this. Reload the page to sign in again."
            )
        case 404:
            return NotFound("There is nothing at this address.")
        case 405:
            return WrongMethod("This address does not take this method.")
        case 413:
            return TooLarge("The request is too large.")
        case _:
            return Internal("The Jupyter server failed at this; its log tells where.")
