"""Months of institutions: declared, deducted from, withheld of, paid; each act once."""

import datetime as dt
from functools import partial

import pytest
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases
from support.declared_months.books import MonthBooks
from support.declared_months.desk import Desk
from support.declared_months.oracle import Key, Oracle
from support.periods import DECEMBER, JANUARY, find
from support.refusals import reason_of
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION

from yibao.settlement.v1 import declaration_pb2 as messages
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.declaration.rows import DeclarationWish, OrderWish
from yibao_settlement.rules.declaration.month import MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import DeductionType, DepositMoveKind
from yibao_settlement.rules.refund import AskedReturn

NOVEMBER = (HOSPITAL, 202611, "390", "11")
STAYS = (HOSPITAL, 202611, "390", "21")
NEXT = (HOSPITAL, 202612, "390", "11")
FUND = "390100"
RATIO_PPM = 50_000


class Counter:
    """A hospital with its books, and the desk where its months are declared."""

    def __init__(self, databases: Databases) -> None:
        world = benefit_world(databases)
        self.books = MonthBooks(world, oracle=Oracle(RATIO_PPM))
        self.desk = Desk(world, ratio_ppm=RATIO_PPM)
        (self.person,) = world.enrol()
        world.run(world.credit_command(self.person, 40_000))

    def settle(self, *fen: int, care_type: str = "11", institution_id: str = HOSPITAL) -> str:
        return self.books.visit(
            *fen, person=self.person, care_type=care_type, institution_id=institution_id
        )

    def at(self, now: dt.datetime) -> None:
        self.books.world.clock.now = now

    def declare(self, key: Key = NOVEMBER, **changes: object) -> messages.Declaration:
        """Declares a month with the sums of the institution's own books."""
        oracle = self.books.oracle
        told = self.desk.declare(
            MonthOf(*key), MonthSums(*oracle.sums(key)), oracle.funds(key), **changes
        )
        if oracle.standing(key) is None:
            oracle.declare(told.declaration_id, key)
        return told

    def accepted(self, key: Key = NOVEMBER) -> messages.Declaration:
        return self.desk.accept(self.declare(key).declaration_id)

    def acts_of(self, declaration_id: str) -> list[tuple[str, int]]:
        """Returns the settlements and funds of the acts of a declaration."""
        acts = self.desk.reads.acts(
            REGION, declaration_id, institution_id=None, after=None, limit=10_000
        )
        return sorted((each.settlement_id, each.amounts.fund_total_fen) for each in acts)


@pytest.fixture
def counter(databases: Databases) -> Counter:
    return Counter(databases)


def shares(told: messages.Declaration) -> dict[str, tuple[int, int, int, int, int]]:
    return {
        each.account_id: (
            *(each.declared_fen, each.deducted_fen, each.offset_fen),
            *(each.deposit_fen, each.payable_fen),
        )
        for each in told.shares
    }


def test_a_month_from_its_bills_to_the_banks_payment(counter: Counter) -> None:
    desk, oracle = counter.desk, counter.books.oracle
    first = counter.settle(200_000, 50_000)
    counter.settle(300_000, institution_id=OTHER_HOSPITAL)
    counter.settle(400_000, care_type="2101")
    counter.books.refund(first, AskedReturn(line_number=2))
    counter.at(DECEMBER)
    told = counter.declare()
    assert told.sum.act_count == 2
    assert told.state == messages.DECLARATION_STATE_DECLARED
    declared_fen = oracle.funds(NOVEMBER)[FUND]
    assert shares(told)[f"fund:{FUND}"] == (declared_fen, 0, 0, 0, declared_fen)
    assert told.payable_fen == sum(oracle.declared[told.declaration_id].payable.values())
    desk.accept(told.declaration_id)
    desk.deduct(told.declaration_id, FUND, 1_001, settlement_id=first)
    desk.deduct(told.declaration_id, FUND, 2_000, kind=DeductionType.PREPAYMENT_OFFSET)
    payment = desk.confirm_payment(desk.propose_payment(told.declaration_id))
    deposit_fen = (declared_fen - 1_001) * 5 // 100
    assert payment.deposit_fen == deposit_fen > 0
    others_fen = told.payable_fen - declared_fen
    assert payment.amount_fen == declared_fen - 3_001 - deposit_fen + others_fen
    paid = desk.report(payment, "ICBC-1")
    assert (paid.bank_reference, paid.amount_fen) == ("ICBC-1", payment.amount_fen)
    done = desk.read(told.declaration_id)
    assert done.state == messages.DECLARATION_STATE_PAID
    payable_fen = declared_fen - 3_001 - deposit_fen
    assert shares(done)[f"fund:{FUND}"] == (declared_fen, 1_001, 2_000, deposit_fen, payable_fen)
    assert done.payment_id == paid.payment_id
    assert_books_are_right(counter.books.world)


def test_what_is_reversed_after_its_month_is_negative_in_the_next_one(counter: Counter) -> None:
    gone, kept = counter.settle(200_000), counter.settle(60_000)
    stay = counter.settle(700_000, care_type="2101")
    counter.at(DECEMBER)
    november = counter.declare()
    before = counter.acts_of(november.declaration_id)
    counter.books.reverse(gone, caller=AGENCY)
    counter.books.correct(kept, ("A1", 20_000))
    counter.books.reverse(stay)
    assert counter.acts_of(november.declaration_id) == before
    # Withdrawn and declared again it is of the same acts.
    counter.desk.withdraw(november.declaration_id)
    assert counter.declare().sum == november.sum
    counter.at(JANUARY)
    december = counter.declare(NEXT)
    assert december.sum.act_count == 2
    assert december.sum.fund_total_fen < 0
    assert shares(december)[f"fund:{FUND}"][0] == counter.books.oracle.funds(NEXT)[FUND] < 0
    stays = counter.declare((HOSPITAL, 202612, "390", "21"))
    assert (stays.sum.act_count, stays.sum.total_fen) == (1, -700_000)
    assert_books_are_right(counter.books.world)


def test_a_month_that_goes_on_is_not_declared_and_a_declared_one_takes_nothing(
    counter: Counter,
) -> None:
    counter.settle(200_000)
    assert reason_of(counter.declare) is Reason.PERIOD_NOT_OVER
    counter.at(DECEMBER)
    told = counter.declare()
    # By a clock that is a month behind: what it settles is of the month after.
    counter.at(DECEMBER - dt.timedelta(days=15))
    late = counter.books.world
    visit = late.register(counter.person, care_type="11", start_date=dt.date(2026, 11, 25))
    late.settle(visit, counter.person, bill=late.bill(visit, service_date=dt.date(2026, 11, 25)))
    counter.at(DECEMBER)
    assert len(counter.acts_of(told.declaration_id)) == 1
    totals = counter.desk.reads.month(REGION, HOSPITAL, 202612)
    assert [each.sums.act_count for each in totals.sums] == [1]
    assert_books_are_right(late)


def test_sums_that_differ_are_refused_with_both_named(counter: Counter) -> None:
    counter.settle(200_000)
    counter.at(DECEMBER)
    oracle = counter.books.oracle
    sums, funds = MonthSums(*oracle.sums(NOVEMBER)), oracle.funds(NOVEMBER)
    wrong = sums._replace(cash_fen=sums.cash_fen + 1)
    with pytest.raises(RuleError) as caught:
        counter.desk.declare(MonthOf(*NOVEMBER), wrong, {**funds, "310200": 5})
    assert caught.value.reason is Reason.DECLARATION_SUMS_DIFFER
    assert caught.value.metadata == {
        "cash_fen": str(sums.cash_fen),
        "declared_cash_fen": str(sums.cash_fen + 1),
        "fund_310200_fen": "0",
        "declared_fund_310200_fen": "5",
    }
    assert counter.desk.reads.declarations(REGION, DeclarationWish(), after=None, limit=9) == []


def test_a_month_is_declared_once_and_not_without_acts(counter: Counter) -> None:
    counter.settle(200_000)
    counter.at(DECEMBER)
    request_id = new_id()
    told = counter.declare(request_id=request_id)
    assert counter.declare(request_id=request_id) == told
    assert reason_of(counter.declare) is Reason.DECLARATION_EXISTS
    assert reason_of(lambda: counter.declare(STAYS)) is Reason.DECLARATION_EMPTY


def test_a_declaration_is_withdrawn_before_it_is_accepted_and_rejected_before_it_is_deducted(
    counter: Counter,
) -> None:
    desk = counter.desk
    counter.settle(200_000)
    counter.at(DECEMBER)
    told = counter.declare()
    other = told.declaration_id
    assert reason_of(lambda: desk.withdraw(other, OTHER_HOSPITAL)) is Reason.DECLARATION_NOT_FOUND
    deduct = reason_of(lambda: desk.propose_deduction(other, FUND, 1))
    assert deduct is Reason.DECLARATION_STATE
    desk.accept(other)
    assert reason_of(lambda: desk.withdraw(other)) is Reason.DECLARATION_STATE
    waiting = desk.propose_deduction(other, FUND, 1)
    assert reason_of(lambda: desk.reject(other)) is Reason.DEDUCTION_WAITS
    assert reason_of(lambda: desk.propose_payment(other)) is Reason.DEDUCTION_WAITS
    desk.withdraw_deduction(waiting)
    rejected = desk.reject(other)
    assert rejected.end_reason
    assert reason_of(lambda: desk.accept(other)) is Reason.DECLARATION_STATE
    counter.books.oracle.declared[other].state = "REJECTED"
    assert counter.declare().declaration_id != other
    assert_books_are_right(counter.books.world)


def test_deductions_are_by_two_operators_and_never_above_what_is_declared(
    counter: Counter,
) -> None:
    desk = counter.desk
    settled, small = counter.settle(300_000), counter.settle(80_000)
    elsewhere = counter.settle(300_000, institution_id=OTHER_HOSPITAL)
    counter.at(DECEMBER)
    name = counter.accepted().declaration_id
    declared_fen = counter.books.oracle.funds(NOVEMBER)[FUND]
    first = desk.propose_deduction(name, FUND, declared_fen - 10)
    assert reason_of(lambda: desk.propose_deduction(name, FUND, 11)) is Reason.DEDUCTION_EXCEEDS
    assert reason_of(lambda: desk.confirm_deduction(first, caller=AGENCY)) is (
        Reason.SAME_MAKER_AND_CHECKER
    )
    assert reason_of(lambda: desk.confirm_deduction(first, amount_fen=1)) is Reason.DEDUCTION_STATE
    desk.withdraw_deduction(first)
    most_fen = counter.books.known[small].fund_total_fen
    for settlement_id, fen in ((elsewhere, 1), (new_id(), 1), (small, most_fen + 1)):
        attempt = reason_of(
            partial(desk.propose_deduction, name, FUND, fen, settlement_id=settlement_id)
        )
        assert attempt is Reason.DEDUCTION_SETTLEMENT
    deducted = desk.deduct(name, FUND, most_fen, settlement_id=small)
    again = reason_of(lambda: desk.propose_deduction(name, FUND, 1, settlement_id=small))
    assert again is Reason.DEDUCTION_SETTLEMENT
    assert reason_of(lambda: desk.confirm_deduction(deducted)) is Reason.DEDUCTION_STATE
    # What was reversed takes itself back, and nothing is deducted for it beside.
    waiting = desk.propose_deduction(name, FUND, 1, settlement_id=settled)
    counter.books.reverse(settled)
    late = reason_of(lambda: desk.confirm_deduction(waiting))
    assert late is Reason.DEDUCTION_SETTLEMENT
    desk.withdraw_deduction(waiting)
    reversed_ = reason_of(lambda: desk.propose_deduction(name, FUND, 1, settlement_id=settled))
    assert reversed_ is Reason.DEDUCTION_SETTLEMENT
    assert_books_are_right(counter.books.world)


def test_a_deduction_is_given_back_once_with_a_later_month_too(counter: Counter) -> None:
    desk = counter.desk
    settled = counter.settle(300_000)
    counter.at(DECEMBER)
    name = counter.accepted().declaration_id
    deducted = desk.deduct(name, FUND, 900, settlement_id=settled)
    kept = desk.deduct(name, FUND, 100, kind=DeductionType.RESERVE)
    desk.pay(name)
    counter.settle(400_000)
    counter.at(JANUARY)
    later = counter.accepted(NEXT).declaration_id
    back = desk.propose_deduction(later, revoked_id=deducted.deduction_id)
    assert (back.amount_fen, back.settlement_id) == (-900, settled)
    twice = reason_of(lambda: desk.propose_deduction(later, revoked_id=deducted.deduction_id))
    assert twice is Reason.DEDUCTION_STATE
    # What waits to be given back is not there to be deducted again: it may be withdrawn.
    most_fen = counter.books.known[settled].fund_total_fen
    again = partial(desk.propose_deduction, later, FUND, settlement_id=settled)
    assert reason_of(lambda: again(amount_fen=most_fen - 899)) is Reason.DEDUCTION_SETTLEMENT
    reserve = reason_of(lambda: desk.propose_deduction(later, revoked_id=kept.deduction_id))
    assert reserve is Reason.DEDUCTION_STATE
    desk.confirm_deduction(back)
    declared_fen = counter.books.oracle.funds(NEXT)[FUND]
    assert shares(desk.read(later))[f"fund:{FUND}"][-1] == declared_fen + 900
    desk.pay(later)
    assert_books_are_right(counter.books.world)


def test_a_bank_reference_pays_once(counter: Counter) -> None:
    desk = counter.desk
    counter.settle(300_000)
    counter.settle(400_000, care_type="2101")
    counter.at(DECEMBER)
    outpatient, stays = counter.accepted(), counter.accepted(STAYS)
    proposed = desk.propose_payment(outpatient.declaration_id)
    assert reason_of(lambda: desk.report(proposed, "B1")) is Reason.INSTITUTION_PAYMENT_STATE
    same = reason_of(lambda: desk.confirm_payment(proposed, caller=AGENCY))
    assert same is Reason.SAME_MAKER_AND_CHECKER
    twice = reason_of(lambda: desk.propose_payment(outpatient.declaration_id))
    assert twice is Reason.DECLARATION_STATE
    desk.withdraw_payment(proposed)
    confirmed = desk.confirm_payment(desk.propose_payment(outpatient.declaration_id))
    wrong = reason_of(lambda: desk.report(confirmed, "B1", amount_fen=confirmed.amount_fen - 1))
    assert wrong is Reason.INSTITUTION_PAYMENT_STATE
    paid = desk.report(confirmed, "B1")
    # Under another request too: the bank's file is read again.
    assert desk.report(confirmed, "B1") == paid
    other = desk.confirm_payment(desk.propose_payment(stays.declaration_id))
    assert reason_of(lambda: desk.report(other, "B1")) is Reason.BANK_REFERENCE_USED
    assert reason_of(lambda: desk.report(confirmed, "B2")) is Reason.INSTITUTION_PAYMENT_STATE
    desk.report(other, "B2")
    assert_books_are_right(counter.books.world)


def test_deposits_are_released_and_paid_or_forfeited_and_never_more_than_withheld(
    counter: Counter,
) -> None:
    desk = counter.desk
    counter.settle(300_000)
    counter.at(DECEMBER)
    name = counter.accepted().declaration_id
    too_soon = reason_of(lambda: desk.propose_move(name, FUND, 1))
    assert too_soon is Reason.DEPOSIT_EXCEEDED
    desk.deduct(name, FUND, 700, kind=DeductionType.RESERVE)
    paid = desk.pay(name)
    withheld_fen = paid.deposit_fen + 700
    waiting = desk.propose_move(name, FUND, withheld_fen - 5)
    assert reason_of(lambda: desk.propose_move(name, FUND, 6)) is Reason.DEPOSIT_EXCEEDED
    unpaid = reason_of(lambda: desk.propose_payment(release_ids=(waiting.move_id,)))
    assert unpaid is Reason.DEPOSIT_MOVE_STATE
    desk.withdraw_move(waiting)
    released = desk.move(name, FUND, 1_000)
    forfeited = desk.move(name, FUND, withheld_fen - 1_000, kind=DepositMoveKind.FORFEIT)
    lost = reason_of(lambda: desk.propose_payment(release_ids=(forfeited.move_id,)))
    assert lost is Reason.DEPOSIT_MOVE_STATE
    again = desk.pay(release_ids=(released.move_id,))
    assert (again.amount_fen, again.deposit_fen) == (1_000, 0)
    twice = reason_of(lambda: desk.propose_payment(release_ids=(released.move_id,)))
    assert twice is Reason.DEPOSIT_MOVE_STATE
    balances = counter.books.balances()
    assert f"deposit:{HOSPITAL}:{FUND}" not in balances
    assert balances["payment"] == paid.amount_fen + 1_000
    assert_books_are_right(counter.books.world)


def test_a_month_that_is_owed_back_is_paid_together_with_another_of_the_institution(
    counter: Counter,
) -> None:
    desk = counter.desk
    gone = counter.settle(300_000)
    counter.settle(250_000, institution_id=OTHER_HOSPITAL)
    counter.at(DECEMBER)
    desk.pay(counter.accepted().declaration_id)
    elsewhere = counter.accepted((OTHER_HOSPITAL, *NOVEMBER[1:])).declaration_id
    counter.books.reverse(gone)
    counter.settle(900_000, care_type="2101")
    counter.at(JANUARY)
    negative = counter.accepted(NEXT).declaration_id
    stays = counter.accepted((HOSPITAL, 202612, "390", "21")).declaration_id
    assert reason_of(lambda: desk.propose_payment(negative)) is Reason.PAYMENT_NEGATIVE
    mixed = reason_of(lambda: desk.propose_payment(stays, elsewhere))
    assert mixed is Reason.OTHER_INSTITUTION
    paid = desk.pay(stays, negative)
    oracle = counter.books.oracle
    assert paid.amount_fen == oracle.due(negative, stays) > 0
    # Nothing is withheld of a part that is not positive.
    assert {line.deposit_fen for line in paid.lines if line.item_id == negative} == {0}
    assert_books_are_right(counter.books.world)


def test_a_month_that_nobody_pays_for_is_paid_with_nothing(counter: Counter) -> None:
    """All in cash, below the deductible: no fund and no account pays."""
    world = counter.books.world
    (person,) = world.enrol()
    counter.books.visit(1_000, person=person)
    counter.at(DECEMBER)
    told = counter.accepted()
    assert (told.sum.cash_fen, told.payable_fen) == (1_000, 0)
    paid = counter.desk.pay(told.declaration_id)
    assert paid.amount_fen == 0
    assert counter.desk.read(told.declaration_id).state == messages.DECLARATION_STATE_PAID
    assert_books_are_right(world)


def test_the_months_sums_of_the_ledger_stay_what_was_done_in_it(counter: Counter) -> None:
    """Of GetPeriod: deductions and payments are no part of what a month came to."""
    counter.settle(300_000)
    counter.at(DECEMBER)
    before = find(counter.books.world, HOSPITAL, 202611)
    name = counter.accepted().declaration_id
    counter.desk.deduct(name, FUND, 500)
    counter.desk.pay(name)
    assert find(counter.books.world, HOSPITAL, 202611) == before
    assert find(counter.books.world, HOSPITAL, 202612).amount_fen == 0
    funds = find(counter.books.world, "", 202612)
    kept = {each.account_id: each.amount_fen for each in funds.sums}
    assert kept[f"fund:{FUND}"] == 500
    assert {each.original_month for each in funds.sums if each.kind == 40} == {202611}


def test_lists_page_while_more_is_declared(counter: Counter) -> None:
    reads, desk = counter.desk.reads, counter.desk
    for fen in (100_000, 110_000, 120_000):
        counter.settle(fen)
    counter.settle(200_000, institution_id=OTHER_HOSPITAL)
    counter.at(DECEMBER)
    first = counter.accepted().declaration_id
    page = reads.declarations(REGION, DeclarationWish(), after=None, limit=1)
    other = counter.declare((OTHER_HOSPITAL, *NOVEMBER[1:])).declaration_id
    rest = reads.declarations(REGION, DeclarationWish(), after=first, limit=9)
    assert [each.declaration_id for each in (*page, *rest)] == [first, other]
    own = DeclarationWish(institution_id=HOSPITAL, month=202611)
    assert [
        each.declaration_id for each in reads.declarations(REGION, own, after=None, limit=9)
    ] == [first]
    made = [desk.propose_deduction(first, FUND, fen).deduction_id for fen in (1, 2, 3)]
    found: list[str] = []
    while len(found) < 3:
        after = found[-1] if found else None
        wish = OrderWish(declaration_id=first)
        found += [
            each.deduction_id for each in reads.deductions(REGION, wish, after=after, limit=1)
        ]
    assert found == made
    acts: list[str] = []
    while len(acts) < 3:
        after = acts[-1] if acts else None
        told = reads.acts(REGION, first, institution_id=HOSPITAL, after=after, limit=1)
        acts += [each.act_id for each in told]
    assert acts == sorted(acts)
    with pytest.raises(RuleError):
        reads.acts(REGION, first, institution_id=OTHER_HOSPITAL, after=None, limit=1)
