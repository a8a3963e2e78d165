"""The checker finds every kind of damage, on both databases."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_books import booked_world
from support.settlement_parts import fold
from support.settlement_world import AGENCY, NOW, OTHER_HOSPITAL, REGION, World

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.ledger_check.report import CREDITS
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.posting import account_balances

# Where it stands among all that is examined.
KEYED = INVARIANTS.index(CREDITS)


@pytest.fixture
def world(databases: Databases) -> World:
    return booked_world(databases)


Damage = Callable[[sa.Connection], object]


def _entry(kind: int, prefix: str) -> sa.ColumnElement[bool]:
    entry = tables.entry.c
    return sa.and_(entry.kind == kind, entry.account_id.like(f"{prefix}%"))


def lower_an_entry(connection: sa.Connection) -> None:
    connection.execute(
        sa.update(tables.entry)
        .where(_entry(1, "fund:"))
        .values(amount_fen=tables.entry.c.amount_fen - 1)
    )


def move_a_fen_between_accounts(connection: sa.Connection) -> None:
    for prefix, change in (("fund:", 1), ("payable:", -1)):
        connection.execute(
            sa.update(tables.entry)
            .where(_entry(1, prefix))
            .values(amount_fen=tables.entry.c.amount_fen + change)
        )


def raise_a_balance(connection: sa.Connection) -> None:
    table = tables.person_standing
    connection.execute(sa.update(table).values(balance_fen=table.c.balance_fen + 1))


def forget_an_accumulator(connection: sa.Connection) -> None:
    connection.execute(sa.update(tables.person_standing).values(accumulators="{}"))


def change_the_stored_amounts(connection: sa.Connection) -> None:
    table = tables.settlement
    connection.execute(sa.update(table).values(cash_fen=table.c.cash_fen + 1))


def lose_a_settlement(connection: sa.Connection) -> None:
    connection.execute(
        sa.delete(tables.settlement).where(tables.settlement.c.reversal_id.is_(None))
    )


def charge_another_price(connection: sa.Connection) -> None:
    table = tables.settlement
    for row in connection.execute(sa.select(table)).all():
        lines = [[*line[:-2], "0.01", line[-1]] for line in json.loads(row.first_lines)]
        connection.execute(
            sa.update(table)
            .where(table.c.settlement_id == row.settlement_id)
            .values(first_lines=json.dumps(lines))
        )


def lose_the_lines(connection: sa.Connection) -> None:
    connection.execute(sa.update(tables.settlement).values(first_lines="[]"))


def garble_a_record(connection: sa.Connection) -> None:
    table = tables.settlement
    connection.execute(sa.update(table).where(table.c.reversal_id.is_not(None)).values(record="{}"))


def lose_a_reversal_entry(connection: sa.Connection) -> None:
    connection.execute(sa.delete(tables.entry).where(_entry(2, "fund:")))


def lose_a_used_code(connection: sa.Connection) -> None:
    connection.execute(sa.delete(tables.used_code))


def keep_a_wrong_checkpoint(connection: sa.Connection) -> None:
    connection.execute(
        sa.insert(tables.account_checkpoint).values(
            region=REGION,
            account_id="fund:390100",
            through_posting_id="ffffffff-ffff-7fff-8fff-ffffffffffff",
            balance_fen=-1,
        )
    )


def record_in_a_form_of_the_future(connection: sa.Connection) -> None:
    table = tables.settlement
    connection.execute(
        sa.update(table).where(table.c.reversal_id.is_not(None)).values(record_form=99)
    )


def _post(connection: sa.Connection, kind: int, source: str) -> str:
    """Gives a person 100 fen, in entries that balance and an account that agrees.

    Returns the posting's id.
    """
    standing = tables.person_standing
    person_id = connection.execute(sa.select(standing.c.person_id)).scalar_one()
    posting_id = new_id()
    for account_id, amount_fen in ((source, -100), (f"person:{person_id}", 100)):
        connection.execute(
            sa.insert(tables.entry).values(
                region=REGION,
                account_id=account_id,
                posting_id=posting_id,
                kind=kind,
                amount_fen=amount_fen,
                month=202611,
            )
        )
    connection.execute(sa.update(standing).values(balance_fen=standing.c.balance_fen + 100))
    return posting_id


def _tell(connection: sa.Connection, posting_id: str, request_id: str | None) -> None:
    """Adds what the credit was made for."""
    connection.execute(
        sa.insert(tables.posting).values(
            region=REGION,
            posting_id=posting_id,
            kind=3,
            request_id=request_id,
            post_time=NOW,
            posted_by=AGENCY,
        )
    )


def credit_past_the_service(connection: sa.Connection) -> None:
    _post(connection, 3, "source:allocation")


def credit_by_a_request_that_was_never_made(connection: sa.Connection) -> None:
    _tell(connection, _post(connection, 3, "source:allocation"), new_id())


def credit_as_if_long_ago(connection: sa.Connection) -> None:
    _tell(connection, _post(connection, 3, "source:allocation"), None)


def raise_a_credit(connection: sa.Connection) -> None:
    entry, standing = tables.entry, tables.person_standing
    for prefix, change in (("person:", 5), ("source:", -5)):
        connection.execute(
            sa.update(entry).where(_entry(3, prefix)).values(amount_fen=entry.c.amount_fen + change)
        )
    connection.execute(sa.update(standing).values(balance_fen=standing.c.balance_fen + 5))


def forget_what_a_reversal_was_made_for(connection: sa.Connection) -> None:
    connection.execute(sa.delete(tables.posting).where(tables.posting.c.kind == 2))


def credit_from_a_fund(connection: sa.Connection) -> None:
    _post(connection, 3, "fund:390100")


def post_as_nothing_known(connection: sa.Connection) -> None:
    _post(connection, 99, "source:employer")


def pay_a_difference_without_an_order(connection: sa.Connection) -> None:
    _post(connection, 8, "source:employer")


def let_another_fund_pay(connection: sa.Connection) -> None:
    changed = sa.func.replace(tables.settlement.c.record, "390100", "310100")
    connection.execute(sa.update(tables.settlement).values(record=changed))
    for kind in (1, 2):
        connection.execute(
            sa.update(tables.entry)
            .where(_entry(kind, "fund:390100"))
            .values(account_id="fund:310100")
        )


def owe_another_institution(connection: sa.Connection) -> None:
    connection.execute(sa.update(tables.settlement).values(institution_id=OTHER_HOSPITAL))
    connection.execute(
        sa.update(tables.entry)
        .where(tables.entry.c.account_id.like("payable:%"))
        .values(account_id=f"payable:{OTHER_HOSPITAL}")
    )


def let_a_year_begin_anew(connection: sa.Connection) -> None:
    for row in connection.execute(sa.select(tables.settlement)).all():
        record = {**json.loads(row.record), "accumulations": {}}
        connection.execute(
            sa.update(tables.settlement)
            .where(tables.settlement.c.settlement_id == row.settlement_id)
            .values(record=json.dumps(record))
        )
    connection.execute(sa.update(tables.person_standing).values(accumulators="{}"))


def lose_the_policy(connection: sa.Connection) -> None:
    connection.execute(sa.delete(tables.policy))


def test_books_that_are_right_have_no_drift(world: World) -> None:
    report = check_ledger(world.database)
    assert report.drifts == []
    assert (report.settlements, report.persons) == (2, 1)


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        (lower_an_entry, {0, 5, 14}),
        (move_a_fen_between_accounts, {5, 14}),
        (raise_a_balance, {2}),
        (forget_an_accumulator, {6, 13}),
        (change_the_stored_amounts, {4, 8, 12, 15}),
        (lose_a_settlement, {1, 5, 6, 7, 13}),
        (lose_the_lines, {4, 8, 12, 13, 14, 15}),
        (charge_another_price, {4}),
        (garble_a_record, {4}),
        (record_in_a_form_of_the_future, {4}),
        (lose_a_reversal_entry, {0, 5, 14}),
        (lose_a_used_code, {7}),
        (keep_a_wrong_checkpoint, {3}),
        (lose_the_policy, {8}),
        (credit_from_a_fund, {1, 10, KEYED}),
        (post_as_nothing_known, {1, 10}),
        (pay_a_difference_without_an_order, {1, 10}),
        (credit_past_the_service, {10, KEYED}),
        (credit_by_a_request_that_was_never_made, {10, KEYED}),
        (credit_as_if_long_ago, {10, KEYED}),
        (raise_a_credit, {10, KEYED}),
        (forget_what_a_reversal_was_made_for, {10}),
        (let_another_fund_pay, {6, 8, 12, 14}),
        (owe_another_institution, {4}),
        (let_a_year_begin_anew, {8, 13}),
    ],
)
def test_each_damage_is_found_and_named(world: World, damage: Damage, broken: set[int]) -> None:
    with as_owner(world.database) as connection:
        damage(connection)
    drifts = check_ledger(world.database).drifts
    assert {drift.invariant for drift in drifts} == {INVARIANTS[index] for index in broken}


def test_a_credit_that_was_taken_away_without_a_trace_is_missed(world: World) -> None:
    """The audit and its key still tell of it, though the account agrees with its entries."""
    (person,) = world.persons
    world.run(world.credit_command(person, 700))
    entry, standing = tables.entry, tables.person_standing
    with as_owner(world.database) as connection:
        posting_id = connection.execute(
            sa.select(entry.c.posting_id).where(entry.c.kind == 3, entry.c.amount_fen == 700)
        ).scalar_one()
        for table in (entry, tables.posting):
            connection.execute(sa.delete(table).where(table.c.posting_id == posting_id))
        connection.execute(sa.update(standing).values(balance_fen=standing.c.balance_fen - 700))
    drifts = check_ledger(world.database).drifts
    assert [drift.invariant for drift in drifts] == [INVARIANTS[10], CREDITS]


def test_an_altered_record_no_longer_comes_out_as_settled(world: World) -> None:
    settlement = tables.settlement
    with as_owner(world.database) as connection:
        row = connection.execute(sa.select(settlement)).first()
        assert row is not None
        # The age decides nothing in this policy, the level does.
        altered = row.record.replace('"institution_level":"2"', '"institution_level":"6"')
        assert altered != row.record
        connection.execute(
            sa.update(settlement)
            .where(settlement.c.settlement_id == row.settlement_id)
            .values(record=altered)
        )
    drifts = check_ledger(world.database).drifts
    assert [drift.invariant for drift in drifts] == [INVARIANTS[each] for each in (4, 8, 12)]


def test_folding_leaves_every_balance_as_it_was(world: World) -> None:
    def balances() -> list[tuple[str, int]]:
        with world.database.read() as connection:
            return [
                balance
                for prefix in ("fund:", "payable:", "source:")
                for balance in account_balances(connection, REGION, prefix)
            ]

    before = balances()
    assert fold(world.database, REGION) == len(before)
    assert balances() == before
    world.settle(world.register(world.persons[0]), world.persons[0])
    assert check_ledger(world.database).drifts == []


def test_folds_at_the_same_time_leave_one_result(world: World) -> None:
    before = fund_balances(world)
    with ThreadPoolExecutor(4) as threads:
        folded = list(threads.map(lambda _: fold(world.database, REGION), range(24)))
    assert any(folded)
    assert fund_balances(world) == before
    assert check_ledger(world.database).drifts == []


def fund_balances(world: World) -> list[tuple[str, int]]:
    return world.queries.fund_balances(REGION)
