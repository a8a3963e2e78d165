"""What becomes of registrations by what becomes of their persons, without a database."""

import datetime as dt
import itertools
from typing import Any

import pytest
from support.registration_desk import (
    FORM,
    OTHER_ID,
    PERSON_ID,
    SETTLEMENT,
    Desk,
    person,
    retired,
)
from support.registrations import (
    DAY,
    SAMPLE,
    TODAY,
    shown,
)

from yibao_offsite.application.registration.ending import end_by_person
from yibao_offsite.application.registration.recording import RecordDeemed
from yibao_offsite.rules.person import Period, PeriodStatus
from yibao_offsite.rules.registration.decide import Applicant
from yibao_offsite.rules.registration.kinds import (
    Channel,
    EndReason,
    Origin,
)
from yibao_offsite.rules.registration.states import State


def test_an_emergency_is_recorded_once_a_visit() -> None:
    # Rules O-01 and I-30: deemed registered by the mark of the hospital, whoever repeats it.
    desk = Desk()
    desk.create()
    by = Applicant(SETTLEMENT, Origin.DEEMED)
    made = [
        desk.given(
            desk.deemed.record,
            RecordDeemed(
                desk.request("RecordDeemedRegistration", by), PERSON_ID, "v1", "310000", TODAY
            ),
        )
        for _ in range(3)
    ]
    assert len({each.registration_id for each in made}) == 1
    assert (made[0].origin, made[0].end_date) == (Origin.DEEMED, TODAY)
    assert made[0].covers(TODAY)
    assert not made[0].covers(TODAY + DAY)
    assert len(desk.work.registrations.rows) == 2


@pytest.mark.parametrize(
    ("told", "reason", "ended"),
    [
        ({"death_date": TODAY + 3 * DAY}, EndReason.DIED, TODAY + 3 * DAY),
        (
            {
                "periods": (
                    Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), TODAY + 9 * DAY),
                )
            },
            EndReason.ENROLMENT_ENDED,
            TODAY + 9 * DAY,
        ),
        ({"periods": ()}, EndReason.ENROLMENT_ENDED, TODAY - DAY),
        ({"merged_into": OTHER_ID}, EndReason.MERGED, TODAY + 10 * DAY),
    ],
)
def test_what_becomes_of_the_person_ends_the_registration(
    told: dict[str, Any], reason: EndReason, ended: dt.date
) -> None:
    desk = Desk()
    id = desk.create().registration_id
    desk.today = TODAY + 10 * DAY
    ids = itertools.count(100)
    count = end_by_person(desk.work, [person(**told)], now=desk.now(), ids=lambda: f"r{next(ids)}")
    assert count == 1
    gone = desk.work.registrations.find(id)
    assert (gone.state, gone.end_reason, gone.ended_date) == (State.ENDED, reason, ended)
    assert desk.work.feed.registrations[id].end_date == ended
    # Told again, nothing more ends.
    assert end_by_person(desk.work, [person(**told)], now=desk.now(), ids=lambda: "x") == 0


def test_what_goes_on_of_the_person_ends_nothing() -> None:
    desk = Desk()
    desk.create()
    ended_type = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), TODAY)
    next_type = Period("390", PeriodStatus.SUSPENDED, TODAY + DAY, None)
    goes_on = person(periods=(ended_type, next_type))
    assert end_by_person(desk.work, [goes_on], now=desk.now(), ids=lambda: "x") == 0


@pytest.mark.parametrize(("days", "ends"), [(0, False), (-1, True)])
def test_an_enrolment_that_ends_behind_the_cover_ends_nothing(days: int, ends: bool) -> None:
    desk = Desk()
    made = desk.create()
    assert made.end_date is not None
    last = made.end_date + days * DAY
    period = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), last)
    told = [person(periods=(period,))]
    assert end_by_person(desk.work, told, now=desk.now(), ids=lambda: "x") == ends


def test_an_application_is_refused_by_what_became_of_the_person() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    id = desk.create(retired(channel=Channel.POST, materials=papers)).registration_id
    end_by_person(desk.work, [person(death_date=TODAY)], now=desk.now(), ids=lambda: "x")
    gone = desk.work.registrations.find(id)
    assert (gone.state, gone.end_reason) == (State.REJECTED, EndReason.DIED)
    assert desk.work.feed.registrations == {}
