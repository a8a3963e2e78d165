"""Schemas of the services' databases: brought up to date.

Each service's package holds `migrations/` with the revisions. The table in which Alembic
notes the revision bears the service's name, so that it tells whose schema a database holds.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory

from yibao_common.db import engine_sqlite
from yibao_common.db.database import Database
from yibao_common.db.schema import SchemaError, refuse_another, stored_revision, version_table
from yibao_common.values.errors import TransientError

_CONNECTION = "connection"
# There is such a table, or such a type of its rows.
_MADE_MEANWHILE = ("42P07", "23505")


class _MadeMeanwhileError(Exception):
    """Another upgrade made the first table at the same moment: its end is to be waited for."""


def upgrade(
    database: Database, package: str, *, tell_waiting: Callable[[], None] = lambda: None
) -> None:
    """Brings the schema of `package`, such as `yibao_identity`, up to date.

    One transaction, on SQLite too: a failure leaves the schema as it was. Of several at
    once, as pods that start together run it, each waits for the one before, on SQLite also for
    who writes otherwise; `tell_waiting` is called every ten seconds of that there.

    Raises:
        SchemaError: the schema is of a newer program, or the database another service's.
    """
    while not _upgraded(database, package):
        tell_waiting()


def _upgraded(database: Database, package: str) -> bool:
    """Tells whether the schema is up to date; False where another upgrade is to be waited for."""
    config = _config(package)
    try:
        with database.write() as connection:
            if not database.is_sqlite:
                _take_turn(connection, version_table(package))
            _refuse_unknown(connection, config, package, named=str(database))
            config.attributes[_CONNECTION] = connection
            command.upgrade(config, "head")
    except _MadeMeanwhileError:
        return False
    except TransientError as error:
        # SQLite waits as long as fits a call, and that before anything was done.
        cause = error.__cause__
        if isinstance(cause, sa.exc.DBAPIError) and engine_sqlite.is_busy(cause.orig):
            return False
        raise
    return True


def _take_turn(connection: sa.Connection, name: str) -> None:
    """Waits, for however long, until no other upgrade runs; services read on meanwhile."""
    from yibao_common.db.engine_postgres import wait_as_long_as_it_takes

    wait_as_long_as_it_takes(connection)
    kept = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    if sa.inspect(connection).has_table(name):
        connection.exec_driver_sql(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")
    else:
        _make_version_table(connection, name)
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{kept}'")


def _make_version_table(connection: sa.Connection, name: str) -> None:
    """Makes what notes the revision as Alembic would; of two at once one waits, and fails."""
    table = sa.Table(name, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
    table.primary_key.name = f"{name}_pkc"
    try:
        table.create(connection)
    except sa.exc.DBAPIError as error:
        # Which of the two errors tells of it is chance.
        if getattr(error.orig, "sqlstate", None) in _MADE_MEANWHILE:
            raise _MadeMeanwhileError from error
        raise


def _refuse_unknown(connection: sa.Connection, config: Config, package: str, *, named: str) -> None:
    found = stored_revision(connection, package)
    if found is None:
        refuse_another(connection, package, named=named)
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaError(
            f"{named}: holds schema {found} of {package.removeprefix('yibao_')}, which this "
            "program does not know: run the program that fits"
        )


def run_environment(metadata: sa.MetaData, package: str) -> None:
    """Runs what Alembic was asked to; each `migrations/env.py` calls it and nothing else."""
    connection = context.config.attributes.get(_CONNECTION)
    assert connection is not None, "migrations run through yibao_common.db.migrations.upgrade"
    # The caller's transaction encloses every step, and ends only after the last one.
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=version_table(package),
        transactional_ddl=True,
    )
    context.run_migrations()


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    return config
