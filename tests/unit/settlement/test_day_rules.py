"""Lines of an institution against the insurer's acts, request by request; days and their types."""

import datetime as dt

import pytest

from yibao_settlement.rules.care_type import CARE_TYPES
from yibao_settlement.rules.day.act import DayAct, DayActKind, DayAmounts, DayLine, DaySpan, span_of
from yibao_settlement.rules.day.clearing_type import clearing_type_of
from yibao_settlement.rules.day.compare import (
    ComparedRequest,
    DayDifferenceKind,
    compare,
)

SETTLED, REVERSED = DayActKind.SETTLED, DayActKind.REVERSED
CORRECTED = DayActKind.CORRECTED
MISSING_AT_INSURER = DayDifferenceKind.MISSING_AT_INSURER
MISSING_AT_INSTITUTION = DayDifferenceKind.MISSING_AT_INSTITUTION
AMOUNT, STATE = DayDifferenceKind.AMOUNT, DayDifferenceKind.STATE
DUPLICATE = DayDifferenceKind.DUPLICATE
NOON = dt.datetime(2026, 11, 20, 4, tzinfo=dt.UTC)
COST = DayAmounts(1_000, 600, 100, 300)


def line(
    request_id: str = "r1",
    settlement_id: str = "s1",
    kind: DayActKind = SETTLED,
    bill: str = "B1",
    cost: DayAmounts = COST,
) -> DayLine:
    return DayLine(request_id, kind, settlement_id, bill, cost)


def act(
    request_id: str = "r1",
    settlement_id: str = "s1",
    kind: DayActKind = SETTLED,
    bill: str = "B1",
    cost: DayAmounts = COST,
) -> DayAct:
    of_act = (f"p-{settlement_id}", NOON, "institution/H1")
    return DayAct(request_id, kind, settlement_id, bill, cost, *of_act)


def kinds(found: list[ComparedRequest]) -> list[DayDifferenceKind]:
    return [each.kind for request in found for each in request.differences]


MORE = COST._replace(cash_fen=301)


@pytest.mark.parametrize(
    ("lines", "acts", "expected"),
    [
        ([], [], []),
        ([line()], [act()], []),
        ([line()], [], [MISSING_AT_INSURER]),
        ([], [act()], [MISSING_AT_INSTITUTION]),
        # Of the first and the last of both.
        ([line("r1"), line("r3")], [act("r2")], [MISSING_AT_INSURER, MISSING_AT_INSTITUTION] * 2),
        # Every amount counts.
        ([line(cost=MORE)], [act()], [AMOUNT]),
        ([line(cost=COST._replace(total_fen=1_001))], [act()], [AMOUNT]),
        ([line(cost=COST._replace(fund_total_fen=601))], [act()], [AMOUNT]),
        ([line(cost=COST._replace(account_fen=101))], [act()], [AMOUNT]),
        # What the institution was not told is not compared.
        ([line(settlement_id="")], [act()], []),
        ([line(bill="")], [act()], []),
        ([line(settlement_id="", bill="")], [act()], []),
        ([line(kind=REVERSED)], [act()], [STATE]),
        ([line(settlement_id="s2")], [act()], [STATE]),
        ([line(bill="B2")], [act()], [STATE]),
        ([line(settlement_id="s2", cost=MORE)], [act()], [STATE, AMOUNT]),
        # Twice, also where the insurer has none.
        ([line(), line()], [act()], [DUPLICATE]),
        ([line(), line(cost=MORE)], [act()], [DUPLICATE]),
        ([line(), line(), line()], [act()], [DUPLICATE, DUPLICATE]),
        ([line(), line()], [], [MISSING_AT_INSURER, DUPLICATE]),
        ([line(), line(settlement_id="s2")], [act()], [DUPLICATE]),
        ([line(), line(settlement_id="s2")], [], [MISSING_AT_INSURER, MISSING_AT_INSURER]),
        # A request that restated a later bill does two acts, which lines may tell in any order.
        (
            [line(settlement_id="s2", kind=CORRECTED), line(kind=REVERSED)],
            [act(kind=REVERSED), act(settlement_id="s2", kind=CORRECTED)],
            [],
        ),
        (
            [line(settlement_id="", kind=CORRECTED), line(settlement_id="", kind=REVERSED)],
            [act(kind=REVERSED), act(settlement_id="s2", kind=CORRECTED)],
            [],
        ),
        (
            [line(kind=REVERSED)],
            [act(kind=REVERSED), act(settlement_id="s2", kind=CORRECTED)],
            [MISSING_AT_INSTITUTION],
        ),
    ],
)
def test_each_difference_is_of_its_kind(
    lines: list[DayLine], acts: list[DayAct], expected: list[DayDifferenceKind]
) -> None:
    found = list(compare(lines, acts))
    if len(lines) == 2 and lines[1].request_id == "r3":
        expected = [MISSING_AT_INSURER, MISSING_AT_INSTITUTION, MISSING_AT_INSURER]
    assert kinds(found) == expected
    ids = [each.request_id for each in found]
    known = {each.request_id for each in lines} | {each.request_id for each in acts}
    assert ids == sorted(known)
    # Whatever is no duplicate is summed, once.
    duplicates = kinds(found).count(DUPLICATE)
    assert sum(len(each.counted) for each in found) == len(lines) - duplicates
    assert sum(len(each.acts) for each in found) == len(acts)


def test_a_difference_shows_both_sides() -> None:
    (found,) = compare([line(cost=MORE), line(cost=MORE)], [act()])
    amount, duplicate = found.differences
    assert (amount.line, amount.act) == (line(cost=MORE), act())
    assert (duplicate.line, duplicate.act) == (line(cost=MORE), act())
    assert found.counted == [line(cost=MORE)]


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (NOON + dt.timedelta(days=3), (16, 16)),
        (NOON, (16, 4)),
        # One before the day leaves nothing of it.
        (NOON - dt.timedelta(days=3), (16, 16)),
    ],
)
def test_a_day_is_of_shanghai_and_ends_with_the_snapshot(
    snapshot: dt.datetime, expected: tuple[int, int]
) -> None:
    span = span_of(dt.date(2026, 11, 20), snapshot)
    assert span.start == dt.datetime(2026, 11, 19, 16, tzinfo=dt.UTC)
    assert (span.start.hour, span.end.hour) == expected
    assert isinstance(span, DaySpan)
    assert (span.end - span.start).days == (1 if snapshot.day == 23 else 0)


@pytest.mark.parametrize(
    ("care_type", "clearing_type"),
    [
        *(("11", "11"), ("13", "11"), ("51", "11"), ("71", "11"), ("18", "11")),
        *(("14", "14"), ("9901", "14")),
        *(("2101", "21"), ("24", "21"), ("28", "21"), ("52", "21"), ("2106", "21")),
        *(("41", "41"), ("7777", "99"), ("", "99")),
    ],
)
def test_care_is_cleared_by_its_kind(care_type: str, clearing_type: str) -> None:
    assert clearing_type_of(care_type) == clearing_type


def test_every_care_type_of_the_list_has_a_clearing_type() -> None:
    assert {clearing_type_of(each) for each in CARE_TYPES} == {"11", "14", "21", "41"}
