"""In which order changes of enrolments are checked, and what they leave."""

import datetime as dt
from collections.abc import Callable

import pytest
from support.person_desk import MAKER, NOW, REGION, TERMS, TODAY, PersonDesk, answer, refusal

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.enrolment import (
    AddEnrolment,
    ChangeEnrolment,
    Enrolments,
    RecordPremium,
)
from yibao_identity.application.person.rows import EnrolledPerson

DAY = dt.timedelta(days=1)
START = dt.date(2026, 3, 1)


@pytest.fixture
def desk() -> PersonDesk:
    desk = PersonDesk()
    desk.person("merged", number=1, merged_into="a")
    desk.person("a", number=2)
    desk.period("a", "e1")
    return desk


def enrolments(desk: PersonDesk) -> Enrolments:
    return Enrolments(desk.transactions, **desk.shared)


def adding(desk: PersonDesk, person_id: str, start: dt.date, kind: str = "310") -> AddEnrolment:
    return AddEnrolment(desk.request("AddEnrolment"), person_id, kind, TERMS, start, None)


def changing(
    desk: PersonDesk, person_id: str, enrolment_id: str, day: dt.date = START
) -> ChangeEnrolment:
    request = desk.request("ChangeEnrolment")
    return ChangeEnrolment(request, person_id, enrolment_id, TERMS, day, None, "调入")


def paying(
    desk: PersonDesk, person_id: str, enrolment_id: str, day: dt.date = TODAY
) -> RecordPremium:
    return RecordPremium(desk.request("RecordPremium"), person_id, enrolment_id, day, "P1")


def test_adding_looks_at_the_person_then_the_days_then_the_cover(desk: PersonDesk) -> None:
    add, birth = enrolments(desk).add, dt.date(1990, 3, 7)
    assert refusal(add, adding(desk, "nobody", birth - DAY)) is Reason.PERSON_NOT_FOUND
    assert refusal(add, adding(desk, "merged", birth - DAY)) is Reason.PERSON_MERGED
    assert refusal(add, adding(desk, "a", birth - DAY)) is Reason.FIELD_OUT_OF_RANGE
    assert refusal(add, adding(desk, "a", START)) is Reason.ENROLMENT_OVERLAP
    assert (desk.told, desk.recorded, list(desk.enrolments.rows)) == (set(), [], ["e1"])


def test_an_added_period_stands_beside_the_others_in_their_order(desk: PersonDesk) -> None:
    told: EnrolledPerson = answer(
        enrolments(desk).add, adding(desk, "a", dt.date(2025, 1, 1), "510")
    )
    assert [each.insurance_type for each in told.enrolments] == ["510", "310"]
    assert told.enrolments[0].recorded_by == MAKER
    assert desk.told == {"a"}
    (entry,) = desk.recorded
    assert entry.detail == {"added": told.enrolments[0].enrolment_id}


@pytest.mark.parametrize(
    ("start", "is_taken"), [(dt.date(2028, 11, 27), True), (dt.date(2028, 11, 28), False)]
)
def test_nothing_begins_over_two_years_ahead(
    desk: PersonDesk, start: dt.date, is_taken: bool
) -> None:
    """A year that was mistyped is not found before the person falls ill."""
    assert dt.date(2026, 11, 27) == TODAY
    decides = enrolments(desk)
    commands: list[tuple[str, Callable[..., bytes], AddEnrolment | ChangeEnrolment]] = [
        ("start_date", decides.add, adding(desk, "a", start, "510")),
        ("effective_date", decides.change, changing(desk, "a", "e1", start)),
    ]
    for field, act, command in commands:
        if is_taken:
            answer(act, command)
            continue
        with pytest.raises(RuleError) as caught:
            answer(act, command)
        assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
        assert [fault.field for fault in caught.value.faults] == [field]
        assert "after 2028-11-27" in caught.value.faults[0].message


def test_changing_looks_at_the_person_then_the_period_then_the_day(desk: PersonDesk) -> None:
    change, early = enrolments(desk).change, dt.date(2025, 12, 31)
    assert refusal(change, changing(desk, "nobody", "e9", early)) is Reason.PERSON_NOT_FOUND
    assert refusal(change, changing(desk, "merged", "e9", early)) is Reason.PERSON_MERGED
    assert refusal(change, changing(desk, "a", "e9", early)) is Reason.ENROLMENT_NOT_FOUND
    assert refusal(change, changing(desk, "a", "e1", early)) is Reason.FIELD_OUT_OF_RANGE


def test_a_changed_period_is_replaced_and_what_took_its_place_is_named(desk: PersonDesk) -> None:
    told: EnrolledPerson = answer(enrolments(desk).change, changing(desk, "a", "e1"))
    before, after = told.enrolments
    assert (before.end_date, after.start_date) == (START - DAY, START)
    history = enrolments(desk).history(REGION, "a")
    assert [each.enrolment_id for each in history if each.replace_time == NOW] == ["e1"]
    (entry,) = desk.recorded
    assert entry.detail == {
        "added": f"{before.enrolment_id},{after.enrolment_id}",
        "replaced": "e1",
        "explanation": "调入",
    }


def test_a_premium_looks_at_the_person_then_the_period_then_the_day(desk: PersonDesk) -> None:
    pay, tomorrow = enrolments(desk).record_premium, TODAY + DAY
    assert refusal(pay, paying(desk, "nobody", "e9", tomorrow)) is Reason.PERSON_NOT_FOUND
    assert refusal(pay, paying(desk, "merged", "e9", tomorrow)) is Reason.PERSON_MERGED
    assert refusal(pay, paying(desk, "a", "e9", tomorrow)) is Reason.ENROLMENT_NOT_FOUND
    assert refusal(pay, paying(desk, "a", "e1", tomorrow)) is Reason.FIELD_OUT_OF_RANGE


def test_a_second_premium_is_put_on_record_and_changes_nothing(desk: PersonDesk) -> None:
    answer(enrolments(desk).record_premium, paying(desk, "a", "e1", TODAY - DAY))
    assert desk.told == {"a"}
    desk.told.clear()
    told: EnrolledPerson = answer(enrolments(desk).record_premium, paying(desk, "a", "e1"))
    assert told.enrolments[0].premium_receive_date == TODAY - DAY
    assert desk.told == set()
    assert [each.detail for each in desk.recorded] == [{"enrolment_id": "e1"}] * 2


def test_nobody_has_no_history(desk: PersonDesk) -> None:
    with pytest.raises(RuleError) as caught:
        enrolments(desk).history(REGION, "nobody")
    assert caught.value.reason is Reason.PERSON_NOT_FOUND
