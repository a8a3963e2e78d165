"""What application decides of closing a month, without a database."""

import datetime as dt

import pytest
from support.memory.settlement.work import REGION, MemoryWork, request

from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.period.close import (
    ConfirmPeriodClose,
    Periods,
    ProposePeriodClose,
    SummedClose,
)
from yibao_settlement.rules.period.close import Period, PeriodSum

HOSPITAL = "H99901900001"
NOVEMBER = Period(HOSPITAL, 202611)
DECEMBER = dt.datetime(2026, 12, 3, 4, tzinfo=dt.UTC)
SUM = PeriodSum(f"payable:{HOSPITAL}", 1, 0, 2, 700)


def kept() -> MemoryWork:
    work = MemoryWork()
    work.periods.posted[NOVEMBER] = [SUM]
    work.periods.first[HOSPITAL] = dt.datetime(2026, 11, 1, 4, tzinfo=dt.UTC)
    return work


class Clerk:
    """An agency whose closings and waits are noted."""

    def __init__(self, work: MemoryWork, *, now: dt.datetime = DECEMBER, ends: bool = True) -> None:
        self.work = work
        self.waited: list[int] = []
        self._ends = ends
        self.made: list[SummedClose] = []
        self.periods = Periods(work, others_ended=self._others_ended, clock=lambda: now, ids=new_id)

    def _others_ended(self) -> bool:
        self.waited.append(self.work.periods.ended)
        return self._ends

    def _encode(self, done: SummedClose) -> bytes:
        self.made.append(done)
        return done.close.close_id.encode()

    def propose(self, period: Period = NOVEMBER) -> SummedClose:
        asked = request("ProposePeriodClose", new_id())
        self.periods.propose(ProposePeriodClose(asked, period), self._encode)
        return self.made[-1]

    def confirm(self, done: SummedClose, *, operator: str = "checker") -> SummedClose:
        close = done.close
        asked = request("ConfirmPeriodClose", new_id(), operator=operator)
        command = ConfirmPeriodClose(asked, close.close_id, close.amount_fen, close.entry_count)
        self.periods.confirm(command, self._encode)
        return self.made[-1]


def test_a_month_is_ended_before_it_is_waited_for_and_then_summed() -> None:
    work = kept()
    clerk = Clerk(work)
    proposed = clerk.propose()
    assert clerk.waited == [202611]
    assert (proposed.close.amount_fen, proposed.close.entry_count) == (700, 2)
    done = clerk.confirm(proposed)
    assert done.sums == [SUM]
    assert work.periods.kept == {done.close.close_id: [SUM]}
    assert [entry.detail["month"] for entry in work.work.audit.entries] == ["202611"] * 2


def test_a_month_that_goes_on_is_neither_ended_nor_waited_for() -> None:
    work = kept()
    clerk = Clerk(work, now=dt.datetime(2026, 11, 30, 15, 59, 59, tzinfo=dt.UTC))
    with pytest.raises(RuleError) as refusal:
        clerk.propose()
    assert refusal.value.reason is Reason.PERIOD_NOT_OVER
    assert (work.periods.ended, clerk.waited) == (0, [])


def test_nothing_is_proposed_while_a_transaction_of_before_goes_on() -> None:
    work = kept()
    with pytest.raises(TransientError):
        Clerk(work, ends=False).propose()
    assert work.periods.rows == {}


def test_a_month_that_another_one_ended_is_waited_for_again() -> None:
    """That one may still wait, or is gone."""
    work = kept()
    work.periods.ended = 202612
    clerk = Clerk(work)
    clerk.propose()
    assert clerk.waited == [202612]


def test_what_is_booked_otherwise_by_then_is_not_confirmed() -> None:
    work = kept()
    clerk = Clerk(work)
    proposed = clerk.propose()
    work.periods.posted[NOVEMBER] = [SUM._replace(amount_fen=701)]
    with pytest.raises(RuleError) as refusal:
        clerk.confirm(proposed)
    assert refusal.value.reason is Reason.PERIOD_CLOSE_STATE
    assert work.periods.kept == {}


def test_periods_are_listed_from_the_funds_on_and_closed_ones_as_they_were_closed() -> None:
    work = kept()
    clerk = Clerk(work)
    work.periods.institutions = ["H99901900002"]
    clerk.confirm(clerk.propose())
    work.periods.posted[NOVEMBER] = []
    listed = clerk.periods.of_month(REGION, 202611, after=None, limit=9)
    assert [(each.period.institution_id, each.amount_fen) for each in listed] == [
        ("", 0),
        (HOSPITAL, 700),
        ("H99901900002", 0),
    ]
    behind = clerk.periods.of_month(REGION, 202611, after="", limit=1)
    assert behind == listed[1:2]
    assert clerk.periods.find(REGION, NOVEMBER).sums == [SUM]
