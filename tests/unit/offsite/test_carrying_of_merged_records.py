"""What identity is told where both records of a merged person had been qualified."""

import dataclasses
import datetime as dt

import pytest
from support.qualifying import Desk, insured

from yibao_common.values.ids import new_id
from yibao_offsite.rules.qualification.carrying import (
    Carrying,
    CarryStep,
    KnownDisease,
    next_step,
)
from yibao_offsite.rules.qualification.qualification import Qualification

DAY = dt.timedelta(days=1)
FIRST, LAST = dt.date(2026, 3, 1), dt.date(2027, 2, 28)
DEATH = dt.date(2026, 6, 15)


@pytest.fixture
def survivors() -> Qualification:
    """What the record that stays was qualified for, carried as d1."""
    desk, person_id = Desk.in_memory(), new_id()
    desk.know(insured(person_id))
    approved = desk.decide(desk.apply(person_id).qualification_id)
    return dataclasses.replace(approved, disease_registration_id="d1")


@pytest.fixture
def duplicates(survivors: Qualification) -> Qualification:
    """The same of the duplicate; identity dropped its d2 with the merge."""
    return dataclasses.replace(
        survivors, qualification_id="q2", person_id="p2", disease_registration_id="d2"
    )


@pytest.mark.parametrize(
    ("start", "end", "kept_from", "kept_until", "step"),
    [
        # Both ended by the death, in either order.
        (FIRST, DEATH, FIRST, DEATH, CarryStep.NOTHING),
        (FIRST, DEATH, FIRST, LAST, CarryStep.NOTHING),
        (FIRST + DAY, DEATH, FIRST, None, CarryStep.NOTHING),
        # Not all days are covered: a clerk has to look.
        (FIRST, DEATH, FIRST, DEATH - DAY, CarryStep.REGISTER),
        (FIRST, DEATH, FIRST + DAY, LAST, CarryStep.REGISTER),
        (FIRST, None, FIRST, LAST, CarryStep.REGISTER),
        # It never held: what stands is the other one's.
        (FIRST, FIRST - DAY, FIRST, LAST, CarryStep.END),
    ],
)
def test_what_the_other_record_has_carried_is_not_registered_twice(
    survivors: Qualification,
    duplicates: Qualification,
    start: dt.date,
    end: dt.date | None,
    kept_from: dt.date,
    kept_until: dt.date | None,
    step: CarryStep,
) -> None:
    own = dataclasses.replace(duplicates, start_date=start, end_date=end)
    # By the id that it has since its last day was changed.
    kept = KnownDisease("d3", own.disease_code, kept_from, kept_until)
    survivors = dataclasses.replace(survivors, start_date=kept_from)
    told = "" if step is CarryStep.REGISTER else "d2"
    assert next_step(own, [kept], [survivors]) == Carrying(step, told)


def test_what_an_agency_registered_itself_covers_nothing(
    survivors: Qualification, duplicates: Qualification
) -> None:
    """Whether that or the qualification is right, a clerk has to say."""
    agencys = KnownDisease("a1", survivors.disease_code, FIRST - DAY, LAST)
    assert next_step(duplicates, [agencys], [survivors]).step is CarryStep.REGISTER
    other = dataclasses.replace(survivors, disease_code="M01601")
    kept = KnownDisease("d1", "M01601", FIRST - DAY, LAST)
    assert next_step(duplicates, [kept], [other]).step is CarryStep.REGISTER


def test_what_is_carried_is_compared_with_all_records_of_the_person() -> None:
    """One of two is taken back: the other one's registration stands."""
    desk, duplicate, survivor = Desk.in_memory(), new_id(), new_id()
    desk.know(insured(duplicate), insured(survivor))
    ids = [
        desk.decide(desk.apply(each).qualification_id).qualification_id
        for each in (survivor, duplicate)
    ]
    for task in desk.errands.due("500100", limit=9):
        desk.errands.carried(task, f"d{ids.index(task.qualification.qualification_id) + 1}")
    desk.know(insured(duplicate, merged_into=survivor))
    desk.end(ids[1], FIRST - DAY)
    (task,) = desk.errands.due("500100", limit=9)
    kept = KnownDisease("d1", "M03900", FIRST, LAST)
    found = next_step(task.qualification, [kept], task.others)
    assert found == Carrying(CarryStep.END, "d2")
