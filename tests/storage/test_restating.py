"""Regions that have institutions restate their own later bills, or refuse to leave a debt."""

import datetime as dt
import random
from dataclasses import replace

import pytest
import sqlalchemy as sa
from support import charges
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.corrections import amounts_of, charged, correct_command, record_of, settle, trial_of
from support.databases import Databases
from support.repricings import put_items, reprice
from support.settlement_world import (
    ACCOUNT_STEP,
    AGENCY,
    HOSPITAL,
    OTHER_HOSPITAL,
    POLICY_FILE,
    REGION,
    TODAY,
    World,
)

from yibao.settlement.v1.refund_service_pb2 import (
    CorrectSettlementResponse,
    RefundSettlementResponse,
    TrialReversalResponse,
)
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementResponse
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.application.settlement.refund import RefundSettlement
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.repricing import RepricedTerm
from yibao_settlement.rules.restating import OwnDebts
from yibao_settlement.rules.review import ReviewState
from yibao_settlement.servicer.refund.calls import reversal_tried
from yibao_settlement.storage import tables

RESTATE, REFUSE = OwnDebts.RESTATE, OwnDebts.REFUSE
SINCE = dt.date(2014, 1, 1)


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with deductibles, limits and an account."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def reverse_trial(world: World, settlement_id: str, own_debts: OwnDebts) -> TrialReversalResponse:
    caller = parse_caller(f"institution/{HOSPITAL}")
    request = Request.trial(caller, method="TrialReversal", region=REGION)
    command = ReverseSettlement(request, settlement_id, "", reversal_tried, own_debts=own_debts)
    return TrialReversalResponse.FromString(world.run(command))


def reverse(world: World, settlement_id: str, **changes: object) -> ReverseSettlementResponse:
    command = world.reverse_command(settlement_id, **changes)
    return ReverseSettlementResponse.FromString(world.run(command))


def refusal_of(world: World, command: Command) -> RuleError:
    with pytest.raises(RuleError) as caught:
        world.run(command)
    assert_books_are_right(world)
    return caught.value


def between(world: World) -> dict[str, int]:
    """Returns what entries of differences and of what is due come to, where it is anything."""
    entry = tables.entry.c
    sums: dict[str, int] = {}
    with world.database.read() as connection:
        for account_id, fen in connection.execute(sa.select(entry.account_id, entry.amount_fen)):
            if account_id.startswith(("difference:", "due:")):
                sums[account_id] = sums.get(account_id, 0) + fen
    return {account_id: fen for account_id, fen in sums.items() if fen}


def two_stays(world: World, *, institution: str = HOSPITAL, **bill: object) -> tuple[str, str]:
    """Returns the bills of two stays, of which the second costs more without the first."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    world.run(world.credit_command(person, 50_000, is_carried=True))
    first = settle(world, person, *early(world))
    second = settle(world, person, LATE, institution=institution, **bill)
    return first, second


def early(world: World) -> tuple[tuple[str, int], tuple[str, int]]:
    """Returns a first bill by which a second one costs the person less."""
    if world.policy_file == POLICY_FILE.read_bytes() + ACCOUNT_STEP:
        # The fund pays more of what exceeds a limit of the year.
        return ("A1", 7_000_000), ("A1", 3_000_000)
    # The second stay of a year has a lower deductible.
    return ("A1", 400_000), ("A1", 200_000)


LATE = ("A1", 600_000)


def test_later_bills_of_the_institution_are_settled_anew_for_what_they_cost(world: World) -> None:
    first, second = two_stays(world, account_used=True)
    before = record_of(world, second)
    told = reverse_trial(world, first, RESTATE)
    assert told.adjusted_count == 0
    (bill,) = told.restated_bills
    assert (bill.corrected_settlement_id, bill.settlement_id) == (second, "")
    assert told.restated_cash_fen == -bill.amounts.cash_back_fen > 0
    command = world.reverse_command(first, own_debts=RESTATE)
    error = refusal_of(world, command)
    assert error.reason is Reason.AMOUNTS_NOT_CONFIRMED
    assert error.metadata == {"restated_cash_fen": str(told.restated_cash_fen)}
    error = refusal_of(world, replace(command, restated_cash_fen=told.restated_cash_fen + 1))
    assert error.reason is Reason.AMOUNTS_NOT_AS_EXPECTED
    command = replace(command, restated_cash_fen=told.restated_cash_fen)
    answer = ReverseSettlementResponse.FromString(world.run(command))
    assert (answer.adjusted_count, answer.restated_cash_fen) == (0, told.restated_cash_fen)
    (restated,) = answer.restated_bills
    assert restated.amounts == bill.amounts
    old, new = record_of(world, second), record_of(world, restated.settlement_id)
    assert old.reversal is not None
    assert (old.corrected_by_id, new.place) == (new.settlement_id, second)
    assert (new.lines, new.particulars) == (before.lines, before.particulars)
    assert new.adjustment is None
    assert new.cash_fen == before.cash_fen + told.restated_cash_fen
    account = world.queries.standing(REGION, new.person_id)
    assert account is not None
    assert new.balance_after_fen == account.balance_fen
    assert new.carried_after_fen == account.carried_fen
    assert find_explained(world.queries, REGION, new.settlement_id, parse_caller(AGENCY))[1]
    assert between(world) == {}
    assert world.run(command) == answer.SerializeToString()
    assert_books_are_right(world)


def test_it_costs_what_it_costs_in_effect_where_nothing_is_restated(world: World) -> None:
    kept, moved = two_stays(world, account_used=True)
    world.reverse(kept)
    effective = record_of(world, moved).effective
    first, _ = two_stays(world, account_used=True)
    cash_fen = reverse_trial(world, first, RESTATE).restated_cash_fen
    answer = reverse(world, first, own_debts=RESTATE, restated_cash_fen=cash_fen)
    (restated,) = answer.restated_bills
    assert record_of(world, restated.settlement_id).counter.costs_as(effective)
    assert_books_are_right(world)


def test_returned_lines_and_corrections_restate_too(world: World) -> None:
    first, second = two_stays(world)
    (person,) = {record_of(world, first).person_id}
    third = settle(world, person, ("A1", 100_000), ("B1", 10_000))
    command: RefundSettlement = world.refund_command(
        first, AskedReturn(1), AskedReturn(2), own_debts=RESTATE
    )
    trial = Request.trial(command.request.caller, method="TrialRefund", region=REGION)
    told = RefundSettlementResponse.FromString(world.run(replace(command, request=trial)))
    assert refusal_of(world, command).reason is Reason.AMOUNTS_NOT_CONFIRMED
    command = replace(command, restated_cash_fen=told.restated_cash_fen)
    done = RefundSettlementResponse.FromString(world.run(command))
    places = [record_of(world, each.settlement_id).place for each in done.restated_bills]
    assert second in places
    assert set(places) <= {second, third}
    newest = done.restated_bills[0].settlement_id
    asked = correct_command(world, newest, charged(("C1", 600_000)), own_debts=RESTATE)
    tried = CorrectSettlementResponse.FromString(world.run(trial_of(asked)))
    if tried.restated_bills:
        assert (
            refusal_of(world, replace(asked, expected=amounts_of(tried.amounts))).reason
            is Reason.AMOUNTS_NOT_CONFIRMED
        )
    asked = replace(
        asked, expected=amounts_of(tried.amounts), restated_cash_fen=tried.restated_cash_fen
    )
    corrected = CorrectSettlementResponse.FromString(world.run(asked))
    assert len(corrected.restated_bills) == len(tried.restated_bills)
    assert between(world) == {}
    assert_books_are_right(world)


def test_what_moves_a_bill_elsewhere_or_leaves_no_debt_stays_a_difference(world: World) -> None:
    first, second = two_stays(world, institution=OTHER_HOSPITAL)
    answer = reverse(world, first, own_debts=RESTATE)
    assert (answer.adjusted_count, len(answer.restated_bills)) == (1, 0)
    assert record_of(world, second).is_revised
    # A bill that counts nothing becomes one that counts: later ones cost the person less.
    (person,) = world.enrol()
    nothing = settle(world, person, ("C1", 10_000_000))
    settle(world, person, LATE)
    asked = correct_command(world, nothing, charged(*early(world)), own_debts=RESTATE)
    told = CorrectSettlementResponse.FromString(world.run(trial_of(asked)))
    assert (told.adjusted_count, len(told.restated_bills)) == (1, 0)
    assert (
        refusal_of(
            world, replace(asked, expected=amounts_of(told.amounts), restated_cash_fen=1)
        ).reason
        is Reason.AMOUNTS_NOT_AS_EXPECTED
    )
    world.run(replace(asked, expected=amounts_of(told.amounts), restated_cash_fen=0))
    assert_books_are_right(world)


def test_a_region_may_refuse_it_and_an_agency_is_not_bound(world: World) -> None:
    first, second = two_stays(world)
    person = record_of(world, first).person_id
    moved = [second, settle(world, person, ("A1", 100_000), ("B1", 10_000))]
    commands: list[Command] = [
        world.reverse_command(first, own_debts=REFUSE),
        world.refund_command(first, AskedReturn(1), AskedReturn(2), own_debts=REFUSE),
        correct_command(world, first, charged(("C1", 1)), own_debts=REFUSE),
    ]
    for command in commands:
        error = refusal_of(world, command)
        assert error.reason is Reason.LATER_SETTLEMENTS_EXIST
        told = str(error.metadata["settlement_ids"]).split(",")
        assert told == [each for each in reversed(moved) if each in told]
        assert second in told
        assert error.metadata["elsewhere_count"] == "0"
    for own_debts in (REFUSE, RESTATE):
        early, _ = two_stays(world)
        answer = reverse(world, early, own_debts=own_debts, institution_id=None)
        assert answer.adjusted_count == 1
    assert_books_are_right(world)


def test_lines_with_ids_and_a_case_that_waits_go_on_with_the_bill(world: World) -> None:
    (person,) = world.enrol()
    first = settle(world, person, *early(world))
    told = []
    for number in (1, 2):
        visit = admit(world, person, TODAY)
        line = charges.charged(f"L-{number}", "A1", 6_000, charge_date=TODAY)
        charges.upload(world, visit, line)
        world.run(world.discharge_command(visit))
        bill = charges.of_uploaded(world, visit, 600_000)
        told.append((visit, world.settle(visit, person, bill=bill)))
    cash_fen = reverse_trial(world, first, RESTATE).restated_cash_fen
    answer = reverse(world, first, own_debts=RESTATE, restated_cash_fen=cash_fen)
    new_ids = {each.corrected_settlement_id: each.settlement_id for each in answer.restated_bills}
    assert [each for _, each in told if each.review_id and each.settlement_id in new_ids]
    for visit, settled in told:
        (found,) = charges.listed(world, visit)
        expected = new_ids.get(settled.settlement_id, settled.settlement_id)
        assert found.charge.settlement_id == expected
        if settled.review_id and settled.settlement_id in new_ids:
            old = world.queries.review(REGION, settled.review_id)
            assert old is not None
            assert old.state is ReviewState.WITHDRAWN
            note = record_of(world, expected).review
            assert note is not None
            new = world.queries.review(REGION, note.review_id)
            assert new is not None
            assert (new.state, new.findings) == (ReviewState.OPEN, old.findings)
    assert_books_are_right(world)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_taken_back_leaves_no_debt_of_own_bills(world: World, seed: int) -> None:
    """One institution alone: each act is tried, then carried out as its trial tells."""
    chance = random.Random(seed)
    (person,) = world.enrol()
    for is_carried in (False, True):
        world.run(world.credit_command(person, chance.randrange(900_000), is_carried=is_carried))
    standing: list[str] = []
    restated = 0
    for number in range(14):
        if number == 9:
            # What bills of the year took of its money is of an earlier year by now.
            world.clock.now += dt.timedelta(days=90)
        if len(standing) < 3 or (number < 9 and chance.random() < 0.4):
            items = [(chance.choice("AABC") + "1", chance.randrange(1, 9_000_000)) for _ in "12"]
            used = chance.random() < 0.6
            standing.append(settle(world, person, *items, account_used=used))
            continue
        named = chance.choice(standing)
        act = chance.choice([reversed_tried, returned_tried, corrected_tried])
        gone, come = act(world, named, chance)
        standing = [each for each in standing if each not in gone] + come
        restated += len(come)
        owed = [fen for name, fen in between(world).items() if name.startswith("difference:")]
        assert all(fen >= 0 for fen in owed), f"seed {seed}: {owed}"
        report = check_ledger(world.database)
        assert report.drifts == [], f"seed {seed}: {report.drifts}"
    assert restated


Changed = tuple[list[str], list[str]]


def reversed_tried(world: World, named: str, chance: random.Random) -> Changed:
    cash_fen = reverse_trial(world, named, RESTATE).restated_cash_fen
    answer = reverse(world, named, own_debts=RESTATE, restated_cash_fen=cash_fen)
    return changed_by(answer, [named], [])


def returned_tried(world: World, named: str, chance: random.Random) -> Changed:
    record = record_of(world, named)
    left = [line.line_number for line in record.lines if line.amount_fen]
    if not left:
        return [], []
    command = world.refund_command(named, AskedReturn(chance.choice(left)), own_debts=RESTATE)
    trial = Request.trial(command.request.caller, method="TrialRefund", region=REGION)
    told = RefundSettlementResponse.FromString(world.run(replace(command, request=trial)))
    amounts = told.refund.amounts
    parts = {name: getattr(amounts, name) for name in GivenBack._fields}
    command = replace(
        command, expected=GivenBack(**parts), restated_cash_fen=told.restated_cash_fen
    )
    done = RefundSettlementResponse.FromString(world.run(command))
    assert done.restated_cash_fen == told.restated_cash_fen
    return changed_by(done, [], [])


def corrected_tried(world: World, named: str, chance: random.Random) -> Changed:
    lines = charged((chance.choice("AC") + "1", chance.randrange(1, 2_500_000)))
    asked = correct_command(world, named, lines, own_debts=RESTATE)
    told = CorrectSettlementResponse.FromString(world.run(trial_of(asked)))
    asked = replace(
        asked, expected=amounts_of(told.amounts), restated_cash_fen=told.restated_cash_fen
    )
    done = CorrectSettlementResponse.FromString(world.run(asked))
    return changed_by(done, [named], [done.settlement.settlement_id])


def changed_by(
    answer: ReverseSettlementResponse | RefundSettlementResponse | CorrectSettlementResponse,
    gone: list[str],
    come: list[str],
) -> Changed:
    bills = answer.restated_bills
    return (
        gone + [each.corrected_settlement_id for each in bills],
        come + [each.settlement_id for each in bills],
    )


def test_a_repriced_bill_is_restated_on_the_terms_that_it_has_by_now(world: World) -> None:
    first, second = two_stays(world)
    # Half of what the bill charges is own cost by now.
    put_items(world, CatalogueItem("A1", "甲类药", "02", 500_000, "", SINCE, None))
    reprice(world, second, terms=(RepricedTerm.CATALOGUE,))
    told = reverse_trial(world, first, RESTATE)
    (bill,) = told.restated_bills
    assert bill.corrected_settlement_id == second
    done = reverse(world, first, own_debts=RESTATE, restated_cash_fen=told.restated_cash_fen)
    new = record_of(world, done.restated_bills[0].settlement_id)
    assert {(line.catalogue_class, line.first_self_pay_ratio_ppm) for line in new.lines} == {
        ("02", 500_000)
    }
    assert new.newest_terms is None
    assert between(world) == {}
    (other,) = world.enrol()
    alone = record_of(world, settle(world, other, LATE))
    assert (new.fund_payments, new.cash_fen + new.account_fen) == (
        alone.fund_payments,
        alone.cash_fen + alone.account_fen,
    )
    assert_books_are_right(world)
