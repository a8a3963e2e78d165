"""Enrolments in the database: periods stand or are history, and settlement is told."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.databases import Databases
from support.person_stores import MAKER, REGION, TERMS, PersonWorld

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.rules.enrolment import EnrolmentStatus, EnrolmentTerms
from yibao_identity.storage import tables

RETIRED = EnrolmentTerms("12", ("2305", "2101"), EnrolmentStatus.NORMAL, "")


@pytest.fixture
def world(databases: Databases) -> PersonWorld:
    return PersonWorld(databases.open("yibao_identity"))


def test_a_changed_period_ends_the_day_before_and_stays_as_history(world: PersonWorld) -> None:
    """T-15: the change may lie in the past; a claim of then is answered anew."""
    made = world.register(employer_code="E1")
    person_id, former = made.person.person_id, made.enrolments[0]
    changed = world.change(person_id, former.enrolment_id, RETIRED, dt.date(2026, 6, 1))
    before, after = changed.enrolments
    assert (before.start_date, before.end_date) == (dt.date(2026, 1, 1), dt.date(2026, 5, 31))
    assert (before.person_class, before.employer_code) == ("11", "E1")
    assert (after.start_date, after.end_date) == (dt.date(2026, 6, 1), None)
    assert (after.person_class, after.entitlement_groups) == ("12", ("2101", "2305"))
    history = world.enrolments.history(REGION, person_id)
    assert [each.enrolment_id for each in history] == [
        former.enrolment_id,
        before.enrolment_id,
        after.enrolment_id,
    ]
    assert history[0].replace_time == before.record_time
    assert [each.replace_time for each in history[1:]] == [None, None]
    assert {each.recorded_by for each in history} == {MAKER}


def test_tier_and_months_are_kept_with_their_period(world: PersonWorld) -> None:
    made = world.register(tier="2", insured_months_before=0, months_owing=3)
    person_id, former = made.person.person_id, made.enrolments[0]
    terms = EnrolmentTerms("12", (), EnrolmentStatus.NORMAL, "", "3", 5)
    world.change(person_id, former.enrolment_id, terms, dt.date(2026, 6, 1))
    *_, newest = world.changes(REGION, after_sequence=0, limit=10)
    told = [
        (each.tier, each.insured_months_before, each.months_owing)
        for each in newest.standing.enrolments
    ]
    assert told == [("2", 0, 3), ("3", 5, None)]


def test_settlement_is_told_what_stands_and_nothing_else(world: PersonWorld) -> None:
    made = world.register()
    person_id = made.person.person_id
    added = world.add(person_id, "510", dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    changed = world.change(person_id, made.enrolments[0].enrolment_id, RETIRED, dt.date(2026, 1, 1))
    assert world.feed() == [person_id] * 3
    *_, newest = world.changes(REGION, after_sequence=0, limit=10)
    assert newest.standing.enrolments == changed.enrolments
    assert [each.insurance_type for each in changed.enrolments] == ["310", "510"]
    assert added.enrolments[1] == changed.enrolments[1]


@pytest.mark.parametrize(
    ("start", "is_taken"), [(dt.date(2026, 2, 1), True), (dt.date(2026, 1, 31), False)]
)
def test_a_gap_is_filled_and_a_covered_day_is_not_covered_again(
    world: PersonWorld, start: dt.date, is_taken: bool
) -> None:
    made = world.register(end_date=dt.date(2026, 1, 31))
    person_id = made.person.person_id
    if is_taken:
        assert len(world.add(person_id, "310", start).enrolments) == 2
        return
    before = world.everything()
    with pytest.raises(RuleError) as caught:
        world.add(person_id, "310", start)
    assert caught.value.reason is Reason.ENROLMENT_OVERLAP
    assert caught.value.metadata == {"enrolment_id": made.enrolments[0].enrolment_id}
    assert world.everything() == before


@pytest.mark.parametrize(
    ("start", "is_taken"), [(dt.date(1990, 3, 1), True), (dt.date(1990, 2, 28), False)]
)
def test_no_period_begins_before_birth(world: PersonWorld, start: dt.date, is_taken: bool) -> None:
    made = world.register()
    birth = made.person.birth_date
    start += birth - dt.date(1990, 3, 1)
    if is_taken:
        world.add(made.person.person_id, "390", start)
        return
    with pytest.raises(RuleError) as caught:
        world.add(made.person.person_id, "390", start)
    assert [fault.field for fault in caught.value.faults] == ["start_date"]


def test_a_period_that_was_replaced_is_not_changed_again(world: PersonWorld) -> None:
    made = world.register()
    person_id, former = made.person.person_id, made.enrolments[0].enrolment_id
    world.change(person_id, former, RETIRED, dt.date(2026, 6, 1))
    before = world.everything()
    acts: list[Callable[[], object]] = [
        lambda: world.change(person_id, former, TERMS, dt.date(2026, 7, 1)),
        lambda: world.pay(person_id, former, dt.date(2026, 7, 1)),
    ]
    for act in acts:
        with pytest.raises(RuleError) as caught:
            act()
        assert caught.value.reason is Reason.ENROLMENT_NOT_FOUND
    assert world.everything() == before


def test_a_period_of_somebody_else_is_not_changed(world: PersonWorld) -> None:
    other = world.register().enrolments[0].enrolment_id
    with pytest.raises(RuleError) as caught:
        world.change(world.person_id(), other, TERMS, dt.date(2026, 7, 1))
    assert caught.value.reason is Reason.ENROLMENT_NOT_FOUND


# --- Premiums.


def test_a_premium_lets_a_newborns_cover_pay_from_birth(world: PersonWorld) -> None:
    """T-16."""
    born = world.newborn(world.person_id())
    person_id, period = born.person.person_id, born.enrolments[0]
    assert period.is_premium_pending
    paid = world.pay(person_id, period.enrolment_id, dt.date(2026, 11, 2))
    assert paid.enrolments[0].enrolment_id == period.enrolment_id
    assert not paid.enrolments[0].is_premium_pending
    assert paid.enrolments[0].start_date == born.person.birth_date
    assert world.feed()[-1] == person_id
    *_, newest = world.changes(REGION, after_sequence=0, limit=10)
    assert not newest.standing.enrolments[0].is_premium_pending


def test_a_premium_that_was_recorded_is_not_recorded_again(world: PersonWorld) -> None:
    born = world.newborn(world.person_id())
    person_id, period = born.person.person_id, born.enrolments[0].enrolment_id
    first = world.pay(person_id, period, dt.date(2026, 11, 1))
    changes = len(world.feed())
    assert world.pay(person_id, period, dt.date(2026, 11, 2)) == first
    assert len(world.feed()) == changes


@pytest.mark.parametrize(
    ("day", "is_taken"), [(dt.date(2026, 11, 2), True), (dt.date(2026, 11, 3), False)]
)
def test_a_premium_is_received_by_today(world: PersonWorld, day: dt.date, is_taken: bool) -> None:
    made = world.register()
    person_id, period = made.person.person_id, made.enrolments[0].enrolment_id
    if is_taken:
        world.pay(person_id, period, day)
        return
    with pytest.raises(RuleError) as caught:
        world.pay(person_id, period, day)
    assert [fault.field for fault in caught.value.faults] == ["receive_date"]


# --- All of them.


def test_a_repeated_request_changes_nothing(world: PersonWorld) -> None:
    person_id = world.person_id()
    request = world.asked("AddEnrolment")
    first = world.add(person_id, "510", dt.date(2026, 3, 1), request=request)
    before = world.everything()
    assert world.add(person_id, "510", dt.date(2026, 3, 1), request=request) == first
    assert world.everything() == before
    other = world.asked("AddEnrolment", id=request.request_id, content="other")
    with pytest.raises(RuleError) as caught:
        world.add(person_id, "390", dt.date(2026, 3, 1), request=other)
    assert caught.value.reason is Reason.REQUEST_ID_REUSED


@pytest.mark.parametrize("is_merged", [False, True])
def test_only_a_person_in_use_is_enrolled(world: PersonWorld, is_merged: bool) -> None:
    person_id, reason = new_id(), Reason.PERSON_NOT_FOUND
    if is_merged:
        person_id, reason = world.person_id(), Reason.PERSON_MERGED
        world.merge(person_id, world.person_id())
    before = world.everything()
    acts: list[Callable[[], object]] = [
        lambda: world.add(person_id, "510", dt.date(2026, 3, 1)),
        lambda: world.change(person_id, new_id(), TERMS, dt.date(2026, 3, 1)),
        lambda: world.pay(person_id, new_id(), dt.date(2026, 3, 1)),
    ]
    for act in acts:
        with pytest.raises(RuleError) as caught:
            act()
        assert caught.value.reason is reason
    assert world.everything() == before


def test_the_history_of_nobody_is_not_found(world: PersonWorld) -> None:
    with pytest.raises(RuleError) as caught:
        world.enrolments.history(REGION, new_id())
    assert caught.value.reason is Reason.PERSON_NOT_FOUND


def test_of_overlapping_periods_added_at_once_one_stands(world: PersonWorld) -> None:
    person_id = world.person_id()

    def add(number: int) -> bool:
        try:
            world.add(person_id, "510", dt.date(2026, 3, 1 + number), dt.date(2026, 4, 1))
        except RuleError as refusal:
            return refusal.reason is not Reason.ENROLMENT_OVERLAP
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(add, range(4))) == [False, False, False, True]
    assert world.count(tables.enrolment) == 2
    assert len(world.feed()) == 2
