"""What identity's feed tells of persons ends their qualifications, in the same transaction."""

import datetime as dt
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.qualifying import CHECKER, REGION, Desk, insured

from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.following import (
    Following,
    OnPersons,
    PersonAnswer,
    PersonChange,
    all_follow,
    nothing_follows,
)
from yibao_offsite.application.qualification.decide import Decision
from yibao_offsite.application.work import Work
from yibao_offsite.qualifying import qualifications_end
from yibao_offsite.rules.person import KnownPerson, Period
from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    EventKind,
    QualificationState,
)
from yibao_offsite.storage import tables

TODAY = dt.date(2026, 3, 1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk.over(database)


def tell(desk: Desk, *persons: KnownPerson, then: OnPersons = nothing_follows) -> None:
    """Applies what identity's feed tells, as the service does; `then` follows last."""
    ends = qualifications_end(desk.clock, new_id)
    following = Following(desk.transactions, on_persons=all_follow(ends, then))
    asked = following.position(REGION)
    first = asked.sequence + 1
    changes = [PersonChange(first + at, each) for at, each in enumerate(persons)]
    last = asked.sequence + len(changes)
    following.apply(
        REGION, asked, PersonAnswer("one", changes, last, f"one-{last}", False, desk.now)
    )


def insured_until(person_id: str, last: dt.date) -> KnownPerson:
    return insured(person_id, periods=(Period("310", 1, dt.date(2020, 1, 1), last),))


def refused(reason: Reason, desk: Desk, id: str) -> None:
    """Checks that nobody approves a qualification, and why."""
    with pytest.RaisesExc(RuleError, check=lambda error: error.reason is reason):
        desk.decide(id)


def ends(desk: Desk, id: str) -> list[str]:
    """Returns why a qualification was ended, each time that it was."""
    _, events = desk.book.find(REGION, id, parse_caller(CHECKER))
    return [each.explanation for each in events if each.kind is EventKind.ENDED]


def test_a_death_ends_a_qualification_and_identity_is_told(desk: Desk, database: Database) -> None:
    """I-30: one death holds everywhere."""
    person_id = new_id()
    tell(desk, insured(person_id))
    id = desk.decide(desk.apply(person_id).qualification_id).qualification_id
    (task,) = desk.errands.due(REGION, limit=9)
    desk.errands.carried(task, "d1")
    tell(desk, insured(person_id, death_date=TODAY))
    ended = desk.find(id)
    assert (ended.state, ended.end_date) == (QualificationState.ENDED, TODAY)
    assert ended.carry_state is CarryState.WAITING
    (task,) = desk.errands.due(REGION, limit=9)
    assert task.qualification == ended
    _, events = desk.book.find(REGION, id, parse_caller(CHECKER))
    assert (events[-1].kind, events[-1].actor, events[-1].explanation) == (
        EventKind.ENDED,
        "",
        "DIED",
    )
    event = tables.audit.event.c
    query = sa.select(event.caller, event.detail).where(event.method == "EndQualification")
    with database.read() as connection:
        (row,) = connection.execute(query).all()
    assert tuple(row) == ("service/offsite", "reason=DIED state=ENDED")
    # The feed tells of the person again, for identity has a new row of the disease.
    tell(desk, insured(person_id, death_date=TODAY))
    assert desk.find(id) == ended


def test_an_application_of_who_died_is_not_approved(desk: Desk) -> None:
    person_id = new_id()
    tell(desk, insured(person_id))
    id = desk.apply(person_id).qualification_id
    tell(desk, insured(person_id, death_date=TODAY))
    refused(Reason.QUALIFICATION_STATE, desk, id)
    assert list(desk.errands.due(REGION, limit=9)) == []


def test_a_duplicates_qualification_ends_with_the_record_that_stays(desk: Desk) -> None:
    duplicate, survivor = new_id(), new_id()
    tell(desk, insured(duplicate), insured(survivor))
    id = desk.decide(desk.apply(duplicate).qualification_id).qualification_id
    tell(desk, insured(duplicate, merged_into=survivor))
    assert desk.find(id).state is QualificationState.APPROVED
    tell(desk, insured(survivor, death_date=TODAY))
    assert desk.find(id).state is QualificationState.ENDED


def test_a_merge_into_who_has_died_ends_at_once(desk: Desk) -> None:
    duplicate, survivor = new_id(), new_id()
    tell(desk, insured(duplicate), insured(survivor, death_date=TODAY))
    id = desk.decide(desk.apply(duplicate).qualification_id).qualification_id
    tell(desk, insured(duplicate, merged_into=survivor))
    assert desk.find(id).end_date == TODAY


def test_one_disease_is_qualified_for_once_by_whichever_record(desk: Desk) -> None:
    duplicate, survivor = new_id(), new_id()
    tell(desk, insured(duplicate), insured(survivor))
    desk.apply(duplicate)
    tell(desk, insured(duplicate, merged_into=survivor))
    with pytest.RaisesExc(
        RuleError, check=lambda error: error.reason is Reason.QUALIFICATION_EXISTS
    ):
        desk.apply(survivor)


def test_what_was_being_carried_when_the_death_came_is_carried_once_more(desk: Desk) -> None:
    person_id = new_id()
    tell(desk, insured(person_id))
    id = desk.decide(desk.apply(person_id).qualification_id).qualification_id
    (under_way,) = desk.errands.due(REGION, limit=9)
    tell(desk, insured(person_id, death_date=TODAY))
    desk.errands.carried(under_way, "d1")
    assert desk.find(id).carry_state is CarryState.WAITING
    (task,) = desk.errands.due(REGION, limit=9)
    assert (task.qualification.end_date, task.qualification.disease_registration_id) == (
        TODAY,
        "d1",
    )
    desk.errands.carried(task, "d2")
    assert desk.find(id).carry_state is CarryState.CARRIED
    # Identity has a new row of the disease, and so tells of the person again.
    tell(desk, insured(person_id, death_date=TODAY))
    assert list(desk.errands.due(REGION, limit=9)) == []
    assert ends(desk, id) == ["DIED"]


class CrashError(Exception):
    """The process died."""


def test_a_process_that_dies_while_it_ends_has_ended_nothing(desk: Desk) -> None:
    person_id = new_id()
    tell(desk, insured(person_id))
    id = desk.decide(desk.apply(person_id).qualification_id).qualification_id
    (before,) = desk.errands.due(REGION, limit=9)

    def die(work: Work, persons: Sequence[KnownPerson]) -> None:
        assert work.qualifications.of_persons([person_id])[0].state is QualificationState.ENDED
        raise CrashError

    with pytest.raises(CrashError):
        tell(desk, insured(person_id, death_date=TODAY), then=die)
    assert list(desk.errands.due(REGION, limit=9)) == [before]
    # The same news again, since the feed was not moved on.
    tell(desk, insured(person_id, death_date=TODAY))
    assert ends(desk, id) == ["DIED"]


def test_what_is_approved_after_the_end_of_enrolment_was_told_ends_with_it(desk: Desk) -> None:
    """The feed does not tell of it once more."""
    person_id, last = new_id(), TODAY + 30 * DAY
    tell(desk, insured(person_id))
    id = desk.apply(person_id).qualification_id
    tell(desk, insured_until(person_id, last))
    decided = desk.decide(id)
    assert (decided.state, decided.end_date) == (QualificationState.ENDED, last)
    assert ends(desk, id) == ["ENROLMENT_ENDED"]
    (task,) = desk.errands.due(REGION, limit=9)
    assert task.qualification == decided


@pytest.mark.parametrize(
    ("start", "days", "is_approved"),
    [
        (None, 30, True),
        (None, 31, False),
        # It would begin behind the last day.
        (TODAY + 30 * DAY, 0, True),
        (TODAY + 31 * DAY, 0, False),
    ],
)
def test_who_is_not_insured_any_more_is_not_approved(
    desk: Desk, start: dt.date | None, days: int, is_approved: bool
) -> None:
    person_id = new_id()
    tell(desk, insured(person_id))
    id = desk.apply(person_id, start=start).qualification_id
    tell(desk, insured_until(person_id, TODAY + 30 * DAY))
    desk.now += days * DAY
    if is_approved:
        assert desk.decide(id).end_date == TODAY + 30 * DAY
        return
    refused(Reason.PERSON_NOT_ENROLLED, desk, id)
    assert desk.decide(id, Decision.REJECT).state is QualificationState.REJECTED


def test_what_was_applied_for_before_identity_was_followed_is_checked_with_its_news(
    desk: Desk,
) -> None:
    dead, gone = new_id(), new_id()
    ids = [desk.decide(desk.apply(each).qualification_id).qualification_id for each in (dead, gone)]
    tell(desk, insured(dead, death_date=TODAY - DAY), insured_until(gone, TODAY))
    found = [desk.find(each) for each in ids]
    assert [each.end_date for each in found] == [TODAY - DAY, TODAY]
    assert [each.ever_holds for each in found] == [False, True]


def test_a_merge_keeps_what_the_survivor_is_insured_for_as_the_duplicate_was(desk: Desk) -> None:
    """The two may be told of in two answers: the survivor took over the enrolment."""
    duplicate, survivor = sorted((new_id(), new_id()))
    tell(desk, insured(duplicate), insured_until(survivor, dt.date(2024, 12, 31)))
    id = desk.decide(desk.apply(duplicate).qualification_id).qualification_id
    tell(desk, insured(duplicate, merged_into=survivor, periods=()))
    tell(desk, insured(survivor))
    assert desk.find(id).state is QualificationState.APPROVED
    tell(desk, insured_until(survivor, TODAY))
    assert desk.find(id).end_date == TODAY


def test_a_merge_into_who_is_not_insured_ends_where_both_are_told_of_at_once(desk: Desk) -> None:
    duplicate, survivor = new_id(), new_id()
    # Nobody has asked anything of the survivor yet.
    tell(desk, insured(duplicate), insured_until(survivor, TODAY))
    id = desk.decide(desk.apply(duplicate).qualification_id).qualification_id
    merged = insured(duplicate, merged_into=survivor, periods=())
    tell(desk, merged, insured_until(survivor, TODAY))
    assert desk.find(id).end_date == TODAY


def test_a_duplicate_of_who_has_died_is_not_approved(desk: Desk) -> None:
    duplicate, survivor = new_id(), new_id()
    tell(desk, insured(duplicate))
    id = desk.apply(duplicate).qualification_id
    # Of the survivor nothing is known yet.
    tell(desk, insured(duplicate, merged_into=survivor))
    assert desk.find(id).state is QualificationState.APPLIED
    tell(desk, insured(survivor, death_date=TODAY))
    assert desk.find(id).state is QualificationState.ENDED
    refused(Reason.QUALIFICATION_STATE, desk, id)


@pytest.mark.timeout(60)
def test_the_opposite_of_a_merge_that_a_restore_of_identity_undid_ends_nothing(desk: Desk) -> None:
    """Told of it before that the first merge is undone, whoever follows merges goes in a circle."""
    first, second = new_id(), new_id()
    tell(desk, insured(first), insured(second))
    ids = [desk.apply(second, disease=each).qualification_id for each in ("M03900", "M01601")]
    approved = desk.decide(ids[0]).qualification_id
    tell(desk, insured(first, merged_into=second))
    tell(desk, insured(second, merged_into=first))
    # Nor does who approves something meanwhile.
    desk.decide(ids[1])
    tell(desk, insured(first))
    assert desk.find(approved).state is QualificationState.APPROVED
    tell(desk, insured(first, death_date=TODAY))
    assert [desk.find(each).end_date for each in ids] == [TODAY, TODAY]
