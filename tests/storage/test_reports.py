"""An agency's figures come to what the counters booked, by every key, on both databases."""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.benefit_world import benefit_world, stay_bill
from support.databases import Databases
from support.day_books import Booked, DayBooks
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY

from yibao_common.values.calendar import shanghai_day, shanghai_midnight
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.change import TOLD_AFTER
from yibao_settlement.application.report.find import Figures, FigureWish, Reports
from yibao_settlement.application.report.rows import ActFigure, RefusalKey
from yibao_settlement.rules.day.act import DayActKind, DayAmounts
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.report import FigureBy, RefusalBy
from yibao_settlement.storage.ledger.posting import account_balances

DAY = dt.timedelta(days=1)
# The days of a month's end and of the next one's beginning.
FIRST = dt.date(TODAY.year, TODAY.month, 1) - 2 * DAY
KINDS = tuple(DayActKind)


@pytest.fixture
def books(databases: Databases) -> DayBooks:
    return DayBooks(benefit_world(databases))


def reports(books: DayBooks) -> Reports:
    return Reports(transactions_of(books.world.database), clock=books.world.clock)


def bill(books: DayBooks, person: str, institution: str, *fen: int) -> str:
    world = books.world
    day = shanghai_day(world.clock.now)
    visit = world.register(person, care_type="11", start_date=day, institution_id=institution)
    settled = stay_bill(world, visit, day, *fen)
    return books.settle(visit, person, settled, institution_id=institution)


def days_of_acts(books: DayBooks, seed: int) -> None:
    """Settles, returns, corrects and reverses for four days, as chance has it."""
    chance, world = random.Random(seed), books.world
    persons = world.enrol(3)
    standing: list[str] = []
    for number in range(4):
        day = FIRST + number * DAY
        # From just behind midnight to just before the next one.
        for hours in (0, 11, 24):
            end = dt.timedelta(milliseconds=1 if hours == 24 else 0)
            world.clock.now = shanghai_midnight(day) + dt.timedelta(hours=hours) - end
            institution = chance.choice((HOSPITAL, OTHER_HOSPITAL))
            fen = [chance.randrange(1, 300_000) for _ in range(2)]
            standing.append(bill(books, chance.choice(persons), institution, *fen))
            if hours == 11:
                books.refund(standing[-1], AskedReturn(line_number=2))
                books.correct(standing.pop(), ("A1", chance.randrange(1, 200_000)))
                books.reverse(standing.pop(chance.randrange(len(standing))))
    world.clock.now += TOLD_AFTER * 2


def figures(books: DayBooks, by: FigureBy, *, size: int = 100, **changes: object) -> Figures:
    """Returns all figures, by pages of one snapshot."""
    values = {"region": REGION, "start": FIRST, "end": FIRST + 3 * DAY, "by": by}
    wish = FigureWish(**{**values, "institution_id": "", "snapshot_time": None, **changes})  # type: ignore[arg-type]
    found: list[ActFigure] = []
    while True:
        after = found[-1].key if found else ""
        page = reports(books).figures(wish, after=after, limit=size)
        found.extend(page.figures)
        if len(page.figures) < size:
            return page._replace(figures=found)
        wish = wish._replace(snapshot_time=page.snapshot_time)


def folded(acts: Sequence[Booked], key_of: Callable[[Booked], str]) -> list[ActFigure]:
    """Returns what was booked by key, as plainly as can be."""
    found = []
    for key in sorted({key_of(each) for each in acts}):
        own = [each for each in acts if key_of(each) == key]
        cost = DayAmounts()
        for each in own:
            cost = cost.plus(each.line.amounts)
        one, two, three, four = (sum(each.line.kind is kind for each in own) for kind in KINDS)
        found.append(ActFigure(key, (one, two, three, four), cost))
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_figures_are_what_counters_booked(books: DayBooks, seed: int) -> None:
    days_of_acts(books, seed)
    keys: dict[FigureBy, Callable[[Booked], str]] = {
        FigureBy.DAY: lambda each: str(each.day),
        FigureBy.MONTH: lambda each: f"{each.day:%Y%m}",
        FigureBy.INSTITUTION: lambda each: each.institution_id,
        FigureBy.INSURANCE_TYPE: lambda each: each.insurance_type,
        FigureBy.CARE_TYPE: lambda each: "11",
    }
    (total,) = folded(books.booked, lambda each: "")
    for by, key_of in keys.items():
        told = figures(books, by, size=1)
        assert list(told.figures) == folded(books.booked, key_of)
        assert told.total == total
    assert len(figures(books, FigureBy.DAY).figures) == 4
    own = [each for each in books.booked if each.institution_id == HOSPITAL]
    told = figures(books, FigureBy.DAY, institution_id=HOSPITAL)
    assert list(told.figures) == folded(own, keys[FigureBy.DAY])
    funds: Counter[str] = Counter()
    for each in books.booked:
        funds.update(each.funds)
    by_fund = figures(books, FigureBy.FUND).figures
    assert {each.key: each.amounts.fund_total_fen for each in by_fund} == {
        fund_type: fen for fund_type, fen in funds.items() if fen
    }
    # Of a bill of class C alone no fund pays anything.
    assert all(sum(each.counts) <= len(books.booked) for each in by_fund)
    (second,) = figures(books, FigureBy.DAY, start=FIRST + DAY, end=FIRST + DAY).figures
    assert second.key == str(FIRST + DAY)


def test_a_snapshot_stays_what_it_was(books: DayBooks) -> None:
    days_of_acts(books, 3)
    before = figures(books, FigureBy.INSTITUTION, end=TODAY + 9 * DAY)
    bill(books, books.world.enrol()[0], HOSPITAL, 10_000)
    snapshot: dict[str, Any] = {"snapshot_time": before.snapshot_time, "end": TODAY + 9 * DAY}
    assert figures(books, FigureBy.INSTITUTION, **snapshot) == before
    books.world.clock.now += TOLD_AFTER * 2
    later = figures(books, FigureBy.INSTITUTION, end=TODAY + 9 * DAY)
    assert later.total.counts[0] == before.total.counts[0] + 1


def test_funds_of_a_past_day_are_what_they_were(books: DayBooks) -> None:
    told = {}
    for number in range(3):
        books.world.clock.now = shanghai_midnight(FIRST + number * DAY) + 10 * dt.timedelta(hours=1)
        made = bill(books, books.world.enrol()[0], HOSPITAL, 300_000, 40_000)
        if number == 1:
            books.reverse(made)
        with books.world.database.read() as connection:
            balances = account_balances(connection, REGION, "fund:")
        day = FIRST + number * DAY
        told[day] = [(each.removeprefix("fund:"), fen) for each, fen in balances]
    books.world.clock.now += 40 * DAY
    for day, funds in told.items():
        assert reports(books).position(REGION, day).funds == funds
    position = reports(books).position(REGION, None)
    assert (position.funds, position.fund_time) == (
        told[FIRST + 2 * DAY],
        books.world.clock.now - TOLD_AFTER,
    )
    assert told[FIRST] != told[FIRST + 2 * DAY]
    assert (position.owed.person_count, position.owing.person_count) == (0, 0)


def test_refusals_add_up(books: DayBooks) -> None:
    first = RefusalKey(TODAY, HOSPITAL, "SettleBill", "SUBJECT_UNKNOWN")
    agency = RefusalKey(TODAY, "", "GetDayTotals", "OUT_OF_SCOPE")
    yesterday = first._replace(day=TODAY - DAY)
    for counts in ({first: 2, agency: 1}, {first: 3, yesterday: 4}, {}):
        reports(books).count_refusals(REGION, counts)
    told = reports(books).refusals(REGION, TODAY, TODAY, RefusalBy.REASON, "")
    assert (told.figures, told.refusal_count) == (
        [("SUBJECT_UNKNOWN", 5), ("OUT_OF_SCOPE", 1)],
        6,
    )
    both = (REGION, TODAY - DAY, TODAY)
    by_day = reports(books).refusals(*both, RefusalBy.DAY, HOSPITAL)
    assert by_day.figures == [(str(TODAY), 5), (str(TODAY - DAY), 4)]
    by_method = reports(books).refusals(*both, RefusalBy.METHOD, "")
    assert by_method.figures == [("SettleBill", 9), ("GetDayTotals", 1)]
    by_caller = reports(books).refusals(*both, RefusalBy.INSTITUTION, "")
    assert by_caller.figures == [(HOSPITAL, 9), ("", 1)]
    assert reports(books).refusals("999999", *both[1:], RefusalBy.DAY, "").refusal_count == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end": FIRST - DAY}, "end_date"),
        ({"end": FIRST + 366 * DAY}, "end_date"),
        ({"snapshot_time": dt.datetime(2999, 1, 1, tzinfo=dt.UTC)}, "snapshot_time"),
    ],
)
def test_what_cannot_be_told_is_refused(
    books: DayBooks, changes: dict[str, Any], field: str
) -> None:
    figures(books, FigureBy.DAY, end=FIRST + 365 * DAY)
    with pytest.raises(RuleError) as refused:
        figures(books, FigureBy.DAY, **changes)
    assert refused.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [each.field for each in refused.value.faults] == [field]


def test_funds_of_a_day_that_is_not_over_are_refused(books: DayBooks) -> None:
    day = shanghai_day(books.world.clock.now)
    with pytest.raises(RuleError) as refused:
        reports(books).position(REGION, day)
    assert [each.field for each in refused.value.faults] == ["date"]
