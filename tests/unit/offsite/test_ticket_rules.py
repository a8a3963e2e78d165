"""Problem tickets: their times in working days, and what can happen to one."""

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.medical_desk import TIMES, at

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.ticket import (
    TRANSITIONS,
    Ticket,
    TicketEvent,
    TicketKind,
    TicketState,
    answer,
    close,
    confirm,
    is_overdue,
    reopen,
)

ACTS: dict[TicketEvent, Callable[[Ticket, dt.datetime], Ticket]] = {
    TicketEvent.ANSWERED: lambda t, now: answer(t, TIMES, version=t.version, now=now),
    TicketEvent.REOPENED: lambda t, now: reopen(t, TIMES, version=t.version, now=now),
    TicketEvent.CONFIRMED: lambda t, now: confirm(t, version=t.version, now=now),
}


def ticket(opened: str = "2026-11-02T09:00", kind: TicketKind = TicketKind.REGISTRATION) -> Ticket:
    open_time = at(opened)
    return Ticket(
        region="330100",
        ticket_id="t",
        kind=kind,
        state=TicketState.OPEN,
        party="institution/H33010600002",
        opened_by="institution/H33010600002",
        open_time=open_time,
        due_date=TIMES.answer_due(kind, open_time.date()),
        person_id=None,
        registration_id=None,
    )


@pytest.mark.parametrize(
    ("kind", "opened", "due"),
    [
        (TicketKind.REGISTRATION, "2026-11-02", "2026-11-04"),
        (TicketKind.SYSTEM_FAILURE, "2026-11-02", "2026-11-03"),
        (TicketKind.OTHER, "2026-11-02", "2026-11-16"),
        # Over a weekend.
        (TicketKind.SYSTEM_FAILURE, "2026-11-06", "2026-11-09"),
        (TicketKind.REGISTRATION, "2026-11-07", "2026-11-10"),
        # Over the spring festival, with the Saturdays that are worked for it.
        (TicketKind.SYSTEM_FAILURE, "2026-02-13", "2026-02-14"),
        (TicketKind.REGISTRATION, "2026-02-13", "2026-02-24"),
        (TicketKind.OTHER, "2026-02-13", "2026-03-05"),
    ],
)
def test_a_ticket_is_answered_within_the_working_days_of_its_kind(
    kind: TicketKind, opened: str, due: str
) -> None:
    """JS75 article 57: registrations 2, system failures 1, others 10."""
    assert TIMES.answer_due(kind, dt.date.fromisoformat(opened)) == dt.date.fromisoformat(due)


@pytest.mark.parametrize(
    ("answered", "is_late"),
    [
        ("2026-11-04T23:59:59", False),
        ("2026-11-05T00:00", True),
    ],
)
def test_an_answer_is_late_from_the_day_after_the_last_one_on(answered: str, is_late: bool) -> None:
    now = at(answered)
    assert ticket().is_late(now.date()) is is_late
    assert answer(ticket(), TIMES, version=1, now=now).answered_late is is_late


def test_what_was_answered_late_stays_late() -> None:
    late = answer(ticket(), TIMES, version=1, now=at("2026-11-05T09:00"))
    assert late.is_late(dt.date(2026, 11, 5))
    in_time = answer(ticket(), TIMES, version=1, now=at("2026-11-04T09:00"))
    assert not in_time.is_late(dt.date(2027, 1, 1))


@pytest.mark.parametrize(
    ("now", "is_over"),
    [
        ("2026-11-17T23:59:59", False),  # the tenth working day after Tuesday, 3 November
        ("2026-11-18T00:00", True),
    ],
)
def test_an_answer_is_confirmed_within_ten_working_days(now: str, is_over: bool) -> None:
    answered = answer(ticket(), TIMES, version=1, now=at("2026-11-03T09:00"))
    assert answered.confirm_due_date == dt.date(2026, 11, 17)
    assert is_overdue(answered, at(now).date()) is is_over
    if is_over:
        assert close(answered, now=at(now)).state is TicketState.CLOSED
        for event in (TicketEvent.CONFIRMED, TicketEvent.REOPENED):
            with pytest.raises(RuleError) as refused:
                ACTS[event](answered, at(now))
            assert refused.value.reason is Reason.TICKET_STATE
    else:
        assert confirm(answered, version=2, now=at(now)).state is TicketState.CONFIRMED
        with pytest.raises(AssertionError):
            close(answered, now=at(now))


def test_over_the_spring_festival_nobody_loses_days_to_confirm() -> None:
    answered = answer(ticket("2026-02-12T09:00"), TIMES, version=1, now=at("2026-02-13T09:00"))
    assert answered.confirm_due_date == dt.date(2026, 3, 5)


def test_a_ticket_opened_again_has_its_time_anew() -> None:
    answered = answer(ticket(), TIMES, version=1, now=at("2026-11-05T09:00"))
    opened = reopen(answered, TIMES, version=2, now=at("2026-11-06T09:00"))
    assert (opened.state, opened.due_date) == (TicketState.OPEN, dt.date(2026, 11, 10))
    assert opened.confirm_due_date is None
    assert not opened.is_late(dt.date(2026, 11, 10))


def test_what_was_read_in_another_version_is_not_decided() -> None:
    with pytest.raises(RuleError) as refused:
        answer(ticket(), TIMES, version=2, now=at("2026-11-03T09:00"))
    assert refused.value.reason is Reason.TICKET_STATE
    assert refused.value.metadata == {"ticket_id": "t", "state": "OPEN", "version": "1"}


@given(st.lists(st.tuples(st.sampled_from(list(ACTS)), st.integers(0, 30))))
def test_nothing_happens_to_a_ticket_but_what_the_table_allows(
    steps: list[tuple[TicketEvent, int]],
) -> None:
    told, now = ticket(), at("2026-11-02T09:00")
    for event, hours in steps:
        now += dt.timedelta(hours=hours)
        allowed = TRANSITIONS.get((told.state, event))
        if is_overdue(told, now.date()):
            told = close(told, now=now)
            allowed = None
        if allowed is None:
            with pytest.raises(RuleError):
                ACTS[event](told, now)
        else:
            after = ACTS[event](told, now)
            assert (after.state, after.version) == (allowed, told.version + 1)
            told = after
        assert told.is_due == any(state is told.state for state, _ in TRANSITIONS)
        assert (told.confirm_due_date is None) == (told.state is TicketState.OPEN)
        assert (told.close_time is not None) == (not told.is_due)
