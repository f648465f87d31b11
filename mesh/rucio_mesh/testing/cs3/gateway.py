"""A CS3 gateway in this process: gRPC and its data gateway, on ports that the kernel chooses."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from .accounts import EINSTEIN_AND_FRIENDS, Account, Accounts
from .calls import Calls
from .data import DataServer, Meter
from .faults import Faults
from .history import History
from .locks import Locks
from .metadata import Describer
from .ocm import Mesh, Ocm
from .profiles import PROFILES, ProfileName
from .receiving import Receiver
from .sharing import Sharing
from .storage import Storage
from .transfers import Transfers
from .tree import Place, Tree

if TYPE_CHECKING:
    from types import TracebackType

    from ..certificates import Leaf

THREADS = 16
MESSAGE_BYTES = 64 << 20


class Gateway:
    """One cloud: accounts, files below `root`, and what can be made to go wrong."""

    def __init__(
        self,
        root: Path,
        profile: ProfileName = "localfs",
        *,
        accounts: Mapping[str, Account] = EINSTEIN_AND_FRIENDS,
        machine_key: str = "machine-key",
        quota_bytes: int | None = None,
        expose_data_server: bool = False,
        domain: str = "",
        mesh: Mesh | None = None,
        leaf: Leaf | None = None,
        ports: tuple[int, int] = (0, 0),
    ) -> None:
        """`leaf` is the certificate of both endpoints, which speak plain text without one.

        Gateways that share a mesh, each with a domain of its own, may share files with each other.
        Without a quota the disk's is told. `ports` are those of gRPC and data; 0 lets the kernel choose.
        """
        self.profile = PROFILES[profile]
        self.domain = domain or f"{profile}.example.org"
        self.faults = Faults()
        self.meter = Meter()
        self.tree = Tree(root, self.profile)
        self.accounts = Accounts(self.tree, accounts, idp=f"https://{self.domain}", machine_key=machine_key)
        describer = Describer(self.tree, self.profile, self.faults)
        self._locks = Locks(self.tree, self.profile)
        storage = Storage(self.tree, self.profile, self.faults, describer, self._locks, quota_bytes)
        self.transfers = Transfers(
            self.tree, self.profile, self.faults, storage, self._locks, expose_data_server=expose_data_server
        )
        services = (
            *(self.accounts, storage, self.transfers, self._locks, History(self.tree)),
            Sharing(self.tree, self.profile, self.accounts),
            Ocm(self.domain, Mesh() if mesh is None else mesh, self.tree, self.accounts),
        )
        self.calls = Calls(services, self.accounts.access, self.faults)
        self.grpc_port, self.data_port = ports
        """Known from `start` on, and kept when it starts again."""
        self._leaf = leaf
        self._grpc: Any = None
        self._data: DataServer | None = None

    @property
    def address(self) -> str:
        """Host and port of gRPC."""
        return f"127.0.0.1:{self.grpc_port}"

    def start(self) -> Gateway:
        """Serve; returns when it answers. Raises OSError or RuntimeError if a port is taken."""
        try:
            self._start_data()
            self._start_grpc()
        except BaseException:  # Ctrl-C too: nothing half started stays
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End both endpoints and all connections; files and tokens stay, and `start` serves them again."""
        if self._grpc:
            self._grpc.stop(0).wait()
            self._grpc = None
        if self._data:
            self._data.end()
            self._data = None

    def __enter__(self) -> Gateway:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def path(self, path: str, user: str = "einstein") -> Path:
        """The file behind an absolute path of that user."""
        self.tree.create_home(user)
        place = self.tree.at(path, user)
        assert isinstance(place, Place), "a folder above the mounts has no file"
        return place.file

    def home(self, user: str = "einstein") -> str:
        return self.tree.home(user)

    def lapse_tokens(self) -> None:
        """From now on no token handed out before is good, neither the gateway's own nor those of transfers."""
        self.accounts.access.lapse()
        self.transfers.tokens.lapse()

    @property
    def counts(self) -> Counter[str]:
        """How often each gRPC call was made, by its name."""
        return self.calls.counts

    def _start_data(self) -> None:
        self._data = DataServer(
            self.data_port,
            transfers=self.transfers,
            receiver=Receiver(self.tree, self.profile, self.faults, self.transfers, self._locks),
            access=self.accounts.access,
            profile=self.profile,
            faults=self.faults,
            meter=self.meter,
            lapses={
                "lapse": self.lapse_tokens,
                "lapse_access": self.accounts.access.lapse,
                "lapse_transfer": self.transfers.tokens.lapse,
            },
            tls=self._tls(),
        )
        self.data_port = self._data.server_port
        self.transfers.endpoint = f"{'https' if self._leaf else 'http'}://127.0.0.1:{self.data_port}"
        self._data.begin()

    def _start_grpc(self) -> None:
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MESSAGE_BYTES)]
        self._grpc = grpc.server(ThreadPoolExecutor(THREADS, "cs3-grpc"), options=options)
        self._grpc.add_generic_rpc_handlers((self.calls.handlers,))
        if self._leaf:
            pair = (self._leaf.key.read_bytes(), self._leaf.certificate.read_bytes())
            credentials = grpc.ssl_server_credentials([pair])
            self.grpc_port = self._grpc.add_secure_port(self.address, credentials)
        else:
            self.grpc_port = self._grpc.add_insecure_port(self.address)
        self._grpc.start()

    def _tls(self) -> ssl.SSLContext | None:
        if not self._leaf:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._leaf.certificate, self._leaf.key)
        return context
