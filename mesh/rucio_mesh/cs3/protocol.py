"""Rucio's storage protocol for CS3 clouds: scheme `cs3`, `impl = rucio_mesh.cs3.protocol.Default`.

Works beside `rucio` on a server and beside `rucio-clients`. What to configure is in `configuration.py`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rucio.common import exception
from rucio.common.config import get_config
from rucio.rse.protocols.protocol import RSEProtocol

from . import configuration, errors, recycle, transfers
from .client import Client
from .flow import local
from .pfn import NotAPfn, Pfn, bracketed, folder_of, parent_of, plain_host
from .pool import CLIENTS
from .resource import Resource

ALWAYS: dict[type[errors.Cs3Error], type[Exception]] = {
    errors.NotSignedIn: exception.RSEAccessDenied,
    errors.AccessDenied: exception.RSEAccessDenied,
    errors.NotFound: exception.SourceNotFound,
    errors.AlreadyExists: exception.FileReplicaAlreadyExists,
    errors.NotAContainer: exception.DestinationNotAccessible,
    errors.Conflict: exception.ResourceTemporaryUnavailable,
    errors.OutOfSpace: exception.DestinationNotAccessible,
    errors.InvalidRequest: exception.RucioException,
    errors.NotSupported: exception.RSEOperationNotSupported,
    errors.Mismatch: exception.FileConsistencyMismatch,
    errors.LocalFailure: exception.DestinationNotAccessible,
    errors.Unsafe: exception.RSEAccessDenied,
    errors.Unavailable: exception.ServiceUnavailable,
}
READING = ALWAYS | {errors.AccessDenied: exception.SourceAccessDenied}
WRITING = ALWAYS | {
    errors.AccessDenied: exception.DestinationNotAccessible,
    errors.NotFound: exception.DestinationNotAccessible,
    errors.LocalFailure: exception.SourceNotFound,
}


class Default(RSEProtocol):  # type: ignore[misc, unused-ignore]
    """An RSE on a CS3 cloud. PFNs are `cs3://gateway:port/path`, the path as it is."""

    def __init__(
        self, protocol_attr: dict[str, Any], rse_settings: Any, logger: Callable[..., Any] = logging.log
    ) -> None:
        super().__init__(protocol_attr, rse_settings, logger=logger)
        try:
            prefix = folder_of(protocol_attr["prefix"])
        except NotAPfn as error:
            raise exception.RSEFileNameNotSupported(f"the prefix of {rse_settings['rse']}: {error}") from None
        # A copy, for Rucio keeps the original in a cache.
        self.attributes: dict[str, Any] = {
            **protocol_attr,
            "hostname": bracketed(protocol_attr["hostname"]),
            "port": int(protocol_attr["port"] or 0),
            "prefix": prefix,
        }
        self._give_back: Callable[[], None] | None = None
        self._client: Client | None = None

    def connect(self) -> None:
        """Sign in, or find that this process has signed in already.

        :raises RSEAccessDenied: without a credential that the gateway takes.
        :raises ServiceUnavailable: if the gateway does not answer.
        """
        self.close()
        host, port = plain_host(self.attributes["hostname"]), self.attributes["port"]
        with rucio_errors(ALWAYS):
            section = configuration.section_of(get_config(), host, port)
            settings = configuration.settings(self.attributes, section)
            credential = configuration.credential(self.attributes, section, os.environ, self.auth_token)
            self._client = CLIENTS.borrow(settings, credential)
            self._give_back = partial(CLIENTS.give_back, settings, credential)
            try:
                self._client.sign_in()
            except errors.Cs3Error:
                self.close()
                raise

    def close(self) -> None:
        """May be called at any time, and more than once."""
        give_back, self._give_back, self._client = self._give_back, None, None
        if give_back:
            give_back()

    def path2pfn(self, path: str) -> str:
        """The PFN of a path below the RSE's prefix; a PFN stays what it is."""
        if path.startswith("cs3://"):
            return path
        attributes = self.attributes
        return f"cs3://{attributes['hostname']}:{attributes['port']}{attributes['prefix']}{path.lstrip('/')}"

    def parse_pfns(self, pfns: Iterable[str] | str) -> dict[str, dict[str, Any]]:
        """Every character of the path is the path's own: `#`, `?`, `%` and spaces too.

        :returns: for each PFN its scheme, hostname, port, prefix, path (relative to the prefix, with a slash at
            either end) and name.
        :raises RSEFileNameNotSupported: for a PFN of another RSE, or a path that is none on a CS3 cloud.
        """
        return {pfn: self._parsed(pfn) for pfn in ([pfns] if isinstance(pfns, str) else pfns)}

    def exists(self, path: str) -> bool:
        """Whether a file or a container is at this PFN.

        :raises ServiceUnavailable: if the gateway cannot tell.
        """
        with rucio_errors(READING):
            return self._cloud().exists(self._path(path))

    def stat(self, path: str) -> dict[str, Any]:
        """The `filesize`, and of `adler32` and `md5` those that the storage knows; adler32 has 8 digits.

        :raises SourceNotFound: for a missing file, or a container.
        """
        with rucio_errors(READING):
            found = transfers.file_at(self._cloud(), self._path(path))
        return {"filesize": found.size, **sums_of(found)}

    def get(self, path: str, dest: str, transfer_timeout: float | None = None) -> None:
        """Download, resuming where the connection breaks; size and adler32 are verified, folders made for `dest`.

        :raises SourceNotFound: SourceAccessDenied, FileConsistencyMismatch, ServiceUnavailable,
            DestinationNotAccessible if `dest` cannot be written.
        """
        with rucio_errors(READING):
            transfers.fetch(self._cloud(), self._path(path), Path(dest), seconds=seconds_of(transfer_timeout))

    def put(
        self,
        source: str,
        target: str,
        source_dir: str | None = None,
        transfer_timeout: float | None = None,
    ) -> None:
        """Upload, whole and verified or not at all; missing containers are made.

        :raises SourceNotFound: if the local file cannot be read.
        :raises FileReplicaAlreadyExists: if something is at the target.
        :raises DestinationNotAccessible: without the right to write there, or the space, or below a file.
        """
        file = Path(source_dir or "", source)
        with rucio_errors(WRITING):
            with local("read"):
                size = file.stat().st_size
            transfers.store(
                self._cloud(),
                self._path(target),
                transfers.file_source(file),
                size,
                seconds=seconds_of(transfer_timeout),
            )

    def delete(self, path: str) -> None:
        """Remove one file, into the cloud's recycle bin; where the RSE says `purge`, out of that, too.

        What stays in the bin is told in the log: the file is deleted nevertheless.

        :raises SourceNotFound: for a missing file. A container is never removed: that would take all it holds.
        """
        with rucio_errors(ALWAYS):
            cloud, file = self._cloud(), self._path(path)
            purges = configuration.published(self.attributes).get("purge") is True
            cloud.remove_file(file)
        if not purges:
            return
        try:
            if not recycle.purge(cloud, file):
                self.logger(
                    logging.WARNING, "%s is not seen in the recycle bin, and may fill the quota", file
                )
        except errors.Cs3Error as error:
            self.logger(logging.WARNING, "A deleted file stays in the recycle bin: %s", error)

    def rename(self, path: str, new_path: str) -> None:
        """Move within this RSE; missing containers are made.

        :raises SourceNotFound: FileReplicaAlreadyExists, DestinationNotAccessible.
        """
        source, destination = self._path(path), self._path(new_path)
        with rucio_errors(WRITING):
            cloud = self._cloud()
            if parent_of(destination) != parent_of(source):
                cloud.make_containers(parent_of(destination))
            try:
                cloud.move(source, destination)
            except errors.NotFound as error:
                raise exception.SourceNotFound(str(error)) from None

    def get_space_usage(self) -> tuple[int, int]:
        """Total and unused bytes of the space that the prefix is in."""
        path = self.attributes["prefix"].rstrip("/") or "/"
        with rucio_errors(READING):
            while path != "/" and not self._cloud().exists(path):  # nothing has been put there yet
                path = parent_of(path)
            quota = self._cloud().quota(path)
            return quota.total, max(0, quota.total - quota.used)

    def locate(self, pfn: str) -> tuple[Client, str]:
        """The cloud, as long as this stays connected, and the path of a PFN there."""
        return self._cloud(), self._path(pfn)

    def _cloud(self) -> Client:
        if not self._client:
            raise exception.RSENotConnected(f"{self.rse['rse']}: connect first")
        return self._client

    def _path(self, text: str) -> str:
        parts = self._parsed(self.path2pfn(text))
        return f"{parts['prefix']}{parts['path'].removeprefix('/')}{parts['name']}"

    def _parsed(self, text: str) -> dict[str, Any]:
        host, port, prefix = (self.attributes[key] for key in ("hostname", "port", "prefix"))
        try:
            pfn = Pfn.parse(text)
        except NotAPfn as error:
            raise exception.RSEFileNameNotSupported(str(error)) from None
        if (pfn.host, pfn.port) != (plain_host(host), port):
            raise exception.RSEFileNameNotSupported(f"{text!r} is not at {host}:{port}")
        if not pfn.path.startswith(prefix):
            raise exception.RSEFileNameNotSupported(f"{text!r} is not below {prefix}")
        folder, _, name = pfn.path.removeprefix(prefix).rpartition("/")
        return {
            "path": f"/{folder}/" if folder else "/",
            "name": name,
            "scheme": "cs3",
            "prefix": prefix,
            "port": port,
            "hostname": host,
        }


@contextmanager
def rucio_errors(table: dict[type[errors.Cs3Error], type[Exception]]) -> Iterator[None]:
    """Errors of the client as Rucio's; the most special class that the table knows decides."""
    try:
        yield
    except errors.Cs3Error as error:
        kind = next(table[each] for each in type(error).__mro__ if each in table)
        raise kind(str(error)) from None


def sums_of(file: Resource) -> dict[str, str]:
    """Of the checksums that the storage knows, those that Rucio keeps: `adler32` and `md5`."""
    return {name: value for name, value in file.checksums.items() if name in ("adler32", "md5")}


def seconds_of(transfer_timeout: float | None) -> float | None:
    """Rucio's clients say 0 or nothing for "as long as it takes"."""
    return float(transfer_timeout) if transfer_timeout else None
