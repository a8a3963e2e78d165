"""What funds owe a person for earlier bills is no part of what an institution declares."""

from support.benefit_world import admit, benefit_world, stay_bill
from support.charges import assert_books_are_right
from support.databases import Databases
from support.day_books import DayBooks
from support.declared_months.desk import Desk
from support.due_of_the_year import DUE_OF_THE_YEAR
from support.periods import DECEMBER, JANUARY
from support.settlement_world import HOSPITAL, REGION, TODAY

from yibao_settlement.rules.declaration.month import MonthOf
from yibao_settlement.rules.refund import AskedReturn

FUND = "390200"


def declared(desk: Desk, month: int) -> tuple[int, dict[str, int]]:
    """Declares a month as the insurer tells it; returns how many acts, and what payers owe."""
    (told,) = desk.reads.month(REGION, HOSPITAL, month).sums
    of = MonthOf(HOSPITAL, month, told.insurance_type, told.clearing_type)
    made = desk.declare(of, told.sums, dict(told.funds))
    return made.sum.act_count, {each.account_id: each.declared_fen for each in made.shares}


def test_arrears_are_declared_by_nobody(databases: Databases) -> None:
    books = DayBooks(benefit_world(databases, text=DUE_OF_THE_YEAR.format(region=REGION)))
    world, desk = books.world, Desk(books.world)
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    first = stay_bill(world, visit, TODAY, 1_500_000)
    books.settle(visit, person, first)
    poor = world.period(entitlement_groups=("2303",))
    world.feed(world.insured(person, enrolments=(poor,)))
    late = books.settle(visit, person, stay_bill(world, visit, TODAY, 60_000, 40_000))
    assert books.known[late].arrears_total_fen == 420_000
    world.clock.now = DECEMBER
    assert declared(desk, 202611) == (2, {f"fund:{FUND}": 100_000})
    assert books.known[late].fund_total_fen == 100_000
    books.refund(late, AskedReturn(line_number=2))
    assert books.known[late].fund_total_fen == 60_000
    corrected = books.correct(late, ("A1", 50_000))
    books.reverse(corrected)
    back_fen = sum(each.funds.get(FUND, 0) for each in books.booked[2:])
    assert back_fen == -100_000
    world.clock.now = JANUARY
    assert declared(desk, 202612) == (3, {f"fund:{FUND}": back_fen})
    assert_books_are_right(world)
