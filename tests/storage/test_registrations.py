"""Registrations on both databases: found, listed, at once, after a crash, and ended."""

import dataclasses
import datetime as dt
import threading
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.lists.rows import fill
from support.offsite_feeds import REGION as FEED_REGION
from support.offsite_feeds import following_of, known_person, tell_persons
from support.registration_store import PACKAGE, SECOND, Store, id_of
from support.registrations import (
    APP,
    DAY,
    LONG,
    NATIONAL,
    REGION,
    SAMPLE,
    SAMPLE_FILE,
    TODAY,
    application,
    referral,
    registered,
    shown,
)

from yibao_common.db.rows import Statement, execute
from yibao_common.db.transactions import UnitOfWork
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_offsite.application.registration.rows import TaskPlace
from yibao_offsite.application.work import Work
from yibao_offsite.registering import registrations_end
from yibao_offsite.rules.evaluation import EvaluationState, Opinion
from yibao_offsite.rules.person import Period
from yibao_offsite.rules.registration.kinds import (
    Category,
    Channel,
    EndReason,
    TaskKind,
)
from yibao_offsite.rules.registration.registration import Registration, Step
from yibao_offsite.rules.registration.states import Event, State
from yibao_offsite.storage import tables
from yibao_offsite.storage.registration.record import StoredRegistrations
from yibao_offsite.storage.work import unit_of_work

PERSON_ID = str(uuid.UUID(int=7))


@pytest.fixture
def store(databases: Databases) -> Store:
    return Store(databases.open(PACKAGE))


def test_a_registration_is_read_as_it_was_stored(store: Store) -> None:
    asked = application(
        Category.REFERRAL,
        person_id=PERSON_ID,
        is_urgent=True,
        admission_date=TODAY - 3 * DAY,
        expected_end_date=LONG,
        materials=shown("referral_proof"),
        referral=referral(),
    )
    id = store.create(asked)
    found = store.find(id)
    expected = registered(asked, now=store.now)
    assert (found.application, found.task, found.benefits) == (
        *(asked, expected.task),
        expected.benefits,
    )
    assert (found.version, found.rules_version) == (1, NATIONAL.version)
    store.steps.cancel(store.act(id), is_wish=True, encode=id_of)
    cancelled = store.find(id)
    assert (cancelled.state, cancelled.ended_date) == (State.CANCELLED, TODAY)
    assert (cancelled.cancel_time, cancelled.end_reason) == (store.now, EndReason.WISH)
    steps = store.reading.history(REGION, id, institution_id=None)
    assert [(each.version, each.event, each.remark) for each in steps] == [
        (1, Event.GRANTED, ""),
        (2, Event.CANCELLED, "said"),
    ]
    assert store.rows(tables.audit.event) == 2


def test_registrations_are_found_by_what_they_are_asked_for(store: Store) -> None:
    shanghai = store.create(application(person_id=PERSON_ID))
    beijing = store.create(application(person_id=PERSON_ID, treatment_region="110000"))
    later = store.create(application(person_id=PERSON_ID, start_date=dt.date(2027, 5, 3)))
    retired = store.create(
        application(
            Category.RETIRED_RESETTLED,
            expected_end_date=LONG,
            materials=shown("household_move_proof"),
            person_id=new_id(),
        )
    )
    store.steps.cancel(store.act(beijing), is_wish=True, encode=id_of)
    assert store.page() == [retired, later, beijing, shanghai]
    assert store.page(person_id=PERSON_ID) == [later, beijing, shanghai]
    assert store.page(treatment_region="310000") == [retired, later, shanghai]
    assert store.page(state=State.CANCELLED) == [beijing]
    assert store.page(category=Category.RETIRED_RESETTLED) == [retired]
    assert store.page(party="agency/330100") == [retired, later, beijing, shanghai]
    assert store.page(party="agency/330200") == []
    # Cover on a day, both sides of each limit; a cancelled one covers its last day.
    for day, covered in (
        (TODAY - DAY, []),
        (TODAY, [retired, beijing, shanghai]),
        (TODAY + DAY, [retired, shanghai]),
        (dt.date(2027, 5, 2), [retired, shanghai]),
        # What began last comes first.
        (dt.date(2027, 5, 3), [later, retired]),
    ):
        assert store.page(day=day) == covered
        for place, before in enumerate(covered):
            assert store.page(day=day, before=before) == covered[place + 1 :]
    assert store.page(limit=2) == [retired, later]
    assert store.page(before=later, limit=2) == [beijing, shanghai]


def test_what_is_due_is_listed_by_its_day(store: Store) -> None:
    temporary = store.create()
    checked = store.create(application(person_id=new_id(), channel=Channel.APP), APP)
    self_service = store.create(
        application(
            Category.RETIRED_RESETTLED,
            person_id=new_id(),
            expected_end_date=LONG,
            materials=shown("household_move_proof"),
        )
    )
    with store.database.write() as connection:
        connection.execute(
            sa.update(tables.registration)
            .where(tables.registration.c.registration_id == self_service)
            .values(task_kind=TaskKind.CHECK.value, task_due_date=TODAY + 30 * DAY)
        )

    def due(day: dt.date, kind: TaskKind | None = None, **place: Any) -> list[str]:
        values = {"after": None, "limit": 10, **place}
        found = store.reading.tasks(REGION, day, kind, **values)
        return [each.registration_id for each in found]

    assert due(TODAY + 29 * DAY) == []
    assert due(TODAY + 30 * DAY) == [self_service]
    # Thirty days before cover ends with 2 May.
    expiry = dt.date(2027, 4, 2)
    assert due(expiry - DAY) == [self_service]
    assert due(expiry) == [self_service, temporary, checked]
    assert due(expiry, TaskKind.EXPIRY) == [temporary, checked]
    assert due(expiry, limit=1) == [self_service]
    assert due(expiry, after=TaskPlace(TODAY + 30 * DAY, self_service)) == [temporary, checked]
    assert due(expiry, after=TaskPlace(expiry, temporary)) == [checked]
    # Whose cover is over is asked nothing any more; what was to be checked still is.
    last = dt.date(2027, 5, 2)
    for today, listed in ((last, [self_service, temporary, checked]), (last + DAY, [self_service])):
        store.now = dt.datetime.combine(today, dt.time(12), SHANGHAI).astimezone(dt.UTC)
        assert due(today) == listed


def test_one_of_two_at_once_is_made(store: Store) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def create() -> None:
        barrier.wait(timeout=30)
        try:
            outcomes.append(store.create(application(person_id=PERSON_ID)))
        except RuleError as refused:
            outcomes.append(refused.reason.name)

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert outcomes.count("REGISTRATION_EXISTS") == 1
    assert store.rows(tables.registration) == 1


def test_one_of_two_steps_at_once_is_taken(store: Store) -> None:
    id = store.create()
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def cancel() -> None:
        barrier.wait(timeout=30)
        try:
            store.steps.cancel(store.act(id), is_wish=True, encode=id_of)
            outcomes.append("OK")
        except RuleError as refused:
            outcomes.append(refused.reason.name)

    threads = [threading.Thread(target=cancel) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["OK", "REGISTRATION_STATE"]
    assert store.find(id).version == 2


def test_a_place_is_taken_until_the_last_day_of_what_ended(store: Store) -> None:
    def create(start_date: dt.date, **fields: Any) -> str:
        return store.create(application(person_id=PERSON_ID, start_date=start_date, **fields))

    id = create(TODAY)
    with store.database.write() as connection:
        connection.execute(
            sa.update(tables.registration)
            .where(tables.registration.c.registration_id == id)
            .values(state=State.ENDED.value, ended_date=TODAY + 5 * DAY)
        )
    ended = store.find(id)
    with pytest.raises(RuleError, match="REGISTRATION_EXISTS"):
        create(TODAY + 5 * DAY)
    later = create(TODAY + 6 * DAY)
    store.steps.cancel(store.act(id), is_wish=True, encode=id_of)
    given_up = store.find(id)
    assert (given_up.state, given_up.ended_date) == (State.CANCELLED, TODAY)
    assert given_up.version == ended.version + 1
    store.steps.cancel(store.act(later), is_wish=True, encode=id_of)
    assert store.find(create(TODAY)).state is State.ACTIVE


class BrokenError(RuntimeError):
    """The process died here."""


class DyingRegistrations(StoredRegistrations):
    """Rows of a process that dies once it wrote some."""

    point = ""

    def insert(self, registrations: Sequence[tuple[Registration, Step]]) -> None:
        super().insert(registrations)
        self._die("row")

    def update(self, registration: Registration, step: Step) -> None:
        super().update(registration, step)
        self._die("row")

    def _die(self, point: str) -> None:
        if point == self.point:
            raise BrokenError(point)


def dying(point: str) -> UnitOfWork[Work]:
    """Returns units of work that die at a point, the last of which is before the commit."""
    unit = unit_of_work(None)

    def begin(connection: sa.Connection, region: str) -> Work:
        rows = DyingRegistrations(connection, region)
        rows.point = point
        return dataclasses.replace(unit.open(connection, region), registrations=rows)

    def close(connection: sa.Connection, work: Work) -> Sequence[Statement]:
        execute(connection, unit.close(connection, work))
        raise BrokenError("end")

    return UnitOfWork(begin, close)


@pytest.mark.parametrize("point", ["row", "end"])
def test_a_crash_between_two_steps_leaves_nothing(databases: Databases, point: str) -> None:
    database = databases.open(PACKAGE)
    store, dead = Store(database), Store(database, dying(point))
    before = store.create()
    asked, act = application(person_id=PERSON_ID), store.act(before)
    with pytest.raises(BrokenError):
        dead.create(asked)
    with pytest.raises(BrokenError):
        dead.steps.cancel(act, is_wish=True, encode=id_of)
    assert store.page() == [before]
    assert store.find(before).version == 1
    assert store.rows(tables.registration_step) == store.rows(tables.feed_change) == 1
    assert store.rows(tables.answer) == store.rows(tables.audit.event) == 1
    # What died is repeated.
    store.steps.cancel(act, is_wish=True, encode=id_of)
    store.create(asked)
    assert store.rows(tables.registration_step) == store.rows(tables.feed_change) == 3


def test_what_identity_tells_ends_registrations_and_lets_them_go_on(
    databases: Databases,
) -> None:
    # Rule I-30: one death, one end of enrolment and one merge hold everywhere.
    store = Store(databases.open(PACKAGE), region=FEED_REGION)
    ids = sorted(new_id() for _ in range(4))
    made = {each: store.create(application(person_id=each)) for each in ids}
    following = following_of(store.database, registrations_end(store.clock, new_id))
    survivor_id = new_id()
    last = TODAY + 5 * DAY
    told = [
        known_person(ids[0], death_date=TODAY),
        known_person(ids[1], periods=(Period("310", 1, dt.date(2020, 1, 1), last),)),
        known_person(ids[2], merged_into=survivor_id),
        known_person(ids[3]),
        known_person(survivor_id),
    ]
    tell_persons(following, told)
    ended = [store.find(made[each]) for each in ids]
    assert [(each.end_reason, each.ended_date) for each in ended] == [
        (EndReason.DIED, TODAY),
        (EndReason.ENROLMENT_ENDED, last),
        (EndReason.MERGED, TODAY),
        (None, None),
    ]
    (goes_on,) = store.page(person_id=survivor_id)
    assert store.find(goes_on).replaces_registration_id == made[ids[2]]
    steps = store.reading.history(FEED_REGION, made[ids[0]], institution_id=None)
    assert [(each.event, each.actor) for each in steps][1:] == [(Event.ENDED, "service/offsite")]
    # Four were told when they were made, three ended and one goes on.
    assert store.rows(tables.feed_change) == 8
    assert store.rows(tables.audit.event) == 8
    # From now on persons are followed, and nobody registers who has died.
    refused = application(person_id=ids[0], treatment_region="110000")
    with pytest.raises(RuleError, match="PERSON_DECEASED"):
        store.create(refused)
    with pytest.raises(RuleError, match="PERSON_NOT_FOUND"):
        store.create()


@pytest.mark.parametrize(
    ("state", "opinion", "is_taken"),
    [
        (None, None, False),
        (EvaluationState.OPEN, None, False),
        (EvaluationState.RECORDED, Opinion.NECESSARY, False),
        (EvaluationState.APPROVED, Opinion.NOT_NECESSARY, False),
        (EvaluationState.APPROVED, Opinion.NECESSARY, True),
    ],
)
def test_a_referral_is_approved_by_an_evaluation_that_finds_it_necessary(
    store: Store, state: EvaluationState | None, opinion: Opinion | None, is_taken: bool
) -> None:
    # Rule O-06, where the region's rules want a pre-evaluation.
    store.submit(SAMPLE_FILE.read_bytes(), TODAY)
    store.approve(SAMPLE.version, SECOND)
    papers = shown("identity_certificate", "registration_form", "referral_proof")
    id = store.create(application(Category.REFERRAL, person_id=PERSON_ID, materials=papers))
    assert store.find(id).state is State.SUBMITTED
    if state is not None:
        row = {"region": REGION, "registration_id": id, "state": state.value, "opinion": opinion}
        table = tables.evaluations.evaluation
        with store.database.write() as connection:
            connection.execute(sa.insert(table).values(fill(table, row)))
    act = store.act(id, SECOND)
    if is_taken:
        store.steps.approve(act, id_of)
        assert store.find(id).state is State.ACTIVE
        return
    with pytest.raises(RuleError, match="PRE_EVALUATION_REQUIRED"):
        store.steps.approve(act, id_of)


def test_a_false_statement_limits_self_service_by_the_longest_limit(store: Store) -> None:
    for until in (TODAY + DAY, TODAY + 9 * DAY, TODAY):

        def limit(work: Work, until: dt.date = until) -> None:
            work.registrations.limit_self_service(PERSON_ID, new_id(), until_date=until)

        store.transactions.change(REGION, limit)
    with store.transactions.read(REGION) as work:
        limits = work.registrations.standing([PERSON_ID, new_id()]).limits
        assert limits == {PERSON_ID: TODAY + 9 * DAY}


def test_a_survivor_takes_the_limits_of_who_was_merged_once(store: Store) -> None:
    survivor_id = new_id()

    def limit_and_merge(work: Work) -> None:
        work.registrations.limit_self_service(PERSON_ID, new_id(), until_date=TODAY + 9 * DAY)
        for _ in range(2):
            work.registrations.pass_on_limits(PERSON_ID, survivor_id)
            work.registrations.pass_on_limits(new_id(), survivor_id)

    store.transactions.change(REGION, limit_and_merge)
    with store.transactions.read(REGION) as work:
        ids = (survivor_id, PERSON_ID)
        limits = work.registrations.standing(ids).limits
        assert limits == dict.fromkeys(ids, TODAY + 9 * DAY)
    assert store.rows(tables.self_service_limit) == 2
