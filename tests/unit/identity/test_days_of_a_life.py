"""Days that no life holds: premiums before birth or to come, ends after any age."""

import datetime as dt
from collections.abc import Callable

import pytest
from support.person_desk import TERMS, TODAY, PersonDesk, answer, refusal

from yibao_common.values.reasons import Reason
from yibao_identity.application.disease import Diseases, EndDisease, RegisterDisease
from yibao_identity.application.enrolment import (
    AddEnrolment,
    ChangeEnrolment,
    Enrolments,
    RecordPremium,
)
from yibao_identity.rules.disease import Disease

DAY = dt.timedelta(days=1)
# Of the person at the desk.
BIRTH = dt.date(1990, 3, 7)
FIRST = dt.date(2026, 3, 1)
LAST_END = dt.date(2120, 12, 31)


@pytest.fixture
def desk() -> PersonDesk:
    desk = PersonDesk()
    desk.person("a")
    desk.period("a", "e")
    return desk


@pytest.mark.parametrize(
    ("day", "is_taken"),
    [(BIRTH - DAY, False), (BIRTH, True), (TODAY, True), (TODAY + DAY, False)],
)
def test_a_premium_is_received_in_ones_life_and_not_later_than_today(
    desk: PersonDesk, day: dt.date, is_taken: bool
) -> None:
    command = RecordPremium(desk.request("RecordPremium"), "a", "e", day, "P1")
    record = Enrolments(desk.transactions, **desk.shared).record_premium
    if is_taken:
        answer(record, command)
    else:
        assert refusal(record, command) is Reason.FIELD_OUT_OF_RANGE
        assert desk.enrolments.rows["e"][1].premium_receive_date is None


def added(desk: PersonDesk, end: dt.date) -> tuple[Callable[..., bytes], object]:
    command = AddEnrolment(desk.request("AddEnrolment"), "a", "510", TERMS, FIRST, end)
    return Enrolments(desk.transactions, **desk.shared).add, command


def changed(desk: PersonDesk, end: dt.date) -> tuple[Callable[..., bytes], object]:
    request = desk.request("ChangeEnrolment")
    command = ChangeEnrolment(request, "a", "e", TERMS, FIRST, end, "调入")
    return Enrolments(desk.transactions, **desk.shared).change, command


def registered(desk: PersonDesk, end: dt.date) -> tuple[Callable[..., bytes], object]:
    command = RegisterDisease(desk.request("RegisterDisease"), "a", "M03900", FIRST, end)
    return Diseases(desk.transactions, **desk.shared).register, command


def ended(desk: PersonDesk, end: dt.date) -> tuple[Callable[..., bytes], object]:
    register = RegisterDisease(desk.request("RegisterDisease"), "a", "M03900", FIRST, None)
    diseases = Diseases(desk.transactions, **desk.shared)
    held: Disease = answer(diseases.register, register)
    request, name = desk.request("EndDisease"), held.disease_registration_id
    return diseases.end, EndDisease(request, "a", name, end, "到期")


@pytest.mark.parametrize("act", [added, changed, registered, ended])
@pytest.mark.parametrize(("end", "is_taken"), [(LAST_END, True), (LAST_END + DAY, False)])
def test_nothing_ends_after_any_life(
    desk: PersonDesk,
    act: Callable[[PersonDesk, dt.date], tuple[Callable[..., bytes], object]],
    end: dt.date,
    is_taken: bool,
) -> None:
    method, command = act(desk, end)
    if is_taken:
        answer(method, command)
    else:
        assert refusal(method, command) is Reason.FIELD_OUT_OF_RANGE
