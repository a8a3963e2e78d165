"""A database whose revision is right and that lacks something does not serve."""

import pytest
from support.databases import Databases

from yibao_common.db.completeness import check_is_complete
from yibao_common.db.database import Database
from yibao_common.db.migrations import upgrade
from yibao_common.db.opening import open_database
from yibao_common.process.config import DatabaseConfig, ServerConfig, ServiceConfig, StartError
from yibao_identity.storage.tables import metadata as identity
from yibao_offsite.storage.tables import metadata as offsite
from yibao_settlement.storage.tables import metadata as settlement

METADATA = {"identity": identity, "settlement": settlement, "offsite": offsite}


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.migrated_url("yibao_settlement")


def execute(url: str, *statements: str) -> None:
    database = Database(url)
    try:
        with database.write() as connection:
            for each in statements:
                connection.exec_driver_sql(each)
    finally:
        database.close()


def problem(url: str) -> str:
    """Returns what the start of the service and the doctor tell."""
    config = ServiceConfig(server=ServerConfig(insecure=True), database=DatabaseConfig(url=url))
    try:
        open_database(config, package="yibao_settlement", metadata=settlement).close()
    except StartError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("service", METADATA)
def test_a_migrated_database_lacks_nothing(databases: Databases, service: str) -> None:
    database = databases.open(f"yibao_{service}")
    check_is_complete(database, METADATA[service])


def test_a_missing_table_is_named_and_not_its_columns(url: str) -> None:
    execute(url, "DROP TABLE hold")
    told = problem(url)
    assert "lacks table hold, although" in told
    assert "hold." not in told


def test_missing_columns_and_indexes_are_named(url: str) -> None:
    (index, *_) = sorted(str(each.name) for each in settlement.tables["visit"].indexes)
    execute(url, f"DROP INDEX {index}", "ALTER TABLE visit DROP COLUMN bed")
    told = problem(url)
    assert f"lacks column visit.bed, index visit.{index}, although" in told


def test_a_schema_of_two_revisions_is_told(url: str) -> None:
    """Neither the start nor an upgrade knows which tables it has."""
    execute(url, "INSERT INTO alembic_version_settlement (version_num) VALUES ('0001')")
    told = "alembic_version_settlement notes several revisions (0001, "
    assert problem(url).startswith("database ")
    assert told in problem(url)
    database = Database(url)
    try:
        with pytest.raises(StartError, match="notes several revisions"):
            upgrade(database, "yibao_settlement")
    finally:
        database.close()


def test_what_somebody_added_is_no_fault(url: str) -> None:
    execute(url, "CREATE TABLE report (a int)", "CREATE INDEX mine ON visit (bed)")
    assert problem(url) == ""


def test_many_are_counted(url: str) -> None:
    names = [each.name for each in reversed(settlement.sorted_tables)][:12]
    execute(url, *(f"DROP TABLE {each}" for each in names))
    assert "and 2 more, although" in problem(url)


def test_a_key_that_was_dropped_is_named(postgres_databases: Databases) -> None:
    """SQLite keeps keys with their tables; PostgreSQL lets them be dropped."""
    url = postgres_databases.migrated_url("yibao_settlement")
    key = settlement.tables["answer"].primary_key.name
    execute(url, f"ALTER TABLE answer DROP CONSTRAINT {key}")
    assert "lacks the primary key of answer, although" in problem(url)


def test_an_index_that_was_never_finished_is_none(postgres_databases: Databases) -> None:
    url = postgres_databases.migrated_url("yibao_settlement")
    (index, *_) = sorted(str(each.name) for each in settlement.tables["visit"].indexes)
    invalid = f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass"
    execute(url, invalid)
    assert f"lacks index visit.{index}, although" in problem(url)
