"""Opens the database of a service as it starts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from yibao_common.db.completeness import check_is_complete
from yibao_common.db.database import Database
from yibao_common.db.failures import database_told
from yibao_common.db.rights import check_rights
from yibao_common.db.schema import check_is_current
from yibao_common.process.config import ServiceConfig, StartError


@contextlib.contextmanager
def opened_database(url: str, *, package: str) -> Iterator[Database]:
    """Gives the database whose schema `package` holds, and closes it, for a command.

    Raises:
        StartError: it cannot be used, now or inside the block, or its schema is not current.
    """
    refuse_missing_file(url)
    with database_told(url), contextlib.closing(Database(url)) as database:
        check_is_current(database, package)
        yield database


def open_database(config: ServiceConfig, *, package: str, metadata: sa.MetaData) -> Database:
    """Returns the database of a service whose migrations `package` holds, with its `metadata`.

    Raises:
        StartError: it cannot be used, its schema is not current or not complete, rights are
            missing, or several processes are to share SQLite.
    """
    url = config.database.url
    if config.server.reuse_port and sa.make_url(url).get_backend_name() == "sqlite":
        raise StartError("server.reuse_port: SQLite is served by one process alone")
    refuse_missing_file(url)
    with database_told(url):
        database = Database(url)
    try:
        with database_told(url):
            check_is_current(database, package)
            check_is_complete(database, metadata)
            check_rights(database, metadata)
    except BaseException:
        database.close()
        raise
    return database


def refuse_missing_file(url: str) -> None:
    """Refuses a file of SQLite that is not there: opening it would make it, and empty.

    Raises:
        StartError: there is none, or it cannot be looked for.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return
    try:
        is_there = Path(parsed.database or "").exists()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no name of a file"
        raise StartError(f"database {parsed}: the file cannot be opened: {why}") from None
    if not is_there:
        raise StartError(f"database {parsed}: there is no such file: run `yibao db upgrade`")
