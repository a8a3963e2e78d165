"""A bill leaves in any order, and later ones cost what they would have cost without it (T-28)."""

import datetime as dt
import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest
from support.benefit_world import (
    admit,
    at,
    benefit_world,
    given_behind_the_deductible,
    policy_text,
    stay_bill,
)
from support.bills_in_order import DIVIDED, KEPT_AMOUNTS, cost, posted, record_of
from support.charges import assert_books_are_right
from support.databases import Databases
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import (
    ReverseSettlementResponse,
    SettleBillResponse,
)
from yibao_common.commands.request import Outcome
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.difference.find import find_difference
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.servicer.encode import fill_settlement
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

DAY = dt.timedelta(days=1)
# In the last two, amounts that are set and not added to are set anew by bills that leave again.
SEEDS = (0, 5, 12)
FIRST = dt.date(2026, 12, 27)


class Billed(NamedTuple):
    """A bill that stands: which visit, on what day, with which lines."""

    settlement_id: str
    visit: int
    day: dt.date
    amounts: tuple[int, ...]


def settle(
    world: World, person: str, visits: list[str], which: int, day: dt.date, amounts: Iterable[int]
) -> str:
    visit_id = visits[which]
    # The first one is the stay.
    bill = stay_bill(world, visit_id, day, *amounts, is_interim=which == 0)
    institution = OTHER_HOSPITAL if which == 2 else HOSPITAL
    return world.settle(visit_id, person, bill=bill, institution_id=institution).settlement_id


def visits_of(world: World, person: str) -> list[str]:
    """Returns a stay and visits at either hospital, all begun on the first day."""
    outpatient = [
        world.register(person, care_type="11", start_date=FIRST, institution_id=institution)
        for institution in (HOSPITAL, OTHER_HOSPITAL)
    ]
    return [admit(world, person, FIRST), *outpatient]


def anew(world: World, standing: list[Billed]) -> list[tuple[object, ...]]:
    """Returns what the bills cost somebody who never had another one."""
    (person,) = world.enrol()
    visits = visits_of(world, person)
    return [
        cost(
            record_of(world, settle(world, person, visits, each.visit, each.day, each.amounts)),
            effective=False,
        )
        for each in standing
    ]


@pytest.mark.parametrize("text", ["", DIVIDED, KEPT_AMOUNTS], ids=["plain", "divided", "kept"])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_stands_costs_what_it_would_have_cost_alone(
    databases: Databases, text: str, seed: int
) -> None:
    chance = random.Random(seed)  # which bills there are is no secret
    world = benefit_world(databases, text=text)
    (person,) = world.enrol()
    at(world, FIRST)
    visits = visits_of(world, person)
    standing: list[Billed] = []
    day = FIRST
    adjusted = 0
    for _ in range(14):
        if chance.random() < 0.5:
            day += DAY
            at(world, day)
        if len(standing) > 1 and chance.random() < 0.4:
            gone = standing.pop(chance.randrange(len(standing)))
            before = [record_of(world, each.settlement_id) for each in standing]
            answer = reverse(world, gone.settlement_id)
            after = [record_of(world, each.settlement_id) for each in standing]
            assert [cost(each, effective=False) for each in after] == [
                cost(each, effective=False) for each in before
            ]
            moved = [
                one
                for one, other in zip(after, before, strict=True)
                if one.effective.borne != other.effective.borne
            ]
            assert answer.adjusted_count == len(moved)
            adjusted += len(moved)
            told = [cost(each, effective=True) for each in after]
            assert told == anew(world, standing)
            assert_books_are_right(world)
            continue
        visit = chance.randrange(len(visits))
        amounts = tuple(chance.randrange(1, 900_000) for _ in range(3))
        settlement_id = settle(world, person, visits, visit, day, amounts)
        standing.append(Billed(settlement_id, visit, day, amounts))
    assert adjusted
    while standing:
        reverse(world, standing.pop(chance.randrange(len(standing))).settlement_id)
    assert_books_are_right(world)
    assert posted(world, PostingKind.ADJUSTMENT) == {}


def reverse(world: World, settlement_id: str) -> ReverseSettlementResponse:
    institution = record_of(world, settlement_id).institution_id
    command = world.reverse_command(settlement_id, institution_id=institution)
    return ReverseSettlementResponse.FromString(world.run(command))


def reversal_in(outcome: Outcome[bytes]) -> ReverseSettlementResponse:
    assert isinstance(outcome, bytes), outcome
    return ReverseSettlementResponse.FromString(outcome)


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with a limit of the year."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def two_stays(
    world: World, person: str, *fen: int, account_used: tuple[bool, bool] = (False, False)
) -> list[SettlementRecord]:
    """Settles stays of two hospitals, one after the other."""
    found = []
    institutions = (HOSPITAL, OTHER_HOSPITAL)
    for each, institution, is_used in zip(fen, institutions, account_used, strict=True):
        visit = world.register(person, start_date=TODAY, institution_id=institution)
        bill = stay_bill(world, visit, TODAY, each, account_used=is_used)
        settled = world.settle(visit, person, bill=bill, institution_id=institution)
        found.append(record_of(world, settled.settlement_id))
    return found


def test_a_second_stay_is_the_first_one_when_that_leaves(world: World) -> None:
    (person,) = world.enrol()
    first, second = two_stays(world, person, 30_000_000, 30_000_000)
    answer = reverse(world, first.settlement_id)
    now = record_of(world, second.settlement_id)
    assert cost(now, effective=False) == cost(second, effective=False)
    assert now.effective.fund_total_fen == first.fund_total_fen != second.fund_total_fen
    more = first.fund_total_fen - second.fund_total_fen
    moved = posted(world, PostingKind.ADJUSTMENT)
    # The hospital that had no part in it is owed what it showed.
    assert {each.partition(":")[0] for each in moved} <= {"fund", "bearer", "difference"}
    assert sum(fen for each, fen in moved.items() if each.startswith("fund:")) == -more
    assert moved[f"difference:{person}"] == second.cash_fen - now.effective.cash_fen
    assert (answer.adjusted_count, answer.adjusted_fund_change_fen) == (1, more)
    assert list(answer.adjusted_settlement_ids) == []
    assert_books_are_right(world)


def test_what_an_account_paid_too_much_is_due_to_it_and_no_cash(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 1_000_000))
    first, second = two_stays(world, person, 30_000_000, 30_000_000, account_used=(False, True))
    now = record_of(world, second.settlement_id).effective
    assert now == second.counter
    assert 0 < second.account_fen < second.personal_total_fen
    reverse(world, first.settlement_id)
    now = record_of(world, second.settlement_id).effective
    less = second.personal_total_fen - (now.account_fen + now.cash_fen)
    # What the person bears less goes to the account first; what is more is cash.
    assert now.account_fen == second.account_fen - min(max(less, 0), second.account_fen)
    moved = posted(world, PostingKind.ADJUSTMENT)
    assert moved.get(f"due:{person}", 0) == second.account_fen - now.account_fen
    assert moved.get(f"difference:{person}", 0) == second.cash_fen - now.cash_fen
    assert_books_are_right(world)


def account_before_funds() -> str:
    text = policy_text()
    start, end = text.index("  - account:"), text.index("counters:")
    account = text[start:end].replace(
        "base: [D1.paid, P1.copay, P1.overflow, prepay]", "base: [D1.paid, D1.rest]"
    )
    pool = "  - tiers:\n      id: P1"
    return (text[:start] + text[end:]).replace(pool, account + pool)


def test_an_account_that_pays_before_the_funds_is_asked_for_what_it_paid(
    databases: Databases,
) -> None:
    world = benefit_world(databases, text=account_before_funds())
    (person,) = world.enrol()
    world.run(world.credit_command(person, 200_000))
    first, second = two_stays(world, person, 900_000, 900_000, account_used=(False, True))
    assert second.account_fen == 200_000
    reverse(world, first.settlement_id)
    now = record_of(world, second.settlement_id).effective
    # The account bears as much of a higher deductible, so that the funds get less to pay.
    assert now.account_fen == second.account_fen
    assert now.fund_total_fen != second.fund_total_fen
    assert_books_are_right(world)


def test_a_bill_that_moved_takes_what_moved_along_when_it_leaves_itself(world: World) -> None:
    (person,) = world.enrol()
    first, second = two_stays(world, person, 30_000_000, 30_000_000)
    reverse(world, first.settlement_id)
    owed = find_difference(world.queries, REGION, person)
    assert posted(world, PostingKind.ADJUSTMENT)
    assert [row.difference_fen for row in owed.rows] == [owed.difference_fen] != [0]
    assert owed.rows[0].record.settlement_id == second.settlement_id
    reverse(world, second.settlement_id)
    assert posted(world, PostingKind.ADJUSTMENT) == {}
    settled = find_difference(world.queries, REGION, person)
    assert [row.difference_fen for row in settled.rows] == [
        -owed.difference_fen,
        owed.difference_fen,
    ]
    assert (settled.difference_fen, settled.due_fen) == (0, 0)
    assert_books_are_right(world)


def test_both_in_one_batch(world: World) -> None:
    (person,) = world.enrol()
    first, second = two_stays(world, person, 30_000_000, 30_000_000)
    visit = world.register(person, start_date=TODAY)
    third = world.settle_command(visit, person, bill=stay_bill(world, visit, TODAY, 40_000_000))
    outcomes = world.work(
        REGION,
        [
            third,
            world.reverse_command(first.settlement_id),
            world.reverse_command(second.settlement_id, institution_id=OTHER_HOSPITAL),
        ],
    )
    answers = [reversal_in(each) for each in outcomes[1:]]
    assert [each.adjusted_count for each in answers] == [1, 1]
    assert_books_are_right(world)


@pytest.mark.parametrize("by_agency", [False, True])
def test_a_bill_stays_whose_leaving_another_payers_part_does_not_allow(
    databases: Databases, by_agency: bool
) -> None:
    world = benefit_world(databases, text=given_behind_the_deductible())
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    first = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 800_000))
    visit = admit(world, person, TODAY, institution_id=OTHER_HOSPITAL)
    # Behind the deductible of a second stay there is so much; behind that of a first one not.
    given = (Given("630100", 950_000),)
    later = stay_bill(world, visit, TODAY, 1_000_000, given=given)
    second = world.settle(visit, person, bill=later, institution_id=OTHER_HOSPITAL)
    command = world.reverse_command(
        first.settlement_id, institution_id=None if by_agency else HOSPITAL
    )
    refusal = refusal_of(world, command)
    assert refusal.reason is Reason.READJUDICATION_FAILED
    # A hospital learns nothing of another's bill.
    assert refusal.metadata == ({"settlement_id": second.settlement_id} if by_agency else {})
    assert record_of(world, first.settlement_id).reversal is None
    assert posted(world, PostingKind.ADJUSTMENT) == {}
    assert_books_are_right(world)


def refusal_of(world: World, command: ReverseSettlement) -> RuleError:
    with pytest.raises(RuleError) as caught:
        world.run(command)
    return caught.value


def test_a_bill_of_which_windows_alone_differ_is_not_told_of(databases: Databases) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    visits = [world.register(person, care_type="11", start_date=TODAY) for _ in range(3)]
    settled = [
        world.settle(visit, person, bill=stay_bill(world, visit, TODAY, fen)).settlement_id
        for visit, fen in zip(visits, (600_000, 10_000, 10_001), strict=True)
    ]
    answer = reverse(world, settled[1])
    assert (answer.adjusted_count, list(answer.adjusted_settlement_ids)) == (0, [])
    later = record_of(world, settled[2])
    assert later.revision == 2
    message = Settlement()
    fill_settlement(message, later)
    assert not message.HasField("effective")
    assert_books_are_right(world)


def test_a_bill_that_other_steps_of_the_same_fund_pay_is_not_told_of(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    visit = world.register(person, care_type="11", start_date=TODAY)
    settled = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 600_000))
    record = record_of(world, settled.settlement_id)
    (paid,) = [each for each in record.fund_payments if each.amount_fen]
    parts = tuple(
        paid._replace(step_id=step_id, amount_fen=fen)
        for step_id, fen in (("P8", 1), ("P9", paid.amount_fen - 1))
    )
    otherwise = record.counter._replace(fund_payments=parts)
    assert not otherwise.costs_as(record.counter)
    folded = Folded({}, ((record, otherwise),))
    assert (folded.moved, folded.leaves_debt) == ([], False)
    dearer = otherwise._replace(fund_payments=parts[1:], cash_fen=otherwise.cash_fen + 1)
    folded = Folded({}, ((record, dearer),))
    assert (folded.moved, folded.leaves_debt) == ([(record, dearer)], True)


def test_bills_of_processes_whose_clocks_differ_stand_in_the_order_of_their_settling(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    ahead = ids_of_a_clock_ahead("0fffffff")
    first, second = [world.register(person, care_type="11", start_date=TODAY) for _ in range(2)]
    bills = [stay_bill(world, visit, TODAY, 600_000) for visit in (first, second)]
    transactions = SettlementTransactions(world.database, ReferenceCache())
    other = BatchWork(transactions, clock=world.clock, ids=ahead)
    (outcome,) = other(REGION, [world.settle_command(first, person, bill=bills[0])])
    assert isinstance(outcome, bytes)
    earlier = SettleBillResponse.FromString(outcome).settlement
    # A process whose clock is behind.
    later = world.settle(second, person, bill=bills[1])
    assert later.settlement_id > earlier.settlement_id
    assert later.fund_total_fen > earlier.fund_total_fen
    assert reverse(world, earlier.settlement_id).adjusted_count == 1
    now = record_of(world, later.settlement_id).effective
    assert now.fund_total_fen == earlier.fund_total_fen
    assert_books_are_right(world)


def test_the_next_bill_after_a_merge_stands_behind_those_of_both(databases: Databases) -> None:
    world = benefit_world(databases)
    retired, survivor = world.enrol(2)
    visit = world.register(retired, care_type="11", start_date=TODAY)
    transactions = SettlementTransactions(world.database, ReferenceCache())
    other = BatchWork(transactions, clock=world.clock, ids=ids_of_a_clock_ahead("0fffffff"))
    bill = stay_bill(world, visit, TODAY, 600_000)
    (outcome,) = other(REGION, [world.settle_command(visit, retired, bill=bill)])
    assert isinstance(outcome, bytes)
    earlier = SettleBillResponse.FromString(outcome).settlement
    world.merge(retired, survivor)
    visit = world.register(survivor, care_type="11", start_date=TODAY)
    later = world.settle(visit, survivor, bill=stay_bill(world, visit, TODAY, 700_000))
    assert later.settlement_id > earlier.settlement_id
    assert_books_are_right(world)


def ids_of_a_clock_ahead(head: str) -> Callable[[], str]:
    """Returns what makes ids of a clock that is far ahead."""
    return lambda: f"{head}{new_id()[8:]}"
