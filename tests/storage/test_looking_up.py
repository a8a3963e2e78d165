"""Rows are looked up through indexes of their keys where statistics speak against it."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from support.databases import Databases

from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows, joined_whole, looked_up

ROWS = 5_000
metadata = sa.MetaData()
few = sa.Table(
    "few",
    metadata,
    sa.Column("region", sa.String(6), nullable=False),
    sa.Column("code", sa.String(10), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Index("ix_few_region_code", "region", "code"),
)
LOOK_UP = (
    "EXPLAIN SELECT found.* FROM (SELECT unnest(ARRAY['c']) AS value) AS wanted CROSS JOIN LATERAL "
    "(SELECT number FROM few WHERE region = '1' AND code = wanted.value OFFSET 0) AS found"
)

JOIN = (
    "EXPLAIN SELECT a.number FROM few AS a JOIN few AS b ON a.region = b.region "
    "AND a.number = b.number WHERE a.region = '1' AND a.code = 'a' AND b.code = 'b'"
)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A table of which half of the rows have each of two codes."""
    database = Database(databases.empty_url())
    metadata.create_all(database.engine)
    rows = [("1", "ab"[number % 2], number) for number in range(ROWS)]
    with database.write() as connection:
        insert_rows(connection, few, ("region", "code", "number"), rows)
    yield database
    database.close()


def test_two_codes_that_all_rows_have_do_not_get_the_table_read_whole(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.execute(sa.text("ANALYZE"))
        connection.commit()
    with database.read() as connection:
        if database.is_sqlite:
            with looked_up(connection):
                assert count(connection) == ROWS
            return
        assert "Seq Scan" in plan(connection, LOOK_UP)
        with looked_up(connection):
            assert "Index Scan using ix_few_region_code" in plan(connection, LOOK_UP)
        assert "Seq Scan" in plan(connection, LOOK_UP)


def test_a_table_without_statistics_is_not_read_anew_for_each_row(database: Database) -> None:
    with database.read() as connection:
        if database.is_sqlite:
            with joined_whole(connection):
                assert count(connection) == ROWS
            return
        assert "Nested Loop" in plan(connection, JOIN)
        with joined_whole(connection):
            assert "Nested Loop" not in plan(connection, JOIN)
        assert "Nested Loop" in plan(connection, JOIN)


def count(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count(few.c.number))).scalar_one())


def plan(connection: sa.Connection, query: str) -> str:
    return "\n".join(connection.execute(sa.text(query)).scalars())
