"""What was done by hand to closed years is found by the ledger checker (H11)."""

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import settle
from support.databases import Databases, as_owner
from support.settlement_world import REGION, World
from support.years import JANUARY, YEAR, close, settle_late

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.ledger_check.check import Only
from yibao_settlement.rules.year.statement import digest_with
from yibao_settlement.storage import tables
from yibao_settlement.storage.year.statement import rows_in_order

Alter = Callable[[sa.Connection], object]
table, statement = tables.year_close, tables.year_statement


@pytest.fixture
def world(databases: Databases) -> World:
    """A closed year of two persons; one bill leaves later, and one comes late."""
    world = benefit_world(databases)
    one, other = world.enrol(2)
    world.run(world.credit_command(one, 100_000))
    first = settle(world, one, ("A1", 1_000_000), account_used=True)
    settle(world, one, ("B1", 800_000))
    settle(world, other, ("A1", 700_000))
    world.clock.now = JANUARY
    close(world)
    world.reverse(first)
    settle_late(world, other, ("A1", 300_000))
    assert_books_are_right(world)
    return world


def found(world: World) -> list[str]:
    """Returns what is told of years."""
    drifts = check_ledger(world.database).drifts
    return [f"{each.subject}: {each.detail}" for each in drifts if each.invariant == INVARIANTS[22]]


def alter(world: World, by_hand: Alter) -> list[str]:
    with as_owner(world.database) as connection:
        by_hand(connection)
    return found(world)


def change_statement(connection: sa.Connection, change: Callable[[dict[str, object]], None]) -> str:
    """Changes what the first statement tells, and returns whose it is."""
    is_first = statement.c.number == 1
    row = connection.execute(sa.select(statement).where(is_first)).one()
    content = json.loads(row.statement)
    change(content)
    connection.execute(sa.update(statement).where(is_first).values(statement=json.dumps(content)))
    return str(row.person_id)


def chain_anew(connection: sa.Connection) -> None:
    """Makes digest and sums right again, as somebody would who knows how."""
    digest = b""
    for _, _, each in rows_in_order(connection, REGION, YEAR):
        assert each is not None
        digest = digest_with(digest, each)
    connection.execute(sa.update(table).values(digest=digest))


def _set(name: str, value: object) -> Callable[[dict[str, object]], None]:
    return lambda content: content.update({name: value})


def _more_cash(content: dict[str, object]) -> None:
    sums = content["sums"]
    assert isinstance(sums, list)
    sums[3][2] += 1


def _less_of_a_fund(content: dict[str, object]) -> None:
    sums = content["sums"]
    assert isinstance(sums, list)
    for column in (sums[2], sums[3]):
        column[0] = [[name, fen - 1] for name, fen in column[0]]
        column[2] += 1


def _without_a_bill(content: dict[str, object]) -> None:
    bills = content["bills"]
    assert isinstance(bills, list)
    bills.pop()


def _of_a_later_revision(content: dict[str, object]) -> None:
    bills = content["bills"]
    assert isinstance(bills, list)
    bills[0][1] += 7


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (_more_cash, "its bills came to"),
        (_less_of_a_fund, "its bills had posted"),
        (_set("windows", [["x", 1]]), "its bills used up"),
        (_set("account_balance_fen", 1), "in the account at the end of the year"),
        (_without_a_bill, "its bills came to"),
        (_without_a_bill, "is in no statement of"),
        (_of_a_later_revision, "and there is none"),
        (_set("bills", [[new_id(), 1, 0, 0]]), "which there is not"),
    ],
)
def test_a_statement_that_was_altered_is_found_though_its_digest_is_right(
    world: World, change: Callable[[dict[str, object]], None], detail: str
) -> None:
    def by_hand(connection: sa.Connection) -> None:
        change_statement(connection, change)
        chain_anew(connection)

    faults = alter(world, by_hand)
    assert any(detail in each for each in faults), faults
    # The audit knows the digest.
    assert any("the audit tells otherwise of its statements" in each for each in faults)


def test_what_no_bill_proves_is_proven_by_the_digest(world: World) -> None:
    faults = alter(
        world,
        lambda connection: change_statement(connection, _set("difference_balance_fen", 100)),
    )
    assert faults == [f"year {YEAR}: a statement of it was altered"]


def test_the_statement_of_a_person_is_examined_alone(world: World) -> None:
    with as_owner(world.database) as connection:
        person = change_statement(connection, _more_cash)
    told = check_ledger(world.database, Only(person)).drifts
    assert [each.invariant for each in told] == [INVARIANTS[22]]


_RAISED = {"statement_count": table.c.statement_count + 1}


@pytest.mark.parametrize(
    ("by_hand", "detail"),
    [
        (sa.update(statement).values(statement="{}"), "cannot be read"),
        (sa.delete(statement).where(statement.c.number == 1), "and none of 1"),
        (sa.delete(statement).where(statement.c.number == 2), "has 1 statements, 2 were taken"),
        (sa.delete(statement), "is in no statement of"),
        (sa.update(table).values(_RAISED), "has 2 statements, 3 were taken"),
        (sa.update(table).values(sums="{}"), "how far its statements are taken cannot be read"),
        (sa.update(table).values(sums="[2]"), "do not come to what was told of all"),
        (sa.update(table).values(sums="[2]"), "all its bills posted"),
        (sa.update(table).values(digest=b"x"), "a statement of it was altered"),
        (sa.update(table).values(finish_time=None), "the audit tells otherwise"),
        (sa.update(table).values(checker=table.c.maker), "two operators"),
        (sa.update(table).values(checker=sa.func.upper(table.c.maker)), "two operators"),
        (sa.update(table).values(checker="agency/999019/zhao"), "tells of no such closing"),
        (sa.update(table).values(bill_count=9), "tells of no such closing"),
        (sa.delete(table), "the audit tells that it closed a year"),
        (sa.delete(table), "has statements, and is not closed"),
    ],
)
def test_a_closing_that_was_altered_is_found(
    world: World, by_hand: sa.UpdateBase, detail: str
) -> None:
    faults = alter(world, lambda connection: connection.execute(by_hand))
    assert any(detail in each for each in faults), faults


def test_a_year_that_was_skipped_is_found(world: World) -> None:
    def by_hand(connection: sa.Connection) -> None:
        row = connection.execute(sa.select(table)).mappings().one()
        later = {**row, "close_id": new_id(), "benefit_year": YEAR + 2}
        connection.execute(sa.insert(table).values(**later))

    assert any(f"the year after {YEAR} is not" in each for each in alter(world, by_hand))
