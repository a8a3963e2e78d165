"""What of a person ends a qualification: its death and the end of its enrolment."""

import dataclasses
import datetime as dt

import pytest
from support.qualifying import Desk, insured

from yibao_common.values.ids import new_id
from yibao_offsite.rules.person import KnownPerson, Period
from yibao_offsite.rules.qualification.deciding import end_by_person
from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    Qualification,
    QualificationState,
)

DAY = dt.timedelta(days=1)
# An approved one holds from 1 March 2026, when it is applied for, to 28 February 2027.
FIRST, LAST = dt.date(2026, 3, 1), dt.date(2027, 2, 28)
TODAY = dt.date(2026, 6, 15)


def died(day: dt.date) -> KnownPerson:
    return insured("p", death_date=day)


def insured_until(day: dt.date, *more: Period) -> KnownPerson:
    return insured("p", periods=(Period("310", 1, dt.date(2020, 1, 1), day), *more))


@pytest.fixture
def applied() -> Qualification:
    desk, person_id = Desk.in_memory(), new_id()
    desk.know(insured(person_id))
    return desk.apply(person_id)


@pytest.fixture
def approved() -> Qualification:
    desk, person_id = Desk.in_memory(), new_id()
    desk.know(insured(person_id))
    return desk.decide(desk.apply(person_id).qualification_id)


@pytest.mark.parametrize(
    ("person", "last", "why"),
    [
        (died(TODAY), TODAY, "DIED"),
        (died(LAST - DAY), LAST - DAY, "DIED"),
        (died(LAST), None, ""),
        # Told late: it never held.
        (died(FIRST - 2 * DAY), FIRST - DAY, "DIED"),
        (insured_until(TODAY), TODAY, "ENROLMENT_ENDED"),
        (insured_until(LAST - DAY), LAST - DAY, "ENROLMENT_ENDED"),
        (insured_until(LAST), None, ""),
        (insured("p"), None, ""),
        # Of another scheme from the next day on.
        (insured_until(TODAY, Period("390", 1, TODAY + DAY, None)), None, ""),
    ],
)
def test_what_was_approved_ends_with_its_person(
    approved: Qualification, person: KnownPerson, last: dt.date | None, why: str
) -> None:
    ended = end_by_person(approved, person, today=TODAY)
    if last is None:
        assert ended is None
        return
    assert ended is not None
    assert (ended.state, ended.end_date) == (QualificationState.ENDED, last)
    assert (ended.carry_state, ended.explanation) == (CarryState.WAITING, why)
    # Told once more, nothing is left to end.
    assert end_by_person(ended, person, today=TODAY) is None


def test_what_a_clerk_ended_later_ends_with_the_death(approved: Qualification) -> None:
    ended = end_by_person(approved, died(LAST - DAY), today=TODAY)
    assert ended is not None
    earlier = end_by_person(ended, died(TODAY), today=TODAY)
    assert earlier is not None
    assert earlier.end_date == TODAY


@pytest.mark.parametrize(
    ("person", "ends"),
    [
        (died(TODAY), True),
        (insured_until(TODAY - DAY), True),
        # Insured today: it is decided as any other.
        (insured_until(TODAY), False),
        (insured("p"), False),
    ],
)
def test_what_is_undecided_ends_without_having_held(
    applied: Qualification, person: KnownPerson, ends: bool
) -> None:
    ended = end_by_person(applied, person, today=TODAY)
    assert (ended is not None) == ends
    if ended is not None:
        assert (ended.state, ended.ever_holds) == (QualificationState.ENDED, False)
        assert ended.carry_state is CarryState.NONE


@pytest.mark.parametrize("state", [QualificationState.REJECTED, QualificationState.WITHDRAWN])
def test_what_is_over_stays_as_it_is(applied: Qualification, state: QualificationState) -> None:
    over = dataclasses.replace(applied, state=state)
    assert end_by_person(over, died(TODAY), today=TODAY) is None
