"""Whether the account of a service may do what every service does with its tables."""

import os

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.failures import NOT_WRITABLE
from yibao_common.process.config import StartError


def check_rights(database: Database, metadata: sa.MetaData) -> None:
    """Checks that the account reads every table and adds to each.

    It is a look at what is mostly forgotten, which is to grant anything, and to grant again
    after an upgrade; what else each table needs is told by the documents.

    Raises:
        StartError: a right is missing, or the database only reads.
    """
    if database.is_sqlite:
        _check_file(database)
        return
    _check_writes(database)
    names, missing = sorted(metadata.tables), []
    with database.read() as connection:
        for right in ("SELECT", "INSERT"):
            found = connection.execute(
                sa.text(
                    "SELECT name FROM unnest(CAST(:names AS text[])) AS name "
                    "WHERE NOT has_table_privilege(name, :privilege)"
                ),
                {"names": names, "privilege": right},
            ).scalars()
            missing += [f"{right} on {name}" for name in found]
    if missing:
        raise StartError(
            f"the database's user lacks {', '.join(missing)}: grant what "
            'docs/operating/databases.md lists under "Rights"'
        )


def _check_file(database: Database) -> None:
    """Refuses a file that this user reads alone: nothing shows it before the first row is written.

    Such is one that somebody else upgraded.
    """
    file = database.engine.url.database
    if file is not None and not os.access(file, os.W_OK):
        raise StartError(f"{database}: {NOT_WRITABLE}")


def _check_writes(database: Database) -> None:
    """Refuses a standby, and a database or user whose transactions only read."""
    with database.write() as connection:
        reads_only = connection.exec_driver_sql("SHOW transaction_read_only").scalar_one()
    if reads_only == "on":
        raise StartError(
            f"{database}: only reads: name the one that leads and not its standby, or set "
            "default_transaction_read_only off for it and its user"
        )
