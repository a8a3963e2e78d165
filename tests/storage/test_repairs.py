"""What order did to bills is repaired by two operators, as adjustments."""

from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world, stay_bill
from support.charges import assert_books_are_right
from support.databases import Databases
from support.holds import confirm as confirm_hold
from support.holds import hold
from support.repairs import confirm, confirm_command, propose, propose_command
from support.reviews import CHECKER
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.difference_pb2 import Repair
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.fold import Fold
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, of which each stay changes what the next one costs."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def left_as_they_are(
    fold: Fold, records: Iterable[SettlementRecord], _restate: object = None
) -> None:
    """Takes the place of deciding later bills again: they cost what they did."""
    for record in records:
        fold.put(record, record.effective)


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


def settle(world: World, person: str, fen: int, institution: str = HOSPITAL) -> SettlementRecord:
    visit = world.register(person, start_date=TODAY, institution_id=institution)
    bill = stay_bill(world, visit, TODAY, fen)
    settled = world.settle(visit, person, bill=bill, institution_id=institution)
    return record_of(world, settled.settlement_id)


def leave(world: World, record: SettlementRecord) -> None:
    world.reverse(record.settlement_id, institution_id=record.institution_id)


@pytest.fixture
def wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, SettlementRecord, SettlementRecord]:
    """A person whose first bill left before later ones were decided again, and both bills."""
    (person,) = world.enrol()
    first = settle(world, person, 30_000_000)
    second = settle(world, person, 30_000_000, OTHER_HOSPITAL)
    settle(world, person, 900_000)
    with monkeypatch.context() as patched:
        patched.setattr(Fold, "decide", left_as_they_are)
        leave(world, first)
    assert check_ledger(world.database).drifts
    return person, first, second


def refusal(world: World, command: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        world.run(command)
    return caught.value


Wrong = tuple[str, SettlementRecord, SettlementRecord]


def test_a_repair_books_what_the_order_gives(world: World, wrong: Wrong) -> None:
    person, first, second = wrong
    overpaid = check_ledger(world.database).overpaid_fen
    proposed = propose(world, person)
    # Nothing moves yet.
    assert record_of(world, second.settlement_id).adjustment is None
    bills = {each.settlement_id: each for each in proposed.bills}
    assert len(bills) == proposed.bill_count
    more_fen = first.fund_total_fen - second.fund_total_fen
    assert bills[second.settlement_id].fund_change_fen == more_fen
    funds_fen = sum(fen for name, fen in overpaid.items() if name.startswith("fund:"))
    assert proposed.fund_change_fen == -funds_fen
    done = confirm(world, proposed)
    assert (done.checker, list(done.bills)) == (CHECKER, list(proposed.bills))
    now = record_of(world, second.settlement_id)
    assert (now.effective.fund_total_fen, now.effective.cash_fen) == (
        first.fund_total_fen,
        first.cash_fen,
    )
    assert now.counter == second.counter
    assert_books_are_right(world)
    entry = tables.entry.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(entry.account_id, sa.func.sum(entry.amount_fen))
            .where(entry.kind == int(PostingKind.ADJUSTMENT))
            .group_by(entry.account_id)
        ).all()
    moved = {row[0]: int(row[1]) for row in rows}
    assert moved.get(f"difference:{person}", 0) == proposed.difference_fen
    assert not [each for each in moved if each.startswith("payable:")]
    assert refusal(world, propose_command(world.queries, person)).reason is Reason.NOTHING_TO_REPAIR


def test_windows_alone_are_set_right(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person, 900_000)
    standing = tables.person_standing
    with world.database.write() as connection:
        connection.execute(sa.update(standing).values(accumulators="{}"))
    assert check_ledger(world.database).drifts
    proposed = propose(world, person)
    assert (proposed.bill_count, proposed.fund_change_fen, proposed.difference_fen) == (0, 0, 0)
    confirm(world, proposed)
    assert_books_are_right(world)


def test_another_operator_confirms_what_was_read_and_once(world: World, wrong: Wrong) -> None:
    person, _, second = wrong
    proposed = propose(world, person)
    own = refusal(world, confirm_command(world.queries, proposed, caller=proposed.maker))
    assert own.reason is Reason.SAME_MAKER_AND_CHECKER
    other = confirm_command(world.queries, proposed, fund_change_fen=proposed.fund_change_fen + 1)
    assert refusal(world, other).reason is Reason.REPAIR_STATE
    confirm(world, proposed)
    again = refusal(world, confirm_command(world.queries, proposed))
    assert (again.reason, again.metadata) == (Reason.REPAIR_STATE, {"state": "CARRIED_OUT"})
    assert record_of(world, second.settlement_id).revision == 2


def test_a_repair_that_would_move_something_else_by_now_is_proposed_anew(
    world: World, wrong: Wrong
) -> None:
    person, _, second = wrong
    proposed = propose(world, person)
    # The second one leaves, and the last one is decided again behind nothing.
    leave(world, second)
    refused = refusal(world, confirm_command(world.queries, proposed))
    assert refused.reason in (Reason.REPAIR_STATE, Reason.NOTHING_TO_REPAIR)
    assert_books_are_right(world)


def test_there_is_nothing_to_repair_of_bills_in_order_or_none(world: World) -> None:
    one, other = world.enrol(2)
    settle(world, one, 900_000)
    assert refusal(world, propose_command(world.queries, one)).reason is Reason.NOTHING_TO_REPAIR
    with pytest.raises(RuleError) as caught:
        propose_command(world.queries, other)
    assert caught.value.reason is Reason.NOTHING_TO_REPAIR
    with pytest.raises(RuleError) as caught:
        confirm_command(world.queries, Repair(repair_id=new_id()))
    assert caught.value.reason is Reason.REPAIR_NOT_FOUND


def test_what_a_merge_left_is_repaired(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    retired, survivor = world.enrol(2)
    settle(world, retired, 30_000_000)
    settle(world, survivor, 30_000_000)
    with monkeypatch.context() as patched:
        # As merges of before did.
        patched.setattr(Fold, "decide", left_as_they_are)
        world.merge(retired, survivor)
    left = check_ledger(world.database).drifts
    assert {INVARIANTS.index(each.invariant) for each in left} >= {12, 14}
    refused = refusal(world, propose_command(world.queries, retired))
    assert refused.reason is Reason.PERSON_MERGED
    confirm(world, propose(world, survivor))
    assert_books_are_right(world)


def test_what_is_held_before_the_first_settled_bill_counts(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person, start_date=TODAY)
    held = hold(world, visit, person, bill=stay_bill(world, visit, TODAY, 30_000_000))
    settle(world, person, 30_000_000, OTHER_HOSPITAL)
    assert_books_are_right(world)
    standing = tables.person_standing
    with world.database.write() as connection:
        connection.execute(sa.update(standing).values(accumulators="{}"))
    assert check_ledger(world.database).drifts
    proposed = propose(world, person)
    assert (proposed.bill_count, proposed.fund_change_fen) == (0, 0)
    confirm(world, proposed)
    assert_books_are_right(world)
    confirm_hold(world, held.hold_id)
    assert_books_are_right(world)
