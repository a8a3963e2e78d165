"""What a database keeps beside the data neither misleads a call nor grows without bound."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner

from yibao_common.db.database import Database
from yibao_common.db.engine_sqlite import WAL_BYTES
from yibao_common.db.rows import Select, execute
from yibao_common.values.errors import TransientError

METADATA = sa.MetaData()
TABLE = sa.Table(
    "plan_of_before",
    METADATA,
    sa.Column("region", sa.String(6), primary_key=True),
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("amount", sa.Integer),
)


def by_columns(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(TABLE.c.amount)).scalar_one())


def by_rows(connection: sa.Connection) -> int:
    (rows,) = execute(connection, [Select(TABLE, ("amount",), "999019", "name", ("a",))])
    return int(rows[0][0])


@pytest.mark.parametrize("is_writing", [True, False])
@pytest.mark.parametrize("ask", [by_columns, by_rows])
def test_a_plan_of_before_a_change_of_the_schema_is_made_anew(
    databases: Databases, ask: Callable[[sa.Connection], int], is_writing: bool
) -> None:
    """PostgreSQL refuses it once on each connection; no call is told of a fault of ours."""
    database = databases.owned().open("yibao_settlement")
    if database.is_sqlite:
        pytest.skip("SQLite makes its plans anew by itself")
    begin = database.write if is_writing else database.read
    METADATA.create_all(database.engine)
    with as_owner(database) as connection:
        connection.execute(sa.insert(TABLE).values(region="999019", name="a", amount=7))
    for _ in range(3):  # the driver prepares what it saw before
        with begin() as connection:
            assert ask(connection) == 7
    _change_the_type(database)
    with pytest.raises(TransientError), begin() as connection:
        ask(connection)
    with begin() as connection:
        assert ask(connection) == 7


def _change_the_type(database: Database) -> None:
    # Over a connection of its own, as another program does.
    engine = sa.create_engine(database.engine.url)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE plan_of_before ALTER COLUMN amount TYPE bigint"))
    engine.dispose()


def test_the_log_of_sqlite_shrinks_once_a_standing_reader_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    database = Database(f"sqlite:///{path}")
    log = path.with_name("x.sqlite-wal")

    def write(times: int) -> None:
        for _ in range(times):
            with as_owner(database) as connection:
                connection.execute(sa.text("UPDATE t SET text = randomblob(1000000)"))

    try:
        with as_owner(database) as connection:
            connection.execute(sa.text("CREATE TABLE t (text BLOB)"))
            connection.execute(sa.text("INSERT INTO t VALUES (randomblob(1000000))"))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        write(2 * WAL_BYTES // 1_000_000)
        assert log.stat().st_size > WAL_BYTES
        reader.close()
        write(3)
        assert log.stat().st_size <= WAL_BYTES
    finally:
        database.close()
