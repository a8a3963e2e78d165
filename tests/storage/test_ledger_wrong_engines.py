"""What the wrong variants of a history's model make of the product, the checker tells.

A reversal that only subtracts, an adjustment measured from the original amounts and what an account
had paid too much owed in cash are in `test_ledger_order`.
"""

from typing import Any

import pytest
from support.benefit_world import benefit_world, stay_bill
from support.corrections import charged, correct
from support.databases import Databases
from support.differences import difference, move
from support.holds import hold, release
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_settlement.application.settlement import fold
from yibao_settlement.application.settlement import refund as refunding
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.remainder import remainder_of
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.difference import effective_account_fen
from yibao_settlement.rules.refund import AskedReturn


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def stay(world: World, person: str, fen: int, institution: str = HOSPITAL, **changes: Any) -> str:
    visit = world.register(person, start_date=TODAY, institution_id=institution)
    bill = stay_bill(world, visit, TODAY, fen, **changes)
    return world.settle(visit, person, bill=bill, institution_id=institution).settlement_id


def told(world: World) -> dict[str, set[int]]:
    """Returns the invariants that do not hold, by subject."""
    found: dict[str, set[int]] = {}
    for drift in check_ledger(world.database).drifts:
        found.setdefault(drift.subject, set()).add(INVARIANTS.index(drift.invariant))
    return found


def test_a_refund_that_takes_the_same_share_of_every_part_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_share(record: SettlementRecord, *asked: Any, **more: Any) -> SettlementRecord:
        right = remainder_of(record, *asked, **more)
        payments = tuple(
            each._replace(amount_fen=each.amount_fen * right.total_fen // record.total_fen)
            for each in record.fund_payments
        )
        fund_fen = sum(each.amount_fen for each in payments)
        return right._replace(
            fund_payments=payments,
            fund_total_fen=fund_fen,
            cash_fen=right.cash_fen + right.fund_total_fen - fund_fen,
        )

    (person,) = world.enrol()
    visit = world.register(person)
    settled = world.settle(visit, person, bill=world.bill(visit))
    monkeypatch.setattr(refunding, "remainder_of", by_share)
    world.refund(settled.settlement_id, AskedReturn(line_number=1, quantity="40"))
    assert told(world)[settled.settlement_id] >= {8}


def test_a_hold_that_is_released_without_deciding_later_bills_again_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left_as_they_are(one: fold.Fold, records: Any, _restate: object = None) -> None:
        for record in records:
            one.put(record, record.effective)

    (person,) = world.enrol()
    visit = world.register(person, start_date=TODAY)
    held = hold(world, visit, person, bill=stay_bill(world, visit, TODAY, 30_000_000))
    later = stay(world, person, 30_000_000, OTHER_HOSPITAL)
    with monkeypatch.context() as patched:
        patched.setattr(fold.Fold, "decide", left_as_they_are)
        release(world, held.hold_id)
    found = told(world)
    assert 12 in found[later]
    assert {14, 15} <= found[person]


def test_what_was_moved_back_and_is_counted_as_still_in_the_bill_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgotten(*asked: Any, moved_fen: int, **more: Any) -> int:
        return effective_account_fen(*asked, moved_fen=0, **more)

    (person,) = world.enrol()
    world.run(world.credit_command(person, 1_000_000))
    first = stay(world, person, 2_000_000)
    second = stay(world, person, 1_000_000)
    last = stay(world, person, 2_000_000, OTHER_HOSPITAL, account_used=True)
    world.reverse(first)
    assert difference(world, person).due_fen > 0
    move(world, person)
    assert told(world) == {}
    monkeypatch.setattr(fold, "effective_account_fen", forgotten)
    # A dearer bill before it: the last one costs the person more again, and not the account.
    correct(world, second, charged(("A1", 4_000_000)))
    now = world.queries.settlement(REGION, last)
    assert now is not None
    assert now.moved_fen > 0
    assert told(world)[last] >= {12}
