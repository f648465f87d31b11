"""What runs in the server's environment: build an instance's tables, and serve it.

    python -m rucio_mesh.testing.serve build HOME
    python -m rucio_mesh.testing.serve run HOME DESCRIPTOR [CERTIFICATE KEY AUTHORITY]

`instance.py` starts both; HOME/etc/rucio.cfg must exist, and RUCIO_HOME must name HOME. DESCRIPTOR is a bound
socket. With a certificate, TLS is spoken, and clients may, but need not, show one that AUTHORITY signed.
"""

from __future__ import annotations

import functools
import importlib.util
import sqlite3
import ssl
import sys
from pathlib import Path
from typing import Any

ALEMBIC = """\
[alembic]
script_location = {package}/db/sqla/migrate_repo
sqlalchemy.url = sqlite:///{database}?uri=true
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = WARN
handlers = console
qualname =
[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic
[formatter_generic]
format = %(levelname)s [%(name)s] %(message)s
"""

INDEXES = {
    ("replicas", "sqlite_autoindex_replicas_1"): "1000000000 100000 2 1",  # scope, name, rse_id
    ("replicas", "REPLICAS_STATE_IDX"): "1000000000 500000000",
    ("replicas", "REPLICAS_RSE_ID_TOMBSTONE_IDX"): "1000000000 1000000 1000000",
    ("dids", "sqlite_autoindex_dids_1"): "1000000000 100000 1",  # scope, name
    (
        "contents",
        "sqlite_autoindex_contents_1",
    ): "1000000000 100000 1000 1000 1",  # scope, name, of child the same
}
"""As in a Rucio of production: rows of the table, then how many share the first column, the first two, and so on."""


def build(home: Path) -> None:
    """Create the tables, the VO `def` and the account root in an empty SQLite file."""
    database = home / "rucio.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer; stays in the file
    connection.close()
    package = importlib.util.find_spec("rucio")
    assert package and package.submodule_search_locations
    address = database.as_uri().replace("%", "%%")
    alembic = ALEMBIC.format(package=package.submodule_search_locations[0], database=address)
    (home / "etc" / "alembic.ini").write_text(alembic)

    from rucio.db.sqla.util import build_database, create_base_vo, create_root_account

    build_database()
    create_base_vo()
    create_root_account()


def tell_of_sizes(database: Path) -> None:
    """Have SQLite look files up by name, as the databases of production do.

    It keeps no statistics of its own accord. Without, it takes the temporary tables with the names that are asked for
    to be as large as any other, and reads the others whole, whatever is asked.
    """
    with sqlite3.connect(database, timeout=60) as connection:
        connection.execute("ANALYZE sqlite_schema")  # makes the table of statistics
        connection.execute("DELETE FROM sqlite_stat1")
        rows = [(*index, counts) for index, counts in INDEXES.items()]
        connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", rows)
    connection.close()


def run(home: Path, descriptor: int, tls: tuple[str, str, str] | None) -> None:
    """Serve until a signal ends it. One worker: the caches live in the process."""
    from gunicorn.app.base import BaseApplication

    tell_of_sizes(home / "rucio.db")
    options: dict[str, Any] = {
        "bind": f"fd://{descriptor}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": 12,
        "timeout": 120,
        "graceful_timeout": 0,  # SQLite survives it, and an idle worker takes a second to notice
        "keepalive": 60,
        "control_socket_disable": True,  # it would be shared between all instances of one user
        "accesslog": str(home / "log" / "access.log"),
        "access_log_format": '%(t)s "%(m)s %(U)s" %(s)s %(b)s bytes %(M)s ms',  # no query: it may hold secrets
        "errorlog": "-",
        "loglevel": "info",
    }
    if tls:
        options |= {"certfile": tls[0], "keyfile": tls[1], "ca_certs": tls[2], "cert_reqs": ssl.CERT_OPTIONAL}
        options["ssl_context"] = ssl_context

    class Server(BaseApplication):  # type: ignore[misc, unused-ignore]
        def load_config(self) -> None:
            for key, value in options.items():
                self.cfg.set(key, value)

        def load(self) -> Any:
            from rucio_mesh.testing.wsgi import application

            return application

    Server().run()


@functools.cache
def ssl_context(_configuration: object, stock: Any) -> ssl.SSLContext:
    """One context for all connections, which takes proxy certificates as the grid's servers do."""
    context: ssl.SSLContext = stock()
    context.verify_flags |= ssl.VERIFY_ALLOW_PROXY_CERTS
    return context


def main() -> None:
    command, home, *rest = sys.argv[1:]
    if command == "build":
        build(Path(home))
    else:
        descriptor, *tls = rest
        run(Path(home), int(descriptor), (tls[0], tls[1], tls[2]) if tls else None)


if __name__ == "__main__":
    main()
