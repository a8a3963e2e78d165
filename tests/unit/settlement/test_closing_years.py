"""What application decides of closing a year and of its statements, without a database."""

import datetime as dt

import pytest
from support.memory.settlement.work import REGION, MemoryWork, request

from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.year.close import (
    ConfirmYearClose,
    ProposeYearClose,
    ToldYear,
    Years,
)
from yibao_settlement.application.year.take import YearTaking
from yibao_settlement.rules.year.close import YearClose, YearCounts, YearState

JANUARY = dt.datetime(2027, 1, 5, 4, tzinfo=dt.UTC)
COUNTS = YearCounts(2, 3, 700)


class Clerk:
    """An agency whose closings and waits are noted."""

    def __init__(self, work: MemoryWork, *, now: dt.datetime = JANUARY, ends: bool = True) -> None:
        self.work = work
        self.waited: list[int] = []
        self._ends = ends
        self.made: list[ToldYear] = []
        self.years = Years(work, others_ended=self._others_ended, clock=lambda: now, ids=new_id)
        self.taking = YearTaking(work, clock=lambda: now)

    def _others_ended(self) -> bool:
        self.waited.append(self.work.periods.ended)
        return self._ends

    def _encode(self, done: ToldYear) -> bytes:
        self.made.append(done)
        return b"made"

    def propose(self, year: int = 2026) -> ToldYear:
        asked = request("ProposeYearClose", new_id())
        self.years.propose(ProposeYearClose(asked, year), self._encode)
        return self.made[-1]

    def confirm(self, told: ToldYear, *, operator: str = "checker") -> YearClose:
        assert told.close is not None
        asked = request("ConfirmYearClose", new_id(), operator=operator)
        self.years.confirm(ConfirmYearClose(asked, told.close.close_id, told.counts), self._encode)
        close = self.made[-1].close
        assert close is not None
        return close


def kept() -> MemoryWork:
    work = MemoryWork()
    work.years.settled[2026] = COUNTS
    return work


def test_the_months_of_a_year_are_ended_before_it_is_proposed() -> None:
    work = kept()
    clerk = Clerk(work)
    told = clerk.propose()
    assert clerk.waited == [202612]
    assert (told.state, told.counts) == (YearState.PROPOSED, COUNTS)
    assert work.periods.is_locked
    clerk.confirm(told)
    assert clerk.made[-1].state is YearState.CLOSED
    assert [entry.detail["benefit_year"] for entry in work.work.audit.entries] == ["2026"] * 2


def test_nothing_is_proposed_while_a_transaction_of_before_goes_on() -> None:
    work = kept()
    with pytest.raises(TransientError):
        Clerk(work, ends=False).propose()
    assert work.years.rows == {}


def test_a_year_that_goes_on_is_neither_ended_nor_waited_for() -> None:
    work = kept()
    clerk = Clerk(work, now=dt.datetime(2026, 12, 31, 15, 59, tzinfo=dt.UTC))
    with pytest.raises(RuleError) as refusal:
        clerk.propose()
    assert refusal.value.reason is Reason.YEAR_NOT_OVER
    assert (work.periods.ended, clerk.waited) == (0, [])


def test_a_record_is_taken_under_the_locks_of_all_who_took_its_account_over() -> None:
    work = kept()
    clerk = Clerk(work)
    first, second, third = sorted(new_id() for _ in range(3))
    work.years.bills = {first: []}
    work.years.merged = {first: third, third: second}
    close = clerk.confirm(clerk.propose())
    assert clerk.taking.take_on(close, limit=9).is_finished
    assert work.years.locked == [{first, second, third}]


def test_an_account_that_moved_on_while_it_was_waited_for_is_tried_again() -> None:
    work = kept()
    clerk = Clerk(work)
    first, second = sorted(new_id() for _ in range(2))
    work.years.bills = {first: []}
    close = clerk.confirm(clerk.propose())
    known = work.years.merged
    # It is merged between the look-up and the lock.
    work.years.taken_over_by = lambda person_ids: set()  # type: ignore[method-assign]
    known[first] = second
    with pytest.raises(TransientError):
        clerk.taking.take_on(close, limit=9)
    assert work.years.takings[close.close_id].reached_id is None


def test_one_that_cannot_be_taken_keeps_the_year_open_until_it_can() -> None:
    work = kept()
    clerk = Clerk(work)
    first, second = sorted(new_id() for _ in range(2))
    work.years.bills = {first: [], second: []}
    work.years.unreadable = {first}
    close = clerk.confirm(clerk.propose())
    assert not clerk.taking.take_on(close, limit=9).is_finished
    assert clerk.taking.count_refused(close) == 1
    # The kind of error alone: its text may hold what is stored.
    assert work.years.waiting == {first: "ValueError"}
    assert work.years.takings[close.close_id].is_walked
    work.years.unreadable = set()
    assert clerk.taking.take_on(close, limit=9).is_finished
    assert clerk.taking.going_on(REGION) == []
    last = work.work.audit.entries[-1]
    assert (last.method, last.detail["statements"]) == ("FinishYearClose", "0")
