"""Qualifications over both databases."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.qualifying import (
    CHECKER,
    HOSPITAL,
    MAKER,
    OTHER_HOSPITAL,
    PAPERS,
    REGION,
    Desk,
    insured,
)

from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.qualification.carry import CarryTask
from yibao_offsite.application.qualification.decide import Decision
from yibao_offsite.application.qualification.rows import Wanted
from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    EventKind,
    Qualification,
    QualificationState,
)
from yibao_offsite.storage import tables
from yibao_offsite.storage.qualification.errand import compare_anew

TODAY = dt.date(2026, 3, 1)
DAY = dt.timedelta(days=1)
AGENCY = parse_caller(CHECKER)


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


@pytest.fixture
def stored(database: Database) -> Desk:
    return Desk.over(database)


def kinds(desk: Desk, id: str) -> list[EventKind]:
    _, events = desk.book.find(REGION, id, AGENCY)
    return [each.kind for each in events]


def page(desk: Desk, caller: str = CHECKER, **wanted: object) -> list[str]:
    asked = Wanted(**wanted)  # type: ignore[arg-type]
    found = desk.book.page(REGION, asked, parse_caller(caller), after=None, limit=100)
    return [each.qualification_id for each in found]


def due(desk: Desk) -> list[CarryTask]:
    return list(desk.errands.due(REGION, limit=10))


def approved(desk: Desk, person_id: str = "") -> Qualification:
    return desk.decide(desk.apply(person_id or new_id()).qualification_id)


def refused(reason: Reason) -> pytest.RaisesExc[RuleError]:
    return pytest.RaisesExc(RuleError, check=lambda error: error.reason is reason)


def test_an_application_goes_its_way_and_its_history_is_told(stored: Desk) -> None:
    found = stored.apply(new_id(), papers=PAPERS[:1])
    assert found.state is QualificationState.RETURNED
    id = found.qualification_id
    stored.hand_in(id, PAPERS[1])
    stored.decide(id, Decision.RETURN, papers=("diagnosis_proof",))
    found = stored.hand_in(id, PAPERS[1])
    assert (found.state, set(found.papers)) == (QualificationState.APPLIED, set(PAPERS))
    found = stored.decide(id)
    assert (found.state, found.end_date) == (QualificationState.APPROVED, dt.date(2027, 2, 28))
    found = stored.end(id, TODAY)
    assert (found.state, found.end_date) == (QualificationState.ENDED, TODAY)
    assert kinds(stored, id) == [
        EventKind.APPLIED,
        EventKind.RETURNED,
        EventKind.PAPERS,
        EventKind.RETURNED,
        EventKind.PAPERS,
        EventKind.APPROVED,
        EventKind.ENDED,
    ]


def test_who_identity_does_not_insure_is_refused(stored: Desk) -> None:
    alive, dead, gone, left = (new_id() for _ in range(4))
    ended = insured(left).periods[0]
    stored.know(
        insured(alive),
        insured(dead, death_date=TODAY),
        insured(gone, merged_into=alive),
        insured(left, periods=(type(ended)("310", 1, ended.start_date, TODAY - DAY),)),
    )
    assert stored.apply(alive).state is QualificationState.APPLIED
    for person_id, reason in (
        (dead, Reason.PERSON_DECEASED),
        (gone, Reason.PERSON_MERGED),
        (left, Reason.PERSON_NOT_ENROLLED),
    ):
        with refused(reason):
            stored.apply(person_id)
    # Identity was never read here: who is not known may exist.
    assert stored.apply(new_id()).state is QualificationState.APPLIED


def test_the_same_disease_is_not_qualified_for_twice_and_is_after_a_rejection(
    stored: Desk,
) -> None:
    person_id = new_id()
    first = stored.apply(person_id)
    with refused(Reason.QUALIFICATION_EXISTS):
        stored.apply(person_id)
    stored.apply(person_id, disease="M01601")
    stored.decide(first.qualification_id, Decision.REJECT)
    assert stored.apply(person_id).qualification_id != first.qualification_id


def test_a_renewal_begins_when_the_former_one_ends(stored: Desk) -> None:
    first = approved(stored)
    with refused(Reason.RENEWAL_NOT_OPEN):
        stored.renew(first.qualification_id)
    stored.now += dt.timedelta(days=330)
    second = stored.renew(first.qualification_id)
    assert first.end_date is not None
    assert second.start_date == first.end_date + DAY
    assert second.renewed_qualification_id == first.qualification_id
    with refused(Reason.QUALIFICATION_EXISTS):
        stored.renew(first.qualification_id)
    assert stored.decide(second.qualification_id).end_date == dt.date(2028, 2, 29)


def test_a_repeated_request_is_answered_once(stored: Desk) -> None:
    person_id, request_id = new_id(), new_id()
    first = stored.apply(person_id, request_id=request_id)
    assert stored.apply(person_id, request_id=request_id) == first
    assert page(stored, person_ids=(person_id,)) == [first.qualification_id]
    decision_id = new_id()
    for _ in range(2):
        stored.decide(first.qualification_id, request_id=decision_id)
    assert len(due(stored)) == 1


def test_a_maker_does_not_decide_and_nothing_is_stored(stored: Desk) -> None:
    found = stored.apply(new_id())
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        stored.decide(found.qualification_id, by=MAKER)
    assert stored.find(found.qualification_id) == found
    assert due(stored) == []


def test_an_institution_has_to_do_with_its_own_alone(stored: Desk) -> None:
    hospital, other = f"institution/{HOSPITAL}", f"institution/{OTHER_HOSPITAL}"
    own = stored.apply(new_id(), by=hospital, papers=())
    stored.apply(new_id(), disease="M01601", hospital=OTHER_HOSPITAL)
    id = own.qualification_id
    for ask in (
        lambda: stored.hand_in(id, *PAPERS, by=other),
        lambda: stored.withdraw(id, by=other),
        lambda: stored.book.find(REGION, id, parse_caller(other)),
    ):
        with refused(Reason.QUALIFICATION_NOT_FOUND):
            ask()
    assert page(stored, hospital) == [id]
    assert stored.withdraw(id, by=hospital).state is QualificationState.WITHDRAWN


def test_qualifications_are_listed_by_what_is_asked(stored: Desk) -> None:
    person_id = new_id()
    first = approved(stored, person_id)
    second = stored.apply(person_id, disease="M01601")
    third = stored.apply(new_id(), papers=())
    ids = [each.qualification_id for each in (first, second, third)]
    assert page(stored) == ids
    assert page(stored, person_ids=(person_id,)) == ids[:2]
    assert page(stored, disease_code="M01601") == ids[1:2]
    assert page(stored, state=QualificationState.RETURNED) == ids[2:]
    assert page(stored, carry_state=CarryState.WAITING) == ids[:1]
    assert page(stored, latest_end_date=dt.date(2027, 2, 27)) == []
    assert page(stored, latest_end_date=dt.date(2027, 2, 28)) == ids[:1]
    # What is over is not due any more.
    stored.now += dt.timedelta(days=365)
    assert page(stored, latest_end_date=dt.date(2027, 12, 31)) == []
    found = stored.book.page(REGION, Wanted(), AGENCY, after=ids[0], limit=1)
    assert [each.qualification_id for each in found] == ids[1:2]


def test_an_approval_is_told_to_identity_until_it_has_it(stored: Desk) -> None:
    found = approved(stored)
    (task,) = due(stored)
    assert found.carry_state is CarryState.WAITING
    stored.errands.failed(task)
    assert due(stored) == []
    stored.now += dt.timedelta(seconds=10)
    (task,) = due(stored)
    assert task.errand.attempts == 1
    stored.errands.carried(task, "d1")
    carried = stored.find(found.qualification_id)
    assert (carried.carry_state, carried.disease_registration_id) == (CarryState.CARRIED, "d1")
    assert due(stored) == []
    assert kinds(stored, found.qualification_id)[-1] is EventKind.CARRIED


def test_what_was_approved_by_a_clock_ahead_is_told_once_it_is_right(stored: Desk) -> None:
    stored.now += dt.timedelta(hours=1)
    approved(stored)
    stored.now -= dt.timedelta(hours=1)
    # As long as the longest wait.
    assert due(stored) == []
    stored.now -= dt.timedelta(seconds=1)
    assert len(due(stored)) == 1


def test_what_was_ended_meanwhile_is_told_once_more(stored: Desk) -> None:
    found = approved(stored)
    (task,) = due(stored)
    stored.end(found.qualification_id, TODAY)
    stored.errands.carried(task, "d1")
    (again,) = due(stored)
    assert again.qualification.carry_state is CarryState.WAITING
    assert again.qualification.disease_registration_id == "d1"
    assert again.qualification.end_date == TODAY


def test_what_identity_refuses_waits_for_a_clerk(stored: Desk) -> None:
    found = approved(stored)
    (task,) = due(stored)
    stored.errands.refused(task, "DISEASE_OVERLAP")
    refusal = stored.find(found.qualification_id)
    assert (refusal.carry_state, refusal.carry_problem) == (CarryState.REFUSED, "DISEASE_OVERLAP")
    assert (due(stored), stored.errands.stuck(REGION)) == ([], 1)
    assert page(stored, carry_state=CarryState.REFUSED) == [found.qualification_id]
    stored.retry(found.qualification_id)
    assert (len(due(stored)), stored.errands.stuck(REGION)) == (1, 0)


def test_what_waits_for_an_hour_is_stuck(stored: Desk) -> None:
    approved(stored)
    stored.now += dt.timedelta(minutes=59, seconds=59)
    assert stored.errands.stuck(REGION) == 0
    stored.now += dt.timedelta(seconds=1)
    assert stored.errands.stuck(REGION) == 1


def test_an_identity_that_was_restored_is_told_everything_again(stored: Desk) -> None:
    one, other, waiting = (approved(stored) for _ in range(3))
    never = stored.apply(new_id())
    assert stored.errands.meet(REGION, "e1") == 0
    first, second, _ = due(stored)
    stored.errands.carried(first, "d1")
    stored.errands.refused(second, "DISEASE_OVERLAP")
    assert stored.errands.meet(REGION, "e1") == 0
    assert stored.errands.meet(REGION, "e2") == 2
    assert stored.errands.meet(REGION, "e2") == 0
    told = {each.qualification.qualification_id for each in due(stored)}
    assert told == {each.qualification_id for each in (one, other, waiting)}
    assert stored.find(one.qualification_id).carry_state is CarryState.WAITING
    assert stored.find(never.qualification_id).carry_state is CarryState.NONE


def test_an_offsite_that_was_restored_compares_everything_with_identity(
    stored: Desk, database: Database
) -> None:
    found = approved(stored)
    stored.errands.meet(REGION, "e1")
    (task,) = due(stored)
    stored.errands.carried(task, "d1")
    with database.write() as connection:
        compare_anew(connection)
    assert stored.errands.meet(REGION, "e1") == 1
    assert [each.qualification.qualification_id for each in due(stored)] == [found.qualification_id]
    assert stored.errands.meet(REGION, "e1") == 0


def test_a_duplicate_is_carried_to_the_record_that_stays(stored: Desk) -> None:
    duplicate, surviving = new_id(), new_id()
    stored.know(insured(duplicate))
    approved(stored, duplicate)
    stored.know(insured(duplicate, merged_into=surviving), insured(surviving))
    (task,) = due(stored)
    assert (task.qualification.person_id, task.person_id) == (duplicate, surviving)


def test_reading_of_somebodys_health_is_put_on_record(stored: Desk, database: Database) -> None:
    found = stored.apply(new_id())
    stored.book.find(REGION, found.qualification_id, AGENCY)
    page(stored, person_ids=(found.person_id,))
    event = tables.audit.event.c
    query = (
        sa.select(event.method)
        .where(event.subject_ids.contains(found.person_id))
        .order_by(event.sequence)
    )
    with database.engine.connect() as connection:
        methods = connection.execute(query).scalars().all()
    assert methods == [
        "ApplyForQualification",
        "GetQualification",
        "ListQualifications",
    ]


def test_of_two_applications_at_once_one_is_taken(stored: Desk) -> None:
    person_id = new_id()

    def ask(number: int) -> str:
        try:
            return stored.apply(person_id).state.name
        except RuleError as refusal:
            return refusal.reason.name

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(ask, range(4)))
    assert answers == ["APPLIED"] + ["QUALIFICATION_EXISTS"] * 3
