"""A settled bill is corrected in its place: what is booked, told, refused, tried and found."""

import random

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.corrections import (
    amounts_of,
    charged,
    correct,
    correct_command,
    record_of,
    settle,
    tried,
)
from support.databases import Databases, as_owner
from support.settlement_world import AGENCY, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.refund_service_pb2 import CorrectSettlementResponse
from yibao.settlement.v1.settlement_pb2 import (
    SETTLEMENT_STATE_REVERSED,
    SETTLEMENT_STATE_SETTLED,
    SETTLEMENT_STATE_TRIAL,
    Settlement,
)
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.ledger_check.check import check_ledger
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.encode import fill_settlement
from yibao_settlement.storage import tables


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with deductibles, limits and an account."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def stored(world: World) -> dict[str, list[str]]:
    with world.database.read() as connection:
        return {
            table.name: sorted(str(tuple(row)) for row in connection.execute(sa.select(table)))
            for table in tables.metadata.sorted_tables
        }


def refused(world: World, settlement_id: str, *items: tuple[str, int], **changes: object) -> Reason:
    command = correct_command(world, settlement_id, charged(*items), **changes)
    before = stored(world)
    with pytest.raises(RuleError) as refusal:
        world.run(command)
    assert stored(world) == before
    return refusal.value.reason


def test_each_of_both_tells_of_the_other_and_the_place_stays(world: World) -> None:
    (person,) = world.enrol()
    old_id = settle(world, person, ("A1", 900_000), ("C1", 50_000))
    settle(world, person, ("A1", 2_000_000), institution=OTHER_HOSPITAL)
    old = record_of(world, old_id)
    answer = correct(world, old_id, charged(("A1", 950_000), ("B1", 70_000)))
    new = record_of(world, answer.settlement.settlement_id)
    assert (new.former_place, new.visit_id, new.bill_number) == (
        old_id,
        old.visit_id,
        old.bill_number,
    )
    assert (new.policy_version, new.facts, new.service_date) == (
        old.policy_version,
        old.facts,
        old.service_date,
    )
    assert (new.total_fen, record_of(world, old_id).reversal is None) == (1_020_000, False)
    told = answer.settlement
    assert (told.state, told.corrects_settlement_id) == (SETTLEMENT_STATE_SETTLED, old_id)
    gone = answer.corrected
    assert (gone.state, gone.corrected_by_settlement_id) == (
        SETTLEMENT_STATE_REVERSED,
        new.settlement_id,
    )
    # As they are read later, but for what the account and the entries of the reversal are.
    for settlement_id, message in ((new.settlement_id, told), (old_id, gone)):
        read = Settlement()
        fill_settlement(read, record_of(world, settlement_id))
        for each in (read, message):
            for name in ("entries", "account_balance_fen", "carried_balance_fen"):
                each.ClearField(name)
        assert read == message
    assert find_explained(world.queries, REGION, new.settlement_id, parse_caller(AGENCY))[1]
    assert_books_are_right(world)


def test_a_correction_is_corrected_and_reversed_in_its_place(world: World) -> None:
    (person,) = world.enrol()
    first = settle(world, person, ("A1", 900_000))
    later = settle(world, person, ("A1", 2_000_000))
    before = record_of(world, later).effective
    second = correct(world, first, charged(("C1", 900_000))).settlement.settlement_id
    assert record_of(world, later).effective != before
    third = correct(world, second, charged(("A1", 900_000))).settlement.settlement_id
    assert record_of(world, third).place == first
    assert record_of(world, later).effective == before
    world.reverse(third)
    assert refused(world, second, ("A1", 1)) is Reason.SETTLEMENT_REVERSED
    assert_books_are_right(world)


def test_what_is_wrong_with_the_lines_is_told_at_once(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, ("A1", 60_000))
    lines = [
        ChargedLine(1, "A1", "10", "2", 1_999),
        ChargedLine(1, "Z9", "10", "1", 1_000),
        ChargedLine(3, "A1", "10", "-1", -1_000),
    ]
    before = stored(world)
    with pytest.raises(RuleError) as refusal:
        world.run(correct_command(world, settlement_id, lines, bill={"total_fen": 5}))
    assert {each.reason for each in refusal.value.faults} == {
        Reason.LINE_AMOUNT_MISMATCH,
        Reason.LINE_NUMBER_REPEATED,
        Reason.DECIMAL_NEGATIVE,
        Reason.BILL_TOTAL_MISMATCH,
        Reason.CATALOGUE_ITEM_UNKNOWN,
    }
    assert stored(world) == before


def test_another_institution_finds_nothing_and_what_is_reversed_is_refused(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, ("A1", 60_000))
    elsewhere = refused(world, settlement_id, ("A1", 50_000), institution_id=OTHER_HOSPITAL)
    assert elsewhere is Reason.SETTLEMENT_NOT_FOUND
    world.reverse(settlement_id)
    assert refused(world, settlement_id, ("A1", 50_000)) is Reason.SETTLEMENT_REVERSED


def test_the_lines_of_another_bill_of_the_visit_are_settled_already(world: World) -> None:
    (person,) = world.enrol()
    visit_id = admit(world, person, TODAY)
    ids = []
    for number, fen in enumerate((60_000, 70_000)):
        lines = charged(("A1", fen))
        bill = world.bill(visit_id, lines=lines, total_fen=fen, is_interim=not number)
        if number:
            world.run(world.discharge_command(visit_id))
        ids.append(world.settle(visit_id, person, bill=bill).settlement_id)
    assert refused(world, ids[0], ("A1", 70_000)) is Reason.LINES_ALREADY_SETTLED
    # Its own lines are no others.
    answer = correct(world, ids[0], charged(("A1", 60_000)))
    assert answer.settlement.is_interim
    assert_books_are_right(world)


def test_a_repeat_gets_the_same_bytes_and_one_whose_answer_is_gone_is_refused(
    world: World,
) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, ("A1", 60_000))
    command = correct_command(world, settlement_id, charged(("A1", 50_000)), request_id=new_id())
    first = world.run(command)
    before = stored(world)
    assert world.run(command) == first
    assert stored(world) == before
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.answer))
    with pytest.raises(RuleError) as refusal:
        world.run(command)
    assert refusal.value.reason is Reason.SETTLEMENT_REVERSED


def test_more_cash_needs_the_sums_that_were_shown(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, ("A1", 60_000))
    lines = charged(("A1", 61_000))
    assert refused(world, settlement_id, ("A1", 61_000)) is Reason.AMOUNTS_NOT_CONFIRMED
    told = amounts_of(tried(world, correct_command(world, settlement_id, lines)).amounts)
    assert told.back.cash_fen < 0
    billed = told.billed
    wrong = told._replace(billed=billed._replace(cash_fen=billed.cash_fen + 1))
    assert refused(world, settlement_id, ("A1", 61_000), expected=wrong) is (
        Reason.AMOUNTS_NOT_AS_EXPECTED
    )
    answer = correct(world, settlement_id, lines, expected=told)
    assert answer.amounts.cash_back_fen == told.back.cash_fen
    # Less cash goes without.
    new_id_ = answer.settlement.settlement_id
    world.run(correct_command(world, new_id_, charged(("A1", 60_000))))
    assert_books_are_right(world)


def test_a_trial_tells_what_the_correction_answers_and_keeps_nothing(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, ("A1", 1_300_000))
    settle(world, person, ("A1", 7_000_000), institution=OTHER_HOSPITAL)
    command = correct_command(world, settlement_id, charged(("C1", 800_000)))
    before = stored(world)
    told = tried(world, command)
    assert stored(world) == before
    answer = correct(world, settlement_id, charged(("C1", 800_000)))
    assert (told.settlement.state, told.corrected.state) == (
        SETTLEMENT_STATE_TRIAL,
        SETTLEMENT_STATE_SETTLED,
    )
    told.settlement.state, told.corrected.state = answer.settlement.state, answer.corrected.state
    answer.settlement.settlement_id = answer.corrected.corrected_by_settlement_id = ""
    answer.corrected.reversal_id = ""
    answer.corrected.ClearField("reverse_time")
    assert told == answer
    assert told.adjusted_count == 1


def test_an_agency_is_on_record_and_without_it_the_checker_tells(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, ("A1", 60_000))
    answer = correct(world, settlement_id, charged(("A1", 50_000)), institution_id=None)
    event = tables.audit.event
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(event.c.caller, event.c.detail).where(event.c.method == "CorrectSettlement")
        ).all()
    ((caller, detail),) = rows
    assert caller == AGENCY
    assert f"corrected_by={answer.settlement.settlement_id}" in detail
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(event)
            .where(event.c.method == "CorrectSettlement")
            .values(method="ReverseNothing")
        )
    assert check_ledger(world.database).drifts


def test_what_is_left_of_a_refunded_bill_is_taken_back(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 90_000))
    old_id = settle(world, person, ("A1", 60_000), ("B1", 30_000), account_used=True)
    world.refund(old_id, AskedReturn(1))
    left = record_of(world, old_id)
    answer = correct(world, old_id, charged(("A1", 60_000), ("B1", 30_000)))
    assert answer.amounts.returned.account_fen == left.account_fen
    assert answer.amounts.returned.fund_total_fen == left.fund_total_fen
    assert answer.settlement.account_fen <= left.account_fen
    assert answer.settlement.total_fen == 90_000
    assert_books_are_right(world)


def test_terms_are_those_of_the_old_bill_whatever_became_of_the_person(world: World) -> None:
    (person,) = world.enrol()
    old_id = settle(world, person, ("A1", 900_000))
    old = record_of(world, old_id)
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.enrolment))
    answer = correct(world, old_id, charged(("A1", 900_000)))
    new = record_of(world, answer.settlement.settlement_id)
    assert (new.fund_total_fen, new.facts) == (old.fund_total_fen, old.facts)
    assert answer.amounts.cash_back_fen == 0


def alone(world: World, bills: list[tuple[tuple[str, int], ...]]) -> list[tuple[int, int, int]]:
    """Returns what bills cost somebody who never had other ones."""
    (person,) = world.enrol()
    records = [record_of(world, settle(world, person, *items)) for items in bills]
    return [(each.fund_total_fen, each.deductible_fen, each.cash_fen) for each in records]


@pytest.mark.parametrize("seed", range(4))
def test_bills_cost_what_they_would_have_cost_had_nothing_been_wrong(
    world: World, seed: int
) -> None:
    """Rule T-28: the effective column is of what stands and its order, never of the path."""
    chance = random.Random(seed)  # which bills there are is no secret
    (person,) = world.enrol()
    # By place: what stands there, and its items.
    bills: dict[str, tuple[str, tuple[tuple[str, int], ...]]] = {}
    for _ in range(16):
        items = tuple((code, chance.randrange(1, 1_500_000)) for code in chance.choices("ABC", k=2))
        items = tuple((f"{code}1", fen) for code, fen in items)
        if len(bills) > 1 and chance.random() < 0.6:
            place = chance.choice(sorted(bills))
            wrong, old_items = bills[place]
            if chance.random() < 0.2:
                world.reverse(wrong)
                del bills[place]
                continue
            items = items if chance.random() < 0.7 else old_items
            answer = correct(world, wrong, charged(*items))
            new = record_of(world, answer.settlement.settlement_id)
            # The counter has nothing left to settle for it.
            assert new.counter == new.effective
            bills[place] = (new.settlement_id, items)
        else:
            settlement_id = settle(world, person, *items)
            bills[settlement_id] = (settlement_id, items)
    told = [record_of(world, bills[place][0]).effective for place in sorted(bills)]
    assert [(each.fund_total_fen, each.deductible_fen, each.cash_fen) for each in told] == alone(
        world, [bills[place][1] for place in sorted(bills)]
    )
    assert_books_are_right(world)


ALTERED = {
    "gone": sa.delete(tables.correction),
    "of another": sa.update(tables.correction).values(corrected_id=new_id()),
    "place": sa.update(tables.settlement).values(former_place=None),
}


@pytest.mark.parametrize("what", ALTERED)
def test_the_ledger_checker_finds_an_altered_correction(world: World, what: str) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, ("A1", 60_000))
    correct(world, settlement_id, charged(("A1", 50_000)))
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        connection.execute(ALTERED[what])
    assert check_ledger(world.database).drifts


def test_a_batch_decides_a_correction_and_what_comes_after_it(world: World) -> None:
    (person,) = world.enrol()
    first = settle(world, person, ("A1", 900_000))
    later = settle(world, person, ("A1", 2_000_000))
    commands: list[Command] = [
        correct_command(world, first, charged(("C1", 1_000))),
        correct_command(world, later, charged(("A1", 900_000))),
        world.reverse_command(first),
    ]
    done, also, gone = world.work(REGION, commands)
    assert isinstance(done, bytes)
    assert isinstance(also, bytes)
    assert isinstance(gone, RuleError)
    assert gone.reason is Reason.SETTLEMENT_REVERSED
    told = CorrectSettlementResponse.FromString(also).settlement
    assert (told.fund_total_fen, told.deductible_fen, told.cash_fen) == alone(
        world, [(("C1", 1_000),), (("A1", 900_000),)]
    )[1]
    assert_books_are_right(world)
