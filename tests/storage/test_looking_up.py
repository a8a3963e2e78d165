"""Rows are looked up through indexes of their keys where statistics speak against it."""

import sqlalchemy as sa
from support.databases import Databases

from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows, joined_whole, looked_up

metadata = sa.MetaData()
few = sa.Table(
    "few",
    metadata,
    sa.Column("region", sa.String(6), nullable=False),
    sa.Column("code", sa.String(10), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Index("ix_few_region_code", "region", "code"),
)
_LOOK_UP = (
    "EXPLAIN SELECT found.* FROM unnest(ARRAY['c']) AS wanted(value) CROSS JOIN LATERAL "
    "(SELECT number FROM few WHERE region = '1' AND code = wanted.value OFFSET 0) AS found"
)

_JOIN = (
    "EXPLAIN SELECT a.number FROM few AS a JOIN few AS b ON a.region = b.region "
    "AND a.number = b.number WHERE a.region = '1' AND a.code = 'a' AND b.code = 'b'"
)


def test_two_codes_that_all_rows_have_do_not_get_the_table_read_whole(
    databases: Databases,
) -> None:
    database = Database(databases.empty_url())
    try:
        metadata.create_all(database.engine)
        rows = [("1", "ab"[number % 2], number) for number in range(5_000)]
        with database.write() as connection:
            insert_rows(connection, few, ("region", "code", "number"), rows)
        with database.engine.connect() as connection:
            connection.execute(sa.text("ANALYZE few" if not database.is_sqlite else "ANALYZE"))
            connection.commit()
        with database.read() as connection:
            if database.is_sqlite:
                with looked_up(connection):
                    assert connection.scalar(sa.select(sa.func.count(few.c.number))) == len(rows)
                return
            assert "Seq Scan" in _plan(connection)
            with looked_up(connection):
                assert "Index Scan using ix_few_region_code" in _plan(connection)
            assert "Seq Scan" in _plan(connection)
    finally:
        database.close()


def test_a_table_without_statistics_is_not_read_anew_for_each_row(databases: Databases) -> None:
    database = Database(databases.empty_url())
    try:
        metadata.create_all(database.engine)
        rows = [("1", "ab"[number % 2], number) for number in range(5_000)]
        with database.write() as connection:
            insert_rows(connection, few, ("region", "code", "number"), rows)
        with database.read() as connection:
            if database.is_sqlite:
                with joined_whole(connection):
                    assert connection.scalar(sa.select(sa.func.count(few.c.number))) == len(rows)
                return
            assert "Nested Loop" in _plan(connection, _JOIN)
            with joined_whole(connection):
                assert "Nested Loop" not in _plan(connection, _JOIN)
            assert "Nested Loop" in _plan(connection, _JOIN)
    finally:
        database.close()


def _plan(connection: sa.Connection, query: str = _LOOK_UP) -> str:
    return "\n".join(connection.execute(sa.text(query)).scalars())
