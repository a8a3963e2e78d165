"""What PostgreSQL is asked by key, it finds by key, however small a table was before."""

import sqlalchemy as sa
from support.databases import PostgresDatabases

from yibao_common.db.database import Database
from yibao_common.db.rows import Id, Select, Update, execute, insert_rows
from yibao_common.values.ids import new_id

METADATA = sa.MetaData()
TABLE = sa.Table(
    "kept_plan",
    METADATA,
    sa.Column("region", sa.String(6), primary_key=True),
    sa.Column("thing_id", Id, primary_key=True),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    # Of an empty table it looks as good as the key, and reads the whole region.
    sa.Index("ix_kept_plan_region_amount_fen", "region", "amount_fen"),
)
REGION = "999019"
BATCH = 128


def test_plans_kept_from_a_small_table_do_not_read_it_whole(
    postgres_databases: PostgresDatabases,
) -> None:
    database = Database(postgres_databases.empty_url(), writers=1)
    try:
        METADATA.create_all(database.engine)
        # So few that reading all of them would be the cheapest by far.
        ids = [new_id() for _ in range(BATCH)]
        with database.write() as connection:
            rows = [(REGION, each, 1) for each in ids]
            insert_rows(connection, TABLE, ("region", "thing_id", "amount_fen"), rows)
        for _ in range(12):  # five plans for one use each, then the one that is kept
            assert _look_up(database, ids) == BATCH
            _change(database, ids)
        plans = _kept_plans(database, ids)
    finally:
        database.close()
    assert len(plans) == 2, plans
    for statement, plan in plans.items():
        assert "Seq Scan" not in plan, (statement, plan)
        # Each key by the index, and not the region's rows one after the other.
        assert "thing_id = " in plan.split("Index Cond:")[1].splitlines()[0], (statement, plan)


def test_plans_kept_from_an_empty_table_are_made_anew(
    postgres_databases: PostgresDatabases,
) -> None:
    database = Database(postgres_databases.empty_url(), writers=1)
    try:
        METADATA.create_all(database.engine)
        _analyse(database)
        ids = [new_id() for _ in range(3_000)]
        for _ in range(12):
            _look_up(database, [new_id() for _ in range(BATCH)])
        with database.write() as connection:
            rows = [(REGION, each, 1) for each in ids]
            insert_rows(connection, TABLE, ("region", "thing_id", "amount_fen"), rows)
        assert _look_up(database, ids[:BATCH]) == BATCH
        (plan,) = _kept_plans(database, ids[:BATCH]).values()
    finally:
        database.close()
    assert "thing_id = " in plan.split("Index Cond:")[1].splitlines()[0], plan


def _analyse(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE kept_plan")


def _look_up(database: Database, ids: list[str]) -> int:
    with database.write() as connection:
        (rows,) = execute(
            connection,
            [Select(TABLE, ("thing_id", "amount_fen"), REGION, "thing_id", ids, for_update=True)],
        )
    return len(rows)


def _change(database: Database, ids: list[str]) -> None:
    rows = [(REGION, each, 2) for each in ids]
    with database.write() as connection:
        execute(connection, [Update(TABLE, ("region", "thing_id"), ("amount_fen",), rows)])


def _kept_plans(database: Database, ids: list[str]) -> dict[str, str]:
    """Returns the plan of each statement that is kept ready, as it is carried out next."""
    keys = "{" + ",".join(ids) + "}"
    plans: dict[str, str] = {}
    with database.write() as connection:
        found = connection.exec_driver_sql(
            "SELECT name, statement, generic_plans FROM pg_prepared_statements "
            "WHERE statement LIKE '%%kept_plan%%unnest%%' OR statement LIKE '%%unnest%%kept_plan%%'"
        ).all()
        for name, statement, generic_plans in found:
            if statement.startswith("INSERT"):
                continue
            assert generic_plans > 0, f"planned anew each time: {statement}"
            count = "1" * len(ids)
            values = (
                [keys, REGION]
                if statement.startswith("SELECT")
                else [
                    "{" + ",".join([REGION] * len(ids)) + "}",
                    keys,
                    "{" + ",".join(count) + "}",
                ]
            )
            given = ", ".join(f"'{value}'" for value in values)
            lines = connection.exec_driver_sql(f'EXPLAIN EXECUTE "{name}" ({given})').scalars()
            plans[statement] = "\n".join(lines)
    return plans
