"""A column of a stored refund is altered: the ledger checker finds each that books prove."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, as_owner
from support.settlement_world import AGENCY, HOSPITAL, World

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables


def more(value: int) -> int:
    return value + 1


def later(value: dt.datetime) -> dt.datetime:
    return value + dt.timedelta(seconds=1)


def another_id(_: str) -> str:
    return new_id()


def restored(value: object) -> Callable[[object], object]:
    return lambda _: value


def in_json(*path: int | str, value: object) -> Callable[[str], str]:
    def altered(text: str) -> str:
        read = whole = json.loads(text)
        for key in path[:-1]:
            read = read[key]
        assert read[path[-1]] != value
        read[path[-1]] = value
        return json.dumps(whole)

    return altered


ALTERED: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("refund_id", another_id),
    ("request_id", another_id),
    ("refund_time", later),
    ("refunded_by", lambda _: f"{AGENCY}s"),
    ("returned", in_json(0, 0, value=2)),
    ("returned", in_json(0, 1, value="81")),
    ("returned", in_json(0, 2, value=800_001)),
    ("returned_fund_total_fen", more),
    ("returned_other_total_fen", more),
    ("returned_account_fen", more),
    ("returned_cash_fen", more),
    ("total_fen", more),
    ("fund_total_fen", more),
    ("account_fen", more),
    ("cash_fen", more),
    ("record", in_json("account_used", value=False)),
    ("record", in_json("benefit", "facts", "path", value="claim")),
    # Of the amounts the last one is the deductible.
    ("record", in_json("amounts", 4, value=1)),
    ("lines", in_json(0, 1, value="A2")),
    ("lines", in_json(0, 11, 4, value="79")),
    ("lines", in_json(0, 11, 5, value=1)),
)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def returned_twice(world: World, *, institution_id: str | None) -> None:
    """Settles a bill that the account pays in part, and returns of it twice."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    visit = world.register(person)
    bill = world.bill(visit, account_used=True)
    settlement_id = world.settle(visit, person, bill=bill).settlement_id
    for quantity in ("80", "5"):
        world.refund(
            settlement_id, AskedReturn(1, quantity=quantity), institution_id=institution_id
        )
    assert_books_are_right(world)


def alter(world: World, number: int, column: str, altered: Callable[[Any], object]) -> None:
    table = tables.refund
    with as_owner(world.database) as connection:
        before = connection.execute(
            sa.select(table.c[column]).where(table.c.number == number)
        ).scalar_one()
        connection.execute(
            sa.update(table).where(table.c.number == number).values({column: altered(before)})
        )


def test_the_ledger_checker_finds_what_a_refund_tells_otherwise(world: World) -> None:
    returned_twice(world, institution_id=HOSPITAL)
    with world.database.read() as connection:
        stored = dict(
            connection.execute(sa.select(tables.refund).where(tables.refund.c.number == 1))
            .mappings()
            .one()
        )
    for column, altered in ALTERED:
        alter(world, 1, column, altered)
        assert check_ledger(world.database).drifts, column
        alter(world, 1, column, restored(stored[column]))
    assert_books_are_right(world)


def test_it_finds_an_agencys_reason_other_than_the_audit_tells(world: World) -> None:
    returned_twice(world, institution_id=None)
    alter(world, 2, "reason", lambda reason: f"not {reason}")
    assert check_ledger(world.database).drifts
