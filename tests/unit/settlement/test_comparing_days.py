"""Parts of a day over rows in memory: what is told at once, and what is asked for again."""

import datetime as dt

import pytest
from support.memory.settlement.work import REGION, MemoryWork

from yibao_common.values.calendar import shanghai_midnight
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.change import TOLD_AFTER
from yibao_settlement.application.day.compared import (
    MOST_ACTS,
    MOST_DIFFERENCES,
    ComparedPart,
    DayPart,
)
from yibao_settlement.application.day.find import Days
from yibao_settlement.application.day.rows import DaySum
from yibao_settlement.rules.day.act import DayAct, DayActKind, DayAmounts, DayLine

HOSPITAL = "H99901900001"
DAY = dt.date(2026, 11, 20)
MORNING = shanghai_midnight(DAY) + dt.timedelta(hours=8)
NOW = MORNING + dt.timedelta(hours=12)
COST = DayAmounts(1_000, 600, 100, 300)


def act(number: int, *, request: int | None = None) -> DayAct:
    request_id = f"{number if request is None else request:08}-0000-4000-8000-000000000000"
    names = (f"s{number}", f"B{number}", COST, f"p{number:08}", MORNING, "institution/H1")
    return DayAct(request_id, DayActKind.SETTLED, *names)


def line(of: DayAct) -> DayLine:
    return DayLine(of.request_id, of.kind, of.settlement_id, of.bill_number, of.amounts)


class Office:
    """Days in memory, and an institution that asks again for what is left."""

    def __init__(self, acts: list[DayAct]) -> None:
        self.work = MemoryWork()
        self.work.days.done[HOSPITAL] = acts
        self.days = Days(self.work, clock=lambda: NOW)

    def compare(self, lines: list[DayLine], after: str = "", until: str = "") -> ComparedPart:
        part = DayPart(DAY, after, until, lines)
        return self.days.compare(REGION, HOSPITAL, part, None)

    def all(self, lines: list[DayLine]) -> list[ComparedPart]:
        parts, after = [], ""
        while True:
            part = self.compare([each for each in lines if each.request_id > after], after)
            parts.append(part)
            after = part.until_request_id
            if not after:
                return parts


@pytest.mark.parametrize("count", [MOST_DIFFERENCES, MOST_DIFFERENCES + 1])
def test_more_differences_than_an_answer_holds_are_asked_for_again(count: int) -> None:
    parts = Office([act(number) for number in range(count)]).all([])
    assert [len(each.differences) for each in parts] == (
        [MOST_DIFFERENCES] if count == MOST_DIFFERENCES else [MOST_DIFFERENCES, 1]
    )
    assert sum(each.insurer.act_count for each in parts) == count


@pytest.mark.parametrize("count", [MOST_ACTS, MOST_ACTS + 1])
def test_more_acts_than_are_read_at_once_are_compared_in_turns(count: int) -> None:
    acts = [act(number) for number in range(count)]
    parts = Office(acts).all([line(each) for each in acts])
    assert [each.differences for each in parts] == [[] for _ in parts]
    assert len(parts) == (1 if count == MOST_ACTS else 2)
    assert sum(each.insurer.act_count for each in parts) == count
    assert sum(each.institution.amounts.total_fen for each in parts) == count * COST.total_fen


def test_acts_of_one_request_are_not_parted() -> None:
    """The request at the end of what is read did one act more."""
    acts = [act(number) for number in range(MOST_ACTS)]
    acts.append(act(MOST_ACTS, request=MOST_ACTS - 1))
    first, second = Office(acts).all([line(each) for each in acts])
    assert first.until_request_id == acts[MOST_ACTS - 2].request_id
    assert (first.insurer.act_count, second.insurer.act_count) == (MOST_ACTS - 1, 2)
    assert [*first.differences, *second.differences] == []


def test_a_range_is_compared_alone() -> None:
    acts = [act(number) for number in range(6)]
    part = Office(acts).compare([], acts[1].request_id, acts[3].request_id)
    told = [each.difference.request_id for each in part.differences]
    assert told == [acts[2].request_id, acts[3].request_id]


@pytest.mark.parametrize(
    ("ago", "is_told"), [(TOLD_AFTER, True), (TOLD_AFTER - dt.timedelta(microseconds=1), False)]
)
def test_a_snapshot_lies_a_minute_back(ago: dt.timedelta, is_told: bool) -> None:
    days = Office([]).days
    if is_told:
        assert days.totals(REGION, HOSPITAL, DAY, NOW - ago).snapshot_time == NOW - ago
    else:
        with pytest.raises(RuleError) as caught:
            days.totals(REGION, HOSPITAL, DAY, NOW - ago)
        assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert days.totals(REGION, HOSPITAL, DAY, None).snapshot_time == NOW - TOLD_AFTER


def test_care_types_of_one_clearing_type_are_summed_together() -> None:
    office = Office([])
    office.work.days.summed[HOSPITAL] = [
        DaySum("390", "2101", (1, 0, 0, 0), COST, {"390100": 600}),
        DaySum("390", "28", (0, 1, 0, 0), COST, {"390100": 500, "390200": 100}),
        DaySum("310", "11", (0, 0, 1, 1), COST, {}),
    ]
    told = office.days.totals(REGION, HOSPITAL, DAY, None)
    assert [(each.insurance_type, each.clearing_type) for each in told.sums] == [
        ("310", "11"),
        ("390", "21"),
    ]
    assert told.sums[1].counts == (1, 1, 0, 0)
    assert told.sums[1].funds == {"390100": 1_100, "390200": 100}
    assert told.total.counts == (1, 1, 1, 1)
    assert told.total.amounts == DayAmounts(*(3 * each for each in COST))
