"""An end of enrolment that is known already: the feed that told of it does not tell once more."""

import datetime as dt

import pytest
from support.registration_desk import (
    FORM,
    PERSON_ID,
    SECOND,
    Desk,
    applied,
    person,
    refusal,
    retired,
)
from support.registrations import CLERK, DAY, SAMPLE, TODAY, shown

from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration.ending import end_by_person
from yibao_offsite.rules.person import KnownPerson, Period, PeriodStatus
from yibao_offsite.rules.registration.kinds import Channel, TaskKind
from yibao_offsite.rules.registration.states import State

LAST = TODAY + 40 * DAY


def insured_until(last: dt.date) -> KnownPerson:
    period = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), last)
    return person(periods=(period,))


def desk_of(last: dt.date) -> Desk:
    desk = Desk()
    desk.work.persons.known[PERSON_ID] = insured_until(last)
    return desk


@pytest.mark.parametrize(
    ("last", "until"),
    [
        (LAST, LAST),
        (dt.date(2027, 5, 1), dt.date(2027, 5, 1)),
        # Six months from today on are those that the category gives.
        (dt.date(2027, 5, 2), dt.date(2027, 5, 2)),
        (dt.date(2027, 5, 3), dt.date(2027, 5, 2)),
    ],
)
def test_a_registration_lasts_no_longer_than_the_enrolment(last: dt.date, until: dt.date) -> None:
    desk = desk_of(last)
    made = desk.create()
    assert (made.state, made.end_date) == (State.ACTIVE, until)
    # So the feed, should it tell again, finds nothing to end.
    assert end_by_person(desk.work, [insured_until(last)], now=desk.now(), ids=str) == 0


def test_what_lasts_until_changed_has_a_last_day_then_and_somebody_is_told() -> None:
    made = desk_of(LAST).create(retired())
    assert made.end_date == LAST
    assert made.task is not None
    assert made.task.kind is TaskKind.EXPIRY
    assert TODAY <= made.task.due_date < LAST


@pytest.mark.parametrize(("days", "is_taken"), [(40, True), (41, False)])
def test_nothing_begins_after_the_enrolment(days: int, is_taken: bool) -> None:
    desk = desk_of(LAST)
    asked = applied(start_date=TODAY + days * DAY)
    if is_taken:
        assert desk.create(asked).end_date == LAST
        return
    assert refusal(desk.create, asked).reason is Reason.PERSON_NOT_ENROLLED
    assert desk.work.registrations.of_person(PERSON_ID) == []


def test_what_waits_is_looked_at_again_when_it_is_approved() -> None:
    desk = Desk(SAMPLE)
    waits = desk.create(
        retired(channel=Channel.POST, materials=(*FORM, *shown("household_move_proof")))
    )
    assert waits.state is State.SUBMITTED
    desk.work.persons.known[PERSON_ID] = insured_until(LAST)
    approved = desk.given(desk.steps.approve, desk.act(waits.registration_id, SECOND))
    assert (approved.state, approved.end_date) == (State.ACTIVE, LAST)


def test_nothing_is_extended_beyond_the_enrolment() -> None:
    desk = Desk()
    id = desk.create().registration_id
    before = desk.work.registrations.find(id).end_date
    last = before + 9 * DAY
    desk.work.persons.known[PERSON_ID] = insured_until(last)
    extended = desk.given(desk.steps.extend, desk.act(id, CLERK), (), before + 30 * DAY)
    assert extended.end_date == last
    refused = refusal(desk.steps.extend, desk.act(id, CLERK), (), last + DAY, lambda each: b"")
    assert refused.reason is Reason.REGISTRATION_NOT_EXTENDABLE
    assert refused.metadata["latest_end_date"] == last.isoformat()


def test_a_change_lasts_no_longer_than_the_enrolment_either() -> None:
    desk = desk_of(LAST)
    id = desk.create().registration_id
    desk.today += DAY
    new, old = desk.change(id, applied(treatment_region="110000", start_date=TODAY + DAY))
    assert (new.end_date, old.ended_date) == (LAST, TODAY)
