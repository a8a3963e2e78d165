"""What takes away what upgrades bring, so that they are carried out again."""

import functools

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from yibao_common.db.database import Database
from yibao_common.db.schema import version_table

Schema = dict[str, tuple[frozenset[str], frozenset[str]]]


def config_of(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    return config


def before(package: str, revision: str) -> str:
    """Returns the revision before another."""
    former = ScriptDirectory.from_config(config_of(package)).get_revision(revision)
    assert former is not None
    assert isinstance(former.down_revision, str)
    return former.down_revision


def going_back_before(package: str, revision: str) -> str:
    """Returns the statement that notes the schema as that of before a revision."""
    return f"UPDATE {version_table(package)} SET version_num = '{before(package, revision)}'"


def go_back_before(database: Database, package: str, revision: str) -> None:
    """Drops every table, column and index that a revision and those after it brought."""
    former = schema_of(package, before(package, revision))
    with database.write() as connection:
        _drop_what_is_not_in(connection, former)
        connection.exec_driver_sql(going_back_before(package, revision))
    # What connections had prepared is of the schema of now.
    database.engine.dispose()


@functools.cache
def schema_of(package: str, revision: str) -> Schema:
    """Returns the tables of a revision, with the names of their columns and indexes."""
    config = config_of(package)
    with sa.create_engine("sqlite://").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        return _read(connection)


def _read(connection: sa.Connection) -> Schema:
    inspector = sa.inspect(connection)
    return {
        table: (
            frozenset(each["name"] for each in inspector.get_columns(table)),
            frozenset(str(each["name"]) for each in inspector.get_indexes(table)),
        )
        for table in inspector.get_table_names()
    }


def _drop_what_is_not_in(connection: sa.Connection, former: Schema) -> None:
    for table, (columns, indexes) in _read(connection).items():
        if table not in former:
            connection.exec_driver_sql(f"DROP TABLE {table}")
            continue
        former_columns, former_indexes = former[table]
        for index in sorted(indexes - former_indexes):
            connection.exec_driver_sql(f"DROP INDEX {index}")
        for column in sorted(columns - former_columns):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
