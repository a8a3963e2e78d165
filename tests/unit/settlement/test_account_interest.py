"""Interest of personal accounts: dated rates, day counts, each layer rounded once."""

import datetime as dt
from collections.abc import Sequence

import pytest

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.account_close.interest import (
    BookOn,
    Change,
    DatedRate,
    DayCount,
    Held,
    InterestRules,
    Layer,
    Rounding,
    earned,
    interest_by_days,
    spans,
)

YEAR = 2026
NEW_YEAR, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
# Demand money, and three months': of 2025 on.
DEMAND = (DatedRate(dt.date(2025, 1, 1), 500),)
QUARTER = (DatedRate(dt.date(2025, 1, 1), 11_000),)


def rules(
    day_count: DayCount = DayCount.ACTUAL_365,
    *,
    current: Sequence[DatedRate] = DEMAND,
    carried: Sequence[DatedRate] = QUARTER,
    rounding: Rounding = Rounding.HALF_UP,
) -> InterestRules:
    return InterestRules(
        "310",
        day_count,
        BookOn.NEW_YEAR,
        Layer(rounding, tuple(current)),
        Layer(rounding, tuple(carried)),
    )


@pytest.mark.parametrize(
    ("day_count", "of_current", "of_carried"),
    [
        # 400.00 since 1 January at 0.05 %: 0.20; 600.00 at 1.1 %: 6.60.
        (DayCount.ACTUAL_365, 20, 660),
        # 365 days of 360: 0.20277… and 6.69166….
        (DayCount.ACTUAL_360, 20, 669),
        (DayCount.MONTHLY_AVERAGE, 20, 660),
        (DayCount.YEAR_END_BALANCE, 20, 660),
    ],
)
def test_of_a_thousand_yuan_of_which_400_are_of_the_year_each_layer_earns_by_its_rate(
    day_count: DayCount, of_current: int, of_carried: int
) -> None:
    """accounts.md 8, fixture 4."""
    held = Held(60_000, [Change(NEW_YEAR, 40_000, 0)])
    made = earned(rules(day_count), held, YEAR)
    assert (made.current_year_fen, made.carried_fen, made.balance_fen) == (40_000, 60_000, 100_000)
    assert (made.current_year_interest_fen, made.carried_interest_fen) == (of_current, of_carried)
    assert made.interest_fen == of_current + of_carried


@pytest.mark.parametrize(
    ("fen", "half_up", "down"),
    # A half fen is 45.4545… yuan at 1.1 %: 45.45 earn 0.49995 fen, 45.46 earn 0.50006.
    [(0, 0, 0), (4_545, 50, 49), (4_546, 50, 50), (45, 0, 0), (46, 1, 0), (136, 1, 1), (137, 2, 1)],
)
def test_a_layer_is_rounded_once_and_half_a_fen_up(fen: int, half_up: int, down: int) -> None:
    for rounding, expected in ((Rounding.HALF_UP, half_up), (Rounding.DOWN, down)):
        made = earned(rules(rounding=rounding), Held(fen), YEAR)
        assert made.carried_interest_fen == expected


def test_exactly_half_a_fen_is_rounded_up() -> None:
    """50.00 at 0.01 % for a year: 0.5 fen."""
    layers = rules(current=[DatedRate(NEW_YEAR, 0)], carried=[DatedRate(NEW_YEAR, 100)])
    assert earned(layers, Held(5_000), YEAR).carried_interest_fen == 1
    assert earned(layers, Held(4_999), YEAR).carried_interest_fen == 0


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        # The day of the payment earns, the one on which it leaves does not.
        (NEW_YEAR, dt.date(2026, 1, 2), 1),
        (NEW_YEAR, NEW_YEAR, 0),
        (LAST, None, 1),
        (dt.date(2026, 12, 30), LAST, 1),
        (NEW_YEAR, None, 365),
    ],
)
def test_money_earns_from_the_day_on_which_it_comes_to_that_on_which_it_leaves(
    first: dt.date, last: dt.date | None, days: int
) -> None:
    fen = 36_500_000
    changes = [Change(first, fen, 0)]
    if last is not None:
        changes.append(Change(last, -fen, 0))
    # 365,000.00 at 0.36 % a year earn 3.60 a day.
    layers = rules(current=[DatedRate(NEW_YEAR, 3_600)])
    assert earned(layers, Held(0, changes), YEAR).current_year_interest_fen == days * 360


@pytest.mark.parametrize(
    ("year", "days"), [(2027, 365), (2028, 366)], ids=["of 365 days", "of 366 days"]
)
def test_a_leap_year_has_a_day_more_of_365_and_none_more_by_months(year: int, days: int) -> None:
    fen = 36_500_000
    layers = [DatedRate(NEW_YEAR, 3_600)]
    by_days = earned(rules(current=[], carried=layers), Held(fen), year)
    by_months = earned(rules(DayCount.MONTHLY_AVERAGE, carried=layers), Held(fen), year)
    assert by_days.carried_interest_fen == days * 360
    assert by_months.carried_interest_fen == 365 * 360


@pytest.mark.parametrize(("change", "days_of_old"), [(1, 0), (2, 1), (181, 180), (365, 364)])
def test_a_rate_holds_from_its_day_on(change: int, days_of_old: int) -> None:
    day = NEW_YEAR + dt.timedelta(change - 1)
    layers = [DatedRate(dt.date(2020, 1, 1), 3_600), DatedRate(day, 1_000)]
    made = earned(rules(carried=layers), Held(36_500_000), YEAR)
    assert made.carried_interest_fen == days_of_old * 360 + (365 - days_of_old) * 100


def test_nothing_is_earned_before_the_first_rate() -> None:
    layers = [DatedRate(dt.date(2026, 12, 31), 3_600)]
    assert earned(rules(carried=layers), Held(36_500_000), YEAR).carried_interest_fen == 360
    layers = [DatedRate(dt.date(2027, 1, 1), 3_600)]
    assert earned(rules(carried=layers), Held(36_500_000), YEAR).carried_interest_fen == 0


def test_what_is_there_at_the_end_alone_counts_where_the_region_says_so() -> None:
    """As Taizhou in 2023: the balance of the year's end at its demand rate of 0.35 %."""
    layers = rules(DayCount.YEAR_END_BALANCE, current=[DatedRate(NEW_YEAR, 3_500)], carried=[])
    held = Held(500_000, [Change(dt.date(2026, 3, 1), 90_000, -100_000), Change(LAST, 10_000, 0)])
    made = earned(layers, held, YEAR)
    assert (made.balance_fen, made.current_year_interest_fen) == (500_000, 350)


def test_without_rules_balances_are_told_and_nothing_is_earned() -> None:
    made = earned(None, Held(7, [Change(LAST, 5, -3)]), YEAR)
    assert made == (5, 4, 0, 0)


@pytest.mark.parametrize(
    "change", [Change(LAST, -1, 0), Change(LAST, 0, -101), Change(NEW_YEAR, 0, -102)]
)
def test_a_layer_that_ends_below_nothing_is_refused(change: Change) -> None:
    with pytest.raises(InvariantError):
        earned(rules(), Held(100, [change]), YEAR)


@pytest.mark.parametrize("day_count", DayCount)
@pytest.mark.parametrize("year", [2026, 2028])
def test_both_ways_of_computing_agree_to_the_fen(day_count: DayCount, year: int) -> None:
    """One product a movement, and the balance of every day: written apart."""
    first = dt.date(year, 1, 1)
    layers = [DatedRate(dt.date(year, 3, 15), 3_500), DatedRate(dt.date(year, 10, 20), 2_875)]
    for seed in range(40):
        moved = [
            (first + dt.timedelta((seed * 37 + at * 59) % 365), (seed * at * 7_919) % 90_001)
            for at in range(seed)
        ]
        held = Held(seed * 12_347, [Change(day, 0, fen) for day, fen in moved])
        own = rules(day_count, carried=layers)
        by_days = interest_by_days(own.carried, day_count, held.opening_fen, moved, year)
        assert earned(own, held, year).carried_interest_fen == by_days, f"seed {seed}"


def test_an_explanation_tells_spans_of_one_rate_whose_days_come_to_the_interest() -> None:
    layer = Layer(
        Rounding.HALF_UP,
        (DatedRate(dt.date(2020, 1, 1), 3_600), DatedRate(dt.date(2026, 7, 1), 1_000)),
    )
    found = spans(layer, 36_500_000, [(dt.date(2026, 7, 1), -36_500_000)], YEAR)
    assert [(each.start_date, each.end_date, each.rate_ppm) for each in found] == [
        (NEW_YEAR, dt.date(2026, 6, 30), 3_600),
        (dt.date(2026, 7, 1), LAST, 1_000),
    ]
    assert [each.balance_sum_fen for each in found] == [36_500_000 * 181, 0]
