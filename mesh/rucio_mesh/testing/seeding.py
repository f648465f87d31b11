"""Fill a Rucio with accounts, RSEs, files and collections.

Every function is handed a signed-in client of the account root; what is there already is left as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from rucio.common.exception import DataIdentifierAlreadyExists, Duplicate, FileReplicaAlreadyExists

if TYPE_CHECKING:
    from rucio.client import Client

    from .storage import Storage

BATCH = 500
"""SQLite's limit on the depth of an expression allows 990 files in one call."""
ALL_RIGHTS = {
    "lan": {"read": 1, "write": 1, "delete": 1},
    "wan": {"read": 1, "write": 1, "delete": 1, "third_party_copy_read": 1, "third_party_copy_write": 1},
}


@dataclass(frozen=True)
class File:
    """One file as Rucio is told of it."""

    scope: str
    name: str
    size: int
    """Bytes."""
    adler32: str | None = None
    md5: str | None = None

    @classmethod
    def of(cls, scope: str, name: str, content: bytes) -> File:
        """With the size and the adler32 of `content`."""
        return cls(scope, name, len(content), f"{zlib.adler32(content):08x}")

    def replica(self) -> dict[str, Any]:
        known = {"adler32": self.adler32, "md5": self.md5}
        return self.did() | {"bytes": self.size} | {key: value for key, value in known.items() if value}

    def did(self) -> dict[str, Any]:
        return {"scope": self.scope, "name": self.name}


def add_account(
    client: Client,
    account: str,
    *,
    kind: Literal["USER", "GROUP", "SERVICE"] = "USER",
    scope: str | None = None,
) -> None:
    """An account, with a scope of its own where one is named."""
    with suppress(Duplicate):
        client.add_account(account, kind, f"{account}@localhost")
    if scope:
        add_scope(client, scope, account)


def add_scope(client: Client, scope: str, account: str = "root") -> None:
    with suppress(Duplicate):
        client.add_scope(account, scope)


def let_sign_in(
    client: Client,
    account: str,
    *,
    username: str | None = None,
    password: str = "",
    subject: str | None = None,
) -> None:
    """Let an identity act as `account`: a user name with password, a certificate's subject, or both.

    For a user name that is known already the password stays what it is.
    """
    email = f"{account}@localhost"
    with suppress(Duplicate):
        if username:
            client.add_identity(account, username, "USERPASS", email, password=password)
    with suppress(Duplicate):
        if subject:
            client.add_identity(account, subject, "X509", email)


def add_rse(client: Client, rse: str, *, tape: bool = False) -> None:
    """An RSE whose paths are made by the `hash` algorithm; it has no protocol yet."""
    with suppress(Duplicate):
        client.add_rse(rse, rse_type="TAPE" if tape else "DISK")
        client.set_local_account_limit("root", rse, -1)


def set_protocol(
    client: Client,
    rse: str,
    scheme: str,
    host: str,
    port: int,
    *,
    prefix: str = "/",
    implementation: str,
    extended: Mapping[str, Any] | None = None,
) -> None:
    """Make this the only protocol of the RSE with that scheme.

    `implementation` is a class of Rucio's own, `webdav.Default`, or one of ours, `rucio_mesh.…`.
    """
    known = [(each["scheme"], each["hostname"], each["port"]) for each in client.get_rse(rse)["protocols"]]
    if (scheme, host, port) in known:
        return
    for old_scheme, old_host, old_port in known:
        if old_scheme == scheme:
            client.delete_protocols(rse, scheme, old_host, old_port)
    client.add_protocol(
        rse,
        {
            "scheme": scheme,
            "hostname": host,
            "port": port,
            "prefix": prefix,
            "impl": implementation
            if implementation.startswith("rucio_mesh.")
            else f"rucio.rse.protocols.{implementation}",
            "domains": ALL_RIGHTS,
            "extended_attributes": dict(extended) if extended else None,
        },
    )


def add_storage(client: Client, storage: Storage, *, scheme: Literal["https", "davs"] = "https") -> None:
    """Make a running storage an RSE of its name; to be called after each start, for the port may change."""
    add_rse(client, storage.name)
    set_protocol(client, storage.name, scheme, "localhost", storage.port, implementation="webdav.Default")


def add_cloud(
    client: Client, rse: str, port: int, *, prefix: str, public: Mapping[str, Any] | None = None
) -> None:
    """Make a CS3 cloud on this machine an RSE; `public` is what the RSE says of its gateway."""
    add_rse(client, rse)
    set_protocol(
        client,
        rse,
        "cs3",
        "127.0.0.1",
        port,
        prefix=prefix,
        implementation="rucio_mesh.cs3.protocol.Default",
        extended={"cs3": dict(public)} if public else None,
    )


def register(client: Client, rse: str, files: Iterable[File]) -> None:
    """Declare that the RSE holds these files; new ones become DIDs."""
    for batch in batches(files):
        with suppress(FileReplicaAlreadyExists):
            client.add_replicas(rse, [file.replica() for file in batch])


def add_collection(
    client: Client,
    scope: str,
    name: str,
    content: Iterable[File | tuple[str, str]],
    *,
    kind: Literal["DATASET", "CONTAINER"] = "DATASET",
    metadata: dict[str, Any] | None = None,
    still_open: bool = False,
) -> None:
    """A dataset of files, or a container of collections given as (scope, name); closed unless `still_open`."""
    try:
        client.add_did(scope, name, kind)
    except DataIdentifierAlreadyExists:
        if not client.get_did(scope, name)["open"]:
            return  # closed at the end of an earlier time, so that all is there
    attach(client, scope, name, content)
    if metadata:
        client.set_metadata_bulk(scope, name, metadata)
    if not still_open:
        client.set_status(scope, name, open=False)


def attach(client: Client, scope: str, name: str, content: Iterable[File | tuple[str, str]]) -> None:
    """Put files or collections into a collection, or constituents into an archive."""
    for batch in batches(content):
        pairs = [(each.scope, each.name) if isinstance(each, File) else each for each in batch]
        dids = [{"scope": member_scope, "name": member} for member_scope, member in pairs]
        attachment = {"scope": scope, "name": name, "dids": dids}
        client.attach_dids_to_dids([attachment], ignore_duplicate=True)


def add_archive_content(client: Client, archive: File, members: Sequence[File]) -> None:
    """Say what is inside a registered zip archive; members that have no DID yet get one."""
    described = [member.replica() | {"type": "FILE"} for member in members]
    client.add_files_to_archive(archive.scope, archive.name, described)


def batches(things: Iterable[Any]) -> Iterable[list[Any]]:
    rest = iter(things)
    while batch := list(islice(rest, BATCH)):
        yield batch
