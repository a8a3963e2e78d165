"""Schemas of the services' databases: brought up to date, and checked at start.

Each service's package holds `migrations/` with the revisions. The table in which Alembic
notes the revision bears the service's name, so that it tells whose schema a database holds.
"""

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from yibao_common.db.database import Database
from yibao_common.process.config import StartError

_CONNECTION = "connection"


class SchemaError(StartError):
    """The database's schema is not the one that the program needs."""


def upgrade(database: Database, package: str) -> None:
    """Brings the schema of `package`, such as `yibao_identity`, up to date.

    One transaction, on SQLite too: a failure leaves the schema as it was.
    """
    config = _config(package)
    with database.write() as connection:
        if not database.is_sqlite:
            # What fits a call is too short for tables that a province has filled.
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
        config.attributes[_CONNECTION] = connection
        command.upgrade(config, "head")


def check_is_current(database: Database, package: str) -> None:
    """Checks that the schema of `package` is the one that the program needs.

    Raises:
        SchemaError: it is older, newer or absent.
    """
    needed = ScriptDirectory.from_config(_config(package)).get_current_head()
    with database.read() as connection:
        options = {"version_table": version_table(package)}
        found = MigrationContext.configure(connection, opts=options).get_current_revision()
    if found == needed:
        return
    service = package.removeprefix("yibao_")
    if found is None:
        raise SchemaError(f"the database holds no schema of {service}: run `yibao db upgrade`")
    raise SchemaError(
        f"the database holds schema {found} of {service}, the program needs {needed}: "
        "run `yibao db upgrade`, or start the program that fits"
    )


def version_table(package: str) -> str:
    """Returns the table that notes the revision, such as `alembic_version_identity`."""
    return f"alembic_version_{package.removeprefix('yibao_')}"


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
