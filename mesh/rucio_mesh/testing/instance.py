"""A real Rucio in one folder: configure, create tables, serve, stop.

    authority = Authority(folder / "ca")
    with Instance(folder / "rucio", python=server_python, authority=authority) as rucio:
        rucio.client().add_scope("root", "demo")

The server runs in another environment (`rucio-mesh[server]`), for `rucio` and `rucio-clients` own the same
module. It listens on 127.0.0.1 alone, keeps its data in SQLite, and cannot outlive the process that started it.
Its passwords are public and its database is not durable: for demos and tests only.
"""

from __future__ import annotations

import http.client
import os
import socket
import sqlite3
import ssl
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import rucio_mesh

from .private import write_private
from .service import Service, ServiceFailed

if TYPE_CHECKING:
    from types import TracebackType

    from .certificates import Authority
    from .client import InstanceClient

START_SECONDS = 60
ROOT_USER, ROOT_PASSWORD = "ddmlab", "secret"

CLIENT = """\
[client]
rucio_host = {url}
auth_host = {url}
auth_type = userpass
username = {user}
password = {password}
account = {account}
request_retries = 3
{ca_line}
[policy]
permission = generic
schema = generic
lfn2pfn_algorithm_default = hash
"""

# A [database] section is what makes Rucio's code run in server mode.
SERVER = """
[common]
logdir = {home}/log
loglevel = WARNING
[database]
default = sqlite:///{database}?uri=true&timeout=60
pool_recycle = 3600
pool_reset_on_return = rollback
echo = false
[bootstrap]
userpass_identity = {user}
userpass_pwd = {password}
userpass_email = root@localhost
x509_identity =
gss_identity =
ssh_identity =
[alembic]
cfg = {home}/etc/alembic.ini
[api]
endpoints_add = archives, traces
[trace]
tracedir = {home}/log/trace
brokers =
port = 61013
topic = /topic/rucio.tracer
username = unused
password = unused
[monitor]
enable_metrics = False
[credentials]
signature_lifetime = 3600
"""


class Instance:
    """One Rucio. Its folder is made on the first `start` and used again by later ones, in 2 to 3 seconds."""

    def __init__(self, home: Path, *, python: Path, authority: Authority | None = None) -> None:
        """`python` is that of the server's environment; without an authority plain HTTP is served."""
        self.home = home.resolve()
        self.url = ""
        """Where it listens; known from `start` on. The port of the last time is taken again if it is free."""
        self.ca = authority.certificate if authority else None
        """What clients trust; None for plain HTTP."""
        self.client_config = self.home / "etc" / "client.cfg"
        """A configuration for Rucio's own command line, as root: RUCIO_CONFIG=<this> rucio whoami."""
        self.log_paths = {part: self.home / "log" / f"{part}.log" for part in ("server", "build", "access")}
        self._python = python if len(python.parts) == 1 else python.absolute()
        self._authority = authority
        self._service: Service | None = None

    def start(self) -> Instance:
        """Serve; returns when it answers. Raises ServiceFailed, which tells why and where the log is."""
        for folder in (self.home, self.home / "etc", self.home / "log", self.home / "log" / "trace"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._bind() as listener:
            port = listener.getsockname()[1]
            self.url = f"{'https' if self.ca else 'http'}://localhost:{port}"
            (self.home / "port").write_text(str(port))
            self._configure()
            self._build()
            self._service = Service(
                "Rucio",
                [*self._module("run"), str(listener.fileno()), *self._tls()],
                log=self.log_paths["server"],
                environment=self._environment(),
                folder=self.home,  # lest a file beside the user shadows a module
                descriptors=[listener.fileno()],
                grace_seconds=4,
            )
        self._service.wait_until(self.answers, seconds=START_SECONDS)
        return self

    def stop(self) -> None:
        """End the server; returns when it is gone. What it holds is kept."""
        if self._service:
            self._service.stop()
            self._service = None

    def __enter__(self) -> Instance:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Raises ServiceFailed if the server has ended by itself."""
        if self._service:
            self._service.check()

    def answers(self) -> bool:
        """Whether it answers now."""
        try:
            return self._get("/ping", {}).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def token(self, account: str, *, username: str, password: str) -> str:
        """A fresh token; it is good for an hour. Raises PermissionError if Rucio refuses, OSError if it is gone."""
        headers = {"X-Rucio-Account": account, "X-Rucio-Username": username, "X-Rucio-Password": password}
        token = self._get("/auth/userpass", headers).getheader("X-Rucio-Auth-Token")
        if not token:
            raise PermissionError(f"Rucio does not let {username} act as {account}")
        return token

    def client(
        self, account: str = "root", *, username: str = ROOT_USER, password: str = ROOT_PASSWORD
    ) -> InstanceClient:
        """A client of Rucio's own kind that is signed in; needs `rucio-clients` in this environment."""
        from .client import InstanceClient

        return InstanceClient(self, account, "userpass", {"username": username, "password": password})

    def client_config_of(self, account: str, *, username: str, password: str) -> Path:
        """A configuration like `client_config`, signed in as another account; good until the next start."""
        path = self.home / "etc" / f"{account}.cfg"
        write_private(path, self._client_section(account, username, password))
        return path

    def _get(self, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        address = urlsplit(self.url)
        assert address.hostname
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        if self.ca:
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection(
                address.hostname, address.port, timeout=10, context=context
            )
        with closing(connection):
            connection.request("GET", path, headers=headers)
            return connection.getresponse()

    def _bind(self) -> socket.socket:
        """A socket on the last port, or on one that the kernel chooses."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        last = self.home / "port"
        if last.exists():
            # Another program has it now; or the file was cut by a full disk.
            with suppress(OSError, ValueError, OverflowError):
                listener.bind(("127.0.0.1", int(last.read_text())))
                return listener
        listener.bind(("127.0.0.1", 0))
        return listener

    def _configure(self) -> None:
        """Write the configuration anew: the port and the folder's own path may have changed."""
        client = self._client_section("root", ROOT_USER, ROOT_PASSWORD)
        # As an URI, lest a `?` ends the path; a single `%` would point to another value of the configuration.
        database = (self.home / "rucio.db").as_uri().replace("%", "%%")
        server = SERVER.format(home=self.home, database=database, user=ROOT_USER, password=ROOT_PASSWORD)
        write_private(self.client_config, client)
        write_private(self.home / "etc" / "rucio.cfg", client + server)
        package = self.home / "python" / "rucio_mesh"
        package.parent.mkdir(exist_ok=True)
        package.unlink(missing_ok=True)
        package.symlink_to(Path(rucio_mesh.__file__).parent)

    def _client_section(self, account: str, user: str, password: str) -> str:
        ca_line = f"ca_cert = {self.ca}" if self.ca else ""
        return CLIENT.format(url=self.url, user=user, password=password, account=account, ca_line=ca_line)

    def _build(self) -> None:
        """Create the database unless it is there; one that an interrupted build left is made again."""
        built = self.home / "built"
        if built.exists():
            self._check_database()
            return
        for rest in self.home.glob("rucio.db*"):
            rest.unlink()
        log = self.log_paths["build"]
        log.unlink(missing_ok=True)
        build = self._service = Service(  # which `stop` ends, as it does the server
            "The creation of Rucio's database",
            self._module("build"),
            log=log,
            environment=self._environment(),
            folder=self.home,
        )
        build.finish(seconds=START_SECONDS)
        built.touch()

    def _check_database(self) -> None:
        """Raises ServiceFailed where it is damaged: Rucio would start all the same, and refuse everybody."""
        path = self.home / "rucio.db"
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=60)) as database:
                (found,) = database.execute("pragma quick_check(1)").fetchone()
                database.execute("select 1 from accounts").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            why = f"its database is damaged ({found}); remove the folder {self.home} to begin anew"
            raise ServiceFailed("Rucio", why, self.log_paths["server"])

    def _module(self, command: str) -> list[str]:
        return [str(self._python), "-m", "rucio_mesh.testing.serve", command, str(self.home)]

    def _tls(self) -> list[str]:
        if not self._authority:
            return []
        leaf = self._authority.server()
        return [str(leaf.certificate), str(leaf.key), str(self._authority.certificate)]

    def _environment(self) -> dict[str, str]:
        """Ours, without what points Rucio or Python elsewhere."""
        foreign = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONSTARTUP"}
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("RUCIO") and key not in foreign
        }
        return kept | {"RUCIO_HOME": str(self.home), "PYTHONPATH": str(self.home / "python")}
