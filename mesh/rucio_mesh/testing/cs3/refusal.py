"""How a part of the gateway says no; each border turns it into its own words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cs3.rpc.v1beta1.code_pb2 as codes


class Refused(Exception):
    """An answer that is not OK: its CS3 code, and the text that goes with it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class HttpRefused(Exception):
    """An answer of the data gateway that is not OK."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(str(status))
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@contextlib.contextmanager
def as_reva_says(path: str) -> Iterator[None]:
    """Turn what the file system says into CS3 codes, as Reva does: what it does not know is INTERNAL."""
    try:
        yield
    except FileNotFoundError as error:
        raise Refused(codes.CODE_NOT_FOUND, f"error: not found: {path}") from error
    except FileExistsError as error:
        raise Refused(codes.CODE_ALREADY_EXISTS, f"error: already exists: {path}") from error
    except PermissionError as error:
        raise Refused(codes.CODE_PERMISSION_DENIED, f"error: permission denied: {path}") from error
    except (OSError, ValueError) as error:
        raise Refused(codes.CODE_INTERNAL, f"error handling {path}") from error
