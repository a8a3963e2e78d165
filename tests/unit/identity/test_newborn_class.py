"""Class 1401 on the paths that register no newborn: in time, and unpaid until the premium."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest
from support.identity_world import citizen_number
from support.person_desk import MAKER, NOW, PersonDesk, answer, refusal

from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.person.correction import PersonCorrections, UpdatePerson
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.rules.disease import Disease
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.enrolment import (
    Enrolment,
    EnrolmentStatus,
    EnrolmentTerms,
    change,
    from_birth,
    new_period,
    since,
)
from yibao_identity.rules.person import Correction, Registration, register

DAY = dt.timedelta(days=1)
BIRTH, LATEST = dt.date(2026, 5, 1), dt.date(2026, 8, 1)
NEWBORN = EnrolmentTerms("1401", (), EnrolmentStatus.NORMAL, "")
PRESCHOOL = dataclasses.replace(NEWBORN, person_class="1402")


def added(
    terms: EnrolmentTerms = NEWBORN, *, start: dt.date = BIRTH, today: dt.date = LATEST
) -> Enrolment:
    return new_period("390", terms, start_date=start, end_date=None, birth_date=BIRTH, today=today)


def registered(today: dt.date) -> Enrolment:
    """Registers a child by its birth certificate as `RegisterPerson` and imports do."""
    stated = Registration(
        *("990201", "A123456789", "张小三", "390", "1401", (), BIRTH),
        gender=Gender.MALE,
        birth_date=BIRTH,
    )
    at = dt.datetime.combine(today, dt.time(4), dt.UTC)
    return register(stated, region="500100", person_id="n", now=at, today=today)[1]


def changed(former: Enrolment, day: dt.date, *, today: dt.date = LATEST) -> Enrolment:
    return change(
        [dataclasses.replace(former, enrolment_id="e")],
        *("e", NEWBORN),
        effective_date=day,
        end_date=None,
        birth_date=BIRTH,
        today=today,
    ).new[-1]


@pytest.mark.parametrize("enrol", [registered, lambda today: added(today=today)])
def test_a_newborn_is_enrolled_in_time_and_waits_for_the_premium_by_any_call(
    enrol: Callable[[dt.date], Enrolment],
) -> None:
    """T-16: NEWBORN_ENROLMENT_LATE."""
    assert enrol(LATEST).is_premium_pending
    with pytest.raises(RuleError) as caught:
        enrol(LATEST + DAY)
    assert caught.value.reason is Reason.NEWBORN_ENROLMENT_LATE
    assert caught.value.metadata == {"latest_date": LATEST.isoformat()}


@pytest.mark.parametrize("start", [LATEST, LATEST + DAY])
def test_a_newborns_cover_begins_in_time(start: dt.date) -> None:
    """T-16: what is told early may begin too late."""
    if start == LATEST:
        assert added(start=start).is_premium_pending
        return
    with pytest.raises(RuleError) as caught:
        added(start=start)
    assert caught.value.reason is Reason.NEWBORN_ENROLMENT_LATE


def test_who_becomes_a_newborn_by_a_change_does_so_in_time_and_waits() -> None:
    """T-16."""
    former = added(PRESCHOOL)
    assert not former.is_premium_required
    assert changed(former, BIRTH).is_premium_pending
    for day, today in ((LATEST + DAY, LATEST), (BIRTH, LATEST + DAY)):
        with pytest.raises(RuleError) as caught:
            changed(former, day, today=today)
        assert caught.value.reason is Reason.NEWBORN_ENROLMENT_LATE


def test_who_is_a_newborn_already_may_change_later() -> None:
    former = added()
    assert changed(former, LATEST + DAY, today=LATEST + DAY).is_premium_pending


def test_no_class_but_the_newborns_waits_for_a_premium() -> None:
    assert not added(PRESCHOOL, start=LATEST + DAY, today=LATEST + DAY).is_premium_required


# --- A birth date that is corrected.


@pytest.mark.parametrize(
    ("birth", "is_taken"), [(dt.date(2026, 2, 1), True), (dt.date(2026, 1, 31), False)]
)
def test_a_corrected_birth_date_makes_nobody_a_newborn_too_late(
    birth: dt.date, is_taken: bool
) -> None:
    """T-16: cover from 1 May on is of who was born from 1 February on."""
    standing = [dataclasses.replace(added(), enrolment_id="e")]
    if is_taken:
        assert from_birth(standing, birth_date=birth).new == ()
        return
    with pytest.raises(RuleError) as caught:
        from_birth(standing, birth_date=birth)
    assert caught.value.reason is Reason.NEWBORN_ENROLMENT_LATE


def test_no_cover_is_left_before_a_corrected_birth_date() -> None:
    period = dataclasses.replace(
        added(), enrolment_id="e", insured_months_before=0, months_owing=1, years_unclaimed=0
    )
    short = dataclasses.replace(period, enrolment_id="s", end_date=BIRTH + DAY)
    plan = from_birth([period, short], birth_date=BIRTH + 2 * DAY)
    assert plan.replaced_ids == ("e", "s")
    (new,) = plan.new
    assert (new.start_date, new.end_date, new.months_owing) == (BIRTH + 2 * DAY, None, 1)
    assert (new.insured_months_before, new.years_unclaimed) == (None, None)
    assert new.is_premium_pending


def test_periods_since_birth_are_as_they_were() -> None:
    period = added()
    assert since([period], BIRTH) == (period,)


def test_a_correction_stores_cover_from_the_new_birth_date_on() -> None:
    desk = born_too_early()
    desk.period("a", "e", start_date=dt.date(1985, 1, 1))
    update = PersonCorrections(desk.transactions, **desk.shared).update
    told: EnrolledPerson = answer(update, correction(desk))
    (period,) = told.enrolments
    assert told.person.birth_date == dt.date(1990, 3, 7) == period.start_date
    assert desk.recorded[-1].detail["replaced"] == "e"
    assert desk.told == {"a"}


@pytest.mark.parametrize(
    ("disease", "is_taken"), [(dt.date(1990, 3, 7), True), (dt.date(1990, 3, 6), False)]
)
def test_a_disease_from_before_a_corrected_birth_date_is_taken_back_first(
    disease: dt.date, is_taken: bool
) -> None:
    desk = born_too_early()
    held = Disease("M03900", disease, None, "d", NOW, MAKER)
    desk.work.diseases.insert("a", held)
    update = PersonCorrections(desk.transactions, **desk.shared).update
    if is_taken:
        answer(update, correction(desk))
    else:
        assert refusal(update, correction(desk)) is Reason.FIELD_OUT_OF_RANGE


def born_too_early() -> PersonDesk:
    """Returns a desk with a person whose passport told a birth date ten years too early."""
    desk = PersonDesk()
    desk.persons.rows["a"] = dataclasses.replace(
        desk.person("a", number=1),
        certificate_type="08",
        certificate_number="K1234567",
        birth_date=dt.date(1980, 1, 1),
    )
    return desk


def correction(desk: PersonDesk) -> UpdatePerson:
    """Returns a correction to the number of somebody born on 7 March 1990."""
    document = ShownDocument("01", citizen_number(5))
    return UpdatePerson(desk.request("UpdatePerson"), "a", Correction("", document), "户口本")
