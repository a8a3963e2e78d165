"""The migrations of every service make the tables that its code expects."""

import contextlib
import importlib
import sqlite3
import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from support.databases import Databases, PostgresDatabases

from yibao_common.db import engine_postgres, engine_sqlite
from yibao_common.db.database import Database
from yibao_common.db.migrations import upgrade
from yibao_common.db.schema import SchemaError, check_is_current, newest_revision, version_table
from yibao_common.values.errors import TransientError

PACKAGES = ("yibao_identity", "yibao_offsite", "yibao_settlement")


def _metadata(package: str) -> sa.MetaData:
    metadata = importlib.import_module(f"{package}.storage.tables").metadata
    assert isinstance(metadata, sa.MetaData)
    return metadata


@pytest.mark.parametrize("package", PACKAGES)
def test_migrations_make_the_tables_of_the_code(databases: Databases, package: str) -> None:
    options = {
        "version_table": version_table(package),
        "compare_type": True,
        "compare_server_default": True,
    }
    with databases.open(package).read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, _metadata(package)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_newest_revision_is_the_one_that_alembic_ends_at(package: str) -> None:
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    assert newest_revision(package) == ScriptDirectory.from_config(config).get_current_head()


@pytest.mark.parametrize("package", PACKAGES)
def test_migrations_make_what_the_comparison_does_not_see(
    databases: Databases, package: str
) -> None:
    metadata = _metadata(package)
    with databases.open(package).read() as connection:
        inspector = sa.inspect(connection)
        for table in metadata.tables.values():
            key = inspector.get_pk_constraint(table.name)
            # The order of the key's columns decides what lies together.
            assert key["constrained_columns"] == [column.name for column in table.primary_key]
            # What serves all regions of a deployment is named so.
            is_reference = table.name.startswith("trust_")
            assert (key["constrained_columns"][0] == "region") != is_reference
            assert key["name"] == f"pk_{table.name}"
            found = inspector.get_indexes(table.name)
            partial = {index["name"] for index in found if _is_partial(index)}
            assert partial == {
                index.name
                for index in table.indexes
                if index.dialect_options[databases.kind]["where"] is not None
            }


def _is_partial(index: sa.engine.interfaces.ReflectedIndex) -> bool:
    options = index.get("dialect_options", {})
    return not options.keys().isdisjoint({"sqlite_where", "postgresql_where"})


@pytest.mark.parametrize("package", PACKAGES)
def test_tables_on_postgresql_have_the_collations_and_options_of_the_code(
    postgres_databases: PostgresDatabases, package: str
) -> None:
    metadata = _metadata(package)
    with postgres_databases.open(package).read() as connection:
        query = sa.text("SELECT relname, reloptions FROM pg_class WHERE relkind = 'r'")
        options = {name: found for name, found in connection.execute(query)}
        inspector = sa.inspect(connection)
        for table in metadata.tables.values():
            wanted = table.dialect_kwargs.get("postgresql_with") or {}
            assert options[table.name] == ([f"{k}={v}" for k, v in wanted.items()] or None)
            stored = {
                column["name"]: column["type"] for column in inspector.get_columns(table.name)
            }
            for column in table.columns:
                expected = column.type.dialect_impl(connection.dialect)
                if isinstance(expected, sa.String):
                    assert getattr(stored[column.name], "collation", None) == expected.collation


@pytest.mark.parametrize("package", PACKAGES)
def test_an_empty_database_is_not_current_until_it_is_upgraded(
    database_url: str, package: str
) -> None:
    database = Database(database_url)
    try:
        with pytest.raises(SchemaError, match="yibao db upgrade"):
            check_is_current(database, package)
        upgrade(database, package)
        check_is_current(database, package)
        upgrade(database, package)
        check_is_current(database, package)
    finally:
        database.close()


def test_a_schema_that_the_program_does_not_know_is_told_by_its_name(databases: Databases) -> None:
    url = sa.make_url(databases.migrated_url("yibao_settlement"))
    if databases.kind == "postgresql":
        url = url.set(password="secret-word")
    with contextlib.closing(Database(url.render_as_string(hide_password=False))) as database:
        with database.write() as connection:
            table = version_table("yibao_settlement")
            connection.execute(sa.text(f"UPDATE {table} SET version_num = '9999'"))
        with pytest.raises(SchemaError, match="holds schema 9999 of settlement") as caught:
            check_is_current(database, "yibao_settlement")
        with pytest.raises(SchemaError, match="which this program does not know") as unknown:
            upgrade(database, "yibao_settlement")
    # It tells which of an operator's databases it is, and no password of it.
    for refusal in (caught, unknown):
        assert str(refusal.value).startswith(f"database {url}: ")
        assert "secret-word" not in str(refusal.value)


def test_an_upgrade_takes_the_time_it_needs(
    postgres_databases: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call may not: a table that a province filled takes longer than any call."""
    settings = (*engine_postgres._SETTINGS, "SET statement_timeout = '100ms'")
    monkeypatch.setattr(engine_postgres, "_SETTINGS", settings)

    def long_step(config: Config, _revision: str) -> None:
        config.attributes["connection"].exec_driver_sql("SELECT pg_sleep(0.3)")

    monkeypatch.setattr(command, "upgrade", long_step)
    database = Database(postgres_databases.empty_url())
    try:
        upgrade(database, "yibao_settlement")
        with pytest.raises(TransientError), database.write() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(0.3)")
    finally:
        database.close()


def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    database = Database(database_url)
    try:
        with database.write() as connection:
            # In the way of the last table of the first revision.
            connection.execute(sa.text("CREATE TABLE account_checkpoint (region VARCHAR(6))"))
        with pytest.raises(sa.exc.DBAPIError):
            upgrade(database, "yibao_settlement")
        with database.read() as connection:
            assert sa.inspect(connection).get_table_names() == ["account_checkpoint"]
    finally:
        database.close()


UPGRADE = """
import sys
from yibao_common.db.database import Database
from yibao_common.db.migrations import upgrade

print("ready", flush=True)
sys.stdin.readline()
upgrade(Database(sys.argv[1]), "yibao_offsite")
"""


def test_five_upgrades_at_once_all_succeed(databases: Databases) -> None:
    url = databases.empty_url()
    command = [sys.executable, "-c", UPGRADE, url]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(5)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, told
    database = Database(url)
    check_is_current(database, "yibao_offsite")
    database.close()


def test_whoever_opens_a_new_file_waits_for_who_makes_it(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself does not: of several that open it at once, one would be refused."""
    if databases.kind != "sqlite":
        pytest.skip("PostgreSQL's server has made its database")
    url = databases.empty_url()
    other = sqlite3.connect(str(sa.make_url(url).database), isolation_level=None)
    other.execute("CREATE TABLE first (number INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr("yibao_common.db.engine_sqlite.time.sleep", sleep)
    database = Database(url)
    try:
        upgrade(database, "yibao_offsite")
        check_is_current(database, "yibao_offsite")
    finally:
        database.close()
        other.close()
    assert len(waited) == 1


def test_an_upgrade_waits_for_one_that_takes_longer_than_any_call(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    if databases.kind != "sqlite":
        pytest.skip("how PostgreSQL waits is tested with its locks")
    monkeypatch.setattr(engine_sqlite, "_BUSY_SECONDS", 0.05)
    url = databases.empty_url()
    refused: list[BaseException | None] = []
    told: list[str] = []
    first, second = Database(url), Database(url)

    def is_busy(error: BaseException | None) -> bool:
        refused.append(error)
        if len(refused) == 2:
            writing.__exit__(None, None, None)
        return was_busy(error)

    was_busy = engine_sqlite.is_busy
    monkeypatch.setattr(engine_sqlite, "is_busy", is_busy)
    try:
        writing = first.write()
        writing.__enter__()
        upgrade(second, "yibao_offsite", tell_waiting=lambda: told.append("waiting"))
        check_is_current(second, "yibao_offsite")
    finally:
        first.close()
        second.close()
    assert (len(refused), len(told)) == (2, 2)
