"""What a fenced request did all the same is told by the ledger checker."""

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.databases import Databases, as_owner
from support.day_books import DayBooks
from support.outcomes import resolve
from support.settlement_world import TODAY

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables


@pytest.fixture
def books(databases: Databases) -> DayBooks:
    """Bills of which one is settled, one reversed and one returned in part; one id is fenced."""
    books = DayBooks(benefit_world(databases))
    (person,) = books.world.enrol()
    for act in ("settled", "reversed", "refunded"):
        visit = books.world.register(person, care_type="11", start_date=TODAY)
        settlement_id = books.settle(visit, person, books.world.bill(visit))
        if act == "reversed":
            books.reverse(settlement_id)
        elif act == "refunded":
            books.refund(settlement_id, AskedReturn(line_number=1))
    return books


def told(books: DayBooks) -> set[tuple[str, str]]:
    drifts = check_ledger(books.world.database).drifts
    return {(each.subject, each.detail) for each in drifts if each.invariant == INVARIANTS[23]}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("settlement", "request_id"),
        ("settlement", "reverse_request_id"),
        ("refund", "request_id"),
        ("posting", "request_id"),
    ],
)
def test_what_was_booked_under_a_fenced_id_is_told(
    books: DayBooks, table: str, column: str
) -> None:
    fenced, altered = new_id(), tables.metadata.tables[table]
    resolve(books.world, fenced)
    assert check_ledger(books.world.database).drifts == []
    key = altered.primary_key.columns.values()[1]
    with as_owner(books.world.database) as connection:
        is_set = altered.c[column].is_not(None)
        (first,) = connection.execute(sa.select(key).where(is_set).order_by(key).limit(1)).one()
        connection.execute(sa.update(altered).where(key == first).values({column: fenced}))
    assert told(books) == {(f"request {fenced}", f"was told as not booked, and is of a {table}")}
