"""Registrations and rules of regions on both databases."""

import dataclasses
import datetime as dt
import threading
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from support.databases import Databases
from support.lists.rows import fill
from support.offsite_feeds import REGION as FEED_REGION
from support.offsite_feeds import following_of, known_person, tell_persons
from support.registrations import (
    APP,
    CLERK,
    DAY,
    LONG,
    NATIONAL,
    NATIONAL_FILE,
    NOW,
    REGION,
    SAMPLE,
    SAMPLE_FILE,
    TODAY,
    application,
    referral,
    registered,
    shown,
)
from support.upgrades import config_of

from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.db.migrations import upgrade
from yibao_common.db.transactions import StoredTransactions, UnitOfWork
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.evaluation.cases import require_evaluated
from yibao_offsite.application.region_rules import RulesOfRegions, SubmitRules
from yibao_offsite.application.registration.orders import CreateRegistration, Registering
from yibao_offsite.application.registration.reading import RegistrationReading
from yibao_offsite.application.registration.rows import RegistrationWish, TaskPlace
from yibao_offsite.application.registration.steps import Act, Steps
from yibao_offsite.application.work import Work
from yibao_offsite.registering import registrations_end
from yibao_offsite.rules.evaluation import EvaluationState, Opinion
from yibao_offsite.rules.person import Period
from yibao_offsite.rules.region_rules import StoredRules
from yibao_offsite.rules.registration.decide import Applicant
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Category,
    Channel,
    EndReason,
    Origin,
    TaskKind,
    Terms,
)
from yibao_offsite.rules.registration.registration import Application, Registration, Step
from yibao_offsite.rules.registration.states import Event, State
from yibao_offsite.storage import tables
from yibao_offsite.storage.registration.record import StoredRegistrations
from yibao_offsite.storage.work import unit_of_work

PACKAGE = "yibao_offsite"
SECOND = Applicant("agency/330100/li", Origin.AGENCY)
PERSON_ID = str(uuid.UUID(int=7))


class Store:
    """Registrations of a region on a database, on a clock that tests move."""

    def __init__(
        self,
        database: Database,
        unit: UnitOfWork[Work] | None = None,
        *,
        region: str = REGION,
    ) -> None:
        self.database, self.region = database, region
        self.now = NOW.astimezone(dt.UTC)
        self.transactions: StoredTransactions[Work] = StoredTransactions(
            database, answers=tables.answer, unit=unit or unit_of_work(None), clock=self.clock
        )
        self.registering = Registering(
            self.transactions, national=NATIONAL, clock=self.clock, ids=new_id
        )
        self.steps = Steps(
            self.transactions,
            national=NATIONAL,
            require_evaluated=require_evaluated,
            clock=self.clock,
        )
        self.reading = RegistrationReading(self.transactions, clock=self.clock)
        self.rules = RulesOfRegions(self.transactions, national=NATIONAL_FILE, clock=self.clock)

    def clock(self) -> dt.datetime:
        return self.now

    def request(self, method: str, by: Applicant = CLERK) -> Request:
        id = new_id()
        return Request(self.region, id, id.encode(), method, parse_caller(by.path))

    def create(self, asked: Application | None = None, by: Applicant = CLERK) -> str:
        asked = asked or application(person_id=new_id())
        command = CreateRegistration(self.request("CreateRegistration", by), by, asked)
        return self.registering.create(command, id_of).decode()

    def act(self, registration_id: str, by: Applicant = CLERK) -> Act:
        return Act(self.request("Step", by), by, registration_id, "said")

    def find(self, registration_id: str) -> Registration:
        return self.reading.find(self.region, registration_id, institution_id=None)

    def page(self, limit: int = 100, before: str | None = None, **wish: Any) -> list[str]:
        found = self.reading.page(self.region, RegistrationWish(**wish), before=before, limit=limit)
        return [each.registration_id for each in found]

    def submit(
        self, contents: bytes, effective: dt.date, by: Applicant = CLERK, version: str = ""
    ) -> StoredRules:
        given: list[StoredRules] = []
        command = SubmitRules(
            self.request("SubmitRules", by), version or SAMPLE.version, effective, contents
        )

        def encode(rules: StoredRules) -> bytes:
            given.append(rules)
            return b""

        self.rules.submit(command, encode)
        return given[0]

    def approve(self, version: str, by: Applicant) -> None:
        request = self.request("ApproveRules", by)
        self.rules.approve(request, version, lambda rules: rules.rules_version.encode())

    def rows(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


@pytest.fixture
def store(databases: Databases) -> Store:
    return Store(databases.open(PACKAGE))


def id_of(registration: Registration) -> bytes:
    return registration.registration_id.encode()


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
        (dt.date(2027, 5, 3), [retired, later]),
    ):
        assert store.page(day=day) == covered
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


class BrokenError(RuntimeError):
    """The process died here."""


class DyingRegistrations(StoredRegistrations):
    """Rows of a process that dies once it wrote some."""

    point = ""

    def insert(self, registration: Registration) -> None:
        super().insert(registration)
        self._die("row")

    def update(self, registration: Registration) -> None:
        super().update(registration)
        self._die("row")

    def add_step(self, registration_id: str, step: Step) -> None:
        super().add_step(registration_id, step)
        self._die("step")

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

    def close(connection: sa.Connection, work: Work) -> None:
        unit.close(connection, work)
        if point == "end":
            raise BrokenError(point)

    return UnitOfWork(begin, close)


@pytest.mark.parametrize("point", ["row", "step", "end"])
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


def test_rules_hold_from_their_day_on_once_a_second_operator_approved_them(
    store: Store,
) -> None:
    contents = SAMPLE_FILE.read_bytes()
    draft = store.submit(contents, TODAY + DAY)
    assert (draft.maker, draft.approve_time) == (CLERK.path, None)
    assert store.submit(contents, TODAY + DAY) == draft
    with pytest.raises(RuleError, match="OFFSITE_RULES_STATE"):
        store.submit(contents, TODAY)
    with pytest.raises(RuleError, match="SAME_MAKER_AND_CHECKER"):
        store.approve(SAMPLE.version, CLERK)
    with pytest.raises(RuleError, match="OFFSITE_RULES_NOT_FOUND"):
        store.approve("0" * 64, SECOND)
    submitted = store.now
    store.now += dt.timedelta(hours=1)
    store.approve(SAMPLE.version, SECOND)
    with pytest.raises(RuleError) as caught:
        store.approve(SAMPLE.version, SECOND)
    assert caught.value.reason is Reason.OFFSITE_RULES_STATE
    # Of a day, and as it was known at a time.
    for day, known_time, version in (
        (TODAY, None, NATIONAL.version),
        (TODAY + DAY, None, SAMPLE.version),
        (TODAY + DAY, submitted, NATIONAL.version),
        (TODAY + 900 * DAY, store.now, SAMPLE.version),
    ):
        assert store.rules.in_force(REGION, day, known_time).rules_version == version
    assert store.rules.in_force("330200", TODAY + DAY, None).rules_version == NATIONAL.version
    assert store.rules.find(REGION, SAMPLE.version).contents == contents
    assert [each.rules_version for each in store.rules.page(REGION, after=None, limit=9)] == [
        SAMPLE.version
    ]
    # Today the national rules ask for no form; from tomorrow on the region's do.
    first = store.create()
    store.now += dt.timedelta(days=1)
    with pytest.raises(RuleError, match="MATERIAL_MISSING"):
        store.create(application(person_id=new_id(), start_date=TODAY + DAY))
    assert store.find(first).rules_version == NATIONAL.version


def test_of_rules_of_one_day_those_approved_last_hold(store: Store) -> None:
    second = SAMPLE_FILE.read_bytes() + b"# corrected\n"
    store.submit(SAMPLE_FILE.read_bytes(), TODAY)
    store.submit(second, TODAY, version="f" * 64)
    for version in (SAMPLE.version, "f" * 64):
        store.now += dt.timedelta(hours=1)
        store.approve(version, SECOND)
    assert store.rules.in_force(REGION, None, None).contents == second
    before = store.now - dt.timedelta(minutes=1)
    assert store.rules.in_force(REGION, None, before).contents == SAMPLE_FILE.read_bytes()


def test_a_false_statement_limits_self_service_by_the_longest_limit(store: Store) -> None:
    for until in (TODAY + DAY, TODAY + 9 * DAY, TODAY):

        def limit(work: Work, until: dt.date = until) -> None:
            work.registrations.limit_self_service(PERSON_ID, new_id(), until_date=until)

        store.transactions.change(REGION, limit)
    with store.transactions.read(REGION) as work:
        assert work.registrations.self_service_limit(PERSON_ID) == TODAY + 9 * DAY
        assert work.registrations.self_service_limit(new_id()) is None


def test_registrations_of_before_keep_what_they_were_granted(databases: Databases) -> None:
    database = Database(databases.empty_url())
    try:
        config = config_of(PACKAGE)
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
        old = sa.Table("registration", sa.MetaData(), autoload_with=database.engine)
        ids = [new_id() for _ in range(4)]
        time = dt.datetime(2026, 3, 1, 18, tzinfo=dt.UTC)
        base = {
            "region": REGION,
            "person_id": PERSON_ID,
            "treatment_region": "310000",
            "state": 1,
            "start_date": dt.date(2026, 3, 2),
            "is_urgent": False,
            "register_time": _time(database, time),
            "registered_by": CLERK.path,
        }
        # It is 2 April in Shanghai.
        cancelled = {
            "state": 2,
            "cancel_time": _time(database, dt.datetime(2026, 4, 1, 17, tzinfo=dt.UTC)),
            "cancelled_by": SECOND.path,
        }
        rows = [
            {"registration_id": ids[0], "category": 1},
            {"registration_id": ids[1], "category": 4, "end_date": dt.date(2026, 9, 2)},
            {"registration_id": ids[2], "category": 5, **cancelled, "registered_by": APP.path},
            {
                "registration_id": ids[3],
                "category": 2,
                **cancelled,
                "start_date": dt.date(2026, 5, 1),
            },
        ]
        with database.write() as connection:
            for row in rows:
                connection.execute(sa.insert(old).values(**{**base, **row}))
        database.engine.dispose()
        upgrade(database, PACKAGE)
        store = Store(database)
        found = [store.find(id) for id in ids]
        assert [each.terms for each in found] == [
            *(Terms.LONG_TERM, Terms.REFERRAL),
            *(Terms.TEMPORARY, Terms.LONG_TERM),
        ]
        assert [each.ended_date for each in found] == [
            *(None, None),
            *(dt.date(2026, 4, 2), dt.date(2026, 4, 30)),
        ]
        assert [each.origin for each in found] == [
            *(Origin.AGENCY, Origin.AGENCY),
            *(Origin.SELF_SERVICE, Origin.AGENCY),
        ]
        assert all(each.application.basis is Basis.NONE for each in found)
        assert [each.version for each in found] == [1, 1, 2, 2]
        steps = store.reading.history(REGION, ids[2], institution_id=None)
        assert [(each.event, each.actor) for each in steps] == [
            (Event.GRANTED, APP.path),
            (Event.CANCELLED, SECOND.path),
        ]
        assert store.page(party="agency/330100") == sorted((ids[0], ids[1], ids[3]), reverse=True)
        assert store.page(party="channel/wallet") == [ids[2]]
        # They live on by the rules of now.
        store.steps.cancel(store.act(ids[0]), is_wish=True, encode=id_of)
        assert store.find(ids[0]).state is State.CANCELLED
    finally:
        database.close()


def _time(database: Database, instant: dt.datetime) -> Any:
    if database.engine.dialect.name == "postgresql":
        return instant
    return int(instant.timestamp() * 1_000_000)
