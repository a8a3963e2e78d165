"""Schemas of the services' databases: brought up to date.

Each service's package holds `migrations/` with the revisions. The table in which Alembic
notes the revision bears the service's name, so that it tells whose schema a database holds.
"""

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config

from yibao_common.db.database import Database
from yibao_common.db.schema import version_table

_CONNECTION = "connection"


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
