"""Opens the database of a service as it starts."""

from yibao_common.db.database import Database
from yibao_common.db.schema import check_is_current
from yibao_common.process.config import ServiceConfig, StartError


def open_database(config: ServiceConfig, *, package: str) -> Database:
    """Returns the database of a service whose migrations `package` holds.

    Raises:
        StartError: its schema is not current, or several processes are to share SQLite.
    """
    database = Database(config.database.url)
    try:
        if database.is_sqlite and config.server.reuse_port:
            raise StartError("server.reuse_port: SQLite is served by one process alone")
        check_is_current(database, package)
    except BaseException:
        database.close()
        raise
    return database
